"""How steady a person looks: the colours of head, trunk and limbs, laid flat, against what they usually are.

No network that knows faces is asked. Every part of the body is cut out along its own bones, made a small square of
3 x 3 cells (a face: 6 x 6) and each cell's colour noted in CIE Lab. What a part usually looks like is the median over
the film; how far a frame is from that, on average over the cells seen, is its drift in ΔE (CIE 1976): about 2 is just
visible. Light and turning bodies make a real film drift, too: compare with a film of the same performance.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import CHIN, OUTER_CANTHI
from pipeline.sampling import averaged
from pipeline.values import Pose
from stages.evaluation.regions import EARS, EYES, MOUTH, SEEN

Picture = NDArray[np.uint8]
F64 = NDArray[np.float64]
Looks = NDArray[np.float32]  # (cells, 3): Lab, L 0 … 100; NaN where a part is unseen

CELLS, FACE_CELLS = 3, 6  # a side
STILL = 0.05  # ΔE: added to both sides of a ratio, so that a film that never changes divides
WITHIN = 4  # pixels a side that a cell is averaged from
BODY_CELLS = 10 * CELLS * CELLS  # of head, trunk and eight limbs
BREADTH = 0.3  # of a limb's length: how wide a strip is looked at
TRUNK = (11, 12, 23)  # left shoulder, right shoulder, left hip: three corners of a parallelogram
LIMBS = ((11, 13), (12, 14), (13, 15), (14, 16), (23, 25), (24, 26), (25, 27), (26, 28))  # upper arms … shins


class LookBook:
    """A film's looks, gathered frame by frame; about a kilobyte each."""

    def __init__(self) -> None:
        self._looks: list[Looks] = []

    def add(self, looks: Looks) -> None:
        """Take the next frame's."""
        self._looks.append(looks)

    def drift(self) -> F64:
        """See `drift`; (n,)."""
        return drift(np.stack(self._looks))


def body_looks(picture: Picture, pose: Pose | None) -> Looks:
    """The looks of one frame: (90, 3), for head, trunk and eight limbs nine cells each; none of nobody."""
    if pose is None:
        return unseen(BODY_CELLS)
    points, sure = pose.points.astype(np.float64), pose.confidence >= SEEN
    corners = [_head_corners(points, sure), _trunk_corners(points, sure), *(_strip(points, sure, *b) for b in LIMBS)]
    return np.concatenate([unseen(CELLS * CELLS) if at is None else _cells(picture, at, CELLS) for at in corners])


def face_looks(picture: Picture, points: NDArray[np.float32] | None) -> Looks:
    """The looks of a face, from between the brows to the chin: (36, 3); none without landmarks (478, 3)."""
    if points is None:
        return unseen(FACE_CELLS * FACE_CELLS)
    right, left, chin = (points[index, :2].astype(np.float64) for index in (*OUTER_CANTHI, CHIN))
    down = chin - (right + left) / 2
    return _cells(picture, np.stack([right, left, right + down]), FACE_CELLS)


def unseen(cells: int) -> Looks:
    """The looks of what is not there: (cells, 3) NaN."""
    return np.full((cells, 3), np.nan, np.float32)


def drift(looks: NDArray[np.float32]) -> F64:
    """How far each frame's looks (n, cells, 3) are from the film's median, ΔE, mean over the cells seen; (n,)."""
    seen = ~np.isnan(looks[..., 0])
    usual = np.stack([_median(looks[seen[:, cell], cell]) for cell in range(looks.shape[1])])
    away = np.linalg.norm(looks - usual, axis=2)
    counts = seen.sum(axis=1)
    return np.where(counts, np.where(seen, away, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)


def _median(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.median(colours, axis=0) if len(colours) else np.zeros(3, np.float32)


def _cells(picture: Picture, corners: F64, cells: int) -> Looks:
    """Colours of a parallelogram whose corners (3, 2) are top left, top right and bottom left: (cells², 3) Lab.

    NaN where it has less than a pixel a cell: seen edge on, a trunk shows no colours.
    """
    right, down = corners[1] - corners[0], corners[2] - corners[0]
    if abs(right[0] * down[1] - right[1] * down[0]) < cells * cells:
        return unseen(cells * cells)
    side = cells * WITHIN
    square = np.array([[-0.5, -0.5], [side - 0.5, -0.5], [-0.5, side - 0.5]], np.float32)
    to_frame = np.asarray(cv2.getAffineTransform(square, corners.astype(np.float32)), np.float64)
    flat = averaged(picture, to_frame, (side, side)).astype(np.float32) / 255
    small = flat.reshape(cells, WITHIN, cells, WITHIN, 3).mean(axis=(1, 3))
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32).reshape(-1, 3)


def _head_corners(points: F64, sure: NDArray[np.bool_]) -> F64 | None:
    """A square on the face: twice as wide as eyes lie above the mouth, upright along that line."""
    if not sure[[*EYES, *EARS, *MOUTH]].all():
        return None
    eyes, mouth = points[list(EYES)].mean(axis=0), points[list(MOUTH)].mean(axis=0)
    down = mouth - eyes
    across = np.array((down[1], -down[0]))  # to the picture's right of a face that stands upright
    middle = (eyes + mouth) / 2
    return np.array([middle - across - down, middle + across - down, middle - across + down], np.float64)


def _trunk_corners(points: F64, sure: NDArray[np.bool_]) -> F64 | None:
    return points[list(TRUNK)] if sure[list(TRUNK)].all() else None


def _strip(points: F64, sure: NDArray[np.bool_], begin: int, end: int) -> F64 | None:
    """A strip along a bone, as wide as three tenths of its length; None for a bone that points at the camera."""
    along = points[end] - points[begin]
    if not (sure[begin] and sure[end]) or np.hypot(*along) < 2:
        return None
    aside = BREADTH / 2 * np.array((-along[1], along[0]))
    return np.array([points[begin] + aside, points[begin] - aside, points[end] + aside], np.float64)
