"""save_face_track, load_face_track: a face's track as one .npz file, without pickle, versioned, checked when read."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.array_file import ArrayFile, Field
from pipeline.errors import TrackError
from pipeline.face_landmarks import FACE_POINTS
from pipeline.frame_arrays import FRAME_FIELDS, FRAMES, frame_arrays, frames_in
from pipeline.values import FaceTrack

_FILE = ArrayFile(
    kind="face track",
    version=1,
    remedy="Track the clip again with `understudy track --face`.",
    fields=(
        *FRAME_FIELDS,
        Field("points", np.float32, (FRAMES, FACE_POINTS, 3)),
        Field("confidence", np.float32, (FRAMES,), least=0, most=1),
        Field("shoulders", np.float32, (FRAMES, 2, 3)),
    ),
)
_OWN = ("points", "confidence", "shoulders")


def save_face_track(track: FaceTrack, path: Path, *, source: str = "", overwrite: bool = True) -> None:
    """Write `track` to `path`, whole or not at all; the suffix should be .npz.

    Args:
        source: what the track was made from, such as the clip's name; kept for people to read.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    own = {name: getattr(track, name) for name in _OWN}
    _FILE.save(frame_arrays(track) | own, path, overwrite=overwrite, source=source)


def load_face_track(path: Path) -> FaceTrack:
    """Read what `save_face_track` wrote.

    Raises:
        TrackError: not a face's track, one of another version, or a field is missing or does not fit; it is named.
    """
    arrays = _FILE.load(path)
    sure = arrays["shoulders"][..., 2]
    if ((sure < 0) | (sure > 1)).any():
        found = "field 'shoulders' holds confidences out of range"
        raise TrackError(path, found, "numbers from 0 to 1", _FILE.remedy)
    own: dict[str, Any] = {name: arrays[name] for name in _OWN}
    return FaceTrack(**frames_in(arrays, path, _FILE.remedy), **own)
