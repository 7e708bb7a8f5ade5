"""find_sliders: directions of expression with a meaning, learnt from the clip or, where it is still, by geometry."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import (
    CHIN,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    MOUTH_CORNERS,
    OUTER_LIPS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
)
from stages.retargeting.face_model import Sliders
from stages.retargeting.gaze import eye_frames, lid_openings
from stages.retargeting.skeleton import Reals

RIDGE = 1e-2  # of the mean energy of the four measures
STILL = np.array(
    (0.3, 0.25, 0.15, 0.15)
)  # cm between the 2 % and 98 % quantiles, below which a region's motion is noise

_HALF = len(OUTER_LIPS) // 2  # rings run along the lower lip first
_LOWER_LIP = (*OUTER_LIPS[1:_HALF], *INNER_LIPS[1:_HALF])
_UPPER_LIP = (*OUTER_LIPS[_HALF + 1 :], *INNER_LIPS[_HALF + 1 :])
_AROUND_CHIN = OVAL[OVAL.index(CHIN) - 4 : OVAL.index(CHIN) + 5]
_LOWER_LIDS = (*RIGHT_EYE[1:8], *LEFT_EYE[1:8])
_UPPER_LIDS = (*RIGHT_EYE[9:], *LEFT_EYE[9:])


@dataclass(frozen=True, slots=True)
class _Region:
    """The part of the face that a slider moves: around some points, fading with distance."""

    points: Sequence[int]
    reach: float  # cm: standard deviation of the fading

    def mask(self, neutral: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(-0.5 * (_distance(neutral, self.points) / self.reach) ** 2))


_REGIONS = (
    _Region((*_LOWER_LIP, *MOUTH_CORNERS, *_AROUND_CHIN), 1.5),
    _Region((*OUTER_LIPS, *INNER_LIPS), 1.5),
    _Region((*RIGHT_BROW, *LEFT_BROW), 1.0),
    _Region((*RIGHT_EYE, *LEFT_EYE), 0.35),
)


def mouth_openings(meshes: Reals) -> NDArray[np.float64]:
    """How far the lips are apart over the mouth's width: meshes (…, 468, 3) → (…,)."""
    gap = np.linalg.norm(meshes[..., 13, :] - meshes[..., 14, :], axis=-1)
    return np.asarray(
        gap / np.linalg.norm(meshes[..., MOUTH_CORNERS[0], :] - meshes[..., MOUTH_CORNERS[1], :], axis=-1)
    )


def find_sliders(neutral: Reals, expressions: Reals) -> Sliders:
    """Directions of jaw, smile, brows and lids for a face (468, 3) from its expressions (n, 468, 3), both in cm.

    What each vertex does when one of four measures changes and the others do not (ridge regression, as methods 12.3
    does with blendshapes), faded out away from the region. A region that is still in the clip moves as faces do.
    """
    neutral = neutral.astype(np.float64)
    changes = expressions - expressions.mean(axis=0, dtype=np.float64)
    measured = expression_measures(neutral + expressions)
    learnt = _regression(measured - measured.mean(axis=0), changes)
    low, high = np.quantile(measured, (0.02, 0.98), axis=0)
    directions = []
    for slider, (region, usual) in enumerate(zip(_REGIONS, _usual_motion(neutral), strict=True)):
        moved = learnt[slider] * region.mask(neutral)[:, None]
        rises = (expression_measures((neutral + moved)[None]) - expression_measures(neutral[None]))[0, slider] > 0
        direction = moved if high[slider] - low[slider] >= STILL[slider] and rises else usual
        directions.append(direction / np.linalg.norm(direction))
    parts = np.einsum("nvc,svc->ns", expressions, np.stack(directions))
    jaw, smile, brows, lids = (direction.astype(np.float32) for direction in directions)
    return Sliders(jaw, smile, brows, lids, parts.min(axis=0).astype(np.float32), parts.max(axis=0).astype(np.float32))


def expression_measures(meshes: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the sliders are to change, cm: the lips' gap, the smile, the brows' height, the lids' gap: (n, 4)."""
    right, left = MOUTH_CORNERS
    gap = meshes[:, 13, 1] - meshes[:, 14, 1]
    width = np.linalg.norm(meshes[:, left] - meshes[:, right], axis=1)
    lift = meshes[:, [right, left], 1].mean(axis=1)
    brows = meshes[:, [*RIGHT_BROW, *LEFT_BROW], 1].mean(axis=1)
    lids = (lid_openings(meshes) * 2 * eye_frames(meshes).half).mean(axis=1)
    return np.stack((gap, width + lift, brows, lids), axis=1)


def _regression(measured: NDArray[np.float64], changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Motion per centimetre of each measure: (n, 4), (n, 468, 3) → (4, 468, 3)."""
    energy = measured.T @ measured
    ridge = np.eye(len(energy)) * max(RIDGE * np.trace(energy) / len(energy), np.finfo(float).tiny)
    flat = np.linalg.solve(energy + ridge, measured.T @ changes.reshape(len(changes), -1))
    return np.asarray(flat.reshape(-1, *changes.shape[1:]))


def _usual_motion(neutral: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """How faces move where the clip does not tell, by geometry alone: four motions (468, 3)."""
    jaw, smile, brows, lids = (region.mask(neutral)[:, None] for region in _REGIONS)
    lower_lip = _distance(neutral, (*_LOWER_LIP, *_AROUND_CHIN)) < _distance(neutral, _UPPER_LIP)
    upper_lid = np.where(_distance(neutral, _UPPER_LIDS) < _distance(neutral, _LOWER_LIDS), 1.0, -0.25)
    corners = np.exp(-0.5 * (_distance(neutral, MOUTH_CORNERS) / 1.5) ** 2)[:, None]
    middle = neutral[list(MOUTH_CORNERS)].mean(axis=0)
    apart = np.clip((neutral[:, :1] - middle[0]) / 2.0, -1, 1) * np.array((0.8, 0.0, 0.0))
    return [
        jaw * lower_lip[:, None] * np.array((0.0, -1.0, -0.2)),
        smile * corners * (apart + np.array((0.0, 0.5, -0.3))),
        brows * np.array((0.0, 1.0, 0.0)),
        lids * upper_lid[:, None] * np.array((0.0, 1.0, 0.0)),
    ]


def _distance(neutral: NDArray[np.float64], points: Sequence[int]) -> NDArray[np.float64]:
    """From every vertex to the nearest of some: (468,), cm."""
    return np.asarray(np.linalg.norm(neutral[:, None] - neutral[list(points)], axis=-1).min(axis=1))
