"""The eyeballs behind the lids: where they look, and what a ray through the opening meets."""

import numpy as np

from sample_videos.complexion import Values, linear
from sample_videos.expression import Moment, lid_heights
from sample_videos.likeness import Likeness

_IRIS, _PUPIL = 0.64, 0.26  # radius, centimetres
_WHITE, _CORNER = (238, 234, 230), (196, 120, 112)


def iris_centre(person: Likeness, moment: Moment, side: int) -> Values:
    """Where the middle of an iris is, head frame: `look` half eye widths from the middle of the eye."""
    shape = person.shape
    right, up = moment.look_right * shape.eye, moment.look_up * shape.eye
    forward = np.sqrt(shape.eyeball**2 - right**2 - up**2)
    return np.asarray(shape.eyeball_centre(side) + np.array((right, up, forward)))


def eye_surface(person: Likeness, moment: Moment, side: int, eye: Values, rays: Values) -> tuple[Values, ...]:
    """What rays meet on an eyeball: albedo (n, 3), linear, normals (n, 3) in the head frame, and gloss (n,).

    Args:
        person: whose eye.
        moment: where it looks.
        side: 1 the subject's left eye, -1 the right.
        eye: the camera in the head frame (3,).
        rays: directions from it (n, 3).
    """
    shape = person.shape
    centre, radius = shape.eyeball_centre(side), shape.eyeball
    unit = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    towards = unit @ (eye - centre)
    inside = towards**2 - ((eye - centre) @ (eye - centre) - radius**2)
    points = eye + unit * (-towards - np.sqrt(np.maximum(inside, 0)))[:, None]
    normals = (points - centre) / np.linalg.norm(points - centre, axis=1, keepdims=True)
    low, high = lid_heights(shape, moment, side, points[:, 0])
    albedo = _colours(person, points, iris_centre(person, moment, side), side)
    shade = 0.56 + 0.44 * np.clip((high - points[:, 1]) / 0.42, 0, 1) ** 0.7
    shade *= 0.82 + 0.18 * np.clip((points[:, 1] - low) / 0.15, 0, 1)
    return albedo * shade[:, None], normals, np.full(len(points), 1.0)


def _colours(person: Likeness, points: Values, middle: Values, side: int) -> Values:
    """White, pink towards the nose; a dark-rimmed iris with rays; the pupil."""
    offset = points - middle
    apart = np.linalg.norm(offset, axis=1)
    inner = np.clip((person.shape.eye_x - side * points[:, 0]) / person.shape.eye, 0, 1)
    pink = (0.05 + 0.75 * np.clip(inner - 0.78, 0, 1) / 0.22)[:, None]
    white = linear(_WHITE) + pink * (linear(_CORNER) - linear(_WHITE))
    turn = np.arctan2(offset[:, 1], offset[:, 0])
    rays = 1 + 0.22 * np.sin(11 * turn + np.sin(5 * turn)) * np.clip((apart - _PUPIL) / 0.2, 0, 1)
    glow = 0.75 + 0.55 * np.clip((middle[1] - points[:, 1]) / _IRIS, -0.6, 1)
    rim = 1 - 0.72 * np.exp(-0.5 * ((apart - _IRIS) / 0.075) ** 2)
    iris = linear(person.colours.iris) * (rays * glow * rim)[:, None]
    cover = np.clip((_IRIS + 0.03 - apart) / 0.06, 0, 1)[:, None]
    pupil = np.clip((_PUPIL + 0.03 - apart) / 0.06, 0, 1)[:, None]
    return np.asarray((white + cover * (iris - white)) * (1 - 0.97 * pupil))
