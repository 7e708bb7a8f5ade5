"""save_performance, load_performance: what a head does, as one .npz file, checked field by field when read."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.errors import TrackError
from pipeline.face_landmarks import MESH_POINTS
from pipeline.values import FacePerformance, Status
from stages.retargeting.array_file import ArrayFile, Field

_FRAMES = "n"
_FILE = ArrayFile(
    kind="understudy face performance",
    version=1,
    remedy="Measure the face again with this version.",
    fields=(
        Field("size", np.int64, (2,), least=1),
        Field("time_numerators", np.int64, (_FRAMES,)),
        Field("time_denominators", np.int64, (_FRAMES,), least=1),
        Field("rotation", np.float32, (_FRAMES, 3)),
        Field("translation", np.float32, (_FRAMES, 3)),
        Field("expression", np.float32, (_FRAMES, MESH_POINTS, 3)),
        Field("gaze", np.float32, (_FRAMES, 4)),
        Field("lids", np.float32, (_FRAMES, 2), least=0),
        Field("shoulders", np.float32, (_FRAMES, 2, 3)),
        Field("status", np.uint8, (_FRAMES,), most=int(max(Status))),
        Field("shot", np.int32, (_FRAMES,), least=0),
    ),
)


def save_performance(performance: FacePerformance, path: Path, *, overwrite: bool = True) -> None:
    """Write `performance` to `path`, whole or not at all; the suffix should be .npz.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    arrays = {
        "size": np.array((performance.width, performance.height)),
        "time_numerators": np.array([time.numerator for time in performance.times]),
        "time_denominators": np.array([time.denominator for time in performance.times]),
        "rotation": performance.rotation,
        "translation": performance.translation,
        "expression": performance.expression,
        "gaze": performance.gaze,
        "lids": performance.lids,
        "shoulders": performance.shoulders,
        "status": performance.status,
        "shot": performance.shot,
    }
    _FILE.save(arrays, path, overwrite=overwrite)


def load_performance(path: Path) -> FacePerformance:
    """Read what `save_performance` wrote.

    Raises:
        TrackError: no such file, one of another kind or version, or a field is missing or does not fit; it is named.
    """
    arrays = _FILE.load(path)
    width, height = (int(value) for value in arrays["size"])
    numerators, denominators = arrays["time_numerators"].tolist(), arrays["time_denominators"].tolist()
    times = tuple(Fraction(above, below) for above, below in zip(numerators, denominators, strict=True))
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise TrackError(path, "field 'time_numerators' gives times that do not rise", "each frame later", _FILE.remedy)
    return FacePerformance(
        width=width,
        height=height,
        times=times,
        rotation=arrays["rotation"],
        translation=arrays["translation"],
        expression=arrays["expression"],
        gaze=arrays["gaze"],
        lids=arrays["lids"],
        shoulders=arrays["shoulders"],
        status=arrays["status"],
        shot=arrays["shot"],
    )
