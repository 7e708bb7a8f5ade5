"""How near a film's performance is to the truth's: distances of re-tracked joints, in body heights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.values import FaceTrack, Status, Track

JOINTS = (0, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)  # nose, shoulders to wrists, hips to ankles
CONFIDENT = 0.5

# Distances that stand in for the height, nose to ankles, and how many make one: a grown body's usual proportions.
_HEIGHTS = (((0,), (27, 28), 1.0), ((11, 12), (23, 24), 3.0), ((11,), (12,), 4.2))


@dataclass(frozen=True, slots=True)
class PoseError:
    """A film's poses against the truth's."""

    error_pct: float | None  # mean distance, % of the body height; None where no joint is seen in both
    missed: int  # frames in which the truth shows a person and the film's tracker found none
    joints: int  # pairs of joints the mean was taken over


def pose_error(film: Track | None, truth: Track) -> PoseError:
    """Compare two tracks frame by frame, over the joints both see clearly.

    Args:
        film: its track, in pixels of its own frame; None where nobody was found in any frame.
        truth: the true film's track.

    Raises:
        TrackError: the tracks are of different lengths.
    """
    there = truth.status != Status.MISSING
    if film is None:
        return PoseError(None, int(there.sum()), 0)
    away, both = _distances(film, truth)
    height = body_height(truth)
    return PoseError(
        error_pct=float(100 * away[both].mean() / height) if both.any() and height is not None else None,
        missed=int((there & (film.status != Status.TRACKED)).sum()),
        joints=int(both.sum()),
    )


def pose_errors(film: Track | None, truth: Track) -> NDArray[np.float64]:
    """The pose error of every frame, % of the body height; (n,), NaN where no joint is seen in both.

    Args and errors: as of `pose_error`.
    """
    height = body_height(truth)
    if film is None or height is None:
        return np.full(len(truth), np.nan)
    away, both = _distances(film, truth)
    counts = both.sum(axis=1)
    return np.where(counts, 100 / height * (away * both).sum(axis=1) / np.maximum(counts, 1), np.nan)


def missed_frames(film: Track | FaceTrack | None, truth: Track | FaceTrack) -> NDArray[np.float64]:
    """(n,): 1 in frames that show somebody in the truth and nobody in the film, 0 in others, NaN with nobody due."""
    due = truth.status != Status.MISSING if isinstance(truth, Track) else truth.status == Status.TRACKED
    lost = np.ones(len(truth), np.bool_) if film is None else film.status != Status.TRACKED
    return np.where(due, lost.astype(np.float64), np.nan)


def body_height(track: Track) -> float | None:
    """Nose to ankles, median, pixels; where feet are unseen three torsos, else 4.2 shoulder widths; else None."""
    for one, other, times in _HEIGHTS:
        seen = track.confidence[:, [*one, *other]].min(axis=1) >= CONFIDENT
        if seen.mean() >= 0.3:
            lengths = np.linalg.norm(_middle(track.points, one) - _middle(track.points, other), axis=1)
            return times * float(np.median(lengths[seen]))
    return None


def _distances(film: Track, truth: Track) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of every frame's thirteen joints, in the truth's pixels, (n, 13); and whether both see them clearly."""
    if len(film) != len(truth):
        raise TrackError(
            "the film's track",
            f"{len(film)} frames, the truth's has {len(truth)}",
            "tracks of equal length",
            "Track the film and the truth of the same performance.",
        )
    joints = list(JOINTS)
    points = film.points[:, joints] * (truth.width / film.width, truth.height / film.height)
    away = np.linalg.norm(points - truth.points[:, joints].astype(np.float64), axis=2)
    return away, (film.confidence[:, joints] >= CONFIDENT) & (truth.confidence[:, joints] >= CONFIDENT)


def _middle(points: NDArray[np.float32], joints: tuple[int, ...]) -> NDArray[np.float64]:
    return np.asarray(points[:, list(joints)].mean(axis=1, dtype=np.float64))
