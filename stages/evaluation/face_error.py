"""How near a film's face is to the truth's: distances of re-tracked landmarks, and whether eyes and lids move alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.face_landmarks import IRIS_CENTRES, MESH_POINTS, OUTER_CANTHI
from pipeline.values import Box, FaceTrack, Status
from stages.retargeting.face_identity import usual_shape
from stages.retargeting.gaze import CLOSED, CLOSED_SHARE, lid_openings, read_gaze
from stages.retargeting.head_pose import pose_heads
from stages.retargeting.metric_camera import MetricCamera

STILL = 1e-3  # standard deviation of gaze or lids below which there is no motion to compare
FEWEST = 3  # frames that a correlation is taken over
# Of a face's width and height from brow to chin: what lies around the mesh and still is the head, hair and all.
BESIDE, ABOVE, BELOW = 0.3, 0.45, 0.15


@dataclass(frozen=True, slots=True)
class FaceError:
    """A film's face against the truth's. None: the truth does not show what the number is about."""

    landmark_error_pct: float | None  # mean over 478 points and frames, % of the distance of the outer eye corners
    gaze_across: float | None  # correlation with the truth's, -1 … 1: mean of both eyes, to the side
    gaze_up: float | None  # likewise upwards
    lids: float | None  # likewise of the lids' opening
    missed: int  # frames in which the truth shows a face and the film's tracker found none


def face_error(film: FaceTrack | None, truth: FaceTrack) -> FaceError:
    """Compare two tracks frame by frame, where both see the face.

    Landmarks are compared in the picture; the distance of the eye corners is that in space, as the tracker tells it, so
    that a turned head counts as a frontal one does. Gaze is compared where the truth's eyes are open, against the skull
    of the truth's usual shape.

    Args:
        film: its track, in pixels of its own frame; None where no face was found in any frame.
        truth: the true film's track.

    Raises:
        TrackError: the tracks are of different lengths.
    """
    seen = truth.status == Status.TRACKED
    if film is None:
        return FaceError(None, None, None, None, int(seen.sum()))
    if len(film) != len(truth):
        raise TrackError(
            "the film's track",
            f"{len(film)} frames, the truth's has {len(truth)}",
            "tracks of equal length",
            "Track the film and the truth of the same performance.",
        )
    both = seen & (film.status == Status.TRACKED)
    made, true = (one.points[both].astype(np.float64) for one in (film, truth))
    made = made * _scale(film, truth)
    away = _away(made, true)
    across, up = _gaze_correlations(made, true, MetricCamera(truth.width, truth.height))
    return FaceError(
        landmark_error_pct=float(100 * away.mean()) if both.any() else None,
        gaze_across=across,
        gaze_up=up,
        lids=_correlation(_openings(made), _openings(true)),
        missed=int((seen & (film.status != Status.TRACKED)).sum()),
    )


def landmark_errors(film: FaceTrack | None, truth: FaceTrack) -> NDArray[np.float64]:
    """The landmark error of every frame, %; (n,), NaN where not both see the face.

    Args: as of `face_error`, of equal length.
    """
    errors = np.full(len(truth), np.nan)
    if film is None:
        return errors
    both = (truth.status == Status.TRACKED) & (film.status == Status.TRACKED)
    made, true = (one.points[both].astype(np.float64) for one in (film, truth))
    errors[both] = 100 * _away(made * _scale(film, truth), true).mean(axis=1)
    return errors


def eye_corner_distance(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of faces (n, 478, 3): between the outer corners of the eyes, in space, pixels; (n,)."""
    return np.asarray(np.linalg.norm(points[:, OUTER_CANTHI[0]] - points[:, OUTER_CANTHI[1]], axis=-1))


def head_box(points: NDArray[np.float32], width: int, height: int) -> Box | None:
    """The head in the picture, hair included: landmarks (478, 3) of one frame → a box inside the frame.

    None where less than two pixels of it are in the frame.
    """
    skin = points[:MESH_POINTS, :2].astype(np.float64)
    low, high = skin.min(axis=0), skin.max(axis=0)
    across, tall = high - low
    left, right = max(0, round(low[0] - BESIDE * across)), min(width, round(high[0] + BESIDE * across))
    top, bottom = max(0, round(low[1] - ABOVE * tall)), min(height, round(high[1] + BELOW * tall))
    return Box(left, top, right, bottom) if right - left > 1 and bottom - top > 1 else None


def _scale(film: FaceTrack, truth: FaceTrack) -> tuple[float, float, float]:
    """From pixels of the film to those of the truth."""
    return truth.width / film.width, truth.height / film.height, truth.width / film.width


def _away(made: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances in the picture of landmarks (n, 478, 3), in distances of the truth's eye corners; (n, 478)."""
    away = np.linalg.norm(made[..., :2] - true[..., :2], axis=-1)
    return np.asarray(away / eye_corner_distance(true)[:, None])


def _gaze_correlations(
    made: NDArray[np.float64], true: NDArray[np.float64], camera: MetricCamera
) -> tuple[float | None, float | None]:
    """Across and up, of the frames (n, 478, 3) in which the truth's eyes are open."""
    openings = _openings(true)
    lifted = openings >= min(CLOSED, CLOSED_SHARE * float(np.median(openings))) if len(true) else np.zeros(0, np.bool_)
    if lifted.sum() < FEWEST:
        return None, None
    shape = usual_shape(camera.lift(true))
    here, there = (_gaze(points[lifted], shape, camera) for points in (made, true))
    return _correlation(here[:, 0], there[:, 0]), _correlation(here[:, 1], there[:, 1])


def _gaze(points: NDArray[np.float64], shape: NDArray[np.float64], camera: MetricCamera) -> NDArray[np.float64]:
    """Of every frame (n, 478, 3), pixels, of a face of known shape: the mean of both eyes, across and up; (n, 2).

    Told from where the skull is, not from the eyes' corners, which the tracker lets follow a glance up or down.
    """
    poses = pose_heads(camera.lift(points), shape)
    irises = camera.slopes(points[:, IRIS_CENTRES, :2])[:, :, None]
    return np.asarray(read_gaze(shape, irises, poses.rotation, poses.translation)[:, :, 0].mean(axis=1))


def _openings(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of every frame (n, 478, 3): lids over eye widths, the mean of both eyes; (n,)."""
    return np.asarray(lid_openings(points[:, :MESH_POINTS]).mean(axis=1))


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Pearson's; 0 where only the truth moves, None where the truth does not."""
    if len(other) < FEWEST or other.std() < STILL:
        return None
    return float(np.corrcoef(one, other)[0, 1]) if one.std() >= STILL else 0.0
