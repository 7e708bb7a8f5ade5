"""Where the floor is under a dancer: the lower ankle where she stands, bridged in jumps and where feet are unseen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, percentile_filter

from pipeline.values import Status, Track
from stages.retargeting.skeleton import ANKLES, Reals, seen

JUMP_RISE = 0.04  # of the body height: a higher rise of the lower ankle is a jump, not a step
JUMP_WINDOW = 0.6  # seconds before and after, in one of which feet are on the floor at least a tenth of the time


@dataclass(frozen=True, slots=True, eq=False)
class FloorLine:
    """The floor under the person, frame by frame, in the picture."""

    y: NDArray[np.float64]  # (n,) pixels: the row on which the lower ankle would be, standing
    standing: NDArray[np.bool_]  # (n,): measured there; elsewhere bridged in time


def lowest_ankle(points: Reals) -> NDArray[np.float64]:
    """The row of the ankle that is lower in the picture: (n, 33, 2) → (n,), pixels (EDN's f)."""
    return np.asarray(points[:, list(ANKLES), 1].max(axis=1), np.float64)


def seconds_per_frame(track: Track) -> float:
    """The usual step between two frames; a clip of one frame has none and counts as 1/25."""
    steps = np.diff([float(time) for time in track.times])
    return float(np.median(steps)) if steps.size else 0.04


def standing_frames(track: Track, body_height: float) -> NDArray[np.bool_]:
    """In which frames both ankles are seen and one is on the floor: (n,).

    A jump is a rise of the lower ankle against the 90th percentile of the time before *and* of the time after; walking
    away from the camera also lifts the feet in the picture, but they do not come back.
    Source: methods for Everybody Dance Now 2019, sec. 3.3, which fails for jumps; the two-sided test is ours.
    """
    watched = np.asarray((track.status != Status.MISSING) & seen(track.confidence, ANKLES))
    line, step = lowest_ankle(track.points), seconds_per_frame(track)
    standing = watched.copy()
    for frames in shots(track):
        frames = frames[watched[frames]]
        if frames.size:
            standing[frames] = _rise(line[frames], step) <= JUMP_RISE * body_height
    return standing


def floor_line(track: Track, body_height: float, smoothing: float) -> FloorLine | None:
    """Follow the floor through a clip; None where no frame shows the person standing.

    Args:
        track: the poses; shots are kept apart.
        body_height: nose to ankles, pixels.
        smoothing: standard deviation of a Gaussian over time, seconds; 0 keeps the measured line.
    """
    standing = standing_frames(track, body_height)
    if not standing.any():
        return None
    measured = lowest_ankle(track.points)
    sigma = smoothing / seconds_per_frame(track)
    y = np.full(len(track), np.median(measured[standing]))
    for frames in shots(track):
        known = frames[standing[frames]]
        if known.size:
            bridged = np.interp(frames, known, measured[known])
            y[frames] = gaussian_filter1d(bridged, sigma, mode="nearest") if sigma > 0 else bridged
    return FloorLine(y, standing)


def shots(track: Track) -> list[NDArray[np.intp]]:
    """The frames of every shot, in order: nothing is carried across a cut."""
    return [np.flatnonzero(track.shot == number) for number in np.unique(track.shot)]


def _rise(line: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """How far the line stands above the floor of the time before and after, whichever is less; pixels, y down."""
    half = max(1, round(JUMP_WINDOW / step))
    size = 2 * (half // 2) + 1
    before = percentile_filter(line, 90, size=size, origin=size // 2, mode="nearest")
    after = percentile_filter(line, 90, size=size, origin=-(size // 2), mode="nearest")
    return np.asarray(np.minimum(before, after) - line)
