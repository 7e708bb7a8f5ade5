"""The body as bones: which joints each one joins, how long it shows, how to rebuild a pose on other bones."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating[Any]]

NOSE = 0
SHOULDERS = (11, 12)  # left, right, as everywhere: the subject's own left comes first
HIPS = (23, 24)
ANKLES = (27, 28)
LEFT_LEG, RIGHT_LEG = (23, 25, 27), (24, 26, 28)  # hip, knee, ankle
UPPER_ARMS = ((11, 13), (12, 14))  # shoulder, elbow
LIMB_JOINTS = (11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)

SEEN = 0.5  # confidence from which a joint is measured
GUESSED = 0.1  # below it a position means nothing; between the two it is the tracker's plausible guess

_Ends = tuple[tuple[int, ...], tuple[int, ...]]


class Bone(IntEnum):
    """The lengths that tell two bodies apart; the left and the right of a person are taken as equal."""

    HIPS = 0  # left hip to right hip
    TORSO = 1  # between the hips to between the shoulders
    SHOULDERS = 2  # left shoulder to right shoulder
    NECK = 3  # between the shoulders to the nose
    HEAD = 4  # ear to ear
    UPPER_ARM = 5
    FOREARM = 6
    HAND = 7  # wrist to the root of the index finger
    THIGH = 8
    SHIN = 9
    FOOT = 10  # ankle to the tip of the foot


# Each bone's two ends, once per side; an end of several joints is their middle.
_ENDS: dict[Bone, tuple[_Ends, ...]] = {
    Bone.HIPS: (((23,), (24,)),),
    Bone.TORSO: ((HIPS, SHOULDERS),),
    Bone.SHOULDERS: (((11,), (12,)),),
    Bone.NECK: ((SHOULDERS, (NOSE,)),),
    Bone.HEAD: (((7,), (8,)),),
    Bone.UPPER_ARM: (((11,), (13,)), ((12,), (14,))),
    Bone.FOREARM: (((13,), (15,)), ((14,), (16,))),
    Bone.HAND: (((15,), (19,)), ((16,), (20,))),
    Bone.THIGH: (((23,), (25,)), ((24,), (26,))),
    Bone.SHIN: (((25,), (27,)), ((26,), (28,))),
    Bone.FOOT: (((27,), (31,)), ((28,), (32,))),
}

# From the trunk outwards: the bone whose length counts, the joint it hangs from, the joints it carries.
_OUTWARDS: tuple[tuple[Bone, int, tuple[int, ...]], ...] = (
    (Bone.HEAD, NOSE, tuple(range(1, 11))),
    (Bone.UPPER_ARM, 11, (13,)),
    (Bone.UPPER_ARM, 12, (14,)),
    (Bone.FOREARM, 13, (15,)),
    (Bone.FOREARM, 14, (16,)),
    (Bone.HAND, 15, (17, 19, 21)),
    (Bone.HAND, 16, (18, 20, 22)),
    (Bone.THIGH, 23, (25,)),
    (Bone.THIGH, 24, (26,)),
    (Bone.SHIN, 25, (27,)),
    (Bone.SHIN, 26, (28,)),
    (Bone.FOOT, 27, (29, 31)),
    (Bone.FOOT, 28, (30, 32)),
)


def middle(points: Reals, joints: Sequence[int]) -> NDArray[np.float64]:
    """The middle of some joints: (n, 33, d) → (n, d), in the points' own unit."""
    return np.asarray(points[:, list(joints)].mean(axis=1, dtype=np.float64))


def seen(confidence: Reals, joints: Sequence[int], least: float = SEEN) -> NDArray[np.bool_]:
    """In which frames all these joints are seen: (n, 33) → (n,)."""
    return np.asarray(confidence[:, list(joints)].min(axis=1) >= least)


def bone_samples(points: Reals, confidence: Reals, bone: Bone) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How long a bone shows in every frame, both sides: (n, 33, d) → lengths (n, s) and whether both ends are seen.

    In the picture (d = 2) that is the projection, never longer than the bone; in world coordinates (d = 3) the bone.
    """
    lengths = [np.linalg.norm(middle(points, a) - middle(points, b), axis=1) for a, b in _ENDS[bone]]
    visible = [seen(confidence, (*a, *b)) for a, b in _ENDS[bone]]
    return np.stack(lengths, axis=1), np.stack(visible, axis=1)


def rebuild(points: Reals, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same poses on other bones, from the hips outwards: every bone keeps its direction and its foreshortening.

    A bone's projection over its own full length is its foreshortening; times the other body's length it is the new
    projection. So each difference between two joints is multiplied by the ratio of the two lengths, and nothing else:
    ratios of 1 give the same pose back. Face, hands and feet keep their form and take the size of their bone.

    Args:
        points: (n, 33, d) in any unit.
        ratios: (11,) the other body's length over this one's, in the order of `Bone`.

    Returns:
        (n, 33, d) with the middle of the hips at the origin.
    """
    hips, shoulders = middle(points, HIPS), middle(points, SHOULDERS)
    neck = ratios[Bone.TORSO] * (shoulders - hips)
    built = np.empty(points.shape, np.float64)
    for joint in HIPS:
        built[:, joint] = ratios[Bone.HIPS] * (points[:, joint] - hips)
    for joint in SHOULDERS:
        built[:, joint] = neck + ratios[Bone.SHOULDERS] * (points[:, joint] - shoulders)
    built[:, NOSE] = neck + ratios[Bone.NECK] * (points[:, NOSE] - shoulders)
    for bone, parent, children in _OUTWARDS:
        for child in children:
            built[:, child] = built[:, parent] + ratios[bone] * (points[:, child] - points[:, parent])
    return built
