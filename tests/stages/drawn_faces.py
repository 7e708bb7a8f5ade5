"""A made-up face of 468 points for tests of what is drawn: an egg with eyes and mouth, as the real mesh is joined."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import INNER_LIPS, LEFT_EYE, MESH_POINTS, OVAL, RIGHT_EYE
from pipeline.values import FacePerformance, Status
from stages.retargeting.face_model import FaceModel, Sliders
from stages.retargeting.illumination import PLAIN_LIGHT, plain_albedo
from stages.tracking.face_triangles import face_triangles

WIDTH, HEIGHT = 240, 200
DISTANCE = 24.5  # cm: at 200 rows the focal length is 163 px, the face 15 cm wide and so 100 px
# Openings: middle x and y, half width, half height, in cm.
OPENINGS = {RIGHT_EYE: (-3.0, 2.5, 1.4, 0.5), LEFT_EYE: (3.0, 2.5, 1.4, 0.5), INNER_LIPS: (0.0, -4.0, 2.0, 0.8)}


def egg() -> NDArray[np.float32]:
    """(468, 3) cm: rim, eyes and mouth at given places, all else in the middle of its neighbours, bent to an egg."""
    triangles = face_triangles(filled=True)
    joined = np.zeros((MESH_POINTS, MESH_POINTS))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        joined[triangles[:, a], triangles[:, b]] = joined[triangles[:, b], triangles[:, a]] = 1
    fixed = np.zeros((MESH_POINTS, 2))
    turn = 2 * np.pi * np.arange(len(OVAL)) / len(OVAL)
    fixed[list(OVAL)] = np.stack([7.5 * np.sin(turn), 9 * np.cos(turn)], axis=1)
    for ring, (x, y, half_width, half_height) in OPENINGS.items():
        # From the outer corner below to the inner one; the left eye's outer corner lies to the picture's right.
        side = -1 if ring is not LEFT_EYE else 1
        turn = 2 * np.pi * np.arange(len(ring)) / len(ring)
        fixed[list(ring)] = np.stack([x + side * half_width * np.cos(turn), y - half_height * np.sin(turn)], axis=1)
    held = np.isin(np.arange(MESH_POINTS), [*OVAL, *RIGHT_EYE, *LEFT_EYE, *INNER_LIPS])
    pull = np.where(held[:, None], np.eye(MESH_POINTS), np.diag(joined.sum(axis=1)) - joined)
    flat = np.linalg.solve(pull, fixed)
    depth = 6 * np.sqrt(np.clip(1.05 - (flat[:, 0] / 7.5) ** 2 - (flat[:, 1] / 9) ** 2, 0, None))
    return np.column_stack([flat, depth]).astype(np.float32)


def face_model(neutral: NDArray[np.float32]) -> FaceModel:
    """A model that has seen nothing move."""
    none, one, three = np.zeros_like(neutral), np.zeros(1, np.float32), np.zeros(3, np.float32)
    return FaceModel(
        width=WIDTH,
        height=HEIGHT,
        neutral=neutral,
        triangles=face_triangles(filled=True),
        expression_mean=none,
        expression_basis=none[None],
        expression_low=one,
        expression_high=one,
        expression_scale=one,
        rotation_low=three,
        rotation_high=three,
        translation_low=three,
        translation_high=three,
        gaze_low=np.full(4, -1, np.float32),
        gaze_high=np.full(4, 1, np.float32),
        gaze_mean=np.zeros(4, np.float32),
        lids_low=np.zeros(2, np.float32),
        lids_high=np.full(2, 0.35, np.float32),
        lids_open=np.full(2, 0.3, np.float32),
        mouth_low=0.0,
        mouth_high=0.5,
        iris_radius=0.4,
        reference=0,
        reference_rotation=three,
        reference_translation=np.array([0, 0, -DISTANCE], np.float32),
        sliders=Sliders(none, none, none, none, np.zeros(4, np.float32), np.zeros(4, np.float32)),
        albedo=plain_albedo(),
        light=PLAIN_LIGHT,
    )


def still_face(**changed: NDArray[np.float32]) -> FacePerformance:
    """One frame of the face looking ahead, its middle in the frame's; fields of it may be given, (…) without time."""
    quiet = FacePerformance(
        width=WIDTH,
        height=HEIGHT,
        times=(Fraction(0),),
        rotation=np.zeros((1, 3), np.float32),
        translation=np.array([[0, 0, -DISTANCE]], np.float32),
        expression=np.zeros((1, MESH_POINTS, 3), np.float32),
        gaze=np.zeros((1, 4), np.float32),
        lids=np.full((1, 2), 0.3, np.float32),
        shoulders=np.array([[[60, 170, 1], [180, 176, 1]]], np.float32),
        status=np.array([Status.TRACKED], np.uint8),
        shot=np.zeros(1, np.int32),
    )
    return replace(quiet, **{name: np.asarray(value)[None] for name, value in changed.items()})
