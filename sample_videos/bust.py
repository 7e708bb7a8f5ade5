"""What carries a head: neck, shoulders, clothes; and the ears, which go with the head."""

import numpy as np

from sample_videos.complexion import Values, linear
from sample_videos.likeness import Likeness
from sample_videos.rings import Ring, Skin, egg, skin_over, smooth_step

_NECK_TOP, _NECK_FOOT = -3.0, -13.5  # y: above, it goes with the head; below, with the torso


def build_neck(person: Likeness) -> Skin:
    """From inside the head down into the collar."""
    half = person.neck
    rings = (
        Ring(-3.0, half, -2.8, -half - 3.4, -4.4),  # behind the hollow of the mouth
        Ring(-7.6, half, -2.6, -half - 3.4, -4.2),
        Ring(-9.2, half, half - 3.6, -half - 3.4, -3.4),
        Ring(-12.0, 1.06 * half, half - 3.2, -half - 3.8, -3.4),
        Ring(-15.5, 1.35 * half, half - 2.6, -half - 4.6, -3.4),
    )
    return skin_over(rings, np.linspace(0, 4, 44), np.linspace(-np.pi, np.pi, 72, endpoint=False), 1.0)


def build_shoulders(person: Likeness) -> Skin:
    """The clothes from the collar down."""
    half, neck = person.shoulders, person.neck
    rings = (
        Ring(-12.1, 1.08 * neck, neck - 3.2, -neck - 4.0, -3.5),
        Ring(-12.3, 1.16 * neck, neck - 2.8, -neck - 4.2, -3.5),
        Ring(-13.4, 1.48 * neck, neck - 1.6, -neck - 5.0, -3.6),
        Ring(-14.6, 0.56 * half, 3.9, -10.0, -3.8),
        Ring(-16.2, 0.82 * half, 5.0, -11.0, -4.0),
        Ring(-18.6, 0.97 * half, 6.0, -12.0, -4.0),
        Ring(-24.0, 1.05 * half, 7.6, -12.5, -4.0),
        Ring(-42.0, 1.05 * half, 8.5, -12.5, -4.0),
    )
    return skin_over(rings, np.linspace(0, 7, 80), np.linspace(-np.pi, np.pi, 100, endpoint=False), 0.92)


def build_ears(person: Likeness) -> tuple[Skin, Skin]:
    """The subject's left and right ear."""
    x = 7.05 * person.shape.width + 0.15
    left, right = (egg((side * x, 0.8, -2.6), (0.75, 2.6, 1.5), 24, 30) for side in (1, -1))
    return left, right


def with_head(rest: Values) -> Values:
    """How much points of the neck (…, 3) go with the head, 1, and not with the torso, 0 (…)."""
    return smooth_step(rest[..., 1], _NECK_FOOT, _NECK_TOP)


def neck_paint(person: Likeness, rest: Values) -> tuple[Values, Values]:
    """Albedo (n, 3), linear, and gloss (n,): in the shadow of the chin, with a hint of the collarbones."""
    x, y, _ = rest.T
    shadow = 1 - 0.50 * smooth_step(y, -13.0, -9.6)
    sinew = 1 - 0.10 * np.exp(-0.5 * ((np.abs(x) - 0.35 * person.neck) / 0.5) ** 2)
    return linear(person.colours.skin) * (shadow * sinew)[:, None], np.full(len(rest), 0.06)


def ear_paint(person: Likeness, rest: Values) -> tuple[Values, Values]:
    """Albedo (n, 3), linear, and gloss (n,): redder within."""
    _, y, z = rest.T
    within = np.exp(-0.5 * (((y - 0.9) / 1.3) ** 2 + ((z + 2.3) / 0.7) ** 2))[:, None]
    skin, flush = linear(person.colours.skin), linear(person.colours.flush)
    return skin * 0.92 + 0.5 * within * (0.75 * flush - skin), np.full(len(rest), 0.10)


def cloth_paint(person: Likeness, rest: Values) -> tuple[Values, Values]:
    """Albedo (n, 3), linear, and gloss (n,): a trimmed collar, perhaps stripes."""
    x, y, z = rest.T
    cloth, trim = linear(person.colours.cloth), linear(person.colours.trim)
    share = smooth_step(y, -13.5, -13.3)
    if person.stripes:
        low = y + 0.012 * x**2
        share = np.maximum(share, smooth_step(np.abs(low + 19.6), 0.85, 0.65))
    weave = 1 + 0.05 * np.sin(1.1 * x + 0.8 * np.sin(0.6 * y)) * np.sin(0.7 * y + 0.4 * z)
    return (cloth + share[:, None] * (trim - cloth)) * weave[:, None], np.full(len(rest), 0.03)
