"""Where a painted head belongs in somebody else's frame: at the place and in the size of the head it follows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.errors import TrackError
from pipeline.face_landmarks import CHIN, FOREHEAD, RIGID_POINTS
from pipeline.values import FacePerformance
from stages.retargeting.face_model import FaceModel


@dataclass(frozen=True, slots=True)
class Place:
    """How a head moves from its own frame into another: point' = scale · point + (x, y), pixels."""

    scale: float
    x: float
    y: float
    column: float  # of the chin in the head's own frame, pixels
    chin: float  # its row there
    face_height: float  # from the brow's top to the chin there, pixels


def place_heads(
    made: FacePerformance, model: FaceModel, other: FacePerformance, other_model: FaceModel
) -> tuple[Place, ...]:
    """Lay each head of `made` over the head of `other` in the same frame: middle over middle, equally large.

    Heads are as large as their faces are in space, seen from their distance; a turned head is no smaller.

    Args:
        made: what is painted, in its own frame.
        model: whose face it is.
        other: what it follows, in the other frame.
        other_model: whose face that is.

    Raises:
        TrackError: the performances are of different lengths.
    """
    if len(made) != len(other):
        raise TrackError(
            "the source's performance",
            f"{len(other)} frames, {len(made)} are painted",
            "performances of equal length",
            "Paste into the source only what follows it.",
        )
    middles, sizes, chins, brows = _seen(made, model)
    there, their_sizes, _, _ = _seen(other, other_model)
    scales = their_sizes / sizes
    shifts = there - scales[:, None] * middles
    heights = np.maximum(np.linalg.norm(chins - brows, axis=1), 1.0)
    return tuple(
        Place(*(float(value) for value in (scale, *shift, *chin, height)))
        for scale, shift, chin, height in zip(scales, shifts, chins, heights, strict=True)
    )


def _seen(
    performance: FacePerformance, model: FaceModel
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of every frame: the face's middle (n, 2), its size (n,), chin and forehead (n, 2); pixels."""
    turns = Rotation.from_rotvec(performance.rotation.astype(np.float64)).as_matrix()
    points = np.einsum("nij,vj->nvi", turns, model.neutral.astype(np.float64)) + performance.translation[:, None]
    pixels = model.camera.project(points)
    rigid = model.neutral[RIGID_POINTS].astype(np.float64)
    extent = float(np.sqrt(np.square(rigid - rigid.mean(axis=0)).sum(axis=1).mean()))
    middles = pixels[:, RIGID_POINTS]
    sizes = model.camera.focal * extent / middles[..., 2].mean(axis=1)
    return middles[..., :2].mean(axis=1), sizes, pixels[:, CHIN, :2], pixels[:, FOREHEAD, :2]
