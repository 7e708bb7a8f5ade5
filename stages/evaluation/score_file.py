"""write_scores, read_scores: what was measured in every frame as a table of comma-separated values."""

import csv
import math
from pathlib import Path

import numpy as np

from pipeline.artifacts import atomic_file
from pipeline.errors import TrackError
from stages.evaluation.frame_scores import FrameScores
from stages.evaluation.measures import measure_named

FRAME, SECONDS = "frame", "seconds"
EXPECTED = "a table of scores: frame, seconds, and measures"
REMEDY = "Make it anew with `understudy evaluate … --csv FILE`."


def write_scores(scores: FrameScores, path: Path, *, first: int = 0) -> None:
    """Write a line for every frame, whole or not at all; an empty cell where something was not measured.

    Numbers are written so that reading them gives the same ones, bit for bit.

    Args:
        first: the number of the first frame in its film.

    Raises: StorageError.
    """
    with atomic_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow((FRAME, SECONDS, *scores.names))
        for number, (time, row) in enumerate(zip(scores.times.tolist(), scores.values.tolist(), strict=True), first):
            table.writerow((number, repr(time), *("" if math.isnan(value) else repr(value) for value in row)))


def read_scores(path: Path) -> FrameScores:
    """Read what `write_scores` wrote.

    Raises:
        TrackError: no such table; the line is named.
        UnknownChoice: a measure that is none.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *lines = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrackError(path, f"the file cannot be read ({error})", EXPECTED, REMEDY) from error
    if head[:2] != [FRAME, SECONDS] or len(set(head)) != len(head):
        raise TrackError(path, f"its first line is {','.join(head)!r}", EXPECTED, REMEDY)
    names = tuple(head[2:])
    better = tuple(measure_named(name).better for name in names)
    rows = np.array([_numbers(line, head, path, at) for at, line in enumerate(lines, 2)]).reshape(-1, len(head) - 1)
    if np.isnan(rows[:, 0]).any() or (np.diff(rows[:, 0]) <= 0).any():
        raise TrackError(path, "its times do not rise", EXPECTED, REMEDY)
    return FrameScores(names=names, times=rows[:, 0], values=rows[:, 1:], better=better)


def _numbers(line: list[str], head: list[str], path: Path, number: int) -> list[float]:
    """A line's time and values."""
    try:
        if len(line) != len(head):
            raise ValueError(f"{len(line)} cells")
        numbers = [float(cell) if cell else math.nan for cell in line[1:]]
        if any(math.isinf(number) for number in numbers):
            raise ValueError("a number without an end")
        return numbers
    except ValueError as error:
        raise TrackError(f"{path}, line {number}", f"it holds {error}", f"{len(head)} numbers", REMEDY) from error
