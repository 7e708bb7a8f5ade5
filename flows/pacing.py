"""Whether a job may go on: asked between chunks and after training steps, answered by whoever runs the job."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
EVERY_SECONDS = 2.0  # between two questions: chunks take longer, training steps less

Ask = Callable[[], BaseException | None]  # what ends the job here; None: it may go on


@dataclass(slots=True)
class _Pace:
    ask: Ask
    every: float
    asked: float | None = None  # time.monotonic() of the last question
    ending: BaseException | None = None  # the answer that ends the job
    saves_first: bool = field(default=False)  # within `saved_first`


def may_go_on() -> None:
    """Go on, or end here: nearly always returns at once, as the server is asked every few seconds at most.

    Within `saved_first` the end is asked for as by Ctrl-C, so that the training saves its state before it ends.

    Raises: what `paced` was given to end a job that was paused, cancelled or has left its hours.
    """
    pace = _current.get()
    if pace is None or not _ends(pace):
        return
    if pace.saves_first and threading.current_thread() is threading.main_thread():
        signal.raise_signal(signal.SIGINT)
        return
    assert pace.ending is not None
    raise pace.ending


@contextmanager
def paced(ask: Ask, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Let `may_go_on` ask, at once and then every so many seconds, while the block runs."""
    token = _current.set(_Pace(ask, every))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def saved_first() -> Iterator[None]:
    """Run a training that saves its state on Ctrl-C; where `may_go_on` asked for that, the job's own ending follows.

    Raises: what `paced` was given, instead of the KeyboardInterrupt that it caused.
    """
    pace = _current.get()
    if pace is None:
        yield
        return
    pace.saves_first = True
    try:
        yield
    except KeyboardInterrupt as stopped:
        if pace.ending is None:
            raise
        raise pace.ending from stopped
    finally:
        pace.saves_first = False


def asking(watch: Callable[[T], None]) -> Callable[[T], None]:
    """A watcher of a training's steps that asks after each whether the training may go on."""

    def watch_and_ask(report: T) -> None:
        watch(report)
        may_go_on()

    return watch_and_ask


def _ends(pace: _Pace) -> bool:
    """Whether this is the end. Asked once more after the end came, the answer stays; in a training it was signalled."""
    if pace.ending is not None:
        return not pace.saves_first
    now = time.monotonic()
    if pace.asked is not None and now - pace.asked < pace.every:
        return False
    pace.asked = now
    pace.ending = pace.ask()
    return pace.ending is not None


_current: ContextVar[_Pace | None] = ContextVar("pace", default=None)
