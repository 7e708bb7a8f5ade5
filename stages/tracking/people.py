"""Who is in the picture, and which of them is the performer: everybody seen, what they look like, the choice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError, UnknownChoice
from pipeline.sampling import Picture, sampled, size_of
from pipeline.values import Box
from stages.tracking.joints import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER, torso_length
from stages.tracking.networks import PoseNetworks, Reading

SAME_BODY = 0.5  # two readings whose joints lie nearer than this, in torso lengths, are of one body
WHOLE = 0.5  # mean visibility of somebody whom only a tile shows: furniture in a tile has up to 0.36
PART = 0.6  # of the smaller box that lies in the other: more is a part of one body, as tiles may show
_PATCH = 16  # pixels a side that a torso is reduced to before its colours are counted
TILE, STRIDE = 0.6, 0.6  # of the shorter side; of a tile
_BINS = 6  # a colour channel
_VISIBLE = 0.5  # joints that count towards the size of a person

Choice = Literal["largest", "left", "right", "point"]
Looks = NDArray[np.float32]  # (216,): shares of 6 x 6 x 6 colours on the torso; sums to 1


@dataclass(frozen=True, slots=True)
class Performer:
    """Whom to follow when several people are in the picture."""

    choice: Choice = "largest"  # left and right as seen in the picture
    x: float = 0.0  # for "point": pixels of the full frame, in the first frame that shows anybody
    y: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the command line: largest, left, right, or X,Y.

        Raises:
            UnknownChoice: none of these.
        """
        choices = [choice for choice in get_args(Choice) if choice != "point"]
        if text in choices:
            return cls(choice=text)  # type: ignore[arg-type]  # just looked up
        try:
            x, y = (float(part) for part in text.split(","))
        except ValueError:
            raise UnknownChoice.among("performer", text, [*choices, "X,Y"]) from None
        return cls(choice="point", x=x, y=y)


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One of the people in a picture."""

    reading: Reading
    box: Box  # around the joints that are seen
    looks: Looks


def find_everybody(networks: PoseNetworks, picture: Picture, *, thorough: bool) -> tuple[Person, ...]:
    """Everybody in the picture, each once, the largest first.

    Args:
        thorough: look at overlapping tiles too, for people too small for the detector in the full frame, down to about
            a sixth of its height; fifteen to thirty times the work.
    """
    sightings = [(sighting, 0.0) for sighting in networks.find_people(picture)]
    for tile in tiles(*size_of(picture)) if thorough else ():
        sightings += [(sighting, WHOLE) for sighting in networks.find_people(picture, tile)]
    people: list[Person] = []
    for sighting, least_visible in sorted(sightings, key=lambda one: -one[0].score):
        reading = networks.read(picture, sighting.region)
        if reading is None or reading.visibility.mean() < least_visible:
            continue
        box = seen_box(reading, *size_of(picture))
        if not any(is_same_body(reading, known.reading) or _overlap(box, known.box) > PART for known in people):
            people.append(Person(reading, box, torso_looks(picture, reading.points)))
    return tuple(sorted(people, key=lambda person: -person.box.width * person.box.height))


def choose(people: Sequence[Person], performer: Performer, where: str) -> Person:
    """The performer among `people` (not empty, the largest first).

    Raises:
        TrackError: the given point lies on nobody.
    """
    if performer.choice == "largest":
        return people[0]
    if performer.choice == "left":
        return min(people, key=lambda person: person.reading.region.x)
    if performer.choice == "right":
        return max(people, key=lambda person: person.reading.region.x)
    hit = [person for person in people if _is_inside(person.box, performer.x, performer.y)]
    if not hit:
        boxes = ", ".join(f"x {box.left}–{box.right}, y {box.top}–{box.bottom}" for box in (one.box for one in people))
        raise TrackError(
            where,
            f"nobody stands at {performer.x:g},{performer.y:g}",
            f"a point on one of the people seen ({boxes})",
            "Give a point inside one of these boxes, or --performer largest, left or right.",
        )
    return min(
        hit, key=lambda one: float(np.hypot(one.reading.region.x - performer.x, one.reading.region.y - performer.y))
    )


def torso_looks(picture: Picture, points: NDArray[np.float32]) -> Looks:
    """The colours between shoulders and hips, as shares of 6 x 6 x 6 colours."""
    corners = points[[LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP]].astype(np.float32)
    square = np.array([[0, 0], [_PATCH - 1, 0], [0, _PATCH - 1]], dtype=np.float32)
    patch = sampled(picture, np.asarray(cv2.getAffineTransform(square, corners), dtype=np.float64), (_PATCH, _PATCH))
    smooth = cv2.GaussianBlur(patch, (3, 3), 0)
    histogram = cv2.calcHist([smooth], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3)
    spread = cv2.GaussianBlur(histogram.reshape(_BINS, -1), (3, 3), 0.6).ravel()
    return np.asarray(spread / max(float(spread.sum()), 1e-6), dtype=np.float32)


def likeness(one: Looks, other: Looks) -> float:
    """Share of colour that two torsos have in common, 0 … 1."""
    return float(np.minimum(one, other).sum())


def seen_box(reading: Reading, width: int, height: int) -> Box:
    """Around the joints that are visible, cut to a frame of `width` x `height`; around all where hardly any is."""
    visible = reading.visibility >= _VISIBLE
    points = reading.points[visible] if visible.sum() >= 2 else reading.points
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0)) + 1
    left, top = int(np.clip(low[0], 0, width - 1)), int(np.clip(low[1], 0, height - 1))
    return Box(left, top, int(np.clip(high[0], left + 1, width)), int(np.clip(high[1], top + 1, height)))


def is_same_body(one: Reading, other: Reading) -> bool:
    """Whether two readings of one picture are of the same body."""
    torso = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
    apart = float(np.hypot(*(one.points[torso] - other.points[torso]).T).mean())
    return bool(apart < SAME_BODY * max(torso_length(one.points), torso_length(other.points)))


def _overlap(one: Box, other: Box) -> float:
    """Share of the smaller box that both cover."""
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(across, 0) * max(down, 0) / min(one.width * one.height, other.width * other.height)


def _is_inside(box: Box, x: float, y: float) -> bool:
    """A quarter wider than the joints: hair, hands and clothes lie outside them."""
    margin_x, margin_y = box.width / 4, box.height / 4
    return box.left - margin_x <= x <= box.right + margin_x and box.top - margin_y <= y <= box.bottom + margin_y


def tiles(width: int, height: int) -> tuple[Box, ...]:
    """Overlapping squares, as the detector likes them, of `TILE` times the shorter side, over the whole picture."""
    side = max(1, round(TILE * min(height, width)))
    return tuple(Box(x, y, x + side, y + side) for y in _starts(height, side) for x in _starts(width, side))


def _starts(length: int, side: int) -> list[int]:
    """Evenly spaced, each at most `STRIDE` sides after the one before."""
    steps = math.ceil((length - side) / (STRIDE * side))
    return [round(step * (length - side) / max(steps, 1)) for step in range(steps + 1)]
