"""Where the eyes look and how far they are open, read from a face's mesh, and where the irises are drawn again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import INNER_CANTHI, OUTER_CANTHI
from stages.retargeting.skeleton import Reals

# Corners of the right and the left eye, each from the picture's left to its right when the face looks at the camera.
CORNERS = ((OUTER_CANTHI[0], INNER_CANTHI[0]), (INNER_CANTHI[1], OUTER_CANTHI[1]))
# Upper and lower lid opposite each other, two pairs an eye.
LIDS = (((160, 144), (158, 153)), ((385, 380), (387, 373)))
UP = np.array((0.0, 1.0, 0.0))  # head frame
# Half eye widths: how far irises lie before the eyes' outer corners, or turned heads seem to look aside.
BULGE = 0.3
CORNERS_DEPTH = 3.173  # cm: how deep these lie in everybody's head frame; those that a track shows err by millimetres
CLOSED, CLOSED_SHARE = 0.12, 0.5  # openings below which no iris is seen: absolute, and of what is usual for narrow eyes


@dataclass(frozen=True, slots=True, eq=False)
class EyeFrames:
    """Where eyes lie and how they are turned, in the head frame; right eye first."""

    middle: NDArray[np.float64]  # (…, 2, 3): between the corners, cm
    half: NDArray[np.float64]  # (…, 2): half the eye's width, cm
    right: NDArray[np.float64]  # (…, 2, 3): unit vector between the corners, to the right of the picture
    up: NDArray[np.float64]  # (…, 2, 3): unit vector, upright to it


def eye_frames(mesh: Reals) -> EyeFrames:
    """Both eyes of meshes (…, 468, 3) in the head frame, cm. The eyes' planes hold the corners and the head's up."""
    ends = mesh[..., np.array(CORNERS), :].astype(np.float64)
    across = ends[..., 1, :] - ends[..., 0, :]
    width = np.linalg.norm(across, axis=-1)
    right = across / width[..., None]
    up = UP - right * right[..., 1:2]
    return EyeFrames(ends.mean(axis=-2), width / 2, right, up / np.linalg.norm(up, axis=-1, keepdims=True))


def iris_centres(mesh: Reals, gaze: Reals) -> NDArray[np.float64]:
    """Where irises are: meshes (…, 468, 3) cm and gaze (…, 4) → (…, 2, 3) cm in the head frame, right eye first.

    The mesh is the neutral one, as in `read_gaze`: eyeballs rest in the skull, whatever the skin around them does.
    """
    eyes = eye_frames(mesh)
    steps = eyes.half[..., None] * gaze.reshape(*gaze.shape[:-1], 2, 2)
    return np.asarray(_before(eyes) + steps[..., :1] * eyes.right + steps[..., 1:] * eyes.up)


def _before(eyes: EyeFrames) -> NDArray[np.float64]:
    """Where irises that look straight ahead lie: (…, 2, 3) cm."""
    middle = eyes.middle * (1, 1, 0) + (0, 0, CORNERS_DEPTH)
    return np.asarray(middle + BULGE * eyes.half[..., None] * np.cross(eyes.right, eyes.up))


def lid_openings(mesh: Reals) -> NDArray[np.float64]:
    """How far eyes are open: meshes (…, 468, 3) → (…, 2), right and left, over the eye's width (methods 12.4)."""
    lids = mesh[..., np.array(LIDS), :].astype(np.float64)
    gaps = np.linalg.norm(lids[..., 0, :] - lids[..., 1, :], axis=-1).mean(axis=-1)
    return np.asarray(gaps / (2 * eye_frames(mesh).half))


def read_gaze(
    mesh: Reals,
    slopes: Reals,
    rotation: Reals,
    place: Reals,
) -> NDArray[np.float64]:
    """Points of the eyes in half eye widths from the eye's middle, right and up, so that they show where they were.

    The tracker knows no depth of an iris: it lies where its ray meets the plane in which `iris_centres` puts it, so
    that drawn from here again it meets the same pixel.

    Args:
        mesh: (468, 3) cm, head frame: the neutral face. The tracker lets the eyes' corners follow a glance up or down:
            told from those of the same frame, eyes look up by half of what they do.
        slopes: (n, 2, p, 2) rays of p points of the right and the left eye, from `MetricCamera.slopes`.
        rotation: (n, 3, 3) and
        place: (n, 3) cm: from the head to the camera frame.

    Returns:
        (n, 2, p, 2): u, v.
    """
    eyes = eye_frames(mesh)
    middle = np.einsum("nij,ej->nei", rotation, _before(eyes)) + place[:, None]
    right, up = (np.einsum("nij,ej->nei", rotation, axis) for axis in (eyes.right, eyes.up))
    # With the ray (a, b, -1)·depth: u·right + v·up - ray·depth = -middle/half, three equations for (u, v, depth/half).
    rays = np.concatenate((slopes, np.full((*slopes.shape[:-1], 1), -1.0)), axis=-1)
    axes = np.broadcast_to(np.stack((right, up), axis=-1)[:, :, None], (*rays.shape, 2))
    system = np.concatenate((axes, -rays[..., None]), axis=-1)
    known = np.broadcast_to((-middle / eyes.half[:, None])[:, :, None], rays.shape)
    return np.asarray(np.linalg.solve(system, known[..., None])[..., :2, 0])


def hold_while_closed(gaze: Reals, lids: Reals, trusted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Gaze (n, 4) with each eye's last seen value kept while its lids are closed or the frame is not trusted.

    Before the first sight the first one is taken; an eye that is never seen open looks ahead.

    Args:
        gaze: (n, 4) right u, v, left u, v.
        lids: (n, 2) openings.
        trusted: (n,) that the frame shows the face at all.
    Source: methods 12.4.
    """
    held = np.zeros(gaze.shape)
    for eye in range(2):
        lifted = lids[trusted, eye]
        closed = min(CLOSED, CLOSED_SHARE * float(np.median(lifted))) if lifted.size else CLOSED
        sight = np.flatnonzero(trusted & (lids[:, eye] >= closed))
        if sight.size:
            last = np.searchsorted(sight, np.arange(len(gaze)), side="right") - 1
            held[:, 2 * eye : 2 * eye + 2] = gaze[sight[np.maximum(last, 0)], 2 * eye : 2 * eye + 2]
    return held
