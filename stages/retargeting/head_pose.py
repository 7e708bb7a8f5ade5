"""pose_heads: where a head of known shape is in every frame, and its mesh seen from the head itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import INNER_CANTHI, IRIS_CENTRES, OUTER_CANTHI, RIGHT_IRIS, RIGID_POINTS, RIGID_WEIGHTS
from stages.retargeting.procrustes import fit_similarities
from stages.retargeting.skeleton import Reals

_WEIGHTS = np.array([RIGID_WEIGHTS[int(point)] for point in RIGID_POINTS])


@dataclass(frozen=True, slots=True, eq=False)
class HeadPoses:
    """A head in n frames: a head point v lies at rotation·v + translation in the camera frame."""

    rotation: NDArray[np.float64]  # (n, 3, 3)
    translation: NDArray[np.float64]  # (n, 3): cm
    local: NDArray[np.float64]  # (n, 478, 3): the tracked points in the head frame, cm


@dataclass(frozen=True, slots=True, eq=False)
class PlacedHeads:
    """Where a head is in all n frames of a clip, known better than its points tell; as in `HeadPoses`."""

    rotation: NDArray[np.float64]  # (n, 3, 3)
    translation: NDArray[np.float64]  # (n, 3): cm

    def at(self, frames: NDArray[np.intp] | NDArray[np.bool_]) -> "PlacedHeads":
        """Those of some frames, in that order."""
        return PlacedHeads(self.rotation[frames], self.translation[frames])


def pose_heads(lifted: Reals, shape: Reals, placed: PlacedHeads | None = None) -> HeadPoses:
    """Lay a mesh onto lifted points by what moves with the skull, and bring them to its size.

    The pose and the local points together give back the tracked pixels exactly, whatever the shape.

    Args:
        lifted: (n, 478, 3) from `MetricCamera.lift`.
        shape: (468, 3) cm, head frame: the clip's own neutral face.
        placed: where the heads are, if that is known otherwise; n. Each point then lies on its ray as far away as the
            shape, put there, has it: what the tracker took for a turn of the head is an expression, and of its depths,
            which it guesses, nothing is taken.
    Source: methods 11.6, steps 2 to 4, with a mesh measured in the clip instead of the canonical one.
    """
    fit = fit_similarities(shape[RIGID_POINTS], lifted[:, RIGID_POINTS], _WEIGHTS)
    local = fit.undo(lifted)
    if placed is None:
        return HeadPoses(fit.rotation, fit.translation / fit.scale[:, None], local)
    rotation, translation = placed.rotation, placed.translation
    depth = np.einsum("nc,vc->nv", rotation[:, 2], _with_irises(shape)) + translation[:, None, 2]
    seen = lifted * (depth / lifted[..., 2])[..., None] - translation[:, None]
    return HeadPoses(rotation, translation, seen @ rotation)


def _with_irises(shape: Reals) -> Reals:
    """(478, 3): irises lie midway between the corners of their eyes."""
    right, left = (shape[[outer, inner]].mean(axis=0) for outer, inner in zip(OUTER_CANTHI, INNER_CANTHI, strict=True))
    rows = len((IRIS_CENTRES[0], *RIGHT_IRIS))
    return np.concatenate((shape, np.tile(right, (rows, 1)), np.tile(left, (rows, 1))))
