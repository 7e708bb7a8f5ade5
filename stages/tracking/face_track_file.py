"""save_face_track, load_face_track: a face's track as one .npz file, without pickle, versioned, checked when read."""

import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import atomic_file
from pipeline.errors import TrackError
from pipeline.face_landmarks import FACE_POINTS
from pipeline.values import FaceTrack, Status

VERSION = 1
_KIND = "understudy face track"
_AGAIN = "Track the clip again with `understudy track --face`."

# name: (dtype, shape after the first axis; None where the field is not one row a frame)
_FIELDS: dict[str, tuple[type[np.generic], tuple[int, ...] | None]] = {
    "size": (np.int64, None),
    "time_numerators": (np.int64, ()),
    "time_denominators": (np.int64, ()),
    "points": (np.float32, (FACE_POINTS, 3)),
    "confidence": (np.float32, ()),
    "shoulders": (np.float32, (2, 3)),
    "status": (np.uint8, ()),
    "shot": (np.int32, ()),
}


def save_face_track(track: FaceTrack, path: Path, *, source: str = "", overwrite: bool = True) -> None:
    """Write `track` to `path`, whole or not at all; the suffix should be .npz.

    Args:
        source: what the track was made from, such as the clip's name and hash; kept for people to read.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {
        "size": np.array([track.width, track.height], dtype=np.int64),
        "time_numerators": np.array([time.numerator for time in track.times], dtype=np.int64),
        "time_denominators": np.array([time.denominator for time in track.times], dtype=np.int64),
        "points": track.points.astype(np.float32),
        "confidence": track.confidence.astype(np.float32),
        "shoulders": track.shoulders.astype(np.float32),
        "status": track.status.astype(np.uint8),
        "shot": track.shot.astype(np.int32),
    }
    with atomic_file(path, overwrite=overwrite) as beside, beside.open("wb") as file:
        np.savez_compressed(file, kind=np.array(_KIND), version=np.array(VERSION), source=np.array(source), **arrays)


def load_face_track(path: Path) -> FaceTrack:
    """Read what `save_face_track` wrote.

    Raises:
        TrackError: not a face's track, one of another version, or a field is missing or does not fit; it is named.
    """
    arrays = _read_arrays(path)
    if str(arrays.get("kind")) != _KIND:
        raise TrackError(path, "this is no face track", "a file written by `understudy track --face`", _AGAIN)
    if not np.array_equal(arrays.get("version", -1), VERSION):
        raise TrackError(path, f"the track's version is {arrays.get('version')}", f"version {VERSION}", _AGAIN)
    for name, (dtype, row) in _FIELDS.items():
        _check_shape(path, arrays, name, dtype, row)
    _check_values(path, arrays)
    width, height = (int(value) for value in arrays["size"])
    numerators, denominators = arrays["time_numerators"].tolist(), arrays["time_denominators"].tolist()
    return FaceTrack(
        width=width,
        height=height,
        times=tuple(Fraction(above, below) for above, below in zip(numerators, denominators, strict=True)),
        points=arrays["points"],
        confidence=arrays["confidence"],
        shoulders=arrays["shoulders"],
        status=arrays["status"],
        shot=arrays["shot"],
    )


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    expected = "a face's track (.npz)"
    if not path.is_file():
        remedy = "Check the path, or make it with `understudy track --face`."
        raise TrackError(path, "there is no such file", expected, remedy)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise TrackError(path, f"the file cannot be read ({error})", expected, _AGAIN) from error


def _check_shape(
    path: Path,
    arrays: dict[str, NDArray[Any]],
    name: str,
    dtype: type[np.generic],
    row: tuple[int, ...] | None,
) -> None:
    if name not in arrays:
        raise TrackError(path, f"field {name!r} is missing", "all fields of a face's track", _AGAIN)
    array = arrays[name]
    frames = arrays["time_numerators"].shape[0] if arrays["time_numerators"].ndim else 0
    shape = (2,) if row is None else (frames, *row)
    if array.dtype != dtype or array.shape != shape:
        found = f"field {name!r} is {array.dtype} {array.shape}"
        raise TrackError(path, found, f"{np.dtype(dtype)} {shape}", _AGAIN)


def _check_values(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    sure = arrays["shoulders"][..., 2]
    wrong: dict[str, tuple[bool, str]] = {
        "time_numerators": (len(arrays["time_numerators"]) == 0, "at least one frame"),
        "size": (bool((arrays["size"] < 1).any()), "a width and a height of 1 or more"),
        "time_denominators": (bool((arrays["time_denominators"] < 1).any()), "denominators of 1 or more"),
        "points": (not np.isfinite(arrays["points"]).all(), "finite numbers"),
        "confidence": (not _is_share(arrays["confidence"]), "numbers from 0 to 1"),
        "shoulders": (not (np.isfinite(arrays["shoulders"]).all() and _is_share(sure)), "pixels, and 0 to 1"),
        "status": (bool((arrays["status"] > max(Status)).any()), f"values of Status, 0 to {int(max(Status))}"),
        "shot": (bool((np.diff(arrays["shot"]) < 0).any()), "shot numbers that never fall"),
    }
    for name, (is_wrong, expected) in wrong.items():
        if is_wrong:
            raise TrackError(path, f"field {name!r} holds values out of range", expected, _AGAIN)
    if (np.diff(arrays["time_numerators"] / arrays["time_denominators"]) <= 0).any():
        raise TrackError(path, "field 'time_numerators' gives times that do not rise", "each frame later", _AGAIN)


def _is_share(values: NDArray[Any]) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())
