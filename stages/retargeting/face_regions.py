"""Which part of a face each point of its mesh belongs to, with soft borders, and how two faces compare in size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import MOUTH_CORNERS, NOSE_TIP
from stages.retargeting.gaze import eye_frames

UPPER_LIP = 0  # the middle of its upper rim
LID_INNER, LID_OUTER = (1.15, 0.7), (1.8, 1.1)  # half axes of two ellipses around an eye, across and upwards, in half
# eye widths: the lids lie inside the first, the brows and the bridge of the nose outside the second

Reals = NDArray[np.float64]


def mouth_weights(neutral: NDArray[np.floating[Any]]) -> Reals:
    """How much each point goes with lips and jaw, (468,): 1 from the upper lip down, 0 from the nose tip up, eased.

    Args:
        neutral: (468, 3) head frame, cm.
    """
    height = neutral[:, 1].astype(np.float64)
    nose, lip = height[NOSE_TIP], height[UPPER_LIP]
    return _eased((nose - height) / (nose - lip))


def lid_weights(neutral: NDArray[np.floating[Any]]) -> Reals:
    """How much each point goes with the lids, (468,): 1 at the eyes' rims, 0 from the brows outwards, eased.

    Args:
        neutral: (468, 3) head frame, cm.
    """
    eyes = eye_frames(neutral)
    away = neutral.astype(np.float64)[:, None] - eyes.middle
    place = np.stack(((away * eyes.right).sum(axis=-1), (away * eyes.up).sum(axis=-1)), axis=-1) / eyes.half[:, None]
    inner, outer = (np.linalg.norm(place / np.array(axes), axis=-1) for axes in (LID_INNER, LID_OUTER))
    # 0 on the inner ellipse, 1 on the outer one, even between them on every line from the eye's middle.
    outwards = outer * (inner - 1) / np.maximum(inner - outer, 1e-9)
    return np.asarray(_eased(1 - outwards).max(axis=1))


def size_ratios(source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]) -> Reals:
    """By what an expression of one face is multiplied to suit another, (468, 3); exactly 1 for the same face.

    Width, height and depth of the faces; across the mouth the width of the lips instead.

    Args:
        source: (468, 3) the neutral face that the expression comes from, head frame, cm.
        target: (468, 3) the one that it goes to.
    Source: methods of Deep Video Portraits' transfer with a mesh alone (D in Δ' = D⊙(Δ - Δ_ref) + Δ'_ref); ours.
    """
    whole = np.ptp(target.astype(np.float64), axis=0) / np.ptp(source.astype(np.float64), axis=0)
    lips = _lip_width(target) / _lip_width(source)
    ratios = np.tile(whole, (len(target), 1))
    ratios[:, 0] += mouth_weights(target) * (lips - whole[0])
    return ratios


def _lip_width(mesh: NDArray[np.floating[Any]]) -> float:
    right, left = mesh[list(MOUTH_CORNERS)].astype(np.float64)
    return float(np.linalg.norm(left - right))


def _eased(share: Reals) -> Reals:
    """0 below 0, 1 above 1, between them 3s² - 2s³."""
    inside = np.clip(share, 0.0, 1.0)
    return np.asarray(inside * inside * (3 - 2 * inside))
