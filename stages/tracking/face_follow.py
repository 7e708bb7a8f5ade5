"""follow_face: keep to one face from frame to frame, by a crop that moves with the head; search for it when lost."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stages.tracking.cuts import Signature, signature_distance
from stages.tracking.face_choice import (
    LEAST_CONFIDENCE,
    FaceChoice,
    choose_face,
    distance_between,
    face_size,
)
from stages.tracking.face_looks import FaceLooks
from stages.tracking.face_network import FaceReading
from stages.tracking.face_views import FaceView
from stages.tracking.people import likeness

ALIKE = 0.45  # likeness of two heads from which they may be one person's: a head that turns keeps 0.47 at least
AGAIN = 0.6  # the same after a cut, or after more than `SOON` frames out of sight; strangers have up to 0.57
SOON = 10  # frames
REACH = 0.6  # how far a face may get from one frame to the next, in its own sizes
GROWTH = 1.5  # how much larger or smaller it may get from one frame to the next
THOROUGH_EVERY = 12  # frames between two searches in tiles while the face is lost
_LOOKS_MEMORY = 0.9  # share of what is known that stays when the face is seen again: light changes slowly


class FaceNote(Enum):
    """What a person should be told about a frame."""

    NOTHING = ""
    CHOSEN = "several faces are in the picture and none was named: the largest is followed"
    REFUSED = "a face was seen that is too far off or looks too different to be the one followed; left as a gap"


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrail:
    """All that is remembered between two frames."""

    last: FaceReading | None = None  # accepted in this shot
    looks: FaceLooks | None = None  # of the one who is followed, through all shots; None: nobody seen so far
    lost: int = 0  # frames of this shot since the face was seen
    signature: Signature | None = None  # of the last picture


@dataclass(frozen=True, slots=True, eq=False)
class FaceSight:
    """What one frame gave."""

    time: Fraction  # seconds since the clip's first frame
    points: NDArray[np.float32] | None  # (478, 3), see `FaceReading`; None: a gap
    confidence: float  # 0 … 1, that this is a face; 0 in a gap
    irises: NDArray[np.uint8] | None  # (2,), see `FaceReading`; None: a gap
    distance: float  # of the picture from the one before, as `find_cuts` wants it
    note: FaceNote


View = TypeVar("View", bound=FaceView)


def follow_face(
    frames: Iterable[View], choice: FaceChoice | None, *, cut_distance: float, where: str
) -> Generator[tuple[View, FaceSight], None, None]:
    """Each frame with what it gave.

    Who is followed is decided in the first frame that shows a face. From then on a face is only taken for the same
    where it has moved and grown no more than it can have, and its colours are alike; after a cut, by colours alone.

    Args:
        frames: of a clip from its beginning, in order, without holes.
        choice: None: the only one, or the one that is clearly the largest, with a note.
        cut_distance: pictures farther apart than this begin a new shot.
        where: the clip's name, for errors.

    Raises:
        TrackError: see `choose_face`.
    """
    trail = FaceTrail()
    for frame in frames:
        signature = frame.signature()
        distance = 0.0 if trail.signature is None else signature_distance(trail.signature, signature)
        if distance > cut_distance:
            trail = FaceTrail(looks=trail.looks)
        reading, note = _see(frame, choice, trail, where)
        trail = _remembered(replace(trail, signature=signature), reading)
        if reading is None:
            yield frame, FaceSight(frame.time, None, 0.0, None, distance, note)
        else:
            yield frame, FaceSight(frame.time, reading.points, reading.confidence, reading.irises, distance, note)


def _see(
    frame: FaceView, choice: FaceChoice | None, trail: FaceTrail, where: str
) -> tuple[FaceReading | None, FaceNote]:
    if trail.last is not None and trail.lost == 0:
        reading = frame.read(trail.last.region.snapped())
        if reading.confidence >= LEAST_CONFIDENCE and _may_be(reading, trail):
            return reading, FaceNote.NOTHING
    fresh = trail.last is None and trail.lost == 0
    faces = frame.find_all(thorough=fresh or frame.index % THOROUGH_EVERY == 0)
    if not faces:
        return None, FaceNote.NOTHING
    if trail.looks is None:
        chosen = choose_face(faces, choice, f"{where}, frame {frame.index}")
        return chosen, FaceNote.CHOSEN if choice is None and len(faces) > 1 else FaceNote.NOTHING
    known = trail.looks
    possible = [face for face in faces if _may_be(face, trail)]
    if not possible:
        return None, FaceNote.REFUSED
    likest = max(possible, key=lambda face: likeness(face.looks, known) - _travel(face, trail))
    return likest, FaceNote.NOTHING


def _may_be(face: FaceReading, trail: FaceTrail) -> bool:
    """Whether a face may be that of the one who is followed."""
    growth = 1.0 if trail.last is None else face_size(face) / face_size(trail.last)
    limit = GROWTH ** (1 + trail.lost)
    least = AGAIN if trail.last is None or trail.lost > SOON else ALIKE
    alike = trail.looks is not None and likeness(face.looks, trail.looks) >= least
    return alike and _travel(face, trail) <= 1 and 1 / limit < growth < limit


def _travel(face: FaceReading, trail: FaceTrail) -> float:
    """How far a face is from where it was last seen in this shot: 1 is as far as it may have got since."""
    if trail.last is None:
        return 0.0
    return distance_between(face, trail.last) / (REACH * face_size(trail.last) * (1 + trail.lost))


def _remembered(trail: FaceTrail, reading: FaceReading | None) -> FaceTrail:
    if reading is None:
        return replace(trail, lost=trail.lost + 1)
    looks = reading.looks
    known = looks if trail.looks is None else trail.looks
    return replace(trail, last=reading, looks=_LOOKS_MEMORY * known + (1 - _LOOKS_MEMORY) * looks, lost=0)
