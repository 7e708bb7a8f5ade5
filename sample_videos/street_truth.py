"""What a street clip shows, as numbers: where the moving things are in every frame."""

import json
from dataclasses import astuple, dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.artifacts import atomic_file


@dataclass(frozen=True, slots=True)
class Seen:
    """The box around a moving thing, cut at the picture's edges; others may stand before it, and hide it."""

    number: int  # the same thing has the same number in every frame
    kind: str  # "car" or "walker"
    left: float  # pixels of the frame, centres at integers
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, eq=False)
class StreetTruth:
    """The moving things of one clip."""

    film: str  # file name
    width: int  # pixels
    height: int
    times: tuple[Fraction, ...]  # n frames, seconds since the first
    seen: tuple[tuple[Seen, ...], ...]  # of every frame


def write_street_truth(truth: StreetTruth, path: Path) -> None:
    """Store as JSON, one frame a line: [time, [[number, kind, left, top, right, bottom], …]].

    Raises:
        StorageError: the folder cannot be written.
    """
    head = {"film": truth.film, "width": truth.width, "height": truth.height}
    lines = [
        json.dumps([str(time), [_row(one) for one in seen]], separators=(",", ":"))
        for time, seen in zip(truth.times, truth.seen, strict=True)
    ]
    with atomic_file(path) as beside:
        beside.write_text(json.dumps(head)[:-1] + ', "frames": [\n' + ",\n".join(lines) + "\n]}\n")


def read_street_truth(path: Path) -> StreetTruth:
    """What `write_street_truth` stored."""
    stored = json.loads(path.read_text())
    return StreetTruth(
        film=stored["film"],
        width=stored["width"],
        height=stored["height"],
        times=tuple(Fraction(time) for time, _ in stored["frames"]),
        seen=tuple(tuple(Seen(*row) for row in rows) for _, rows in stored["frames"]),
    )


def _row(seen: Seen) -> list[int | str | float]:
    number, kind, *box = astuple(seen)
    return [number, kind, *(round(edge, 1) for edge in box)]
