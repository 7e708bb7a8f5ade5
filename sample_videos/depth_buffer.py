"""Which triangle of a mesh each pixel shows, found for all triangles of about one size at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIZES = (2, 3, 4, 6, 9, 14, 24, 48)  # pixels: triangles are tested in squares of these sides, larger ones in all


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The pixels that show something."""

    pixels: NDArray[np.intp]  # (n,): row · width + column
    triangle: NDArray[np.intp]  # (n,)
    weights: NDArray[np.float32]  # (n, 3): of its corners, corrected for perspective

    def mix(self, attribute: NDArray[np.float32], triangles: NDArray[np.int32]) -> NDArray[np.float32]:
        """What the corners carry (v, c), at the pixels (n, c)."""
        corners = triangles[self.triangle]
        return np.asarray(sum(self.weights[:, k, None] * attribute[corners[:, k]] for k in range(3)), np.float32)


def find_seen(points: NDArray[np.float64], triangles: NDArray[np.int32], width: int, height: int) -> Seen:
    """The nearest triangle behind each pixel's centre; triangles that turn their back are left out.

    Args:
        points: (v, 3) x, y in pixels, centres at integers; depth, positive.
        triangles: (t, 3) counter-clockwise seen from outside.
        width: of the picture, pixels.
        height: of the picture, pixels.
    """
    corners = points[triangles]
    (ax, ay), (bx, by), (cx, cy) = corners[:, 0, :2].T, corners[:, 1, :2].T, corners[:, 2, :2].T
    doubled = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)  # y points down: negative from the front
    low = np.ceil(corners[..., :2].min(1)).clip(0).astype(np.intp)
    high = np.floor(corners[..., :2].max(1)).clip(max=(width - 1, height - 1)).astype(np.intp)
    size = (high - low + 1).max(1)
    shown = (doubled < -1e-9) & (high >= low).all(1)
    found = []
    smaller = 0
    for side in (*_SIZES, max(width, height)):
        chosen = np.flatnonzero(shown & (size > smaller) & (size <= side))
        smaller = side
        if len(chosen):
            found.append(_inside(corners[chosen], chosen, low[chosen], doubled[chosen], side, (width, height)))
    return _nearest([np.concatenate(column) for column in zip(*found, strict=True)])


def _inside(
    corners: NDArray[np.float64],
    numbers: NDArray[np.intp],
    low: NDArray[np.intp],
    doubled: NDArray[np.float64],
    side: int,
    size: tuple[int, int],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.float32]]:
    """Pixel, triangle, depth and weights wherever one of these triangles covers a pixel of its square."""
    steps = np.arange(side)
    x = (low[:, 0, None, None] + steps[None, None, :]).astype(np.float64)
    y = (low[:, 1, None, None] + steps[None, :, None]).astype(np.float64)
    flat = []
    for k in range(3):
        one, other = corners[:, (k + 1) % 3, :2], corners[:, (k + 2) % 3, :2]
        along = other - one
        beside, above = x - one[:, 0, None, None], y - one[:, 1, None, None]
        flat.append((along[:, 0, None, None] * above - along[:, 1, None, None] * beside) / doubled[:, None, None])
    covered = (flat[0] >= 0) & (flat[1] >= 0) & (flat[2] >= 0) & (x < size[0]) & (y < size[1])
    which, row, column = np.nonzero(covered)
    shares = np.stack([part[covered] for part in flat], axis=1) / corners[which, :, 2]
    nearness = shares.sum(1)
    pixels = (low[which, 1] + row) * size[0] + low[which, 0] + column
    return pixels, numbers[which], 1 / nearness, (shares / nearness[:, None]).astype(np.float32)


def _nearest(found: list[NDArray[np.generic]]) -> Seen:
    pixels, triangle, depth, weights = found
    order = np.lexsort((triangle, depth, pixels))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(pixels[order].astype(np.intp)) > 0
    kept = order[first]
    return Seen(pixels[kept].astype(np.intp), triangle[kept].astype(np.intp), weights[kept].astype(np.float32))
