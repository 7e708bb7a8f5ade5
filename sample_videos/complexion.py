"""What the skin of a face is painted with: flush, lips, brows, lids and lashes, by where a point lies at rest."""

import numpy as np
from numpy.typing import NDArray

from sample_videos.expression import Moment, lid_heights
from sample_videos.likeness import Likeness
from sample_videos.paint import Colour
from sample_videos.rings import hill, smooth_step

Values = NDArray[np.float64]


def linear(colour: Colour) -> Values:
    """Linear light 0..1 of an sRGB colour."""
    return np.asarray((np.array(colour) / 255) ** 2.2)


def face_paint(person: Likeness, moment: Moment, rest: Values) -> tuple[Values, Values]:
    """Albedo (n, 3), linear 0..1, and gloss (n,) of points of the resting head (n, 3)."""
    shape, colours = person.shape, person.colours
    x, y, z = rest.T
    front = smooth_step(z, 0.0, 2.5)
    albedo = np.broadcast_to(linear(colours.skin), rest.shape).copy()
    grain = 1 + 0.025 * np.sin(5.1 * x + 2.3 * np.sin(3.7 * y)) * np.sin(4.3 * y + 1.9 * np.sin(4.1 * x))
    albedo *= grain[:, None]
    _blend(albedo, colours.flush, 0.34 * front * hill(np.abs(x) - 4.2, y + 0.7, 1.5, 1.1))
    _blend(albedo, colours.flush, 0.22 * front * hill(x, y - shape.nose_tip, 0.9, 0.6))
    _darken(albedo, 0.30 * front * hill(np.abs(x) - shape.eye_x + 0.3, y - shape.eye_y - 0.5, 1.6, 0.95))
    _darken(albedo, 0.62 * front * _nostrils(person, x, y))
    _darken(albedo, 0.20 * front * hill(x, y - shape.mouth_y + 1.65, 1.3, 0.28))
    _folds(albedo, person, moment, x, y, front)
    gloss = 0.16 + 0.20 * hill(x, y - shape.nose_tip - 0.2, 0.6, 0.8) + 0.10 * hill(x, y - 7.0, 2.0, 1.2)
    for side in (1, -1):
        _lids(albedo, person, moment, side, x, y, front)
        _brow(albedo, person, side, x, y, front)
    lips = front * _lip_cover(person, x, y)
    _blend(albedo, colours.lips, 0.92 * lips)
    slit = front * np.exp(-0.5 * ((y - shape.mouth_y) / 0.09) ** 2) * smooth_step(np.abs(x), shape.mouth + 0.25, 2.0)
    _darken(albedo, 0.50 * slit)
    return albedo, gloss + 0.35 * lips


def eye_opening(person: Likeness, moment: Moment, rest: Values) -> tuple[Values, Values]:
    """Which points of the resting face (n, 3) lie between the lids, 0 … 1 with a soft rim, and which eye (n,)."""
    shape = person.shape
    x, y, z = rest.T
    side = np.where(x > 0, 1, -1)
    inside = np.zeros(len(rest))
    for eye in (1, -1):
        low, high = lid_heights(shape, moment, eye, x)
        here = (side == eye) & (np.abs(x - eye * shape.eye_x) < shape.eye) & (z > 0)
        cover = np.clip((y - low) / 0.04, 0, 1) * np.clip((high - y) / 0.04, 0, 1)
        inside = np.where(here, cover, inside)
    return inside, side


def _blend(albedo: Values, colour: Colour, share: Values) -> None:
    albedo += share[:, None] * (linear(colour) - albedo)


def _darken(albedo: Values, share: Values) -> None:
    albedo *= 1 - share[:, None] * np.array((0.85, 1.0, 1.0))


def _nostrils(person: Likeness, x: Values, y: Values) -> Values:
    shape = person.shape
    return hill(np.abs(x) - 0.62 * shape.nose_width, y - shape.nose_tip + 0.82, 0.30, 0.15)


def _folds(albedo: Values, person: Likeness, moment: Moment, x: Values, y: Values, front: Values) -> None:
    """The crease from the nose's wing to the mouth's corner, deeper in a smile; dimples at the corners."""
    shape = person.shape
    share = np.clip((shape.nose_tip - 0.4 - y) / (shape.nose_tip - 0.4 - shape.mouth_y + 0.2), 0, 1)
    line = 1.75 * shape.nose_width + share * (shape.mouth + 0.75 - 1.75 * shape.nose_width)
    along = smooth_step(share, 0.0, 0.15) * smooth_step(share, 1.0, 0.75)
    strength = 0.10 + 0.26 * max(moment.smile, 0.0)
    _darken(albedo, strength * front * along * np.exp(-0.5 * ((np.abs(x) - line) / 0.22) ** 2))
    _darken(albedo, 0.30 * front * hill(np.abs(x) - shape.mouth - 0.1, y - shape.mouth_y, 0.28, 0.24))


def _lids(albedo: Values, person: Likeness, moment: Moment, side: int, x: Values, y: Values, front: Values) -> None:
    """Lashes along both rims, a pink lower rim, and the crease above the upper lid."""
    shape = person.shape
    low, high = lid_heights(shape, moment, side, x)
    place = (x - side * shape.eye_x) / shape.eye
    near = front * smooth_step(np.abs(place), 1.14, 0.96)
    top = np.where(y > high - 0.02, np.exp(-np.abs(y - high - 0.03) / 0.065), 0)
    _blend(albedo, (34, 22, 20), 0.92 * near * top)
    bottom = np.where(y < low + 0.02, np.exp(-np.abs(y - low + 0.02) / 0.055), 0)
    _blend(albedo, (92, 48, 42), 0.42 * near * bottom)
    opened = min(max(moment.lid(side), 0.0), 1.2)
    arch = np.sqrt(np.clip(1 - (place / 1.12) ** 2, 0, 1))
    crease = shape.eye_y + shape.eye_open * arch * (0.74 + 0.16 * opened) + 0.10 * np.clip(opened - 1, 0, 1)
    _darken(albedo, 0.34 * front * arch * np.exp(-0.5 * ((y - crease - 0.10) / 0.075) ** 2))


def _brow(albedo: Values, person: Likeness, side: int, x: Values, y: Values, front: Values) -> None:
    """Hairs along an arch that is thick by the nose and thin by the temple."""
    shape = person.shape
    share = (side * x - shape.eye_x + 1.75) / 3.9
    middle = shape.brow_y + 0.42 * np.sin(np.clip(share, 0, 1.1) * 2.5) - 0.30 * np.clip(share, 0, 1) ** 2 - 0.12
    half = person.brow_height * (1 - 0.62 * np.clip(share, 0, 1) ** 1.5)
    along = smooth_step(share, -0.04, 0.10) * smooth_step(share, 1.04, 0.82)
    hairs = 0.93 + 0.07 * np.sin(17 * side * x + 9 * (y - middle))
    cover = along * np.exp(-((np.abs(y - middle) / np.maximum(half, 0.05)) ** 4))
    _blend(albedo, person.colours.brows, 0.90 * front * cover * hairs)


def _lip_cover(person: Likeness, x: Values, y: Values) -> Values:
    """The red of both lips, with a bow in the upper rim."""
    shape = person.shape
    place = np.clip(np.abs(x) / (shape.mouth + 0.05), 0, 1)
    taper = (1 - place**2) ** 0.62
    bow = 1 - 0.20 * np.exp(-0.5 * (place / 0.11) ** 2) + 0.06 * np.exp(-0.5 * ((place - 0.22) / 0.12) ** 2)
    above = shape.upper_lip * taper * bow
    below = shape.lower_lip * (1 - place**2.4) ** 0.75
    up = y - shape.mouth_y
    inside = smooth_step(up - above, 0.06, -0.06) * smooth_step(up + below, -0.08, 0.06)
    return np.asarray(inside * (place < 1))
