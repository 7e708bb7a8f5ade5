"""measure_identity: the quiet face of a person, in centimetres and upright, from the frames that show it best."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.errors import TrackError
from pipeline.face_landmarks import (
    INNER_CANTHI,
    LEFT_BROW,
    MESH_POINTS,
    MOUTH_CORNERS,
    OUTER_CANTHI,
    RIGHT_BROW,
    RIGID_POINTS,
    RIGID_WEIGHTS,
)
from stages.retargeting.gaze import CORNERS_DEPTH, eye_frames, lid_openings
from stages.retargeting.head_pose import pose_heads
from stages.retargeting.procrustes import fit_similarities
from stages.retargeting.skeleton import Reals

CANTHI_APART = 8.9  # cm between the outer corners of the eyes, of everybody: sizes of heads are not seen, only assumed
FRONTAL, TURNED = 25.0, 45.0  # degrees: frames turned less tell the neutral face; beyond the second, never
FEWEST = 24  # tracked frames, below which nothing is learnt
QUIET, QUIET_SHARE = 8, 0.1  # frames the neutral face is taken from: at least, and of the frontal ones
REFITS = 3

# Points of the rigid basis that mirror each other, the subject's right first.
MIRRORED = (
    *((33, 263), (54, 284), (67, 297), (117, 346), (119, 348), (121, 350), (127, 356), (129, 358)),
    *((132, 361), (133, 362), (136, 365), (143, 372), (147, 376), (198, 420), (205, 425)),
)
UPPER_LIP = 0
# Two places on the plane of symmetry, (y, z) in cm, that say which way a head is upright (methods 11.5).
LIP_AT, EYES_AT = np.array((-3.406, 5.980)), np.array((2.664, CORNERS_DEPTH))
_LIPS = (13, 14)  # middle of the inner lips, upper and lower

_RIGHTS, _LEFTS = np.array(MIRRORED).T
_PAIR_WEIGHTS = np.array([RIGID_WEIGHTS[right] for right, _ in MIRRORED])
_WEIGHTS = np.array([RIGID_WEIGHTS[int(point)] for point in RIGID_POINTS])


def measure_identity(lifted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the neutral face, (468, 3) cm in the head frame, in tracked frames (n, 478, 3) lifted by `MetricCamera`.

    Its axes come from symmetry and from two facts about heads, then every vertex is the median over the quiet frames,
    posed by the face just found, a few times over: no mesh of anybody else enters.

    Raises:
        TrackError: fewer than 24 frames, or none anywhere near frontal.
    Source: methods 11.5 (last line), 12.2.
    """
    if len(lifted) < FEWEST:
        raise TrackError(
            "the face's track",
            f"{len(lifted)} frames show the face",
            f"at least {FEWEST} to learn a face from",
            "Give a longer clip, or one that shows the face.",
        )
    axes = head_axes(lifted)
    meshes = lifted[:, :MESH_POINTS] @ axes
    turn = np.abs(Rotation.from_matrix(axes).as_euler("YXZ", degrees=True))[:, :2].max(axis=1)  # yaw, pitch
    frontal = _nearest_frontal(turn)
    unrest = _unrest(meshes[frontal])
    quiet = frontal[np.argsort(unrest, kind="stable")[: max(QUIET, round(QUIET_SHARE * frontal.size))]]
    neutral = usual_shape(meshes[quiet])
    for _ in range(REFITS):
        local = pose_heads(lifted[quiet], neutral).local[:, :MESH_POINTS]
        neutral = _to_size(np.median(local, axis=0))
    return neutral


def usual_shape(meshes: Reals) -> NDArray[np.float64]:
    """The mean shape of meshes (n, 468 or more, 3) of any size, turn and place, upright: (468, 3) cm, head frame."""
    return upright(_procrustes_mean(meshes[:, :MESH_POINTS].astype(np.float64)))


def head_axes(meshes: Reals) -> NDArray[np.float64]:
    """Which way heads look, from their shape alone: (n, v, 3) → (n, 3, 3), columns right, up and out of the face.

    Right is where mirrored points lie from each other; up and out are turned about it so that the line from the upper
    lip to the middle of the eyes' outer corners has its usual slope.
    """
    right = _unit(np.einsum("p,npc->nc", _PAIR_WEIGHTS, meshes[:, _LEFTS] - meshes[:, _RIGHTS]))
    line = meshes[:, list(OUTER_CANTHI)].mean(axis=1) - meshes[:, UPPER_LIP]
    line = _unit(line - np.einsum("nc,nc->n", line, right)[:, None] * right)
    rise, depth = _unit((EYES_AT - LIP_AT)[None])[0]
    across = np.cross(right, line)  # where the line is up, this is out of the face
    return np.stack((right, rise * line - depth * across, depth * line + rise * across), axis=-1)


def upright(mesh: Reals) -> NDArray[np.float64]:
    """A mesh (468, 3) of any size, turn and place, brought into the head frame; cm."""
    turned = _to_size(mesh @ head_axes(mesh[None])[0])
    sideways = _PAIR_WEIGHTS @ (turned[_LEFTS, 0] + turned[_RIGHTS, 0]) / (2 * _PAIR_WEIGHTS.sum())
    found = (turned[UPPER_LIP, 1:] + turned[list(OUTER_CANTHI), 1:].mean(axis=0)) / 2
    return np.asarray(turned - np.concatenate(([sideways], found - (LIP_AT + EYES_AT) / 2)))


def _to_size(mesh: Reals) -> NDArray[np.float64]:
    apart = np.linalg.norm(mesh[OUTER_CANTHI[0]] - mesh[OUTER_CANTHI[1]])
    return np.asarray(mesh * (CANTHI_APART / apart))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _nearest_frontal(turn: NDArray[np.float64]) -> NDArray[np.intp]:
    """Frames within 25 degrees of facing the camera; where these are few, the eight that come nearest."""
    limit = max(FRONTAL, float(np.sort(turn)[QUIET - 1]))
    if limit > TURNED:
        raise TrackError(
            "the face's track",
            f"{int((turn <= TURNED).sum())} of {turn.size} frames are turned by less than {TURNED:.0f} degrees",
            f"at least {QUIET} that are anywhere near frontal",
            "Give a clip in which the person faces the camera for a moment.",
        )
    return np.flatnonzero(turn <= limit)


def _unrest(meshes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far upright meshes (n, 468, 3) are from quiet: the lips' gap, and what else is not as usual; (n,) cm.

    Lips rest closed. The width of the mouth, the lids and the brows rest where they mostly are: eyes at their widest
    are surprise, not rest.
    """
    apart = np.linalg.norm(meshes[:, OUTER_CANTHI[0]] - meshes[:, OUTER_CANTHI[1]], axis=1)
    meshes = meshes * (CANTHI_APART / apart)[:, None, None]
    gap = np.linalg.norm(meshes[:, _LIPS[0]] - meshes[:, _LIPS[1]], axis=1)
    width = np.linalg.norm(meshes[:, MOUTH_CORNERS[0]] - meshes[:, MOUTH_CORNERS[1]], axis=1)
    lids = (lid_openings(meshes) * 2 * eye_frames(meshes).half).mean(axis=1)
    eyes = meshes[:, [*OUTER_CANTHI, *INNER_CANTHI], 1].mean(axis=1)
    brows = meshes[:, [*RIGHT_BROW, *LEFT_BROW], 1].mean(axis=1) - eyes
    return np.asarray(gap + sum(np.abs(part - np.median(part)) for part in (width, lids, brows)))


def _procrustes_mean(meshes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of shapes (n, 468, 3) after each is laid onto it, from the first one on."""
    mean = meshes[0]
    for _ in range(REFITS):
        fit = fit_similarities(mean[RIGID_POINTS], meshes[:, RIGID_POINTS], _WEIGHTS)
        mean = fit.undo(meshes).mean(axis=0)
    return np.asarray(mean)
