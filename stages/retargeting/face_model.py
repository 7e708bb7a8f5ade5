"""What is known of one person's face in one clip: shape, how it moves and how far, its colours, the light upon it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.retargeting.expression_basis import ExpressionBasis
from stages.retargeting.metric_camera import MetricCamera
from stages.retargeting.skeleton import Reals


@dataclass(frozen=True, slots=True, eq=False)
class Sliders:
    """Directions of expression with a meaning. Each has norm 1 over all its numbers: positive opens, smiles, raises.

    The part of an expression Δ along a direction d is ΣΔ·d, in centimetres; `low` and `high` say what the clip shows.
    """

    jaw: NDArray[np.float32]  # (468, 3): positive opens the mouth
    smile: NDArray[np.float32]  # (468, 3): positive draws the mouth's corners apart and up
    brows: NDArray[np.float32]  # (468, 3): positive raises the brows
    lids: NDArray[np.float32]  # (468, 3): positive opens the eyes wider
    low: NDArray[np.float32]  # (4,): least part of the trained frames' expressions along jaw, smile, brows, lids, cm
    high: NDArray[np.float32]  # (4,): greatest, likewise


@dataclass(frozen=True, slots=True, eq=False)
class FaceModel:
    """One person's face in one clip. Frames of reference and units as in `FacePerformance`.

    Ranges are those of the frames it was learnt from; what lies outside, a network trained on them never saw.
    """

    width: int  # of the clip, pixels
    height: int
    neutral: NDArray[
        np.float32
    ]  # (468, 3): cm, head frame: the quiet face, 8.9 cm between the outer corners of the eyes
    triangles: NDArray[np.int32]  # (t, 3): counter-clockwise seen from outside; eyes and mouth filled
    expression_mean: NDArray[np.float32]  # (468, 3): cm, head frame
    expression_basis: NDArray[np.float32]  # (k, 468, 3): orthonormal, by falling share of the motion; k from 1 to 48
    expression_low: NDArray[np.float32]  # (k,): least coefficient, cm
    expression_high: NDArray[np.float32]  # (k,): greatest
    expression_scale: NDArray[np.float32]  # (k,): standard deviation; may be 0 where nothing moves
    rotation_low: NDArray[np.float32]  # (3,): least component of the rotation vectors, radians: pitch, yaw, roll
    rotation_high: NDArray[np.float32]  # (3,)
    translation_low: NDArray[np.float32]  # (3,): cm, camera frame
    translation_high: NDArray[np.float32]  # (3,)
    gaze_low: NDArray[np.float32]  # (4,): 1 % quantile
    gaze_high: NDArray[np.float32]  # (4,): 99 % quantile
    gaze_mean: NDArray[np.float32]  # (4,)
    lids_low: NDArray[np.float32]  # (2,): least opening, right, left
    lids_high: NDArray[np.float32]  # (2,)
    lids_open: NDArray[np.float32]  # (2,): usual opening
    mouth_low: float  # least opening of the lips over the mouth's width
    mouth_high: float
    iris_radius: float  # over half an eye's width
    reference: int  # index of the middle frame of the clip's calmest moment
    reference_rotation: NDArray[np.float32]  # (3,): of that moment, radians
    reference_translation: NDArray[np.float32]  # (3,): cm
    sliders: Sliders
    albedo: NDArray[np.float32]  # (468, 3): RGB, 0..1
    light: NDArray[np.float32]  # (9, 3): spherical harmonics by RGB: colour = albedo · (Y(normal) · light)

    @property
    def camera(self) -> MetricCamera:
        """The camera of the clip."""
        return MetricCamera(self.width, self.height)

    @property
    def basis(self) -> ExpressionBasis:
        """How the face moves."""
        return ExpressionBasis(self.expression_mean, self.expression_basis)

    def project(self, expression: Reals) -> NDArray[np.float32]:
        """The coefficients nearest to expressions: (n, 468, 3) cm → (n, k) cm; exact for what the basis spans."""
        return self.basis.project(expression)

    def expression_of(self, coefficients: Reals) -> NDArray[np.float32]:
        """The expressions that coefficients stand for: (n, k) cm → (n, 468, 3) cm, head frame."""
        return self.basis.expression_of(coefficients)
