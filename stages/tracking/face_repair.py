"""repair_face: from what single frames showed to a track: cuts, outliers, gaps, jitter, in order."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import FACE_POINTS, INNER_LIPS, LEFT_EYE, MESH_POINTS, OUTER_LIPS, RIGHT_EYE, RIGID_POINTS
from pipeline.values import FaceTrack
from stages.tracking.cuts import CUT_DISTANCE, find_cuts
from stages.tracking.face_shoulders import fill_shoulders
from stages.tracking.face_triangles import face_triangles
from stages.tracking.gaps import FLOOR, SPREAD, fill_gaps, seen_median, shots, windows_around
from stages.tracking.smooth import smooth

FACE_SHARE = 0.1  # of the face's size that its points may lie off their median always
LEAST_SIGHTS = 5  # of seven frames, for one of them to be judged


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRepairConfig:
    """How much of what is missing or shaky is made up for."""

    smoothing: float = 0.07  # seconds: standard deviation of the smoother's window; 0 leaves the points as read
    quick_smoothing: float = 0.02  # seconds, likewise, of lids, irises and lips against the head: blinks stay deep
    shoulder_smoothing: float = 0.2  # seconds, likewise; what reads them guesses anew at every turn of the head
    longest_gap: int = 10  # frames without the face that are interpolated at most
    longest_hold: int = 5  # frames before the first and after the last sight that repeat it at most
    cut_distance: float = CUT_DISTANCE  # 0 … 1: a picture with less colour in common with the last begins a new shot

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) >= 0:
                raise ValueError(f"FaceRepairConfig.{name} is {getattr(self, name)}, expected 0 or more")


@dataclass(frozen=True, slots=True, eq=False)
class RawFaceTrack:
    """What n single frames showed, before any repair."""

    times: tuple[Fraction, ...]  # n, seconds since the clip's first frame
    points: NDArray[np.float64]  # (n, 478, 3): x, y, z in pixels; 0 where not seen
    confidence: NDArray[np.float64]  # (n,): 0 … 1
    seen: NDArray[np.bool_]  # (n,): whether the face was found in the frame
    distances: NDArray[np.float64]  # (n,): of each picture from the one before, see `signature_distance`
    shoulders: NDArray[np.float64]  # (n, 2, 3), see `read_shoulders`; NaN where nobody looked


def repair_face(raw: RawFaceTrack, width: int, height: int, config: FaceRepairConfig) -> FaceTrack:
    """A track with one status for every frame, of a clip of `width` x `height` pixels.

    Within a shot, gaps of up to `longest_gap` frames are interpolated with PCHIP, up to `longest_hold` frames before
    the first and after the last sight repeat it, and what is left is missing: points and confidence 0.
    """
    seconds = np.array([float(time) for time in raw.times])
    shot = find_cuts(raw.distances, config.cut_distance)
    seen = raw.seen & ~face_outliers(raw.points, raw.seen, shot)
    paths, confidence, status = fill_gaps(
        raw.points.reshape(len(seen), 1, -1),  # all points of a face come and go together: one joint of many numbers
        raw.confidence[:, None],
        seen,
        shot,
        seconds,
        least_confidence=0.0,
        longest_gap=config.longest_gap,
        longest_hold=config.longest_hold,
    )

    def smoothed(points: NDArray[np.float64], width: float) -> NDArray[np.float64]:
        flat = points.reshape(len(points), 1, -1)
        return smooth(flat, confidence, status, shot, seconds, width).reshape(points.shape)

    points = paths.reshape(raw.points.shape)
    middle = points[:, RIGID_POINTS].mean(axis=1, keepdims=True)
    steady = smoothed(points, config.smoothing)
    quick = smoothed(points - middle, config.quick_smoothing) + smoothed(middle, config.smoothing)
    share = quick_share()[:, None]
    return FaceTrack(
        width=width,
        height=height,
        times=raw.times,
        points=(share * quick + (1 - share) * steady).astype(np.float32),
        confidence=np.clip(confidence[:, 0], 0, 1).astype(np.float32),
        shoulders=fill_shoulders(raw.shoulders, status, shot, seconds, config.shoulder_smoothing).astype(np.float32),
        status=status,
        shot=shot,
    )


def face_outliers(points: NDArray[np.float64], seen: NDArray[np.bool_], shot: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(n,): frames whose face lies off its neighbours' median, as `reject_outliers` judges a body's joints.

    The skull alone is looked at, and half of its points must be more than 4·MAD + 2 px + a tenth of the face off: a
    blink or a word is over in fewer frames than a median forgives.
    """
    wrong = np.zeros(len(seen), dtype=np.bool_)
    for rows in shots(shot):
        skull = np.where(seen[rows, None, None], points[rows][:, RIGID_POINTS, :2], np.nan)
        windows = windows_around(skull)
        median = seen_median(windows)
        spread = seen_median(np.hypot(*np.moveaxis(windows - median[..., None], 2, 0)))
        enough = (~np.isnan(windows[:, 0, 0])).sum(axis=-1) >= LEAST_SIGHTS
        away = np.hypot(*np.moveaxis(skull - median, 2, 0))
        size = np.ptp(points[rows][:, :MESH_POINTS, :2], axis=1).max(axis=1)
        far = away > SPREAD * spread + FLOOR + FACE_SHARE * size[:, None]
        wrong[rows] = enough & (far.mean(axis=1) > 0.5)
    return wrong


@cache
def quick_share() -> NDArray[np.float64]:
    """(478,): how much each point belongs to what moves quickly: 1 at irises, lids and lips, 0.5 two edges away, 0."""
    share = np.zeros(FACE_POINTS)
    share[[*RIGHT_EYE, *LEFT_EYE, *OUTER_LIPS, *INNER_LIPS]] = 1
    triangles = face_triangles()
    for level in (1.0, 0.5):
        near = np.unique(triangles[(share[triangles] > 0).any(axis=1)])
        share[near] = np.maximum(share[near], level)
    share[MESH_POINTS:] = 1
    return share
