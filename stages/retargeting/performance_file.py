"""save_performance, load_performance: what a head does, as one .npz file, checked field by field when read."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.array_file import ArrayFile, Field
from pipeline.face_landmarks import MESH_POINTS
from pipeline.frame_arrays import FRAME_FIELDS, FRAMES, frame_arrays, frames_in
from pipeline.values import FacePerformance

_FILE = ArrayFile(
    kind="face performance",
    version=1,
    remedy="Measure the face again with this version.",
    fields=(
        *FRAME_FIELDS,
        Field("rotation", np.float32, (FRAMES, 3)),
        Field("translation", np.float32, (FRAMES, 3)),
        Field("expression", np.float32, (FRAMES, MESH_POINTS, 3)),
        Field("gaze", np.float32, (FRAMES, 4)),
        Field("lids", np.float32, (FRAMES, 2), least=0),
        Field("shoulders", np.float32, (FRAMES, 2, 3)),
    ),
)
_OWN = ("rotation", "translation", "expression", "gaze", "lids", "shoulders")


def save_performance(performance: FacePerformance, path: Path, *, overwrite: bool = True) -> None:
    """Write `performance` to `path`, whole or not at all; the suffix should be .npz.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    own = {name: getattr(performance, name) for name in _OWN}
    _FILE.save(frame_arrays(performance) | own, path, overwrite=overwrite)


def load_performance(path: Path) -> FacePerformance:
    """Read what `save_performance` wrote.

    Raises:
        TrackError: no such file, one of another kind or version, or a field is missing or does not fit; it is named.
    """
    arrays = _FILE.load(path)
    own: dict[str, Any] = {name: arrays[name] for name in _OWN}
    return FacePerformance(**frames_in(arrays, path, _FILE.remedy), **own)
