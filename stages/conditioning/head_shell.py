"""Where on the head each pixel lies, hair, ears and all: on an egg around the skull that follows the head's pose.

The tracker's mesh ends at the forehead. What lies beyond it moves with the skull, so that an egg of about its shape and
size gives every curl a place of its own, which it keeps as the head turns. The egg is known in closed form: rays are
cut with it at the pixels' centres, and nothing is rasterised.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

REACH = 1.15  # of the egg's radii: so far from its middle a pixel still counts as the head's, for hair that stands off

# The egg's middle and radii, in half widths (across and to the front) and half heights of the neutral face. Of ten
# tried on a head with short curls the best is a fiftieth smaller: what some frames show of the hair fits others most.
_HIGHER, _BEHIND = 0.35, 0.19  # than the face's middle; than its rearmost points
_RADII = (1.15, 1.5, 1.22)


@dataclass(frozen=True, slots=True, eq=False)
class HeadShell:
    """An egg around a skull, upright in the head frame."""

    centre: NDArray[np.float64]  # (3,): cm, head frame
    radii: NDArray[np.float64]  # (3,): cm

    @classmethod
    def around(cls, neutral: NDArray[np.float32]) -> "HeadShell":
        """The shell of the head whose quiet face is (468, 3), cm, head frame."""
        low, high = neutral.min(axis=0).astype(np.float64), neutral.max(axis=0).astype(np.float64)
        (x, y, _), (wide, tall, _) = (low + high) / 2, (high - low) / 2
        centre = np.array([x, y + _HIGHER * tall, low[2] - _BEHIND * wide])
        return cls(centre, np.array([wide, tall, wide]) * _RADII)

    @property
    def corners(self) -> NDArray[np.float64]:
        """(8, 3): of a box that holds all that counts as the head's, cm, head frame."""
        signs = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        return np.asarray(self.centre + REACH * signs * self.radii)

    def draw(
        self,
        columns: NDArray[np.float64],
        rows: NDArray[np.float64],
        rotation: NDArray[np.float64],
        translation: NDArray[np.float64],
    ) -> NDArray[np.uint8]:
        """Draw the places that rays of sight meet.

        Args:
            columns, rows: (w,), (h,): the rays' slopes, right and up over forward.
            rotation, translation: (3, 3), (3,) cm: from the head frame to the camera's.

        Returns:
            (h, w, 3) uint8: x, y, z in radii from the middle, each 0..255 from -REACH to REACH: where a ray enters the
            egg, or passes it nearest. Black where that is farther away than REACH.
        """
        start = (-(translation @ rotation + self.centre) / self.radii).astype(np.float32)
        right, up, back = (rotation / self.radii).astype(np.float32)
        across, down = columns.astype(np.float32), rows.astype(np.float32)[:, None]
        # Rays go right · across + up · down - back, in radii: squares and products are sums over rows and columns.
        level, slope = (right @ right * across - 2 * (right @ back)) * across, 2 * (right @ up) * across
        squared = level + (slope + up @ up * down - 2 * (up @ back)) * down + back @ back
        along = start @ right * across + (start @ up * down - start @ back)
        inside = along * along - squared * (start @ start - 1)
        nearest = -(along + np.sqrt(np.maximum(inside, 0))) / squared
        away = start @ start + nearest * (2 * along + nearest * squared)
        seen = ((away < REACH**2) & (nearest > 0)).astype(np.uint8)
        codes = [
            (begin + nearest * (way_right * across - way_back + way_up * down)) * (127.5 / REACH) + 128
            for begin, way_right, way_up, way_back in zip(start, right, up, back, strict=True)
        ]
        return np.asarray(cv2.merge([code.clip(0, 255).astype(np.uint8) * seen for code in codes]))
