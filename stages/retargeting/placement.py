"""Where a performance goes in the target's frame: the paper's (b, scale) for every frame, with an anchor that holds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.retargeting.body import BodyStatistics, FloorRange
from stages.retargeting.floor import FloorLine
from stages.retargeting.skeleton import Bone, Reals

BEYOND = 0.25  # of the source's range: farther out, distance is no longer extrapolated (EDN's rho clamped)


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """A similarity for every frame: p' = scale · (p - origin) + target."""

    origin: NDArray[np.float64]  # (n, 2) in the source's frame, pixels
    target: NDArray[np.float64]  # (n, 2) in the target's frame, pixels
    scale: NDArray[np.float64]  # (n,)
    nearness: NDArray[np.float64]  # (n,) size against the usual one, target's over source's
    clamped: NDArray[np.bool_]  # (n,) the source left its measured range by more than `BEYOND`

    def move(self, points: Reals) -> NDArray[np.float64]:
        """Carry points (n, k, 2) over; pixels."""
        return np.asarray(self.scale[:, None, None] * (points - self.origin[:, None]) + self.target[:, None])


def size_by(source: BodyStatistics, target: BodyStatistics) -> tuple[str, float]:
    """By what two bodies' sizes are compared, and how much larger the target appears: the height, else the torso."""
    if source.body_height is not None and target.body_height is not None:
        return "height", target.body_height / source.body_height
    torso, shoulders = (_ratio(source.bones[bone], target.bones[bone]) for bone in (Bone.TORSO, Bone.SHOULDERS))
    if torso is not None:
        return "torso", torso
    assert shoulders is not None  # measure_body refuses a body without
    return "width of the shoulders", shoulders


def overall_scale(source: BodyStatistics, target: BodyStatistics) -> float:
    """How much larger the target appears than the source."""
    return size_by(source, target)[1]


def bone_ratios(
    source: tuple[float | None, ...], target: tuple[float | None, ...], otherwise: float
) -> NDArray[np.float64]:
    """The target's lengths over the source's, (11,); `otherwise` for a bone that one of them never shows."""
    ratios = (_ratio(a, b) for a, b in zip(source, target, strict=True))
    return np.array([otherwise if ratio is None else ratio for ratio in ratios])


def leg_scale(source: BodyStatistics, target: BodyStatistics) -> float:
    """The ratio of the legs: steps and travel scaled by it leave a standing foot where it is."""
    legs = [body.bones[bone] for body in (source, target) for bone in (Bone.THIGH, Bone.SHIN)]
    if None in legs:
        return overall_scale(source, target)
    lengths = [length for length in legs if length is not None]
    return sum(lengths[2:]) / sum(lengths[:2])


def place_on_floor(line: FloorLine, source: BodyStatistics, target: BodyStatistics, *, legs: bool) -> Placement:
    """Put the source's floor on the target's: nearest to nearest, farthest to farthest.

    The anchor is the floor under the person in the current frame (the published program keeps the first frame's and
    so displaces the feet by (scale - 1) times what the floor moved). Beyond the measured range the floor goes on at
    the scale of its end, so a clip laid onto itself stays what it is everywhere.

    Args:
        line: the source's floor, frame by frame.
        source: statistics with a floor.
        target: statistics with a floor.
        legs: take the scale from the legs (for bodies rebuilt limb by limb) instead of from the heights.
    Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.3 and its published program.
    """
    assert source.floor is not None and target.floor is not None
    size = overall_scale(source, target)
    way = _way_across(line.y, source.floor, _part_used(source.floor, target.floor, size), size)
    nearness = target.floor.nearness(way.landing) / source.floor.nearness(way.row)
    scale = leg_scale(source, target) * nearness if legs else way.scale
    beyond = scale * (line.y - way.row)
    return Placement(
        origin=np.stack((np.full(line.y.size, source.centre_x), line.y), axis=1),
        target=np.stack((np.full(line.y.size, target.centre_x), way.landing + beyond), axis=1),
        scale=scale,
        nearness=nearness,
        clamped=way.clamped,
    )


def place_by_shoulders(frames: int, source: BodyStatistics, target: BodyStatistics) -> Placement:
    """Put the usual place of the shoulders on the target's, for clips that do not show the feet."""
    return Placement(
        origin=np.tile((source.shoulder_x, source.shoulder_y), (frames, 1)),
        target=np.tile((target.shoulder_x, target.shoulder_y), (frames, 1)),
        scale=np.full(frames, overall_scale(source, target)),
        nearness=np.ones(frames),
        clamped=np.zeros(frames, np.bool_),
    )


def _ratio(source: float | None, target: float | None) -> float | None:
    return None if source is None or target is None else target / source


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """Rows of one floor, held within its range, and where they lie on the other; all (n,)."""

    row: NDArray[np.float64]
    landing: NDArray[np.float64]
    scale: NDArray[np.float64]
    clamped: NDArray[np.bool_]


def _way_across(rows: NDArray[np.float64], here: FloorRange, there: FloorRange, size: float) -> _Way:
    """EDN's rho, b (as `landing` - `row`) and scale; one place and one scale for somebody who keeps her distance."""
    if here.flat:
        row, landing, scale = (np.full(rows.size, value) for value in (here.usual, there.usual, size))
        return _Way(row, landing, scale, np.zeros(rows.size, np.bool_))
    rho = (rows - here.far) / (here.close - here.far)
    inside = np.clip(rho, -BEYOND, 1 + BEYOND)
    far, close = there.h_far / here.h_far, there.h_close / here.h_close
    return _Way(
        row=here.far + inside * (here.close - here.far),
        landing=there.far + inside * (there.close - there.far),
        scale=far + inside * (close - far),
        clamped=np.asarray(rho != inside),
    )


def _part_used(source: FloorRange, target: FloorRange, size: float) -> FloorRange:
    """The part of the target's floor the source fills: all of it, or its middle where the source moves less."""
    needed = size * (source.close - source.far)
    if target.close - target.far <= needed:
        return target
    middle = (target.close + target.far) / 2
    close, far = middle + needed / 2, middle - needed / 2
    h_close, h_far = (float(height) for height in target.height_at(np.array((close, far))))
    return FloorRange(close=close, far=far, usual=target.usual, h_close=h_close, h_far=h_far)
