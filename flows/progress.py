"""Bars with the time left while a stage runs, and one plain line when it is done; the journal hears of all of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.store.journal import journal

NOTE_EVERY = 5.0  # seconds between two lines of the journal on one bar

console = Console(stderr=True, highlight=False)

Advance = Callable[[int], None]


@contextmanager
def bar(title: str, total: int | None, unit: str = "frames", *, first: int | None = 0) -> Iterator[Advance]:
    """Show a bar for one stage; the yielded function takes how much is done so far.

    On a terminal the bar moves and vanishes; in any case a line with the time it took remains.

    Args:
        first: the frame that the stage begins with, for the journal; None where it does not count frames.
    """
    begun = time.monotonic()
    notes = _Notes(title)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)

        def advance(done: int) -> None:
            progress.update(task, completed=done)
            frame = None if first is None else first + done - 1
            notes.add(f"{done} of {total}" if total else str(done), frame=frame, done=done, total=total)

        yield advance
    amount = f"{total} {unit}, " if total else ""
    say(f"{title}: {amount}{time.monotonic() - begun:.1f} s")


@contextmanager
def training_bar(title: str) -> Iterator[Callable[[float, float, str], None]]:
    """Show a bar for a training: the yielded function takes the share done, the seconds left and a word on the loss."""
    begun = time.monotonic()
    notes = _Notes(title)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %  {task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=1.0, note="")

        def show(done: float, seconds_left: float, note: str) -> None:
            minutes, seconds = divmod(round(seconds_left), 60)
            progress.update(task, completed=done, note=f"{minutes}:{seconds:02d} left  {note}")
            notes.add(note, done=round(done, 4), seconds_left=round(seconds_left, 1))

        yield show
    say(f"{title}: {time.monotonic() - begun:.1f} s")


def say(text: str) -> None:
    """Print a line to people (standard error, so that results on standard output can be piped)."""
    console.print(text, markup=False)
    journal().note(text)


@dataclass(slots=True)
class _Notes:
    """The journal's lines on one bar: not one for every frame."""

    title: str
    noted: float = 0.0  # when, by the monotonic clock

    def add(self, message: str, *, frame: int | None = None, **facts: Any) -> None:
        running = journal().running
        if running is not None and frame is not None:
            running.frame = frame
        now = time.monotonic()
        if now - self.noted >= NOTE_EVERY:
            self.noted = now
            journal().note(f"{self.title}: {message}", frame=frame, **facts)
