"""Rebuilds a performance on another person's bones, with the feet where the floor is."""

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Track
from stages.retargeting.body import BodyStatistics
from stages.retargeting.floor import lowest_ankle, shots
from stages.retargeting.placement import Placement, bone_ratios, leg_scale, overall_scale
from stages.retargeting.skeleton import GUESSED, HIPS, SEEN, SHOULDERS, UPPER_ARMS, Bone, middle, rebuild

KNEES = [25, 26]
BOWED = 0.03  # of a leg's length
SHRUGGED = 0.06  # of an upper arm's
LEG_ENDS = [27, 28]  # the ankles, left and right
LEGS = ((25, [27, 29, 31]), (26, [28, 30, 32]))  # knee; ankle, heel and toes that go along


def pose_by_limbs(
    track: Track, source: BodyStatistics, target: BodyStatistics, placement: Placement, *, by_floor: bool
) -> NDArray[np.float64]:
    """Every pose on the target's bones: (n, 33, 2) pixels of the target's frame.

    Each pose is carried as a whole by one point, which `placement` brings over: under the hips on the row of the lower
    ankle, so that a standing foot stays standing; or between the shoulders where feet are unseen. Joints whose position
    means nothing are bridged in time, because they carry others; what comes out for them means as little.

    Args:
        track: the performance.
        source: the performer's statistics.
        target: those of the person who shall perform it.
        placement: from one frame to the other.
        by_floor: carry by the feet; else by the shoulders.
    """
    points = _bridged(track)
    ratios = bone_ratios(source.bones, target.bones, overall_scale(source, target))
    built = rebuild(points, ratios) * placement.nearness[:, None, None]
    if by_floor:
        built = _with_the_stance_of(points, built, leg_scale(source, target) * placement.nearness)
    built[:, KNEES, 0] += placement.nearness[:, None] * knees_aside(source, target)
    _let_shoulders_follow(built, track, shoulders_further(source, target))
    held, hung = (_under_the_hips(pose) if by_floor else middle(pose, SHOULDERS) for pose in (points, built))
    return np.asarray(built + (placement.move(held[:, None])[:, 0] - hung)[:, None])


def world_by_limbs(track: Track, source: BodyStatistics, target: BodyStatistics) -> NDArray[np.float64]:
    """The world coordinates on the target's bones, metres (n, 33, 3); bones that one of them never shows stay."""
    ratios = bone_ratios(source.world_bones, target.world_bones, 1.0)
    return np.asarray(rebuild(track.world, ratios) + middle(track.world, HIPS)[:, None])


def knees_aside(source: BodyStatistics, target: BodyStatistics) -> NDArray[np.float64]:
    """How far to the right left and right knee have to move to lie beside their legs as the target's do, pixels.

    Trousers, skirts and bare legs make the tracker see knees beside the leg, on one body here, on another there. More
    than `BOWED` is no such error but how somebody moves, and stays.
    """
    thigh, shin = (target.bones[bone] for bone in (Bone.THIGH, Bone.SHIN))
    moves = np.zeros(len(KNEES))
    for side, (here, there) in enumerate(zip(source.knees, target.knees, strict=True)):
        if here is None or there is None or thigh is None or shin is None:
            continue
        move = there - leg_scale(source, target) * here
        if abs(move) <= BOWED * (thigh + shin):
            moves[side] = move
    return moves


def shoulders_further(source: BodyStatistics, target: BodyStatistics) -> float:
    """How much farther along the arm shoulders have to lie to follow arms as the target's do, in upper arms.

    Sleeves hide where a shoulder is: the tracker moves it with the arm, on one body more, on another less. More than
    `SHRUGGED` is no such error but how somebody moves, and stays.
    """
    here, there, arm = source.shoulders_follow, target.shoulders_follow, target.bones[Bone.UPPER_ARM]
    if here is None or there is None or arm is None:
        return 0.0
    ratios = bone_ratios(source.bones, target.bones, overall_scale(source, target))
    further = (there - here * float(ratios[Bone.TORSO] + ratios[Bone.SHOULDERS]) / 2) / arm
    return further if abs(further) <= SHRUGGED else 0.0


def _let_shoulders_follow(built: NDArray[np.float64], track: Track, further: float) -> None:
    """Move shoulders with their arms, from where they usually are, by `further` of an upper arm; in place."""
    for shoulder, elbow in UPPER_ARMS:
        sure = (track.confidence[:, [shoulder, elbow]] >= SEEN).all(axis=1)
        if sure.any():
            arm = built[:, elbow] - built[:, shoulder]
            built[:, shoulder] += further * (arm - arm[sure].mean(axis=0))


def _with_the_stance_of(
    points: NDArray[np.float64], built: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Move the feet to where the performer put them, sideways from the hips and in lengths of the leg.

    The width of the hips would else add to the stance: other hips, or hips that the tracker sees too wide in shorts,
    would set the feet apart, and a foot that stands would slide when the hips turn. The knee goes half of the way.
    """
    stance = points[:, LEG_ENDS, 0] - middle(points, HIPS)[:, None, 0]
    shift = scale[:, None] * stance - (built[:, LEG_ENDS, 0] - middle(built, HIPS)[:, None, 0])
    moved = built.copy()
    for side, (knee, foot) in enumerate(LEGS):
        moved[:, knee, 0] += shift[:, side] / 2
        moved[:, foot, 0] += shift[:, side, None]
    return moved


def _under_the_hips(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Below the middle of the hips, on the row of the lower ankle: (n, 2)."""
    return np.stack((middle(points, HIPS)[:, 0], lowest_ankle(points)), axis=1)


def _bridged(track: Track) -> NDArray[np.float64]:
    """The points with joints below `GUESSED` interpolated in time within their shot, where they are known at all."""
    points = track.points.astype(np.float64)
    for frames in shots(track):
        for joint in range(points.shape[1]):
            known = frames[track.confidence[frames, joint] >= GUESSED]
            if 0 < known.size < frames.size:
                for axis in range(2):
                    points[frames, joint, axis] = np.interp(frames, known, points[known, joint, axis])
    return points
