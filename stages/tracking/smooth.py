"""smooth: paths without jitter, without lag, and with their turning points where they were."""

import math

import numpy as np
from numpy.typing import NDArray

from stages.tracking.gaps import shown_runs
from stages.tracking.swaps import Paths

_REACH = 3.0  # widths to each side that count
_LEAST_WEIGHT = 0.05  # of a sight with confidence 0: a run of them still gets a path
_RIDGE = 1e-6  # keeps the fit defined where a run has fewer than three frames; it then bends towards flat


def smooth(
    paths: Paths,
    confidence: NDArray[np.float64],
    status: NDArray[np.uint8],
    shot: NDArray[np.int32],
    seconds: NDArray[np.float64],
    width: float,
) -> Paths:
    """Each frame's joints from a parabola through its neighbourhood in time; new arrays.

    A Savitzky–Golay filter of order 2 for real footage: weights fall off as a Gaussian of standard deviation `width`
    seconds on both sides (so there is no lag), sights count by their confidence, frames lie where their times say
    (variable rate), and at both ends of a run the parabola leans to one side instead of padding. Parabolas keep a
    joint's turning points, which averages would cut. Runs end at cuts and at missing frames.

    Args:
        paths: (n, 33, 5), as of `guard_swaps`.
        confidence: (n, 33), 0 … 1.
        status: (n,) values of `Status`.
        shot: (n,) numbers of shots.
        seconds: (n,) times of the frames, rising.
        width: seconds; 0 returns the paths as they are.
    Source: local polynomial regression (Cleveland 1979, "Robust locally weighted regression", without its robustness).
    """
    smoothed = paths.copy()
    if width <= 0:
        return smoothed
    for rows in shown_runs(status, shot):
        smoothed[rows] = _parabolas(paths[rows], confidence[rows], seconds[rows], width)
    return smoothed


def _parabolas(
    paths: Paths, confidence: NDArray[np.float64], seconds: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Weighted least squares at every frame at once: moments (n, 33, 3, 3) and right sides (n, 33, 3, 5)."""
    count = len(paths)
    moments = np.zeros((*paths.shape[:2], 3, 3))
    sides = np.zeros((*paths.shape[:2], 3, paths.shape[2]))
    frames = np.arange(count)
    for offset in range(-_farthest(seconds, width), _farthest(seconds, width) + 1):
        here = frames[max(0, -offset) : count - max(0, offset)]
        there = here + offset
        apart = (seconds[there] - seconds[here]) / width
        weight = np.exp(-0.5 * apart**2)[:, None] * (_LEAST_WEIGHT + confidence[there])
        powers = apart[:, None] ** np.arange(3)  # 1, t, t²
        moments[here] += weight[..., None, None] * (powers[:, :, None] * powers[:, None, :])[:, None]
        sides[here] += weight[..., None, None] * powers[:, None, :, None] * paths[there][:, :, None, :]
    moments[..., [1, 2], [1, 2]] += _RIDGE
    return np.asarray(np.linalg.solve(moments, sides)[..., 0, :], dtype=np.float64)


def _farthest(seconds: NDArray[np.float64], width: float) -> int:
    """How many frames away the shortest spacing still lies within reach."""
    if len(seconds) < 2:
        return 0
    return min(len(seconds) - 1, math.ceil(_REACH * width / float(np.diff(seconds).min())))
