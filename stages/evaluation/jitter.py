"""How much tracked points tremble: the second difference of their places from frame to frame."""

import numpy as np
from numpy.typing import NDArray

from pipeline.values import FaceTrack, Status, Track
from stages.evaluation.face_error import eye_corner_distance
from stages.evaluation.pose_error import CONFIDENT, JOINTS, body_height

F64 = NDArray[np.float64]

STILL = 0.01  # %: added to both sides of a ratio, so that a still performance divides


def body_jitter(track: Track) -> F64:
    """Mean over joints of |p(t+1) - 2 p(t) + p(t-1)|, % of the body height; (n,).

    NaN where one of the three frames was not tracked, across a cut, at both ends, and where no joint is seen in all
    three. Motion that speeds up counts as well: compare with the same performance, filmed at the same rate.
    """
    joints, height = list(JOINTS), body_height(track)
    if height is None:
        return np.full(len(track), np.nan)
    seen = (track.confidence[:, joints] >= CONFIDENT) & (track.status == Status.TRACKED)[:, None]
    return _second_differences(track.points[:, joints].astype(np.float64), seen, track.shot) * 100 / height


def face_jitter(track: FaceTrack) -> F64:
    """The same of the 478 points of a face, % of the distance of the outer eye corners (median); (n,)."""
    tracked = track.status == Status.TRACKED
    if not tracked.any():
        return np.full(len(track), np.nan)
    size = float(np.median(eye_corner_distance(track.points[tracked].astype(np.float64))))
    seen = np.repeat(tracked[:, None], track.points.shape[1], axis=1)
    return _second_differences(track.points[..., :2].astype(np.float64), seen, track.shot) * 100 / size


def ratio(film: F64, other: F64, least: float = STILL) -> float | None:
    """Mean of one measure over that of another, both plus `least`, over frames that have both; None without any."""
    both = ~np.isnan(film) & ~np.isnan(other)
    if not both.any():
        return None
    return float((film[both].mean() + least) / (other[both].mean() + least))


def _second_differences(points: F64, seen: NDArray[np.bool_], shot: NDArray[np.int32]) -> F64:
    """(n, k, 2) points, (n, k) whether they are seen → (n,) mean length over points, pixels."""
    result = np.full(len(points), np.nan)
    if len(points) < 3:
        return result
    lengths = np.linalg.norm(points[2:] - 2 * points[1:-1] + points[:-2], axis=2)
    there = seen[2:] & seen[1:-1] & seen[:-2] & (shot[2:] == shot[:-2])[:, None]
    counts = there.sum(axis=1)
    result[1:-1] = np.where(counts, (lengths * there).sum(axis=1) / np.maximum(counts, 1), np.nan)
    return result
