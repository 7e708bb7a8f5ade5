"""What a face does in one moment, and how the skin of any head follows it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sample_videos.head_shape import HeadShape
from sample_videos.rings import hill, smooth_step

_JAW_DEGREES = 19.0  # the jaw's turn when it is wide open
_HINGE = np.array((0.0, -0.5, -3.0))  # where it turns, centimetres in the head frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Everything about a moment that does not depend on whose head it is."""

    yaw: float = 0.0  # degrees to the picture's right
    pitch: float = 0.0  # degrees up
    roll: float = 0.0  # degrees, counter-clockwise in the picture
    across: float = 0.0  # shift to the right, in distances between the camera and the head
    up: float = 0.0
    nearer: float = 0.0
    jaw: float = 0.0  # 0 closed … 1 wide open
    smile: float = 0.0  # -1 corners down … 1
    brows: float = 0.0  # -1 lowered … 1 raised
    pucker: float = 0.0  # 0 … 1 as in "oo"
    look_right: float = 0.0  # the iris from the eye's middle, half eye widths, towards the picture's right
    look_up: float = 0.0
    lid_right: float = 1.0  # the subject's right: 0 closed, 1 usual
    lid_left: float = 1.0

    @property
    def turn(self) -> Rotation:
        """The head's rotation away from rest, in the camera frame."""
        return Rotation.from_euler("YXZ", (self.yaw, -self.pitch, self.roll), degrees=True)

    def lid(self, side: int) -> float:
        """Of the eye at `side`: 1 the subject's left, -1 the right."""
        return self.lid_left if side > 0 else self.lid_right


def moved(points: NDArray[np.float64], shape: HeadShape, moment: Moment) -> NDArray[np.float64]:
    """Where points of the resting skin (…, 3) are when the face does this; same frame, centimetres."""
    x, y, z = np.moveaxis(points, -1, 0)
    side, front = np.sign(x), smooth_step(z, -1.0, 2.0)
    across, above = np.abs(x), y - shape.mouth_y
    corner = front * hill(across - shape.mouth, above, 1.25, 1.15)
    cheek = front * hill(across - 4.3, above - 3.4, 1.5, 1.2)
    brow = front * hill(across - 3.0, y - shape.brow_y - 0.1, 2.4, 1.05)
    mouth = front * hill(x, above, 1.9, 1.25)
    smile, sad = max(moment.smile, 0.0), max(-moment.smile, 0.0)
    dx = side * corner * (0.75 * smile + 0.05 * sad) - 0.36 * moment.pucker * x * mouth + 0.12 * side * cheek * smile
    dy = corner * (0.62 * smile - 0.55 * sad) + 0.30 * cheek * smile + 0.62 * brow * moment.brows
    dz = -0.40 * corner * smile + 0.32 * cheek * smile + 0.55 * moment.pucker * mouth
    shifted = points + np.stack((dx, dy, dz), axis=-1)
    open_jaw = Rotation.from_euler("x", _JAW_DEGREES * moment.jaw, degrees=True)
    dropped = open_jaw.apply((shifted - _HINGE).reshape(-1, 3)).reshape(points.shape) + _HINGE
    share = _jaw_share(shape, x, y, z)[..., None]
    return np.asarray(shifted + share * (dropped - shifted))


def with_jaw(points: NDArray[np.float64], moment: Moment) -> NDArray[np.float64]:
    """Where points that are fixed to the jaw (…, 3) go when it opens: teeth, tongue."""
    open_jaw = Rotation.from_euler("x", _JAW_DEGREES * moment.jaw, degrees=True)
    return np.asarray(open_jaw.apply((points - _HINGE).reshape(-1, 3)).reshape(points.shape) + _HINGE)


def lid_heights(
    shape: HeadShape, moment: Moment, side: int, x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rims of the lower and the upper lid over the resting skin's x, as y; equal where the eye is closed.

    The upper lid follows a glance up or down; a smile lifts the lower one.
    """
    place = np.clip((x - side * shape.eye_x) / shape.eye, -1, 1) * side  # -1 the inner corner, 1 the outer one
    base = shape.eye_y + 0.07 * place
    arch = np.clip(1 - place**2, 0, 1) ** 0.75
    wide = moment.lid(side) * (1 + 0.06 * max(moment.brows, 0.0) + 0.32 * moment.look_up)
    lower = base - shape.eye_open * arch * (0.42 - 0.10 * max(moment.smile, 0.0) - 0.10 * moment.look_up)
    opening = shape.eye_open * arch * max(wide, 0.0) * (1 - 0.10 * max(moment.smile, 0.0))
    skew = 1 - 0.12 * place  # highest a little towards the nose
    return np.asarray(lower), np.asarray(lower + opening * skew)


def _jaw_share(
    shape: HeadShape, x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much of the jaw's turn the skin makes: all at the lower lip and chin, none at the upper lip."""
    above = y - shape.mouth_y
    between = np.sqrt(np.clip(1 - (x / shape.mouth) ** 2, 0, 1)) * smooth_step(z, 0.0, 2.0)
    beside = smooth_step(above, 1.3, -3.2)
    return np.where(above > 0, (1 - between) * beside, between + (1 - between) * beside)
