"""What a clip shows, as numbers: every joint in every frame, and when a foot stamps."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import atomic_file


@dataclass(frozen=True, slots=True)
class Stamp:
    """A foot meets the floor, and the sound marks it."""

    time: Fraction  # seconds since the first frame
    foot: str  # the performer's "left" or "right"


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The true joints of one clip."""

    film: str  # file name
    width: int  # pixels
    height: int
    times: tuple[Fraction, ...]  # n frames, seconds since the first
    joints: NDArray[np.float64]  # (n, 33, 2): x, y in pixels of the frame, BlazePose's order, tenths
    stamps: tuple[Stamp, ...]


def write_truth(truth: Truth, path: Path) -> None:
    """Store as JSON, one frame a line: [time, [[x, y], … 33]].

    Raises:
        StorageError: the folder cannot be written.
    """
    head = {
        "film": truth.film,
        "width": truth.width,
        "height": truth.height,
        "stamps": [[str(stamp.time), stamp.foot] for stamp in truth.stamps],
    }
    lines = [
        json.dumps([str(time), joints], separators=(",", ":"))
        for time, joints in zip(truth.times, truth.joints.round(1).tolist(), strict=True)
    ]
    with atomic_file(path) as beside:
        beside.write_text(json.dumps(head)[:-1] + ', "frames": [\n' + ",\n".join(lines) + "\n]}\n")


def read_truth(path: Path) -> Truth:
    """What `write_truth` stored."""
    stored = json.loads(path.read_text())
    return Truth(
        film=stored["film"],
        width=stored["width"],
        height=stored["height"],
        times=tuple(Fraction(time) for time, _ in stored["frames"]),
        joints=np.array([joints for _, joints in stored["frames"]]),
        stamps=tuple(Stamp(Fraction(time), foot) for time, foot in stored["stamps"]),
    )
