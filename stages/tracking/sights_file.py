"""save_sights, load_sights: what a span of frames showed, with the performer's small pictures, as one .npz file."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.array_file import ArrayFile, Field
from pipeline.values import JOINTS
from stages.tracking.album import Album, Snapshot
from stages.tracking.follow import Note, Sight, Trail
from stages.tracking.networks import Reading
from stages.tracking.region import Region

_N = "n"  # frames of the span
_SIGNATURE, _LOOKS = (9, 3, 8), 216  # shapes of `Signature` and of `Looks`
_NOTES = tuple(Note)
_FILE = ArrayFile(
    kind="span of sights",
    version=1,
    remedy="Delete it; it is made again.",
    fields=(
        Field("time_numerators", np.int64, (_N,)),
        Field("time_denominators", np.int64, (_N,), least=1),
        Field("distance", np.float64, (_N,), least=0),
        Field("note", np.uint8, (_N,), least=0, most=len(_NOTES) - 1),
        # What was read; zeros where `read` says that nothing was.
        Field("read", np.bool_, (_N,)),
        Field("points", np.float32, (_N, JOINTS, 2)),
        Field("visibility", np.float32, (_N, JOINTS)),
        Field("world", np.float32, (_N, JOINTS, 3)),
        Field("region", np.float64, (_N, 4)),
        Field("seen_in", np.float64, (_N, 4)),
        # The trail to go on from; zeros where the first three say that it has no such thing.
        Field("trail_in_sight", np.bool_, (_N,)),
        Field("trail_in_shot", np.bool_, (_N,)),
        Field("trail_known", np.bool_, (_N,)),
        Field("trail_region", np.float64, (_N, 4)),
        Field("trail_points", np.float32, (_N, JOINTS, 2)),
        Field("trail_circle", np.float64, (_N,), least=0),
        Field("trail_looks", np.float32, (_N, _LOOKS), least=0),
        Field("trail_lost", np.int64, (_N,), least=0),
        Field("trail_company", np.bool_, (_N,)),
        Field("trail_signature", np.float32, (_N, *_SIGNATURE), least=0),
        # The album: JPEGs one after the other behind a first byte that stands for none.
        Field("album", np.uint8, ("bytes",)),
        Field("picture_bytes", np.int64, (_N,), least=0),
    ),
)


def save_sights(sights: Sequence[Sight], album: Album, path: Path) -> None:
    """Write sights, one or more, that were put away in `album`; whole or not at all.

    Raises: StorageError: the disk is full or the folder cannot be written.
    """
    rows = [_row(sight) for sight in sights]
    pictures = [b"" if sight.snapshot is None else album.coded(sight.snapshot) for sight in sights]
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    arrays["album"] = np.frombuffer(b"".join([b"\0", *pictures]), dtype=np.uint8)
    arrays["picture_bytes"] = np.array([len(picture) for picture in pictures])
    _FILE.save(arrays, path)


def load_sights(path: Path, album: Album) -> list[Sight]:
    """Read what `save_sights` wrote, equal to the bit; the pictures go into `album`.

    Raises:
        TrackError: not such a file, one of another version, or a field is missing or does not fit; it is named.
        StorageError: there is no room for the pictures.
    """
    arrays = _FILE.load(path)
    ends = 1 + np.cumsum(arrays["picture_bytes"])
    sights = []
    for index, end in enumerate(ends.tolist()):
        row = {name: values[index] for name, values in arrays.items() if name != "album"}
        picture = arrays["album"][end - int(row["picture_bytes"]) : end].tobytes()
        snapshot = album.keep_coded(picture, _region(row["seen_in"])) if picture else None
        sights.append(_sight(row, snapshot))
    return sights


def _row(sight: Sight) -> dict[str, Any]:
    reading, trail = sight.reading, sight.trail
    no_points, nowhere = np.zeros((JOINTS, 2)), np.zeros(4)
    return {
        "time_numerators": sight.time.numerator,
        "time_denominators": sight.time.denominator,
        "distance": sight.distance,
        "note": _NOTES.index(sight.note),
        "read": reading is not None,
        "points": no_points if reading is None else reading.points,
        "visibility": np.zeros(JOINTS) if reading is None else reading.visibility,
        "world": np.zeros((JOINTS, 3)) if reading is None else reading.world,
        "region": nowhere if reading is None else _numbers(reading.region),
        "seen_in": nowhere if reading is None else _numbers(reading.seen_in),
        "trail_in_sight": trail.region is not None,
        "trail_in_shot": trail.points is not None,
        "trail_known": trail.looks is not None,
        "trail_region": nowhere if trail.region is None else _numbers(trail.region),
        "trail_points": no_points if trail.points is None else trail.points,
        "trail_circle": trail.circle,
        "trail_looks": np.zeros(_LOOKS) if trail.looks is None else trail.looks,
        "trail_lost": trail.lost,
        "trail_company": trail.company,
        "trail_signature": np.zeros(_SIGNATURE) if trail.signature is None else trail.signature,
    }


def _sight(row: dict[str, Any], snapshot: Snapshot | None) -> Sight:
    reading = None
    if row["read"]:
        reading = Reading(
            points=row["points"],
            visibility=row["visibility"],
            world=row["world"],
            region=_region(row["region"]),
            seen_in=_region(row["seen_in"]),
            crop=None,
            mask=None,
        )
    trail = Trail(
        region=_region(row["trail_region"]) if row["trail_in_sight"] else None,
        points=row["trail_points"] if row["trail_in_shot"] else None,
        circle=float(row["trail_circle"]),
        looks=row["trail_looks"] if row["trail_known"] else None,
        lost=int(row["trail_lost"]),
        company=bool(row["trail_company"]),
        signature=row["trail_signature"],
    )
    time = Fraction(int(row["time_numerators"]), int(row["time_denominators"]))
    return Sight(time, reading, float(row["distance"]), _NOTES[int(row["note"])], trail, snapshot)


def _numbers(region: Region) -> NDArray[np.float64]:
    return np.array([region.x, region.y, region.side, region.angle])


def _region(numbers: NDArray[np.float64]) -> Region:
    return Region(*numbers.tolist())
