"""How much of a performer's motion a clip shows: directions of arms, swing of legs, turns of the body, from its track.

What was never seen cannot be painted, so these are measured on the target before it is trained on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Status, Track
from stages.tracking.joints import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER

LEFT_WRIST, RIGHT_WRIST, LEFT_ANKLE, RIGHT_ANKLE = 15, 16, 27, 28
SURE = 0.5  # joints less sure than this show nothing
SECTORS = 12  # of 30° each, that the directions of arms are sorted into
LEAST_FRAMES = 3  # in a sector before it counts as seen: a single one may be the tracker's slip
EDGE = 5.0  # per cent of the frames that are left out at either end of a range, likewise
HEAD = 0.12  # of a body's height, above the eyes and below the ankles: what joints do not reach
BEHIND = 90.0  # degrees from facing the camera: farther, the back is seen

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseCoverage:
    """What of a body's motion was seen. Shares are of the frames that show the person."""

    height_pixels: float  # of the body in most frames; 0 where it is never seen
    height_share: float  # the same, of the picture's height
    whole_share: float  # frames in which both ankles and the shoulders are sure
    arm_sectors: int  # of 12, that the arm which moved less was seen in: from shoulder to wrist, to the spine
    leg_degrees: float  # range of the directions from hip to ankle, to the spine, of the leg that moved more
    turn_degrees: float  # range of the body's turns about the spine; 0 faces the camera, 180 shows the back
    behind_share: float  # frames in which the back is seen


def pose_coverage(track: Track) -> PoseCoverage:
    """Measure a track, cheaply: nothing is decoded."""
    present = seen_frames(track)
    points, sure = track.points[present].astype(np.float64), track.confidence[present] >= SURE
    spine = _between(points, LEFT_HIP, RIGHT_HIP) - _between(points, LEFT_SHOULDER, RIGHT_SHOULDER)
    torso = sure[:, [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]].all(axis=1)
    arms = ((LEFT_SHOULDER, LEFT_WRIST), (RIGHT_SHOULDER, RIGHT_WRIST))
    legs = ((LEFT_HIP, LEFT_ANKLE), (RIGHT_HIP, RIGHT_ANKLE))
    turns = _turns(track.world[present].astype(np.float64)[torso])
    height = _height(points, sure)
    return PoseCoverage(
        height_pixels=height,
        height_share=height / track.height,
        whole_share=_share(torso & sure[:, [LEFT_ANKLE, RIGHT_ANKLE]].all(axis=1)),
        arm_sectors=min(_sectors(_directions(points, limb, spine)[torso & sure[:, limb[1]]]) for limb in arms),
        leg_degrees=max(_range(_directions(points, limb, spine)[torso & sure[:, limb[1]]]) for limb in legs),
        turn_degrees=_range(turns),
        behind_share=_share(np.abs(turns) > BEHIND),
    )


def seen_frames(track: Track) -> Bools:
    """(n,): where the person is seen, or was just before and just after."""
    return np.isin(track.status, (Status.TRACKED, Status.INTERPOLATED))


def _between(points: F64, one: int, other: int) -> F64:
    return np.asarray((points[:, one] + points[:, other]) / 2)


def _directions(points: F64, limb: tuple[int, int], spine: F64) -> F64:
    """(n,) degrees, -180 … 180: of a limb in the picture, 0 along the spine downwards, so that leaning is no motion."""
    start, end = limb
    along = points[:, end] - points[:, start]
    cross = along[:, 1] * spine[:, 0] - along[:, 0] * spine[:, 1]
    dot = (along * spine).sum(axis=1)
    return np.asarray(np.degrees(np.arctan2(cross, dot)))


def _turns(world: F64) -> F64:
    """(n,) degrees, -180 … 180: how far the shoulders are turned from facing the camera."""
    across = world[:, LEFT_SHOULDER] - world[:, RIGHT_SHOULDER]
    return np.asarray(np.degrees(np.arctan2(across[:, 2], across[:, 0])))


def _sectors(degrees: F64) -> int:
    """How many sectors of a circle hold enough frames."""
    counts = np.bincount(((degrees + 180) / (360 / SECTORS)).astype(np.int64) % SECTORS, minlength=SECTORS)
    return int((counts >= LEAST_FRAMES).sum())


def _range(degrees: F64) -> float:
    """The arc that holds nearly all directions, counted from their mean; stray frames are left out."""
    if len(degrees) < LEAST_FRAMES:
        return 0.0
    middle = np.degrees(np.angle(np.exp(1j * np.radians(degrees)).mean()))
    around = (degrees - middle + 180) % 360 - 180
    low, high = np.percentile(around, (EDGE, 100 - EDGE))
    return float(high - low)


def _height(points: F64, sure: Bools) -> float:
    """Pixels, of the upright body: the highest to the lowest sure joint, and what lies beyond; the upper quartile."""
    known = sure.sum(axis=1) > 1
    if not known.any():
        return 0.0
    rows = np.where(sure, points[..., 1], np.nan)[known]
    extent = np.nanmax(rows, axis=1) - np.nanmin(rows, axis=1)
    return float(np.percentile(extent, 75) * (1 + HEAD))


def _share(frames: Bools) -> float:
    return float(frames.mean()) if len(frames) else 0.0
