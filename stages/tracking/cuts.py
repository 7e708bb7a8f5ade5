"""find_cuts: where one shot ends and the next begins, from how the colours are spread over the picture."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sampling import Picture, sampled, shrinking, size_of

CUT_DISTANCE = 0.25  # 0 the same picture … 1 no colour in common; real clips stay under 0.06, their joins exceed 0.5
_SIDE = 48  # pixels the picture is reduced to
_CELLS = 3  # a side: the middle may stay the same person while the room around changes
_BINS = 8  # a channel
_POINTS = 2  # a side, of the picture's points that each of these pixels averages: enough to count colours by

Signature = NDArray[np.float32]  # (9, 3, 8): cell, channel, share of the cell's pixels; each row sums to 1


def picture_signature(picture: Picture) -> Signature:
    """Colour histograms (9, 3, 8) of the cells of a picture, blurred to neighbouring bins.

    The blur keeps a slow change of light from jumping over the edge of a bin.
    """
    points = (_POINTS * _SIDE, _POINTS * _SIDE)
    small = cv2.resize(
        sampled(picture, shrinking(*size_of(picture), points), points), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA
    )
    cell = _SIDE // _CELLS
    cells = small.reshape(_CELLS, cell, _CELLS, cell, 3).transpose(0, 2, 4, 1, 3).reshape(_CELLS**2, 3, -1)
    place = cells / (256 / _BINS) - 0.5  # in bins, centres at integers: each pixel is shared by the two nearest bins
    low = np.floor(place).astype(np.int64)
    share = place - low
    first = _BINS * np.arange(_CELLS**2 * 3).reshape(_CELLS**2, 3, 1)  # of each row's bins, all in one line
    bins = [(first + np.clip(near, 0, _BINS - 1)).ravel() for near in (low, low + 1)]
    counts = np.bincount(np.concatenate(bins), np.concatenate([(1 - share).ravel(), share.ravel()]), first.size * _BINS)
    return (counts.reshape(_CELLS**2, 3, _BINS) / cells.shape[-1]).astype(np.float32)


def signature_distance(before: Signature, after: Signature) -> float:
    """Share of colour that the two pictures do not have in common, 0 … 1, averaged over cells and channels."""
    return float(np.abs(before - after).sum(axis=-1).mean() / 2)


def find_cuts(distances: Sequence[float] | NDArray[np.float64], threshold: float = CUT_DISTANCE) -> NDArray[np.int32]:
    """The number of the shot that each frame belongs to, (n,), counting from 0.

    Args:
        distances: (n,) of every frame from the one before; the first frame's is not looked at.
        threshold: a larger distance is a cut.
    """
    is_cut = np.asarray(distances, dtype=np.float64) > threshold
    is_cut[:1] = False
    return np.cumsum(is_cut).astype(np.int32)
