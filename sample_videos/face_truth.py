"""What a portrait shows, as numbers: pose, expression, gaze and lids in every frame, and where some landmarks are."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import atomic_file

# Right and left are the subject's. In the order of `FaceTruth.landmarks`.
LANDMARKS = (
    *("right eye outer corner", "right eye inner corner", "left eye inner corner", "left eye outer corner"),
    *("right mouth corner", "left mouth corner", "nose tip", "chin"),
)
_DIGITS = {"rotation": 5, "translation": 3, "jaw": 4, "smile": 4, "brows": 4, "gaze": 4, "lids": 4, "landmarks": 2}


@dataclass(frozen=True, slots=True, eq=False)
class FaceTruth:
    """The true parameters of one portrait; frames and units as in `FacePerformance`."""

    film: str  # file name
    width: int  # pixels
    height: int
    times: tuple[Fraction, ...]  # n frames, seconds since the first
    rotation: NDArray[np.float64]  # (n, 3): rotation vectors, radians, from head to camera frame
    translation: NDArray[np.float64]  # (n, 3): centimetres, camera frame
    jaw: NDArray[np.float64]  # (n,): 0 closed … 1 wide open
    smile: NDArray[np.float64]  # (n,): -1 corners down … 1
    brows: NDArray[np.float64]  # (n,): -1 lowered … 1 raised
    gaze: NDArray[np.float64]  # (n, 2): u, v of both eyes: iris from the eye's middle in half eye widths; right, up
    lids: NDArray[np.float64]  # (n, 2): right, left: opening over eye width
    landmarks: NDArray[np.float64]  # (n, 8, 2): x, y in pixels of the frame, in the order of `LANDMARKS`


def write_face_truth(truth: FaceTruth, path: Path) -> None:
    """Store as JSON, one frame a line, named as in `FaceTruth`.

    Raises:
        StorageError: the folder cannot be written.
    """
    head = {"film": truth.film, "width": truth.width, "height": truth.height, "landmarks": LANDMARKS}
    columns = {name: getattr(truth, name).round(digits).tolist() for name, digits in _DIGITS.items()}
    rows = zip(map(str, truth.times), *columns.values(), strict=True)
    lines = [json.dumps(dict(zip(("time", *columns), row, strict=True)), separators=(",", ":")) for row in rows]
    with atomic_file(path) as beside:
        beside.write_text(json.dumps(head)[:-1] + ', "frames": [\n' + ",\n".join(lines) + "\n]}\n")


def read_face_truth(path: Path) -> FaceTruth:
    """What `write_face_truth` stored."""
    stored = json.loads(path.read_text())
    frames = stored["frames"]
    return FaceTruth(
        film=stored["film"],
        width=stored["width"],
        height=stored["height"],
        times=tuple(Fraction(frame["time"]) for frame in frames),
        **{name: np.array([frame[name] for frame in frames]) for name in _DIGITS},
    )
