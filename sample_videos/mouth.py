"""What is seen between open lips: a dark hollow, two rows of teeth and a tongue."""

from dataclasses import dataclass

import numpy as np

from sample_videos.complexion import Values, linear
from sample_videos.expression import Moment, with_jaw
from sample_videos.likeness import Likeness
from sample_videos.rings import Points, Skin, egg


@dataclass(frozen=True, slots=True)
class Row:
    """A row of teeth, an arch seen from above."""

    half_width: float  # of the mouth's
    depth: float  # centimetres
    middle: float  # z


_TOOTH = 0.62  # centimetres wide
UPPER, LOWER = Row(0.86, 2.6, 2.4), Row(0.80, 2.5, 2.2)
_DARK, _PINK, _WHITE = (104, 36, 36), (178, 84, 84), (236, 228, 214)


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """Skins at rest in the head frame."""

    hollow: Skin  # seen from within
    upper: Skin
    lower: Skin
    tongue: Skin


def build_mouth(person: Likeness) -> Mouth:
    """Everything inside somebody's mouth."""
    half, y = person.shape.mouth, person.shape.mouth_y
    hollow = egg((0.0, y - 1.0, 1.4), (half + 1.2, 2.9, 3.2), 24, 36)
    return Mouth(
        Skin(hollow.rest, hollow.triangles[:, ::-1].copy()),
        egg((0.0, y + 0.38, UPPER.middle), (UPPER.half_width * half, 0.62, UPPER.depth), 24, 60, 0.3),
        egg((0.0, y - 1.30, LOWER.middle), (LOWER.half_width * half, 0.46, LOWER.depth), 24, 60, 0.3),
        egg((0.0, y - 1.70, 1.6), (0.62 * half, 0.62, 2.5), 24, 40),
    )


def jaw_parts(mouth: Mouth, moment: Moment) -> tuple[Points, Points]:
    """Where lower teeth and tongue go with the jaw."""
    return with_jaw(mouth.lower.rest, moment), with_jaw(mouth.tongue.rest, moment)


def hollow_paint(rest: Values) -> tuple[Values, Values]:
    """Albedo (n, 3), linear, and gloss (n,)."""
    return np.broadcast_to(linear(_DARK), rest.shape), np.zeros(len(rest))


def tongue_paint(moment: Moment, rest: Values) -> tuple[Values, Values]:
    """Albedo (n, 3), linear, and gloss (n,): the wider the mouth the more light there is."""
    furrow = 1 - 0.35 * np.exp(-0.5 * (rest[:, 0] / 0.12) ** 2)
    return linear(_PINK) * (_daylight(moment) * furrow)[:, None] * 0.55, np.full(len(rest), 0.2)


def teeth_paint(person: Likeness, moment: Moment, rest: Values, row: Row) -> tuple[Values, Values]:
    """Albedo (n, 3), linear, and gloss (n,): one tooth beside the other, darker towards the cheeks; gums behind."""
    x = rest[:, 0]
    phase = (x / _TOOTH) % 1.0
    gap = np.exp(-0.5 * (np.minimum(phase, 1 - phase) / 0.055) ** 2)
    shade = (1 - 0.42 * gap) * (1 - np.clip(np.abs(x) / 2.1, 0, 1) ** 2) * _daylight(moment)
    across = np.clip(x / (row.half_width * person.shape.mouth), -1, 1)
    behind = row.middle + row.depth * np.sqrt(1 - across**2) - rest[:, 2]
    tooth = np.clip((0.50 - behind) / 0.12, 0, 1)[:, None]
    gums = 0.30 * linear(_PINK) * _daylight(moment)
    return gums + tooth * (linear(_WHITE) * shade[:, None] - gums), 0.3 * tooth[:, 0]


def _daylight(moment: Moment) -> float:
    return 0.10 + 0.80 * min(max(moment.jaw - 0.01, 0.0) / 0.22, 1.0)
