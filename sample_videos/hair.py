"""Hair over a skull: a shell that begins at the line of the hair, combed into a bun or full of curls."""

import numpy as np

from sample_videos.complexion import Values, linear
from sample_videos.head_shape import build_skull
from sample_videos.likeness import Likeness
from sample_videos.rings import Points, Skin, egg, smooth_step

# The line of the hair: at these turns from the front (radians) it lies this high (y, centimetres).
_TURNS = (0.0, 0.45, 0.80, 1.05, 1.25, 1.42, 1.60, 1.85, 2.20, np.pi)
_BUN_LINE = (8.7, 8.4, 7.4, 5.7, 3.7, 1.2, 2.6, 0.5, -5.0, -6.5)
_CURLS_LINE = (7.7, 7.6, 7.0, 5.0, 2.6, -0.6, 2.2, -0.5, -4.0, -5.5)


def build_hair(person: Likeness) -> tuple[Skin, ...]:
    """All there is of somebody's hair, at rest in the head frame."""
    skull = build_skull(person.shape)
    if person.hair == "bun":
        return _shell(skull, _BUN_LINE, np.array(0.75)), egg((0.0, 12.6, -6.2), (3.6, 3.3, 3.4), 40, 60)
    return (_shell(skull, _CURLS_LINE, 1.35 + 0.75 * _curls(skull.rest)),)


def hair_paint(person: Likeness, rest: Values) -> tuple[Values, Values]:
    """Albedo (n, 3), linear, and gloss (n,) of points of the resting hair (n, 3)."""
    x, y, z = rest.T
    dark, light = linear(person.colours.hair), linear(person.colours.hair_shine)
    if person.hair == "curls":
        curl = _curls(rest)
        albedo = dark * (0.35 + 0.9 * curl)[:, None] + light * (0.30 * curl**3)[:, None]
        return np.asarray(albedo), np.asarray(0.10 * curl)
    turn = np.arctan2(x, z + 4.0)
    wave = 23 * turn + 0.8 * np.sin(0.9 * y + 4 * turn)
    strands = 0.5 + 0.25 * np.sin(wave) + 0.15 * np.sin(2.7 * wave + 1) + 0.10 * np.sin(5.3 * wave + 2)
    band = np.exp(-0.5 * ((y - 9.6 + 0.4 * np.cos(3 * turn)) / 0.9) ** 2)
    share = 0.10 + 0.16 * strands + 0.30 * band * strands
    combed = dark * ((0.65 + 0.5 * strands) * (1 - share))[:, None] + light * share[:, None]
    return np.asarray(combed), np.asarray(0.12 + 0.2 * strands)


def _shell(skull: Skin, line: tuple[float, ...], thickness: Values) -> Skin:
    """The skull raised by `thickness` centimetres above the line of the hair, and sunk below it."""
    x, y, z = np.moveaxis(skull.rest, 2, 0)
    above = y - np.interp(np.abs(np.arctan2(x, z + 2.2)), _TURNS, line)
    raised = thickness * smooth_step(above, -0.15, 1.6) - 0.35 * smooth_step(above, 0.1, -0.5)
    raised -= 3.0 * smooth_step(above, -0.5, -3.5)  # out of the way of eyes and mouth
    outwards = skull.normals(skull.rest)
    shown = (above.reshape(-1)[skull.triangles] > -1.5).any(1)
    return Skin(skull.rest + outwards * raised[..., None], skull.triangles[shown])


def _curls(points: Points | Values) -> Values:
    """Round heaps, 1 on top, 0 in the gaps between them."""
    x, y, z = np.moveaxis(points, -1, 0)
    bent_x, bent_y, bent_z = x + 0.5 * np.sin(1.3 * y + z), y + 0.5 * np.sin(1.1 * z + x), z + 0.5 * np.sin(1.2 * x + y)
    heaps = np.sin(2.3 * bent_x) ** 2 + np.sin(2.2 * bent_y + 0.7) ** 2 + np.sin(2.4 * bent_z + 1.9) ** 2
    return np.asarray(smooth_step(heaps, 0.3, 2.4))
