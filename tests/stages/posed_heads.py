"""Heads worked out by hand for the tests of the face model: a mesh, how it moves, and the track a camera gets."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay
from scipy.spatial.transform import Rotation

from pipeline.face_landmarks import (
    FACE_POINTS,
    INNER_LIPS,
    IRIS_CENTRES,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    MESH_POINTS,
    OUTER_LIPS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
)
from pipeline.values import FaceTrack, Status
from stages.retargeting.gaze import eye_frames, iris_centres
from stages.retargeting.metric_camera import MetricCamera

Array = NDArray[np.float64]

CAMERA = MetricCamera(512, 384)
IRIS_RADIUS = 0.4  # half eye widths
LOWER_LIP = (*OUTER_LIPS[1:10], *INNER_LIPS[1:10])
UPPER_LIP = (*OUTER_LIPS[11:], *INNER_LIPS[11:])
UPPER_LIDS = (*RIGHT_EYE[9:], *LEFT_EYE[9:])

# Points of the rigid basis that lie on no ring: the subject's right one, and its mirror image on the left.
_CHEEKS = {
    (117, 346): (-4.0, 0.8, 4.0),
    (119, 348): (-3.0, 0.5, 4.6),
    (121, 350): (-1.8, 0.8, 4.7),
    (129, 358): (-1.9, -1.2, 5.0),
    (143, 372): (-5.2, 2.6, 2.6),
    (147, 376): (-5.4, -2.0, 3.0),
    (198, 420): (-1.2, 0.0, 5.9),
    (205, 425): (-3.6, -1.5, 4.7),
}


def made_head() -> Array:
    """A symmetric face (468, 3) in the head frame, cm, upright and 8.9 cm between the outer corners of the eyes."""
    chance = np.random.default_rng(5)
    places = chance.uniform(-1, 1, (MESH_POINTS, 2)) * (4.5, 6.0)
    head = np.column_stack((places, 6.5 - 0.09 * (places**2).sum(axis=1)))
    head[list(OVAL)] = [(7.5 * np.sin(a), 8.8 * np.cos(a) - 0.5, 0.0) for a in np.arange(36) * np.pi / 18]
    head[list(OUTER_LIPS)] = _ring(20, (0.0, -4.4), 2.5, 1.0, 5.9, 0.15)
    head[list(INNER_LIPS)] = _ring(20, (0.0, -4.4), 2.0, 0.1, 5.9, 0.15)
    head[list(RIGHT_EYE)] = _ring(16, (-3.117, 2.664), 1.333, 0.45, 3.173, 0.0)
    head[list(RIGHT_BROW)] = [(-5.5 + 1.0 * (i % 5), 4.2 + 0.5 * (i // 5), 4.5) for i in range(10)]
    for right, left in (*zip(RIGHT_EYE, LEFT_EYE, strict=True), *zip(RIGHT_BROW, LEFT_BROW, strict=True)):
        head[left] = head[right] * (-1, 1, 1)
    for (right, left), place in _CHEEKS.items():
        head[right], head[left] = place, np.multiply(place, (-1, 1, 1))
    head[0], head[4], head[6] = (0, -3.406, 5.980), (0, -0.5, 7.5), (0, 2.5, 5.3)
    head[[33, 263]] = (-4.45, 2.664, 3.173), (4.45, 2.664, 3.173)
    return head


def made_triangles(head: Array) -> NDArray[np.int32]:
    """Triangles over all vertices, counter-clockwise as the camera sees a frontal face."""
    corners = Delaunay(head[:, :2]).simplices.astype(np.int32)
    a, b, c = (head[corners[:, i], :2] for i in range(3))
    turned = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
    corners[turned] = corners[turned][:, ::-1]
    return corners


def motion(points: Sequence[int], step: tuple[float, float, float]) -> Array:
    """An expression (468, 3) that moves some points alike, cm."""
    expression = np.zeros((MESH_POINTS, 3))
    expression[list(points)] = step
    return expression


@dataclass(frozen=True, kw_only=True)
class Acting:
    """What a made head does in n frames, to be found again."""

    turns: Array  # (n, 3) rotation vectors, radians
    places: Array  # (n, 3) cm
    expressions: Array  # (n, 468, 3) cm
    gaze: Array  # (n, 4)


def made_acting(frames: int = 48) -> Acting:
    """Quiet and frontal in every other frame, else turned by up to 35 degrees with an open mouth or closed lids."""
    beat = np.arange(frames) % 2
    phase = np.arange(frames) * 0.7
    turns = np.radians(
        beat[:, None] * np.stack((15 * np.sin(phase), 35 * np.cos(phase), 8 * np.sin(2 * phase)), axis=1)
    )
    places = np.stack((3 * np.sin(phase), np.cos(phase), -40 + 5 * np.sin(phase / 3)), axis=1)
    open_mouth, shut = motion(LOWER_LIP, (0.0, -1.5, -0.2)), motion(UPPER_LIDS, (0.0, -0.7, 0.0))
    talks, blinks = beat * (np.arange(frames) % 4 == 1), beat * (np.arange(frames) % 4 == 3)
    expressions = talks[:, None, None] * open_mouth + blinks[:, None, None] * shut
    gaze = np.stack((0.3 * np.sin(phase), 0.1 * np.cos(phase)) * 2, axis=1)
    return Acting(turns=turns, places=places, expressions=expressions, gaze=gaze)


def filmed(head: Array, acting: Acting) -> FaceTrack:
    """The track of it: pixels, and z as mediapipe has it: in pixels at the head's depth, from the head's middle."""
    frames = len(acting.turns)
    mesh = head + acting.expressions
    local = np.concatenate((mesh, _irises(mesh, acting.gaze)), axis=1)
    assert local.shape[1] == FACE_POINTS
    rotation = Rotation.from_rotvec(acting.turns).as_matrix()
    seen = CAMERA.project(np.einsum("nij,nvj->nvi", rotation, local) + acting.places[:, None])
    middle = seen[:, :MESH_POINTS, 2].mean(axis=1)[:, None]
    seen[..., 2] = (seen[..., 2] - middle) * CAMERA.focal / middle
    return FaceTrack(
        width=CAMERA.width,
        height=CAMERA.height,
        times=tuple(Fraction(index, 25) for index in range(frames)),
        points=seen.astype(np.float32),
        confidence=np.ones(frames, np.float32),
        shoulders=np.tile(np.array(((100, 350, 1), (400, 350, 1)), np.float32), (frames, 1, 1)),
        status=np.full(frames, Status.TRACKED, np.uint8),
        shot=np.zeros(frames, np.int32),
    )


def _irises(mesh: Array, gaze: Array) -> Array:
    """Centres and rings in the eyes' planes: (n, 10, 3), numbered as the track has them."""
    eyes, middles = eye_frames(mesh), iris_centres(mesh, gaze)
    irises = np.empty((len(mesh), FACE_POINTS - MESH_POINTS, 3))
    for eye, (centre, ring) in enumerate(zip(IRIS_CENTRES, (RIGHT_IRIS, LEFT_IRIS), strict=True)):
        reach = IRIS_RADIUS * eyes.half[:, eye, None]
        irises[:, centre - MESH_POINTS] = middles[:, eye]
        for number, (across, above) in zip(ring, ((1, 0), (0, 1), (-1, 0), (0, -1)), strict=True):
            step = across * eyes.right[:, eye] + above * eyes.up[:, eye]
            irises[:, number - MESH_POINTS] = middles[:, eye] + reach * step
    return irises


def _ring(count: int, centre: tuple[float, float], wide: float, high: float, depth: float, bend: float) -> Array:
    """An ellipse from the picture's left along its lower half and back along the upper one, bent away sideways."""
    angle = np.pi + np.arange(count) * 2 * np.pi / count
    x, y = wide * np.cos(angle), high * np.sin(angle)
    return np.stack((centre[0] + x, centre[1] + y, depth - bend * x**2), axis=1)
