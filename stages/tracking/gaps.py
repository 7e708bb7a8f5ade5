"""reject_outliers and fill_gaps: joints that cannot be, and joints that are not there; no frame is ever dropped."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from pipeline.values import Status
from stages.tracking.joints import torso_length
from stages.tracking.swaps import Paths

WINDOW = 7  # frames of the median
SPREAD = 4.0  # median absolute deviations that a joint may lie off the median
FLOOR = 2.0  # pixels more that it may lie off always
TORSO_SHARE = 0.1  # of the torso's length, likewise
FADE = 0.9  # of the confidence on both sides that a filled joint keeps
OUTSIDE = 0.2  # the most confidence that a joint beyond the frame can have: the network only guesses there


def limit_outside(paths: Paths, confidence: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """The confidence (n, 33), at most 0.2 where a joint lies beyond the frame of `width` x `height` pixels."""
    x, y = paths[..., 0], paths[..., 1]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return np.where(inside, confidence, np.minimum(confidence, OUTSIDE))


def reject_outliers(
    paths: Paths, confidence: NDArray[np.float64], seen: NDArray[np.bool_], shot: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The confidence (n, 33), 0 where a joint lies more than 4·MAD + 2 px + a tenth of the torso off its median.

    Median and MAD (of the distances to it) are over 7 frames, cut at the ends of a shot; a joint needs 5 sights there
    to be judged. Distances are taken in the plane: judged by x and y apart, and without the share of the torso, the
    rule also threw out the turning points of fast arms.

    Args: as of `guard_swaps`.
    """
    kept = confidence.copy()
    for rows in shots(shot):
        points = np.where(seen[rows, None, None], paths[rows, :, :2], np.nan)
        windows = windows_around(points)
        median = seen_median(windows)
        spread = seen_median(np.hypot(*np.moveaxis(windows - median[..., None], 2, 0)))
        enough = (~np.isnan(windows[:, :, 0])).sum(axis=-1) >= 5
        away = np.hypot(*np.moveaxis(points - median, 2, 0))
        floor = FLOOR + TORSO_SHARE * torso_length(paths[rows, :, :2])[:, None]
        kept[rows] = np.where((away > SPREAD * spread + floor) & enough, 0.0, kept[rows])
    return kept


def fill_gaps(
    paths: Paths,
    confidence: NDArray[np.float64],
    seen: NDArray[np.bool_],
    shot: NDArray[np.int32],
    seconds: NDArray[np.float64],
    *,
    least_confidence: float,
    longest_gap: int,
    longest_hold: int,
) -> tuple[Paths, NDArray[np.float64], NDArray[np.uint8]]:
    """Paths, confidence and a `Status` for every frame; new arrays.

    Within a shot, frames between two seen ones at most `longest_gap` apart are interpolated with PCHIP, which does not
    overshoot; confidence runs straight between both sides, times 0.9. Up to `longest_hold` frames before the first and
    after the last sight repeat it. What is left is missing: confidence 0, paths 0. Then single joints below
    `least_confidence` are filled in the same way, where sure sights are as near on both sides; else the network's own
    guess stays.

    Args:
        paths, confidence, seen, shot: as of `guard_swaps`.
        seconds: (n,) times of the frames, rising.
    """
    filled, sure = np.zeros_like(paths), np.zeros_like(confidence)
    status = np.full(len(seen), Status.MISSING, dtype=np.uint8)
    for rows in shots(shot):
        if not seen[rows].any():
            continue
        status[rows] = _frame_status(seen[rows], longest_gap, longest_hold)
        present = status[rows] != Status.MISSING
        filled[rows][present], sure[rows][present] = _between_frames(
            paths[rows], confidence[rows], seen[rows], seconds[rows], present
        )
        _fill_joints(filled[rows], sure[rows], seen[rows], seconds[rows], least_confidence, longest_gap)
    return filled, sure, status


def shots(shot: NDArray[np.int32]) -> Iterator[slice]:
    """The frames of each shot."""
    edges = [0, *(np.flatnonzero(np.diff(shot)) + 1).tolist(), len(shot)]
    return (slice(begin, end) for begin, end in pairwise(edges) if begin < end)


def shown_runs(status: NDArray[np.uint8], shot: NDArray[np.int32]) -> Iterator[slice]:
    """Frames one after the other, of one shot, that show the person: what may be smoothed together."""
    for number in np.unique(shot):
        for begin, end in runs((shot == number) & (status != Status.MISSING)):
            yield slice(begin, end)


def runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return ((int(begin), int(end)) for begin, end in edges.reshape(-1, 2))


def _frame_status(seen: NDArray[np.bool_], longest_gap: int, longest_hold: int) -> NDArray[np.uint8]:
    status = np.where(seen, Status.TRACKED, Status.MISSING).astype(np.uint8)
    for begin, end in runs(~seen):
        if begin == 0:
            status[max(0, end - longest_hold) : end] = Status.HELD
        elif end == len(seen):
            status[begin : begin + longest_hold] = Status.HELD
        elif end - begin <= longest_gap:
            status[begin:end] = Status.INTERPOLATED
    return status


def _between_frames(
    paths: Paths,
    confidence: NDArray[np.float64],
    seen: NDArray[np.bool_],
    seconds: NDArray[np.float64],
    wanted: NDArray[np.bool_],
) -> tuple[Paths, NDArray[np.float64]]:
    """Paths and confidence of the wanted frames of one shot; beyond the first and last sight these are repeated."""
    known, between = seconds[seen], wanted & ~seen
    path, sure = paths.copy(), confidence.copy()
    if between.any():
        at = np.clip(seconds[between], known[0], known[-1])
        path[between] = PchipInterpolator(known, paths[seen])(at) if len(known) > 1 else paths[seen]
        sure[between] = FADE * np.stack([np.interp(at, known, column) for column in confidence[seen].T], axis=-1)
    return path[wanted], sure[wanted]


def _fill_joints(
    paths: Paths,
    confidence: NDArray[np.float64],
    seen: NDArray[np.bool_],
    seconds: NDArray[np.float64],
    least: float,
    longest_gap: int,
) -> None:
    """Fill short gaps of single joints of one shot, in the fresh arrays of `fill_gaps`."""
    unsure = (confidence < least) | ~seen[:, None]
    for joint in np.flatnonzero(unsure.any(axis=0)):
        known = np.flatnonzero(~unsure[:, joint])
        if len(known) < 2:
            continue
        curve = PchipInterpolator(seconds[known], paths[known, joint])
        for begin, end in runs(unsure[:, joint]):
            if begin > known[0] and end <= known[-1] and end - begin <= longest_gap:
                gap = slice(begin, end)
                paths[gap, joint] = curve(seconds[gap])
                sides = confidence[[begin - 1, end], joint]
                confidence[gap, joint] = FADE * np.interp(seconds[gap], seconds[[begin - 1, end]], sides)


def windows_around(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, k, 2) → (n, k, 2, 7): each frame with three before and after; NaN beyond the ends."""
    half = WINDOW // 2
    padded = np.pad(points, ((half, half), (0, 0), (0, 0)), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=0)


def seen_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis, of what is not NaN; NaN where all is. (numpy's own warns about the latter.)"""
    ordered = np.sort(values, axis=-1)  # NaN last
    count = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    high = np.minimum(high, values.shape[-1] - 1)
    middle = np.take_along_axis(ordered, low, axis=-1) + np.take_along_axis(ordered, high, axis=-1)
    return np.asarray(np.where(count[..., 0] > 0, middle[..., 0] / 2, np.nan), dtype=np.float64)
