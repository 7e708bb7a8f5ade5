"""guard_swaps: undo short exchanges of left and right arms or legs, which single-frame networks are prone to."""

import numpy as np
from numpy.typing import NDArray

from stages.tracking.joints import ARMS, LEGS, torso_length

ADVANTAGE = 5.0  # exchanging must make the squared jump this many times smaller
LEAST_JUMP = 0.15  # and the jump must be at least this many torso lengths; smaller ones harm nobody
LONGEST_SWAP = 10  # frames; what stays exchanged for longer may as well be the truth

Paths = NDArray[np.float64]  # (n, 33, 5): x, y in pixels of the full frame; x, y, z in metres from the hips


def guard_swaps(
    paths: Paths, confidence: NDArray[np.float64], seen: NDArray[np.bool_], shot: NDArray[np.int32]
) -> tuple[Paths, NDArray[np.float64]]:
    """Exchange left and right where they were exchanged for a few frames; new arrays.

    A flip is a step between two seen frames where exchanging the limb pair would make its squared jump more than five
    times smaller. Frames between two flips at most ten frames apart are exchanged; a flip that is never undone stays,
    as nobody can tell which side of it is right.

    Args:
        paths: (n, 33, 5), see `Paths`; only the pixels decide.
        confidence: (n, 33), moves along.
        seen: (n,) whether the frame has joints at all.
        shot: (n,) numbers of shots; steps across cuts are no flips.
    Source: our own rule, with the factor 5 of the project's notes on filtering.
    """
    paths, confidence = paths.copy(), confidence.copy()
    index = np.flatnonzero(seen)
    if len(index) < 3:
        return paths, confidence
    points, same_shot = paths[index, :, :2], np.diff(shot[index]) == 0
    torso = torso_length(points)
    for pairs in (ARMS, LEGS):
        left, right = (list(side) for side in zip(*pairs, strict=True))
        flips = np.flatnonzero(_flips(points, left, right, torso) & same_shot) + 1
        for begin, end in _short_stretches(flips, index, shot):
            rows = index[begin:end, None]
            paths[rows, left + right] = paths[rows, right + left]
            confidence[rows, left + right] = confidence[rows, right + left]
    return paths, confidence


def _flips(
    points: NDArray[np.float64], left: list[int], right: list[int], torso: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(k-1,): whether exchanging the pair suits the step from a frame to the next far better than keeping it."""
    before, after = points[:-1], points[1:]
    kept = _squared(after[:, left + right] - before[:, left + right])
    exchanged = _squared(after[:, right + left] - before[:, left + right])
    large = kept > (LEAST_JUMP * torso[1:]) ** 2
    return np.asarray(large & (kept > ADVANTAGE * exchanged), dtype=np.bool_)


def _short_stretches(
    flips: NDArray[np.intp], index: NDArray[np.intp], shot: NDArray[np.int32]
) -> list[tuple[int, int]]:
    """Pairs (begin, end) of flips, from the first on, that lie close together in one shot."""
    stretches: list[tuple[int, int]] = []
    waiting: int | None = None
    for flip in flips.tolist():
        close = waiting is not None and index[flip] - index[waiting] <= LONGEST_SWAP
        if waiting is not None and close and shot[index[flip]] == shot[index[waiting]]:
            stretches.append((waiting, flip))
            waiting = None
        else:
            waiting = flip
    return stretches


def _squared(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, joints, 2) → (k,): mean squared length."""
    return np.asarray((steps**2).sum(axis=-1).mean(axis=-1), dtype=np.float64)
