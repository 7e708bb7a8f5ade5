"""save_notes, load_notes: what was asked of a span of frames, and answered, as one .npz file."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.array_file import ArrayFile, Field
from pipeline.face_landmarks import FACE_POINTS
from stages.tracking.face_irises import IrisSight
from stages.tracking.face_network import FaceReading
from stages.tracking.face_shoulders import Shoulders
from stages.tracking.face_views import Notes
from stages.tracking.region import Region

# Rows of the tables say by number which frame of the span they are of. No table is empty: row 0 of each says nothing.
_NOBODY = -1
_READ, _QUICK, _THOROUGH = 0, 1, 2  # what a reading answered: `read`, or a search
_FILE = ArrayFile(
    kind="span of face notes",
    version=2,
    remedy="Delete it; it is made again.",
    fields=(
        Field("time_numerators", np.int64, ("n",)),
        Field("time_denominators", np.int64, ("n",), least=1),
        Field("index", np.int64, ("n",), least=0),
        Field("signature", np.float32, ("n", 9, 3, 8), least=0),
        Field("reading_of", np.int64, ("r",), least=_NOBODY),
        Field("reading_answers", np.uint8, ("r",), most=_THOROUGH),
        Field("reading_asked", np.float64, ("r", 4)),
        Field("reading_points", np.float32, ("r", FACE_POINTS, 3)),
        Field("reading_confidence", np.float64, ("r",), least=0, most=1),
        Field("reading_region", np.float64, ("r", 4)),
        Field("reading_looks", np.float32, ("r", 216), least=0),
        Field("reading_irises", np.uint8, ("r", 2), most=max(IrisSight)),
        Field("search_of", np.int64, ("s",), least=_NOBODY),
        Field("search_thorough", np.bool_, ("s",)),
        Field("body_of", np.int64, ("b",), least=_NOBODY),
        Field("body_asked", np.float64, ("b", 4)),
        Field("body_seen", np.bool_, ("b",)),
        Field("body_shoulders", np.float32, ("b", 2, 3)),
    ),
)


def save_notes(span: Sequence[Notes], path: Path) -> None:
    """Write the notes of frames, one or more; whole or not at all.

    Raises: StorageError: the disk is full or the folder cannot be written.
    """
    nowhere, nothing = Region(0, 0, 0, 0), np.zeros((FACE_POINTS, 3), np.float32)
    nobody = FaceReading(nothing, 0.0, nowhere, np.zeros(216, np.float32), np.zeros(2, np.uint8))
    rows = [(_NOBODY, _READ, nowhere, nobody)]
    searches = [(_NOBODY, False)]
    bodies: list[tuple[int, Region, Shoulders | None]] = [(_NOBODY, nowhere, None)]
    for number, notes in enumerate(span):
        rows += [(number, _READ, region, reading) for region, reading in notes.reads.items()]
        for thorough, found in notes.searches.items():
            searches.append((number, thorough))
            rows += [(number, _THOROUGH if thorough else _QUICK, nowhere, reading) for reading in found]
        bodies += [(number, region, shoulders) for region, shoulders in notes.bodies.items()]
    _FILE.save({**_frames(span), **_readings(rows), **_searches(searches), **_bodies(bodies)}, path)


def load_notes(path: Path) -> list[Notes]:
    """Read what `save_notes` wrote, equal to the bit.

    Raises:
        TrackError: not such a file, one of another version, or a field is missing or does not fit; it is named.
    """
    arrays = _FILE.load(path)
    times = zip(arrays["time_numerators"].tolist(), arrays["time_denominators"].tolist(), strict=True)
    indices, signatures = arrays["index"].tolist(), arrays["signature"]
    span = [
        Notes(Fraction(*time), index, signature)
        for time, index, signature in zip(times, indices, signatures, strict=True)
    ]
    for number, thorough in zip(arrays["search_of"][1:], arrays["search_thorough"][1:], strict=True):
        span[number].searches[bool(thorough)] = ()
    for row in range(1, len(arrays["reading_of"])):
        notes, reading = span[arrays["reading_of"][row]], _reading(arrays, row)
        if arrays["reading_answers"][row] == _READ:
            notes.reads[_region(arrays["reading_asked"][row])] = reading
        else:
            notes.searches[bool(arrays["reading_answers"][row] == _THOROUGH)] += (reading,)
    for row in range(1, len(arrays["body_of"])):
        seen = arrays["body_shoulders"][row] if arrays["body_seen"][row] else None
        span[arrays["body_of"][row]].bodies[_region(arrays["body_asked"][row])] = seen
    return span


def _frames(span: Sequence[Notes]) -> dict[str, NDArray[Any]]:
    return {
        "time_numerators": np.array([notes.time.numerator for notes in span]),
        "time_denominators": np.array([notes.time.denominator for notes in span]),
        "index": np.array([notes.index for notes in span]),
        "signature": np.array([notes.signature for notes in span]),
    }


def _readings(rows: Sequence[tuple[int, int, Region, FaceReading]]) -> dict[str, NDArray[Any]]:
    return {
        "reading_of": np.array([number for number, _, _, _ in rows]),
        "reading_answers": np.array([answers for _, answers, _, _ in rows]),
        "reading_asked": np.array([_numbers(asked) for _, _, asked, _ in rows]),
        "reading_points": np.array([reading.points for _, _, _, reading in rows]),
        "reading_confidence": np.array([reading.confidence for _, _, _, reading in rows]),
        "reading_region": np.array([_numbers(reading.region) for _, _, _, reading in rows]),
        "reading_looks": np.array([reading.looks for _, _, _, reading in rows]),
        "reading_irises": np.array([reading.irises for _, _, _, reading in rows]),
    }


def _searches(rows: Sequence[tuple[int, bool]]) -> dict[str, NDArray[Any]]:
    return {
        "search_of": np.array([number for number, _ in rows]),
        "search_thorough": np.array([thorough for _, thorough in rows]),
    }


def _bodies(rows: Sequence[tuple[int, Region, Shoulders | None]]) -> dict[str, NDArray[Any]]:
    return {
        "body_of": np.array([number for number, _, _ in rows]),
        "body_asked": np.array([_numbers(asked) for _, asked, _ in rows]),
        "body_seen": np.array([shoulders is not None for _, _, shoulders in rows]),
        "body_shoulders": np.array([np.zeros((2, 3)) if seen is None else seen for _, _, seen in rows]),
    }


def _reading(arrays: dict[str, NDArray[Any]], row: int) -> FaceReading:
    return FaceReading(
        points=arrays["reading_points"][row],
        confidence=float(arrays["reading_confidence"][row]),
        region=_region(arrays["reading_region"][row]),
        looks=arrays["reading_looks"][row],
        irises=arrays["reading_irises"][row],
    )


def _numbers(region: Region) -> tuple[float, float, float, float]:
    return region.x, region.y, region.side, region.angle


def _region(numbers: NDArray[np.float64]) -> Region:
    return Region(*numbers.tolist())
