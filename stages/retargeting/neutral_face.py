"""The neutral face told by all frames of a clip instead of by its quietest alone: steadied, and with its true relief.

A tracker's mesh is off by half a millimetre, otherwise with every turn of the head. Quiet frames are few and turned as
it happened, so that two clips of one performance start from faces that differ. A regression on turn and expression,
read where the face is neutral and the head as in its calm moment, hears many frames.

And its relief is a guess, deeper than faces are: what a nose or a brow then does as the head nods would pass for an
expression, and go over to another face. How points go round with a head whose turns are known tells their depth.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.face_landmarks import RIGID_POINTS
from pipeline.values import FacePerformance
from stages.retargeting.head_pose import PlacedHeads
from stages.retargeting.procrustes import fit_similarities
from stages.retargeting.skeleton import Reals
from stages.retargeting.slider_directions import expression_measures
from stages.retargeting.triangulation import place_points

# How far from neutral and calm a frame is whose word counts e^(-1/2), or half where depths are asked: turns, radians;
# lips, smile, brows, lids, cm.
TURN, MEASURES = np.radians(20.0), np.array((0.5, 0.5, 0.25, 0.2))
RIDGE = 10.0  # frames' worth of belief that turn and expression change nothing


def steadied(
    neutral: NDArray[np.float32],
    performance: FacePerformance,
    learnt: NDArray[np.intp],
    calm: NDArray[np.intp],
) -> NDArray[np.float32]:
    """A neutral face (468, 3), cm, like the given one in size, turn and place, but steadier.

    Args:
        neutral: (468, 3) cm, head frame, from quiet frames.
        performance: what the face does, told from that one.
        learnt: frames that teach.
        calm: frames of the calm moment.
    """
    expression = performance.expression[learnt].astype(np.float64)
    rest = Rotation.from_rotvec(performance.rotation[calm]).mean()
    turns = (Rotation.from_rotvec(performance.rotation[learnt]) * rest.inv()).as_rotvec()
    said = expression_measures(neutral + expression) - expression_measures(neutral[None].astype(np.float64))
    away = np.hstack((turns / TURN, said / MEASURES))
    weight = np.exp(-0.5 * np.square(away).sum(axis=1))
    known = np.column_stack((np.ones(len(away)), away))
    energy = (known.T * weight) @ known + np.diag([np.finfo(float).tiny, *[RIDGE] * away.shape[1]])
    offset = np.linalg.solve(energy, (known.T * weight) @ expression.reshape(len(away), -1))[0]
    better = neutral + offset.reshape(neutral.shape)
    fit = fit_similarities(neutral[RIGID_POINTS], better[None, RIGID_POINTS], np.ones(len(RIGID_POINTS)))
    return np.asarray(fit.undo(better[None])[0], dtype=np.float32)


def in_relief(
    neutral: NDArray[np.float32],
    performance: FacePerformance,
    rays: Reals,
    heads: PlacedHeads,
    learnt: NDArray[np.intp],
) -> NDArray[np.float32]:
    """The neutral face (468, 3), cm, each point where the frames see it that say little.

    Args:
        neutral: (468, 3) cm, head frame: what rays leave open stays as it is there.
        performance: what the face does, told from that one.
        rays: (m, 468, 2) slopes of the points in the frames that teach.
        heads: where the head is in these frames, m.
        learnt: those frames, m.
    """
    expression = performance.expression[learnt].astype(np.float64)
    said = expression_measures(neutral + expression) - expression_measures(neutral[None].astype(np.float64))
    weight = 1 / (1 + np.square(said / MEASURES).sum(axis=1))
    return place_points(heads, rays, neutral.astype(np.float64), weight).astype(np.float32)
