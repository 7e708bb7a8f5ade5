"""Bodies drawn by hand: their true sizes are in sight."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Status, Track


def standing(arm: float = 1.0, leg: float = 1.0) -> NDArray[np.float64]:
    """A person of height 1 (nose to ankles) whose floor is row 0, arms out to both sides, seen from the front."""
    points = np.zeros((33, 2))
    hips = -0.45 * leg
    for joint, x, y in (
        *((0, 0.0, -0.55), (2, 0.03, -0.58), (7, 0.06, -0.57), (9, 0.02, -0.52)),
        *((11, 0.12, -0.40), (13, 0.12 + 0.16 * arm, -0.40), (15, 0.12 + 0.30 * arm, -0.40)),
        *((17, 0.14 + 0.36 * arm, -0.40), (19, 0.12 + 0.36 * arm, -0.40), (21, 0.12 + 0.34 * arm, -0.42)),
    ):
        points[joint] = (x, y + hips)
    for joint, x, y in ((23, 0.08, 1.0), (25, 0.08, 0.5), (27, 0.08, 0.0), (29, 0.08, -0.02), (31, 0.10, -0.05)):
        points[joint] = (x, y * hips if y >= 0 else -y)
    points[[1, 3]] = points[2]
    mirrored = {4: 1, 5: 2, 6: 3, 8: 7, 10: 9, **{left + 1: left for left in range(11, 32, 2)}}
    for right, left in mirrored.items():
        points[right] = points[left] * (-1, 1)
    return points


def clip(poses: NDArray[np.float64], *, width: int = 360, height: int = 640, status: Status = Status.TRACKED) -> Track:
    """A track at 25 frames a second, every joint certain."""
    n = len(poses)
    return Track(
        width=width,
        height=height,
        times=tuple(Fraction(i, 25) for i in range(n)),
        points=poses.astype(np.float32),
        confidence=np.ones((n, 33), np.float32),
        world=np.pad(poses / 300, ((0, 0), (0, 0), (0, 1))).astype(np.float32),
        status=np.full(n, status, np.uint8),
        shot=np.zeros(n, np.int32),
    )


def still(size: float, x: float, floor: float, frames: int = 50, **body: float) -> NDArray[np.float64]:
    return np.tile(size * standing(**body) + (x, floor), (frames, 1, 1))
