"""Where the shoulders below a face are: read by the body's network every few frames, between them by curves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from pipeline.face_landmarks import CHIN, FOREHEAD
from pipeline.sampling import Picture, size_of
from pipeline.values import Status
from stages.tracking.gaps import OUTSIDE, shots
from stages.tracking.joints import LEFT_SHOULDER, RIGHT_SHOULDER
from stages.tracking.networks import PoseNetworks
from stages.tracking.region import Region
from stages.tracking.smooth import smooth

SHOULDERS_EVERY = 6  # frames between two looks: they move slowly, and a look costs as much as three faces
# Of somebody who stands or sits upright, in lengths of the face from forehead to chin: on two portraits and two dances
# the shoulders read where these say and where the body's own detector says differ by 0.05 of a face, 0.11 at most.
_HIPS_BELOW = 3.6  # between the hips, below the middle of the face
_CIRCLE = 4.6  # radius of the body's circle

Shoulders = NDArray[np.float32]  # (2, 3): right, left (the subject's): x, y in pixels of the frame, confidence 0 … 1


def read_shoulders(networks: PoseNetworks, picture: Picture, face: NDArray[np.float32]) -> Shoulders | None:
    """The shoulders of the body that belongs to a face (478, 3); None where the network sees no body there.

    The body is looked for where the face says that it is, so that it is never another person's. Beyond the frame the
    network only guesses: confidence there is at most 0.2.
    """
    reading = networks.read(picture, body_below(face).snapped())
    if reading is None:
        return None
    both = [RIGHT_SHOULDER, LEFT_SHOULDER]
    points, confidence = reading.points[both], reading.visibility[both]
    inside = ((points >= -0.5) & (points <= np.array(size_of(picture)) - 0.5)).all(axis=1)
    sure = np.where(inside, confidence, np.minimum(confidence, OUTSIDE))
    return np.asarray(np.concatenate([points, np.clip(sure, 0, 1)[:, None]], axis=1), dtype=np.float32)


def body_below(face: NDArray[np.floating[Any]]) -> Region:
    """The upright region that holds the body of a face (478, 3)."""
    top, bottom = face[FOREHEAD, :2], face[CHIN, :2]
    length = max(float(np.hypot(*(bottom - top))), 1.0)
    hips = (top + bottom) / 2 + np.array([0, _HIPS_BELOW * length])
    return Region.around(hips, hips - np.array([0, _CIRCLE * length]))


def fill_shoulders(
    looks: NDArray[np.float64],
    status: NDArray[np.uint8],
    shot: NDArray[np.int32],
    seconds: NDArray[np.float64],
    smoothing: float,
) -> NDArray[np.float64]:
    """Shoulders of every frame, (n, 2, 3): curves through the looks of each shot, before and after them held.

    Args:
        looks: (n, 2, 3) as of `read_shoulders`, NaN where nobody looked.
        status: (n,) values of `Status`; where the face is MISSING all is 0.
        shot: (n,) numbers of shots.
        seconds: (n,) times of the frames, rising.
        smoothing: seconds, as of `smooth`.
    """
    filled = np.zeros_like(looks)
    for rows in shots(shot):
        known = np.flatnonzero(~np.isnan(looks[rows, 0, 0]))
        if len(known):
            filled[rows] = _between(looks[rows][known], seconds[rows][known], seconds[rows])
    filled[..., :2] = smooth(filled[..., :2], filled[..., 2], status, shot, seconds, smoothing)
    filled[status == Status.MISSING] = 0
    return filled


def _between(
    looks: NDArray[np.float64], known: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    if len(known) == 1:
        return np.repeat(looks, len(wanted), axis=0)
    return np.asarray(PchipInterpolator(known, looks)(np.clip(wanted, known[0], known[-1])), dtype=np.float64)
