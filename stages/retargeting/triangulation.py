"""place_points: where on a head points lie that were seen along rays, while the head turned as is known."""

import numpy as np
from numpy.typing import NDArray

from stages.retargeting.head_pose import PlacedHeads
from stages.retargeting.skeleton import Reals

FLAT = 0.05  # radians that a head turns to and fro, at which half of what rays tell of a depth is believed
REFITS = 5  # the first takes all frames alike: from a wrong guess, the turned ones would look wrong
UNLIKE = 2.0  # usual misses: what misses by so much counts half
NOISE = 0.03  # cm: so much any tracker misses by
_TOGETHER = 64  # points at a time

Floats = NDArray[np.float64]


def place_points(heads: PlacedHeads, slopes: Reals, guess: Reals, weight: Reals) -> NDArray[np.float64]:
    """Where points lie: (k, 3) cm, head frame.

    What rays leave open, the depth of all points on a head that never turns, stays as guessed.

    Args:
        heads: n.
        slopes: (n, k, 2) rays along which the points were seen, from `MetricCamera.slopes`.
        guess: (k, 3) cm, head frame.
        weight: (n,) how much each frame counts, not all 0.
    Source: Hartley & Zisserman 2004, "Multiple View Geometry", sec. 12.2 (linear triangulation), robustly weighted.
    """
    found = [
        _place(heads, slopes[:, start : start + _TOGETHER], guess[start : start + _TOGETHER], weight)
        for start in range(0, len(guess), _TOGETHER)
    ]
    return np.concatenate(found)


def _place(heads: PlacedHeads, slopes: Reals, guess: Reals, weight: Reals) -> Floats:
    """A ray (a, b, -1) asks of a point X that R₀·X + t₀ + a·(R₂·X + t₂) = 0, and likewise of its height."""
    rays = slopes.transpose(1, 2, 0)  # (k, 2, n)
    rows = heads.rotation[:, :2].transpose(1, 0, 2) + rays[..., None] * heads.rotation[:, 2]  # (k, 2, n, 3)
    moved = heads.translation[:, :2].T + rays * heads.translation[:, 2]
    count = len(guess)
    rows, misses = rows.reshape(count, -1, 3), -moved.reshape(count, -1, 1)
    misses -= rows @ guess[:, :, None]
    counted = np.tile(weight, 2)[None, :, None]
    left = np.zeros_like(misses)
    for _ in range(REFITS):
        usual = np.maximum(np.median(left, axis=1, keepdims=True), NOISE)
        share = counted / (1 + (left / (UNLIKE * usual)) ** 2)
        weighted = (rows * (share / share.sum(axis=1, keepdims=True))).transpose(0, 2, 1)
        move = np.linalg.solve(weighted @ rows + FLAT**2 * np.eye(3), weighted @ misses)
        left = np.abs(misses - rows @ move)
    return np.asarray(guess + move[..., 0], np.float64)
