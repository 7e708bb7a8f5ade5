"""save_track, load_track: a track as one .npz file, without pickle, versioned, checked field by field when read."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.array_file import ArrayFile, Field
from pipeline.frame_arrays import FRAME_FIELDS, FRAMES, frame_arrays, frames_in
from pipeline.values import JOINTS, Track

_FILE = ArrayFile(
    kind="body track",
    version=1,
    remedy="Track the clip again with `understudy track`.",
    fields=(
        *FRAME_FIELDS,
        Field("points", np.float32, (FRAMES, JOINTS, 2)),
        Field("confidence", np.float32, (FRAMES, JOINTS), least=0, most=1),
        Field("world", np.float32, (FRAMES, JOINTS, 3)),
    ),
)
_OWN = ("points", "confidence", "world")


def save_track(track: Track, path: Path, *, source: str = "", overwrite: bool = True) -> None:
    """Write `track` to `path`, whole or not at all; the suffix should be .npz.

    Args:
        source: what the track was made from, such as the clip's name and hash; kept for people to read.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    own = {name: getattr(track, name) for name in _OWN}
    _FILE.save(frame_arrays(track) | own, path, overwrite=overwrite, source=source)


def load_track(path: Path) -> Track:
    """Read what `save_track` wrote.

    Raises:
        TrackError: not a track file, one of another version, or a field is missing or does not fit; it is named.
    """
    arrays = _FILE.load(path)
    own: dict[str, Any] = {name: arrays[name] for name in _OWN}
    return Track(**frames_in(arrays, path, _FILE.remedy), **own)


def load_source(path: Path) -> str:
    """What the track says it was made from; empty where it does not say.

    Raises:
        TrackError: not a file that can be read as a track.
    """
    return str(_FILE.read(path).get("source", ""))
