"""Iterator bricks: read ahead in a thread, take in batches, look back, walk two streams in step."""

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from queue import Empty, Queue
from typing import TypeVar

from pipeline.errors import VideoError

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

END = object()


class Failure:
    """An exception on its way from the reading thread to the consumer."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def prefetched(items: Iterable[T], size: int) -> Generator[T, None, None]:
    """Yield the same items, read by a thread up to `size` ahead of the consumer.

    Worth it where the source spends its time outside Python (decoding, disk). What the source raises is raised here,
    after the items that came before it. Leaving early (`close`, or dropping the generator) stops the thread and waits
    for it, so that the source is no longer touched afterwards.

    Args:
        items: any iterable; it is iterated in the thread alone.
        size: items held at most, 1 or more; memory is bounded by these, one in the thread and one at the consumer.

    Raises:
        ValueError: `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"prefetched holds {size} items, expected 1 or more")
    return _prefetched(items, Queue(maxsize=size), threading.Event())


def _prefetched(items: Iterable[T], waiting: "Queue[object]", stop: threading.Event) -> Generator[T, None, None]:
    thread = threading.Thread(target=_read_ahead, args=(items, waiting, stop), name="prefetched", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not END:
            if isinstance(item, Failure):
                raise item.error
            yield item  # type: ignore[misc]  # the queue also carries the two marks handled above
    finally:
        stop.set()
        _drain(waiting, thread)


def _read_ahead(items: Iterable[object], waiting: "Queue[object]", stop: threading.Event) -> None:
    try:
        for item in items:
            waiting.put(item)
            if stop.is_set():
                return
    except BaseException as error:  # handed to the consumer, who raises it
        waiting.put(Failure(error))
    else:
        waiting.put(END)


def _drain(waiting: "Queue[object]", thread: threading.Thread) -> None:
    """Make room until the thread, which may be stuck on a full queue, has seen that it should stop."""
    while thread.is_alive():
        try:
            waiting.get(timeout=0.01)
        except Empty:
            continue
    thread.join()


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield tuples of `size` consecutive items; the last may be shorter.

    Raises:
        ValueError: `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"a batch of {size} items was asked for, expected 1 or more")
    source = iter(items)
    return iter(lambda: tuple(islice(source, size)), ())


def with_past(items: Iterable[T], count: int) -> Iterator[tuple[T, tuple[T, ...]]]:
    """Yield each item with up to `count` that came before it, oldest first: none for the first item.

    Raises:
        ValueError: `count` is below 0.
    """
    if count < 0:
        raise ValueError(f"a past of {count} items was asked for, expected 0 or more")
    return _with_past(items, deque(maxlen=count))


def _with_past(items: Iterable[T], past: deque[T]) -> Iterator[tuple[T, tuple[T, ...]]]:
    for item in items:
        yield item, tuple(past)
        past.append(item)


def in_step(left: Iterable[A], right: Iterable[B], *, names: tuple[str, str]) -> Iterator[tuple[A, B]]:
    """Walk two streams that belong together; as `zip`, but ending apart is an error.

    Args:
        left: one stream.
        right: the other.
        names: what they are, for the message: a file's name, "tracks".

    Raises:
        VideoError: one stream ends before the other.
    """
    others = iter(right)
    count = 0
    for count, item in enumerate(left, start=1):
        for other in others:
            yield item, other
            break
        else:
            raise _apart(names[1], names[0], count - 1)
    for _ in others:
        raise _apart(names[0], names[1], count)


def _apart(short: str, long: str, count: int) -> VideoError:
    return VideoError(
        short,
        f"ends after {count} items, but {long} goes on",
        "two streams of equal length",
        "Check that both come from the same clip, unshortened.",
    )
