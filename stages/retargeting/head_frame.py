"""What a head's pictures leave open, settled alike for everybody: lean and distance as it turns, and its origin.

Poses of a head go over to another one, so the two must mean the same by a pose. Pictures laid onto each other tell
turns well, but a wrong relief hides in what goes with them. Hair makes a head lean by some hundredths of how far it
turns, to either side: faces have their relief from one tracker, and lean alike. A head that seems to come nearer as it
turns to its left has a deeper right half: faces have none. And where on its rays a head begins is the tracker's guess,
by half a centimetre: how lips and eyes go round as the head turns tells it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.face_landmarks import OUTER_CANTHI
from stages.retargeting.face_identity import MIRRORED, UPPER_LIP
from stages.retargeting.head_pose import PlacedHeads
from stages.retargeting.metric_camera import MetricCamera
from stages.retargeting.skeleton import Reals
from stages.retargeting.triangulation import place_points

FEW_TURNS = np.radians(2.0)  # that a head makes on average, at which half of what it tells of leaning is believed
REFITS = 4  # of the distances; each takes most of what was left
_YAW, _ROLL = 1, 2

Floats = NDArray[np.float64]


def leaning(whole: PlacedHeads, face: PlacedHeads) -> float:
    """How much more a head leans as it turns when it is laid by its face alone: radians of roll for one of yaw.

    Args:
        whole: heads laid by all that holds still, n.
        face: the same laid by the face alone.
    """
    turns, by_face = _turns(whole.rotation, whole.rotation), _turns(face.rotation, face.rotation)
    turns = turns - turns.mean(axis=0)
    more = by_face[:, _ROLL] - by_face[:, _ROLL].mean() - turns[:, _ROLL]
    spread = turns.T @ turns / len(turns) + FEW_TURNS**2 * np.eye(3)
    return float(np.linalg.solve(spread, turns.T @ more / len(turns))[_YAW])


def leant(heads: PlacedHeads, lean: float, usual: NDArray[np.bool_]) -> PlacedHeads:
    """Heads that lean by so much more as they turn, about their origin.

    Args:
        heads: n.
        lean: see `leaning`.
        usual: (n,) the frames from whose mean pose turns are counted.
    """
    turns = _turns(heads.rotation, heads.rotation[usual])
    turns[:, _ROLL] += lean * turns[:, _YAW]
    mean = Rotation.from_matrix(heads.rotation[usual]).mean()
    return PlacedHeads((Rotation.from_rotvec(turns) * mean).as_matrix(), heads.translation)


def settled(
    heads: PlacedHeads, camera: MetricCamera, points: Reals, neutral: Reals, usual: NDArray[np.bool_]
) -> PlacedHeads:
    """Heads with both halves of the face equally deep, and then their origin where it belongs.

    Args: see `anchored`.
    """
    return anchored(evened(heads, camera, points, neutral, usual), camera, points, neutral, usual)


def evened(
    heads: PlacedHeads, camera: MetricCamera, points: Reals, neutral: Reals, usual: NDArray[np.bool_]
) -> PlacedHeads:
    """Heads as far away, along their rays, as makes both halves of the face equally deep.

    Args: see `anchored`.
    """
    marks = np.array(MIRRORED).ravel()
    slopes = camera.slopes(points[usual][:, marks, :2])
    turned = _turns(heads.rotation, heads.rotation[usual])[:, _YAW, None]
    for _ in range(REFITS):
        seen = place_points(heads.at(usual), slopes, neutral[marks], np.ones(len(slopes))).reshape(-1, 2, 3)
        across, _, deeper = (seen[:, 1] - seen[:, 0]).T
        slant = float(deeper @ across / (across @ across))
        heads = PlacedHeads(heads.rotation, heads.translation * (1 - slant * turned))
    return heads


def anchored(
    heads: PlacedHeads, camera: MetricCamera, points: Reals, neutral: Reals, usual: NDArray[np.bool_]
) -> PlacedHeads:
    """Heads with their origin where upper lip and corners of the eyes have it that were seen in all these poses.

    The head frame is theirs (`upright`); the tracker saw how deep they lie, the rays they were seen along, from a head
    that turns, know it.

    Args:
        heads: n.
        camera: through which they were seen.
        points: (n, 478, 3) pixels.
        neutral: (468, 3) cm, head frame.
        usual: (n,) frames to go by.
    """
    marks = np.array((UPPER_LIP, *OUTER_CANTHI))
    slopes = camera.slopes(points[usual][:, marks, :2])
    lip, right, left = place_points(heads.at(usual), slopes, neutral[marks], np.ones(len(slopes))) - neutral[marks]
    away = (lip + (right + left) / 2) / 2
    return PlacedHeads(heads.rotation, heads.translation + heads.rotation @ away)


def _turns(rotation: Floats, around: Floats) -> Floats:
    """From the mean of some poses: rotation vectors along the camera's axes, (n, 3)."""
    return np.asarray((Rotation.from_matrix(rotation) * Rotation.from_matrix(around).mean().inv()).as_rotvec())
