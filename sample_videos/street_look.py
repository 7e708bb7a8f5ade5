"""Lights a street: noon or dusk, each a function of what is seen, so that both show the same street.

All light is linear until the last step. Colours of light are RGB; 1 is a white wall at noon.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_videos.street_sheets import FAR, Floats, Sight
from sample_videos.street_textures import PAVEMENT
from sample_videos.street_town import BEGIN, STEP, Town
from sample_videos.street_traffic import LENGTH, WIDTH, Car

Light = NDArray[np.float32]  # (3,)

_SLOPE, _SKEW = 1.7, 0.35  # the sun: metres down, and along the street, for a metre to the right
_LAMP_REACH = 3.3  # metres
_ROUND = np.array((1.0, 0.55, 1.0), np.float32)  # a lamp reaches farther down than aside


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """A time of day."""

    zenith: Light
    horizon: Light
    cloud: Light
    cloud_share: float  # how much of a cloud's middle hides the sky
    haze: Light
    haze_depth: float  # metres in which haze takes over
    sun: Light  # or what glows on after it has set, from where it was at noon
    shade: Light  # from all around
    lamps: Light  # of street lamps, on what is just under them
    own: float  # how strongly windows, lanterns and cars shine
    bloom: float  # what of it spreads into the air


def _light(red: float, green: float, blue: float) -> Light:
    return np.array((red, green, blue), np.float32)


DAY = Look(
    zenith=_light(0.10, 0.28, 0.66),
    horizon=_light(0.50, 0.68, 0.86),
    cloud=_light(0.84, 0.86, 0.90),
    cloud_share=0.85,
    haze=_light(0.50, 0.62, 0.76),
    haze_depth=230.0,
    sun=_light(0.68, 0.58, 0.42),
    shade=_light(0.34, 0.39, 0.48),
    lamps=_light(0.0, 0.0, 0.0),
    own=0.0,
    bloom=0.0,
)
DUSK = Look(
    zenith=_light(0.012, 0.036, 0.150),
    horizon=_light(0.70, 0.27, 0.085),
    cloud=_light(0.20, 0.075, 0.10),
    cloud_share=0.42,
    haze=_light(0.21, 0.11, 0.11),
    haze_depth=260.0,
    sun=_light(0.085, 0.045, 0.04),
    shade=_light(0.085, 0.105, 0.205),
    lamps=_light(0.36, 0.22, 0.09),
    own=0.8,
    bloom=0.55,
)


def light_street(sight: Sight, town: Town, look: Look, time: float, size: tuple[int, int]) -> NDArray[np.uint8]:
    """One picture (height, width, 3), RGB 0..255, of `size` (width, height), no larger than the sight."""
    points = sight.points()
    sky = sight.depth >= FAR
    lit = look.shade + (sight.sun * _sunny(points, town))[..., None] * look.sun
    if look.lamps.any():
        lit += _under_lamps(points, sight.depth < 70, town)[..., None] * look.lamps
    lit *= _contact(points, town, time)[..., None]
    picture = sight.paint * lit + look.own * sight.light
    clear = np.exp(-sight.depth / look.haze_depth)[..., None]
    picture = picture * clear + look.haze * (1 - clear)
    picture[sky] = _sky(sight, town, look, time)[sky]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if look.bloom:
        small += look.bloom * _bloom(sight.light, size)
    return np.asarray(np.clip(small, 0, 1) ** (1 / 2.2) * 255 + 0.5, np.uint8)


def _sunny(points: Floats, town: Town) -> Floats:
    """1 in the sun, 0 where the left row of houses is before it (h, w)."""
    x, y, z = points[..., 0] + PAVEMENT, points[..., 1], points[..., 2]
    entry = np.clip((z - _SKEW * x - BEGIN) / STEP, 0, len(town.skyline) - 1).astype(np.intp)
    above = y + _SLOPE * x - town.skyline[entry]
    return np.asarray(np.where(x < 0.05, 1.0, np.clip(above / 0.5 + 0.5, 0, 1)), np.float32)


def _under_lamps(points: Floats, near: NDArray[np.bool_], town: Town) -> Floats:
    """How much of the street lamps' light arrives (h, w)."""
    total = np.zeros(near.shape, np.float32)
    places = points[near]
    for lamp in town.lamps.astype(np.float32):
        apart = (places - lamp) * _ROUND
        total[near] += np.exp(np.einsum("ij,ij->i", apart, apart) * np.float32(-0.5 / _LAMP_REACH**2))
    return total


def _contact(points: Floats, town: Town, time: float) -> Floats:
    """What is left of the light (h, w) on ground that something stands on."""
    left = np.ones(points.shape[:2], np.float32)
    low = points[..., 1] < 0.05
    x, z = points[low][:, 0], points[low][:, 2]
    total = np.ones(len(x), np.float32)
    for thing in town.moving:
        place = thing.place(time)
        half = (WIDTH / 2 - 0.1, LENGTH / 2 - 0.15) if isinstance(thing, Car) else (0.05, 0.05)
        away = [
            np.maximum(np.abs(at - middle) - edge, 0) for at, middle, edge in zip((x, z), place[::2], half, strict=True)
        ]
        total *= 1 - 0.62 * np.exp(-(away[0] ** 2 + away[1] ** 2) / np.float32(0.28**2))
    for trunk in town.trunks:
        total *= 1 - 0.40 * np.exp(-((x - trunk[0]) ** 2 + (z - trunk[2]) ** 2) / np.float32(0.35**2))
    left[low] = total
    return left


def _sky(sight: Sight, town: Town, look: Look, time: float) -> Floats:
    """The sky behind everything (h, w, 3)."""
    whole = slice(0, sight.eye.height), slice(0, sight.eye.width)
    x, y, z = (sight.eye.along(axis, whole) for axis in np.eye(3))
    height = np.clip(y / np.sqrt(x**2 + y**2 + z**2), 0, 1)
    share = np.exp(-height / 0.17)[..., None]
    sky = look.zenith * (1 - share) + look.horizon * share
    rows, columns = town.clouds.shape
    across = columns / 2 + 60 * (x / z) / (height + 0.35) + 1.2 * np.float32(time)
    along = rows / 2 + 90 / (height + 0.35)
    hidden = cv2.remap(town.clouds, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    hidden = look.cloud_share * np.clip(1.6 * hidden, 0, 1)[..., None] * np.clip(height * 9, 0, 1)[..., None]
    return np.asarray(sky * (1 - hidden) + look.cloud * hidden, np.float32)


def _bloom(light: Floats, size: tuple[int, int]) -> Floats:
    """Light that lenses and air spread around lamps, in a picture of `size` (width, height)."""
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    return np.asarray(
        0.45 * cv2.GaussianBlur(small, (0, 0), 1.6) + 0.35 * cv2.GaussianBlur(small, (0, 0), 5.0), np.float32
    )
