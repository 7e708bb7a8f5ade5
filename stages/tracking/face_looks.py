"""face_looks: the colours of a head, by which one person is told from another."""

import cv2
import numpy as np
from numpy.typing import NDArray

FACE_CROP = 192  # pixels: side of the landmark network's input

_PATCH = 24  # pixels a side that a face is reduced to before its colours are counted
_RIM = FACE_CROP // 8  # pixels of the crop, on each side, that show more room than head
_BINS = 6  # a colour channel

FaceLooks = NDArray[np.float32]  # (216,): shares of 6 x 6 x 6 colours of the head; sums to 1


def face_looks(crop: NDArray[np.uint8]) -> FaceLooks:
    """The colours of a head, (192, 192, 3) RGB and upright, as shares of 6 x 6 x 6 colours."""
    head = crop[_RIM : FACE_CROP - _RIM, _RIM : FACE_CROP - _RIM]
    small = cv2.resize(head, (_PATCH, _PATCH), interpolation=cv2.INTER_AREA)
    histogram = cv2.calcHist([small], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3)
    spread = cv2.GaussianBlur(histogram.reshape(_BINS, -1), (3, 3), 0.6).ravel()
    return np.asarray(spread / spread.sum(), dtype=np.float32)
