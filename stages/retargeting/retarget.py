"""Lays one person's performance onto another's body and place: globally as in the paper, or limb by limb."""

import logging
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnknownChoice
from pipeline.values import Status, Track
from stages.retargeting.body import BodyStatistics
from stages.retargeting.choice import Mode, choose_mode
from stages.retargeting.floor import FloorLine, floor_line
from stages.retargeting.limbs import pose_by_limbs, world_by_limbs
from stages.retargeting.placement import place_by_shoulders, place_on_floor, size_by
from stages.retargeting.skeleton import ANKLES, GUESSED, HIPS, NOSE, SEEN, SHOULDERS

logger = logging.getLogger(__name__)

EDGE = 0.06  # of the picture's width at either side: hips and shoulders are wider than their joints
TRUNK = (NOSE, *SHOULDERS, *HIPS, *ANKLES)  # hands may leave a picture; these may not unnoticed


@dataclass(frozen=True, slots=True, kw_only=True)
class RetargetConfig:
    """How a performance is laid onto another body."""

    mode: Mode = "auto"
    tolerance: float = 0.08  # auto: proportions that differ by less count as alike
    smoothing: float = 0.15  # seconds: Gaussian over the floor line, and so over the paper's (b, scale)

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise UnknownChoice.among("mode of retargeting", self.mode, get_args(Mode))
        if self.tolerance < 0 or self.smoothing < 0:
            raise ValueError(
                f"RetargetConfig has tolerance {self.tolerance} and smoothing {self.smoothing}, expected 0 or more."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Retargeted:
    """A performance in the target's frame, and what is to be said of it in log and report."""

    track: Track  # width and height are the target's
    mode: Literal["global", "limbs"]
    anchor: Literal["floor", "shoulders"]  # what was put onto what
    reason: str  # one sentence
    clamped: float  # share of frames in which the source left its measured range of distances
    bridged: float  # share of frames without a foot seen on the floor: jumps, hidden feet
    outside: float  # share of frames in which trunk, head or feet leave the target's frame
    clamped_frames: NDArray[np.bool_]  # (n,): in which frames the source left its measured range of distances
    outside_frames: NDArray[np.bool_]  # (n,): in which trunk, head or feet leave the target's frame


def retarget(
    source: Track, source_stats: BodyStatistics, target: BodyStatistics, config: RetargetConfig | None = None
) -> Retargeted:
    """Lay a performance onto another person's body, place and frame. A clip laid onto itself stays what it is.

    Globally: one similarity a frame, the paper's normalisation with the corrections `place_on_floor` names. By limbs:
    the pose is rebuilt from the hips outwards on the target's bones, and the lower foot stands where the floor is;
    joints whose position means nothing are moved as a whole.

    Frames, times, confidences and statuses are the source's; nothing crosses a cut; missing poses stay missing.

    Args:
        source: the performance.
        source_stats: `measure_body` of it.
        target: `measure_body` of the clip the model was trained on.
        config: `RetargetConfig()` unless given.
    Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.3; the mode by limbs is ours.
    """
    config = config or RetargetConfig()
    line = _floor(source, source_stats, target, config.smoothing)
    mode, reason = _decide(source, source_stats, target, config)
    anchor: Literal["floor", "shoulders"] = "shoulders" if line is None else "floor"
    if line is None:
        placement = place_by_shoulders(len(source), source_stats, target)
        measure, _ = size_by(source_stats, target)
        reason += f"; placed by the shoulders and scaled by the {measure}: {_unseen_feet(source_stats, target)}"
    else:
        placement = place_on_floor(line, source_stats, target, legs=mode == "limbs")
    points, world = placement.move(source.points), source.world.astype(np.float64)
    if mode == "limbs":
        built = pose_by_limbs(source, source_stats, target, placement, by_floor=line is not None)
        points = np.where((source.confidence >= GUESSED)[..., None], built, points)
        world = world_by_limbs(source, source_stats, target)
    if (shift := into_the_picture(points, source, target)) and source_stats != target:
        points = points + np.array((shift, 0.0))
        reason += f"; moved {abs(shift):.0f} pixels to the {'right' if shift > 0 else 'left'} to stay in the picture"
    leaves = _leaves(points, source, target, anchor)
    result = Retargeted(
        track=_carried_over(source, points, world, target),
        mode=mode,
        anchor=anchor,
        reason=f"{reason}.",
        clamped=_share(placement.clamped, source),
        bridged=_share(np.ones(len(source), np.bool_) if line is None else ~line.standing, source),
        outside=_share(leaves, source),
        clamped_frames=placement.clamped,
        outside_frames=leaves,
    )
    _log(result)
    return result


def into_the_picture(points: NDArray[np.float64], source: Track, target: BodyStatistics) -> float:
    """How far to move a whole performance sideways, pixels, so that in most frames trunk and feet are in the picture.

    The smallest such distance; 0 where they are in it already. One for the whole clip: a correction that followed the
    dancer would make the feet slide.
    """
    joints = list(TRUNK)
    sure = (source.confidence[:, joints] >= SEEN) & (source.status != Status.MISSING)[:, None]
    columns = points[:, joints, 0]
    least = EDGE * target.width - np.where(sure, columns, np.inf).min(axis=1)
    most = (1 - EDGE) * target.width - 1 - np.where(sure, columns, -np.inf).max(axis=1)
    fits = (least <= most) & sure.any(axis=1)
    low, high = np.sort(least[fits]), np.sort(most[fits])
    moves = np.concatenate([[0.0], low, high])
    inside = np.searchsorted(low, moves, side="right") - np.searchsorted(high, moves, side="left")
    return float(min(moves[inside == inside.max()], key=abs))


def _floor(source: Track, stats: BodyStatistics, target: BodyStatistics, smoothing: float) -> FloorLine | None:
    if stats.body_height is None or stats.floor is None or target.floor is None:
        return None
    return floor_line(source, stats.body_height, smoothing)


def _decide(
    source: Track, stats: BodyStatistics, target: BodyStatistics, config: RetargetConfig
) -> tuple[Literal["global", "limbs"], str]:
    """The mode and the sentence that gives the reason, its full stop left open."""
    how = {"global": "as a whole", "limbs": "limb by limb"}
    if config.mode != "auto":
        return config.mode, f"Retargeted {how[config.mode]}, as asked"
    mode, why = choose_mode(source, stats, target, config.tolerance)
    return mode, f"Retargeted {how[mode]}: {why}"


def _unseen_feet(source: BodyStatistics, target: BodyStatistics) -> str:
    unseen = [name for name, body in (("source", source), ("target", target)) if body.floor is None]
    return (
        f"the feet are not seen in the {' and the '.join(unseen)}" if unseen else "no frame shows the source standing"
    )


def _carried_over(
    source: Track, points: NDArray[np.float64], world: NDArray[np.float64], target: BodyStatistics
) -> Track:
    missing = (source.status == Status.MISSING)[:, None, None]
    return replace(
        source,
        width=target.width,
        height=target.height,
        points=np.where(missing, source.points, points).astype(np.float32),
        world=np.where(missing, source.world, world).astype(np.float32),
    )


def _leaves(
    points: NDArray[np.float64], source: Track, target: BodyStatistics, anchor: Literal["floor", "shoulders"]
) -> NDArray[np.bool_]:
    """In which frames a joint of the trunk that the source shows leaves the target's frame; feet only by the floor."""
    joints = list(TRUNK if anchor == "floor" else (NOSE, *SHOULDERS))
    size = np.array((target.width, target.height)) - 0.5
    off = ((points[:, joints] < -0.5) | (points[:, joints] > size)).any(axis=2)
    return np.asarray((off & (source.confidence[:, joints] >= SEEN)).any(axis=1))


def _share(flags: NDArray[np.bool_], source: Track) -> float:
    present = source.status != Status.MISSING
    return float(flags[present].mean()) if present.any() else 0.0


def _log(result: Retargeted) -> None:
    logger.info(result.reason)
    if result.outside:
        logger.warning(
            "The performance leaves the target's frame in %.1f %% of the frames: the source moves farther than the "
            "target's picture is wide or high.",
            100 * result.outside,
        )
    if result.clamped:
        logger.warning(
            "In %.1f %% of the frames the source is nearer or farther than its statistics say; its size is held there.",
            100 * result.clamped,
        )
