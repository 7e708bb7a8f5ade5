"""Which way of retargeting fits two bodies, and the reason in a plain sentence."""

from typing import Literal

import numpy as np

from pipeline.values import Status, Track
from stages.retargeting.body import BodyStatistics
from stages.retargeting.placement import overall_scale
from stages.retargeting.skeleton import LIMB_JOINTS, SEEN, SHOULDERS, Bone

Mode = Literal["auto", "global", "limbs"]

ARMS = LIMB_JOINTS[:6]
FRONTAL = 0.5  # of their full width: narrower shoulders are turned by more than 60 degrees
MOSTLY = 0.75  # share of frames, or of joints, that has to be fit for rebuilding limb by limb

# The bones whose proportions tell; hips, head, hands and feet are too short for a tracker's error.
_NAMES = {
    Bone.TORSO: "torso",
    Bone.SHOULDERS: "shoulders",
    Bone.UPPER_ARM: "upper arms",
    Bone.FOREARM: "forearms",
    Bone.THIGH: "thighs",
    Bone.SHIN: "shins",
}


def choose_mode(
    track: Track, source: BodyStatistics, target: BodyStatistics, tolerance: float
) -> tuple[Literal["global", "limbs"], str]:
    """Limb by limb where proportions differ and the clip allows it, else globally; with the reason as a clause.

    Args:
        track: the source's poses.
        source: its statistics.
        target: the target's.
        tolerance: greatest difference of a bone's length, for the size of the body, that still counts as alike.
    """
    differing = _greatest_difference(source, target)
    if differing is None:
        return "global", "no bone is seen in both clips, so proportions are unknown"
    bone, difference = differing
    told = f"{abs(difference):.0%} {'longer' if difference > 0 else 'shorter'}"
    if abs(difference) <= tolerance:
        return "global", f"the proportions agree within {tolerance:.0%} (the target's {_NAMES[bone]} are {told})"
    why = f"the target's {_NAMES[bone]} are {told} for its size"
    frontal, confident = _frontal_share(track, source), _confident_share(track, whole=source.floor is not None)
    if frontal < MOSTLY:
        return "global", f"{why}, but only {frontal:.0%} of the frames face the camera or turn their back to it"
    if confident < MOSTLY:
        return "global", f"{why}, but only {confident:.0%} of the joints are clearly seen"
    return "limbs", why


def _greatest_difference(source: BodyStatistics, target: BodyStatistics) -> tuple[Bone, float] | None:
    """The bone whose ratio is farthest from the overall scale, and by how much; None where no bone is known in both."""
    scale = overall_scale(source, target)
    differences = [
        (bone, there / here / scale - 1)
        for bone in _NAMES
        if (here := source.bones[bone]) is not None and (there := target.bones[bone]) is not None
    ]
    return max(differences, key=lambda one: abs(one[1]), default=None)


def _frontal_share(track: Track, source: BodyStatistics) -> float:
    """In which share of the frames the shoulders show at least half their width."""
    present = track.status != Status.MISSING
    full = source.bones[Bone.SHOULDERS]
    if full is None or not present.any():
        return 0.0
    left, right = (track.points[present][:, joint, 0] for joint in SHOULDERS)
    return float(np.mean(np.abs(left - right) >= FRONTAL * full))


def _confident_share(track: Track, *, whole: bool) -> float:
    """Which share of the joints of the limbs is seen where the person is there; of the arms only for upper bodies."""
    present = track.status != Status.MISSING
    joints = LIMB_JOINTS if whole else ARMS
    return float(np.mean(track.confidence[present][:, list(joints)] >= SEEN)) if present.any() else 0.0
