"""Bars with the time left while a stage runs, and one plain line when it is done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)

Advance = Callable[[int], None]


@contextmanager
def bar(title: str, total: int | None, unit: str = "frames") -> Iterator[Advance]:
    """Show a bar for one stage; the yielded function takes how much is done so far.

    On a terminal the bar moves and vanishes; in any case a line with the time it took remains.
    """
    begun = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
    amount = f"{total} {unit}, " if total else ""
    console.print(f"{title}: {amount}{time.monotonic() - begun:.1f} s")


@contextmanager
def training_bar(title: str) -> Iterator[Callable[[float, float, str], None]]:
    """Show a bar for a training: the yielded function takes the share done, the seconds left and a word on the loss."""
    begun = time.monotonic()
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

        yield show
    console.print(f"{title}: {time.monotonic() - begun:.1f} s")


def say(text: str) -> None:
    """Print a line to people (standard error, so that results on standard output can be piped)."""
    console.print(text, markup=False)
