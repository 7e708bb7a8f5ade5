"""Two small faces with known numbers, and what they do: enough of a face model to transfer between them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import FOREHEAD, LEFT_EYE, MOUTH_CORNERS, NOSE_TIP, RIGHT_EYE
from pipeline.values import FacePerformance, Status
from stages.retargeting.face_model import FaceModel, Sliders
from stages.retargeting.gaze import LIDS

UPPER_LIP, LOWER_LIP, CHIN = 0, 17, 152
BROWS = (65, 295)
USUAL = 0.3  # opening of the lids


def made_neutral(width: float = 1.0) -> NDArray[np.float32]:
    """A face of 16 by 18 by 8 cm whose marks lie where a face has them; the other points lie on its outline."""
    angles = np.linspace(0, 2 * np.pi, 468, endpoint=False)
    mesh = np.stack((8 * np.cos(angles), 9 * np.sin(angles), 4 * np.cos(3 * angles)), axis=1)
    for ring, middle in ((RIGHT_EYE, -3.0), (LEFT_EYE, 3.0)):
        outwards = np.sign(middle)
        around = np.linspace(0, 2 * np.pi, len(ring), endpoint=False)
        mesh[list(ring)] = np.stack(
            (middle + outwards * 1.5 * np.cos(around), 2.5 - 0.45 * np.sin(around), np.full(len(ring), 3.5)), axis=1
        )
    for pairs in LIDS:  # each pair as far apart as 0.3 of the eye's 3 cm
        for upper, lower in pairs:
            mesh[upper, 1], mesh[lower, 1] = 2.5 + 0.15 * 3.0, 2.5 - 0.15 * 3.0
            mesh[lower, 0] = mesh[upper, 0]
    mesh[[NOSE_TIP, UPPER_LIP, LOWER_LIP, CHIN, FOREHEAD]] = (
        *((0, -1.0, 7.5), (0, -3.4, 6.0), (0, -4.6, 6.0), (0, -8.0, 4.0), (0, 8.0, 4.0)),
    )
    mesh[list(MOUTH_CORNERS)] = ((-2.5, -4.0, 4.5), (2.5, -4.0, 4.5))
    mesh[list(BROWS)] = ((-3.0, 4.6, 4.0), (3.0, 4.6, 4.0))
    return (mesh * (width, 1.0, 1.0)).astype(np.float32)


def direction(moves: dict[int, tuple[float, float, float]]) -> NDArray[np.float32]:
    """A direction of norm 1 that moves these points."""
    made = np.zeros((468, 3))
    for point, step in moves.items():
        made[point] = step
    return (made / np.linalg.norm(made)).astype(np.float32)


JAW = direction({LOWER_LIP: (0, -1, 0), CHIN: (0, -1, 0)})
SMILE = direction({MOUTH_CORNERS[0]: (-1, 1, 0), MOUTH_CORNERS[1]: (1, 1, 0)})
BROWS_UP = direction(dict.fromkeys(BROWS, (0, 1, 0)))
LIDS_UP = direction({upper: (0, 1, 0) for pairs in LIDS for upper, _ in pairs})


def made_model(width: float = 1.0, turn: float = 0.0, depth: float = -50.0) -> FaceModel:
    """A face whose expressions are jaw, smile, brows and lids, each seen from -1 to 1 cm."""
    return FaceModel(
        width=320,
        height=240,
        neutral=made_neutral(width),
        triangles=np.array([[0, 1, 2]], np.int32),
        expression_mean=np.zeros((468, 3), np.float32),
        expression_basis=np.stack((JAW, SMILE, BROWS_UP, LIDS_UP)),
        expression_low=np.full(4, -1, np.float32),
        expression_high=np.full(4, 1, np.float32),
        expression_scale=np.full(4, 0.4, np.float32),
        rotation_low=np.full(3, -0.5, np.float32),
        rotation_high=np.full(3, 0.5, np.float32),
        translation_low=np.array((-6, -6, depth - 6), np.float32),
        translation_high=np.array((6, 6, depth + 6), np.float32),
        gaze_low=np.full(4, -0.5, np.float32),
        gaze_high=np.full(4, 0.5, np.float32),
        gaze_mean=np.full(4, 0.1 * width, np.float32),
        lids_low=np.full(2, 0.02, np.float32),
        lids_high=np.full(2, 0.4, np.float32),
        lids_open=np.full(2, USUAL * width, np.float32),
        mouth_low=0.0,
        mouth_high=0.5,
        iris_radius=0.45,
        reference=0,
        reference_rotation=np.array((0.0, turn, 0.0), np.float32),
        reference_translation=np.array((0.5, 0.0, depth), np.float32),
        sliders=Sliders(JAW, SMILE, BROWS_UP, LIDS_UP, np.full(4, -1, np.float32), np.full(4, 1, np.float32)),
        albedo=np.full((468, 3), 0.7, np.float32),
        light=np.zeros((9, 3), np.float32),
    )


def times_at(rate: int, frames: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(index, rate) for index in range(frames))


def made_performance(model: FaceModel, seed: int = 0, frames: int = 8, rate: int = 25) -> FacePerformance:
    """Something of everything, inside the model's ranges."""
    rng = np.random.default_rng(seed)
    coefficients = rng.uniform(-0.6, 0.6, (frames, len(model.expression_basis)))
    return FacePerformance(
        width=model.width,
        height=model.height,
        times=times_at(rate, frames),
        rotation=rng.uniform(-0.3, 0.3, (frames, 3)).astype(np.float32),
        translation=(model.reference_translation + rng.uniform(-2, 2, (frames, 3))).astype(np.float32),
        expression=model.expression_of(coefficients),
        gaze=rng.uniform(-0.3, 0.3, (frames, 4)).astype(np.float32),
        lids=rng.uniform(0.05, 0.35, (frames, 2)).astype(np.float32),
        shoulders=rng.uniform(0, 200, (frames, 2, 3)).astype(np.float32),
        status=np.full(frames, Status.TRACKED, np.uint8),
        shot=np.zeros(frames, np.int32),
    )


def still(model: FaceModel, frames: int = 4) -> FacePerformance:
    """The reference frame, held: frontal, eyes usually open, mean gaze."""
    moving = made_performance(model, frames=frames)
    return replace(
        moving,
        rotation=np.tile(model.reference_rotation, (frames, 1)),
        translation=np.tile(model.reference_translation, (frames, 1)),
        expression=np.zeros((frames, 468, 3), np.float32),
        gaze=np.tile(model.gaze_mean, (frames, 1)),
        lids=np.tile(model.lids_open, (frames, 1)),
    )
