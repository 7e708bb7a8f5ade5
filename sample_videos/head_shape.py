"""The shape of a head at rest: a skull of rings with brow, eye sockets, nose, cheeks, lips and chin upon it.

Head frame of `FacePerformance`: centimetres, x to the subject's left, y up, z out of the face.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from sample_videos.rings import Ring, Skin, hill, sheet_triangles, skin_over, smooth_step

Curve = NDArray[np.float64]

_RINGS = (
    Ring(12.4, 0.1, -3.0, -3.2, -3.1),
    Ring(12.15, 2.5, -0.6, -5.6, -3.1),
    Ring(11.4, 4.5, 1.6, -8.0, -3.0),
    Ring(10.0, 6.1, 3.5, -10.3, -2.8),
    Ring(8.0, 7.05, 4.6, -11.8, -2.5),
    Ring(5.5, 7.4, 5.0, -12.4, -2.3),
    Ring(3.0, 7.35, 4.85, -12.3, -2.2),
    Ring(0.0, 7.0, 4.85, -11.6, -2.0),
    Ring(-3.0, 6.45, 4.95, -10.0, -1.8),
    Ring(-5.5, 5.6, 4.85, -7.6, -1.4),
    Ring(-7.4, 4.5, 4.6, -5.0, -0.8),
    Ring(-8.8, 3.2, 4.0, -3.0, -0.2),
    Ring(-9.55, 1.8, 2.9, -1.5, 0.5),
    Ring(-9.8, 0.1, 1.2, 1.0, 1.1),
)
_BULGE = 0.86
_FINE = 0.13  # centimetres between the rows and columns that eyes, nose and mouth lie on
_SLIT = 0.025  # half the gap between the lips at rest


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadShape:
    """What makes a head somebody's: centimetres, or multiples of the usual."""

    width: float = 1.0
    length: float = 1.0  # of the face below the eyes
    jaw: float = 1.0  # its width
    chin: float = 0.5  # how far it stands out
    nose: float = 2.5  # how far it stands out
    nose_width: float = 1.0
    nose_tip: float = -1.1  # y
    mouth: float = 2.5  # half its width
    mouth_y: float = -4.4
    upper_lip: float = 0.62  # height of the red
    lower_lip: float = 0.80
    eye: float = 1.42  # half its width
    eye_x: float = 3.2
    eye_y: float = 2.6
    eye_open: float = 0.92  # centimetres between the lids, usually
    brow_y: float = 4.6
    cheeks: float = 0.35  # how far they stand out

    @property
    def eyeball(self) -> float:
        """Radius: wide enough to be seen from corner to corner."""
        return 1.25 * self.eye

    def eyeball_centre(self, side: int) -> NDArray[np.float64]:
        """Of the eye at `side` (1 the subject's left, -1 the right)."""
        return np.array((side * self.eye_x, self.eye_y, 4.2 - self.eyeball))


def build_head(shape: HeadShape) -> Skin:
    """The skin of a head, cut between the lips: `split` is the lower lip's first row."""
    skull = build_skull(shape)
    x, y, z = np.moveaxis(skull.rest, 2, 0)
    forward = skull.rest[..., 2] - skull.rest[..., 2].min(1, keepdims=True)
    front = smooth_step(forward / forward.max(1, keepdims=True), 0.55, 0.80)
    raised = z + front * (_bone(shape, x, y) + _nose(shape, x, y) + _lips(shape, x, y))
    rest = np.stack((x, y, _over_eyeballs(shape, x, y, raised, front)), axis=2)
    rows, columns = rest.shape[:2]
    split = int(np.argmax(y[:, 0] < shape.mouth_y))
    triangles = sheet_triangles(rows, columns)
    upper = (triangles // columns).min(1) == split - 1
    lips = (np.abs(x.reshape(-1)[triangles]).max(1) <= shape.mouth) & (z.reshape(-1)[triangles].min(1) > 0)
    return Skin(rest, triangles[~(upper & lips)], split)


def build_skull(shape: HeadShape) -> Skin:
    """The head without a face, on the same rows and columns."""
    rings = tuple(_sized(ring, shape) for ring in _RINGS)
    slit = shape.mouth_y + np.array((_SLIT, -_SLIT))
    fine = np.concatenate((slit, _spread(shape.eye_y + 2.2, slit[0]), _spread(slit[1], shape.mouth_y - 2.6)))
    heights = _heights(rings, np.unique(fine)[::-1])
    across = np.linspace(-0.96, 0.96, round(2 * 7.0 / _FINE) + 1)
    front = np.arcsin(np.sign(across) * np.abs(across) ** (1 / _BULGE))
    rear = np.linspace(front[-1], 2 * np.pi + front[0], 70)[1:-1]
    return skin_over(rings, heights, np.concatenate((front, rear)), _BULGE)


def surface_point(head: Skin, x: float, y: float) -> NDArray[np.float64]:
    """The point of the face's front at these x and y, its z that of the nearest grid point."""
    apart = np.hypot(head.rest[..., 0] - x, head.rest[..., 1] - y) + 100 * (head.rest[..., 2] < 0)
    return np.array((x, y, head.rest.reshape(-1, 3)[int(apart.argmin()), 2]))


def _sized(ring: Ring, shape: HeadShape) -> Ring:
    low = float(smooth_step(np.array(ring.y), 0.0, -7.0))
    width = ring.half_width * shape.width * (1 + (shape.jaw - 1) * low)
    return replace(ring, y=ring.y * (shape.length if ring.y < 0 else 1.0), half_width=width)


def _spread(high: float, low: float) -> Curve:
    return np.linspace(high, low, round((high - low) / _FINE) + 1)


def _heights(rings: tuple[Ring, ...], wanted: Curve) -> Curve:
    """Rows at these y exactly, others coarser above and below."""
    dense = np.linspace(0, len(rings) - 1, 4000)
    y = PchipInterpolator(np.arange(len(rings)), [ring.y for ring in rings])(dense)
    fine = np.interp(-wanted, -y, dense)
    above = np.linspace(0, fine[0], 36)[:-1]
    below = np.linspace(fine[-1], len(rings) - 1, 30)[1:]
    return np.concatenate((above, fine, below))


def _bone(shape: HeadShape, x: Curve, y: Curve) -> Curve:
    """Brow ridges, cheekbones, chin and the fold above it."""
    side = np.abs(x)
    brow = 0.32 * hill(side - 2.6, y - shape.brow_y + 0.2, 1.7, 0.6)
    cheek = shape.cheeks * hill(side - 4.5, y - 0.2 * shape.length, 1.5, 1.6)
    mouth = shape.mouth_y
    chin = shape.chin * hill(x, y - (mouth - 3.9 * shape.length), 1.5, 1.0)
    fold = -0.32 * hill(x, y - (mouth - 1.75), 1.7, 0.45)
    teeth = 0.45 * hill(x, y - mouth, 2.3, 1.7)
    return np.asarray(brow + cheek + chin + fold + teeth)


def _nose(shape: HeadShape, x: Curve, y: Curve) -> Curve:
    """A ridge that rises from between the eyes to the tip, with a wing at either side."""
    top, tip = shape.eye_y + 1.4, shape.nose_tip
    at = (tip - 1.7, tip - 1.1, tip - 0.75, tip - 0.35, tip, tip + 0.5, tip + 1.6, shape.eye_y + 0.3, top)
    share = (0.0, 0.16, 0.62, 0.93, 1.0, 0.93, 0.66, 0.30, 0.0)
    ridge = np.interp(y, at, share)
    wide = np.interp(y, (tip - 1.2, tip, tip + 1.4, top), (1.0, 0.82, 0.66, 0.75)) * shape.nose_width
    bump = shape.nose * ridge * np.exp(-0.5 * (np.abs(x) / wide) ** 2.3)
    wings = 0.95 * hill(np.abs(x) - 1.28 * shape.nose_width, y - tip + 0.35, 0.42, 0.48)
    return np.asarray(bump + wings)


def _lips(shape: HeadShape, x: Curve, y: Curve) -> Curve:
    """Two rolls that thin out towards the corners, and the groove under the nose."""
    taper = np.sqrt(np.clip(1 - (x / shape.mouth) ** 2, 0, 1))
    above = 0.34 * np.exp(-0.5 * ((y - shape.mouth_y - 0.42) / 0.34) ** 2)
    below = 0.42 * np.exp(-0.5 * ((y - shape.mouth_y + 0.46) / 0.36) ** 2)
    corner = -0.18 * hill(np.abs(x) - shape.mouth, y - shape.mouth_y, 0.4, 0.35)
    groove = -0.10 * hill(x, y - shape.mouth_y - 1.25, 0.30, 0.5)
    return np.asarray(taper * (above + below) + corner + groove)


def _over_eyeballs(shape: HeadShape, x: Curve, y: Curve, z: Curve, front: Curve) -> Curve:
    """The lids lie on the eyeballs, the sockets around them a little back."""
    side, radius = np.abs(x) - shape.eye_x, shape.eyeball + 0.06
    up = y - shape.eye_y
    socket = z - 0.45 * front * hill(side + 0.2, up - 0.3, 1.7, 1.2)
    lid = shape.eyeball_centre(1)[2] + np.sqrt(np.maximum(radius**2 - side**2 - up**2, 0.01))
    near = smooth_step(np.hypot(side / 1.9, up / 1.35), 1.45, 0.65) * front
    return np.asarray(socket + near * (np.maximum(lid, socket - 0.30) - socket))
