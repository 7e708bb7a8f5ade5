"""Carries what one head does over to another: relative to a quiet frame of each, or as it is."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.values import FacePerformance
from stages.retargeting.face_limits import Reals, limit_coefficients
from stages.retargeting.face_model import FaceModel
from stages.retargeting.face_regions import size_ratios
from stages.retargeting.gaze import LIDS, eye_frames, lid_openings

Mode = Literal["relative", "absolute"]

LID_STEPS, NEARLY_CLOSED = 4, 0.05  # of the eye's width
LEAST_OPENING = 1e-3  # of the eye's width, a cm along the direction: less is no blink that could be borrowed


@dataclass(frozen=True, slots=True, eq=False)
class HeadMotion:
    """What a head does in n frames; units and frames of reference as in `FacePerformance`."""

    rotation: Reals  # (n, 3)
    translation: Reals  # (n, 3)
    expression: Reals  # (n, 468, 3)
    gaze: Reals  # (n, 4)
    lids: Reals  # (n, 2)

    @classmethod
    def of(cls, performance: FacePerformance, frames: NDArray[np.integer[Any]]) -> "HeadMotion":
        """A performance's motion in some of its frames, in that order."""
        return cls(
            rotation=performance.rotation[frames].astype(np.float64),
            translation=performance.translation[frames].astype(np.float64),
            expression=performance.expression[frames].astype(np.float64),
            gaze=performance.gaze[frames].astype(np.float64),
            lids=performance.lids[frames].astype(np.float64),
        )


def carry_over(
    motion: HeadMotion, source: FaceModel, target: FaceModel, *, mode: Mode, gain: float = 1.0
) -> HeadMotion:
    """All that the source's head does, as the target's would: not limited yet, the lids' points not moved yet.

    Relative: turns and ways since the source's calm moment start from the target's, ways longer by the ratio of the
    distances from the camera; expressions are what differs from the neutral face, larger by the ratio of the faces (a
    calm moment need not be neutral: many talk with a still head); gaze goes about the target's mean; lids open by as
    large a part of the usual opening. Absolute: everything as it is, expressions by the ratio of the faces. A face
    carried over to itself stays what it is: exactly so in absolute mode.

    Args:
        motion: the source's.
        source: its face.
        target: the face it goes to.
        mode: relative or absolute.
        gain: relative: by how much pose and expression are larger than the source's.
    Source: Kim et al. 2018, "Deep Video Portraits" (relative transfer); with a mesh alone the formulas are ours.
    """
    ratios = size_ratios(source.neutral, target.neutral)
    if mode == "absolute":
        return HeadMotion(motion.rotation, motion.translation, ratios * motion.expression, motion.gaze, motion.lids)
    nearness = abs(float(target.reference_translation[2]) / float(source.reference_translation[2]))
    way = motion.translation - source.reference_translation
    return HeadMotion(
        rotation=_turn_from(motion.rotation, source.reference_rotation, target.reference_rotation, gain),
        translation=target.reference_translation + gain * nearness * way,
        expression=gain * ratios * motion.expression,
        gaze=target.gaze_mean + (motion.gaze - source.gaze_mean),
        lids=target.lids_open * (motion.lids / source.lids_open),
    )


def _turn_from(
    rotation: Reals, source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]], gain: float
) -> Reals:
    """R' = (R Rᵀ_source)^gain R_target, for rotation vectors (n, 3)."""
    turned = Rotation.from_rotvec(rotation) * Rotation.from_rotvec(source.astype(np.float64)).inv()
    grown = Rotation.from_rotvec(gain * turned.as_rotvec())
    return np.asarray((grown * Rotation.from_rotvec(target.astype(np.float64))).as_rotvec())


def borrow_expression(own: Reals, asked: Reals, weights: Reals, model: FaceModel) -> tuple[Reals, Reals]:
    """Let a region of the target's face make another expression, as far as the target was ever seen to make it.

    The wish is projected on the target's own expressions and limited there as a whole; of the step that remains each
    point takes its share, so that what lies outside the region is the target's own, exactly.

    Args:
        own: (n, 468, 3) the target's expressions, cm.
        asked: (n, 468, 3) the wish.
        weights: (468,) 0 … 1, each point's share.
        model: the target's.

    Returns:
        the expressions (n, 468, 3), and by how much each frame was held back (n,), cm at the point that lost most.
    """
    start, wish = model.project(own).astype(np.float64), model.project(asked).astype(np.float64)
    granted = limit_coefficients(wish, start, model)
    basis = model.expression_basis.astype(np.float64) * weights[:, None]
    held = np.flatnonzero((granted != wish).any(axis=1))
    excess = np.zeros(len(own))
    excess[held] = np.linalg.norm(np.tensordot(wish[held] - granted[held], basis, 1), axis=2).max(axis=1, initial=0.0)
    return own + np.tensordot(granted - start, basis, 1), excess


def open_lids(expression: Reals, own: HeadMotion, lids: Reals, model: FaceModel) -> Reals:
    """Move the lids' points so that the mesh opens the eyes as far as `lids` says, (n, 468, 3) cm.

    Each eye moves along the target's own direction of blinking, by a few steps as long as the neutral face would need;
    nearly closed it stops, or the lids would cross. Openings are compared with those of the target's own frame: so
    nothing moves where nothing changes. Without a direction of blinking nothing moves.

    Args:
        expression: (n, 468, 3) so far, cm.
        own: what the target does in these frames.
        lids: (n, 2) openings to be, right and left.
        model: the target's.
    """
    opening = _opening_gradient(model)
    # The right eye is on the picture's left: negative x in the head frame.
    sides = np.stack([model.neutral[:, 0] < 0, model.neutral[:, 0] >= 0]).astype(np.float64)
    blinks = sides[..., None] * model.sliders.lids.astype(np.float64)
    slopes = (opening * blinks).sum(axis=(1, 2))
    wanted = lids - own.lids + lid_openings(model.neutral + own.expression)
    for step in range(LID_STEPS):
        found = lid_openings(model.neutral + expression)
        moves = (slopes > LEAST_OPENING) & ((step == 0) | (found > NEARLY_CLOSED))
        lengths = np.where(moves, (wanted - found) / np.maximum(slopes, LEAST_OPENING), 0.0)
        expression = expression + np.tensordot(lengths, blinks, 1)
    return expression


def _opening_gradient(model: FaceModel) -> Reals:
    """How each eye's opening changes with each point of the mesh, (2, 468, 3), per cm: upper lid less lower one."""
    eyes = eye_frames(model.neutral)
    gradient = np.zeros((2, *model.neutral.shape))
    for eye, pairs in enumerate(LIDS):
        for upper, lower in pairs:
            step = eyes.up[eye] / (len(pairs) * 2 * eyes.half[eye])
            gradient[eye, upper] += step
            gradient[eye, lower] -= step
    return gradient
