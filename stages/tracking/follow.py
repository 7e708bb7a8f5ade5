"""follow: keep to one performer from frame to frame, by a region that moves with the last pose."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Planes
from stages.tracking.album import Album, Snapshot
from stages.tracking.cuts import Signature, picture_signature, signature_distance
from stages.tracking.joints import LEFT_HIP, RIGHT_HIP
from stages.tracking.networks import PoseNetworks, Reading
from stages.tracking.people import Looks, Performer, Person, choose, find_everybody, likeness, torso_looks
from stages.tracking.region import Region

ALIKE = 0.45  # likeness of two torsos from which they may be one person's
REACH = 0.5  # how far the hips may get from one frame to the next, in radii of the body's circle (a leap: 0.25)
GROWTH = 1.6  # how much larger or smaller the body may get from one frame to the next
COMPANY_EVERY = 24  # frames between two looks around for other people
THOROUGH_EVERY = 12  # frames between two searches in tiles while the performer is lost
_LOOKS_MEMORY = 0.9  # share of what is known that stays when the performer is seen again: light changes slowly


class Note(Enum):
    """What a person should be told about a frame."""

    NOTHING = ""
    CHOSEN = "several people are in the picture and no performer was named: the largest is followed"
    REFUSED = "somebody else stood where the performer was expected; left as a gap"
    CHANGED = "the person followed from here does not look like the one followed before"


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """All that is remembered between two frames."""

    region: Region | None = None  # where to look next; None: the performer is not in sight
    points: NDArray[np.float32] | None = None  # (33, 2): last accepted in this shot
    circle: float = 0.0  # pixels: radius of the body's circle then
    looks: Looks | None = None  # of the performer, through all shots
    lost: int = 0  # frames of this shot since the performer was seen
    company: bool = False  # other people have been seen in this shot
    signature: Signature | None = None  # of the last picture

    def meets(self, other: "Trail") -> bool:
        """Whether two followers who came different ways go on alike: what they read next depends on no more.

        With the performer out of sight they may be looking for different people, unless neither has seen anybody.
        """
        same = self.region == other.region and self.company == other.company
        return same and (self.region is not None or (self.looks is None and other.looks is None))


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What one frame gave."""

    time: Fraction  # seconds since the clip's first frame
    reading: Reading | None  # None: a gap
    distance: float  # of the picture from the one before, as `find_cuts` wants it
    note: Note
    trail: Trail  # to go on from
    snapshot: Snapshot | None = None  # of the performer, where an album is kept

    def put_away(self, album: Album | None) -> "Sight":
        """Without the picture in memory: in the album, where there is one."""
        if self.reading is None or self.reading.crop is None:
            return self
        snapshot = None if album is None else album.keep(self.reading.crop, self.reading.seen_in)
        return replace(self, reading=replace(self.reading, crop=None), snapshot=snapshot)


def follow(
    frames: Iterable[Planes],
    networks: PoseNetworks,
    performer: Performer | None,
    trail: Trail,
    *,
    cut_distance: float,
    where: str,
) -> Generator[Sight, None, None]:
    """One Sight for each frame.

    The region is snapped to a coarse grid (`Region.snapped`): two followers that come to the same frame with slightly
    different memories look at the same pixels after a few frames, and agree to the bit from there on.

    Args:
        frames: in order, without holes.
        performer: None: the largest, with a note where there was a choice.
        trail: `Trail()` at the beginning of a clip, else the trail of the frame before the first.
        cut_distance: pictures farther apart than this begin a new shot.
        where: the clip's name, for errors.

    Raises:
        TrackError: the performer was given by a point, and the point lies on nobody.
    """
    for frame in frames:
        signature = picture_signature(frame)
        distance = 0.0 if trail.signature is None else signature_distance(trail.signature, signature)
        trail = replace(trail, signature=signature)
        if distance > cut_distance:
            trail = Trail(looks=trail.looks, signature=signature)
        reading, trail, note = _see(frame, networks, performer, trail, where)
        yield Sight(frame.time, reading, distance, note, trail)


def _see(
    frame: Planes, networks: PoseNetworks, performer: Performer | None, trail: Trail, where: str
) -> tuple[Reading | None, Trail, Note]:
    region = trail.region
    if region is None:
        return _search(frame, networks, performer, trail, where)
    if frame.index % COMPANY_EVERY == 0 and len(networks.find_people(frame)) > 1:
        trail = replace(trail, company=True)
    reading = networks.read(frame, region)
    if reading is None:
        return _search(frame, networks, performer, trail, where)
    looks = torso_looks(frame, reading.points)
    if not _goes_on(reading, looks, trail):
        return _search(frame, networks, performer, trail, where)
    return reading, _seen(reading, looks, trail), Note.NOTHING


def _search(
    frame: Planes, networks: PoseNetworks, performer: Performer | None, trail: Trail, where: str
) -> tuple[Reading | None, Trail, Note]:
    thorough = (trail.points is None and trail.lost == 0) or frame.index % THOROUGH_EVERY == 0
    people = find_everybody(networks, frame, thorough=thorough)
    trail = replace(trail, company=trail.company or len(people) > 1)
    if not people:
        return None, replace(trail, region=None, lost=trail.lost + 1), Note.NOTHING
    person, note = _recognise(people, performer, trail, f"{where}, frame {frame.index}")
    if person is None:
        return None, replace(trail, region=None, lost=trail.lost + 1), note
    return person.reading, _seen(person.reading, person.looks, trail), note


def _recognise(
    people: tuple[Person, ...], performer: Performer | None, trail: Trail, where: str
) -> tuple[Person | None, Note]:
    """The performer among those found, or None where it is none of them."""
    if trail.looks is None:
        note = Note.CHOSEN if performer is None and len(people) > 1 else Note.NOTHING
        return choose(people, performer or Performer(), where), note
    known = trail.looks
    likest = max(people, key=lambda person: likeness(person.looks, known))
    if trail.points is None or not trail.company:  # in a new shot, or alone in the picture
        return likest, Note.NOTHING if likeness(likest.looks, known) >= ALIKE else Note.CHANGED
    here = [one for one in people if likeness(one.looks, known) >= ALIKE and _travel(one.reading, trail) <= 1]
    if not here:
        return None, Note.REFUSED
    return max(here, key=lambda one: likeness(one.looks, known) - _travel(one.reading, trail) / 2), Note.NOTHING


def _goes_on(reading: Reading, looks: Looks, trail: Trail) -> bool:
    """Whether a reading may be the next of the same person's; alone in the picture, it is."""
    if not trail.company or trail.looks is None:
        return True
    growth = reading.region.radius / max(trail.circle, 1.0)
    return _travel(reading, trail) <= 1 and 1 / GROWTH < growth < GROWTH and likeness(looks, trail.looks) >= ALIKE


def _travel(reading: Reading, trail: Trail) -> float:
    """How far the hips are from where they were last seen: 1 is as far as they may have got since."""
    if trail.points is None:
        return 0.0
    hips = [LEFT_HIP, RIGHT_HIP]
    way = float(np.hypot(*(reading.points[hips].mean(axis=0) - trail.points[hips].mean(axis=0))))
    return way / max(REACH * trail.circle * (1 + trail.lost), 1.0)


def _seen(reading: Reading, looks: Looks, trail: Trail) -> Trail:
    known = looks if trail.looks is None or trail.points is None else trail.looks
    return replace(
        trail,
        region=reading.region.snapped(),
        points=reading.points,
        circle=reading.region.radius,
        looks=_LOOKS_MEMORY * known + (1 - _LOOKS_MEMORY) * looks,
        lost=0,
    )
