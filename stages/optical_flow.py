"""How pixels moved between two pictures, by OpenCV's dense inverse search; following it; whether it cancels."""

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

ALPHA, BETA = 0.01, 0.5  # of the two-way check: of the flows' squared lengths, and square pixels


class Flow:
    """The motion between two pictures of a clip; as it is made, OpenCV's preset MEDIUM.

    It keeps its memory between pictures of one size, so every thread needs its own. OpenCV's count of threads does not
    change the result.
    Source: Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search".
    """

    def __init__(
        self, *, finest: int = 1, stride: int = 3, descents: int = 25, refinements: int = 5, blur: float = 0.0
    ) -> None:
        """Set how carefully to look.

        Args:
            finest: halvings of the picture at which the search ends; 0 sees the pixels themselves.
            stride: pixels between the patches that are followed.
            descents: steps of the search for one patch.
            refinements: steps of the smoothing that follows at every size.
            blur: pixels (sigma) by which the pictures are smoothed first, against noise; 0 leaves them.
        """
        self._blur = blur
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._search.setFinestScale(finest)
        self._search.setPatchStride(stride)
        self._search.setGradientDescentIterations(descents)
        self._search.setVariationalRefinementIterations(refinements)

    def __call__(self, now: U8, before: U8) -> F32:
        """Where every pixel of `now` was `before`: (h, w, 2) pixels (x, y), from two RGB pictures (h, w, 3)."""
        return self._between(self._grey(now), self._grey(before))

    def both_ways(self, now: U8, before: U8) -> tuple[F32, F32]:
        """The way back, from `now` to `before`, and the way forth: what a two-way check compares; as two calls."""
        grey_now, grey_before = self._grey(now), self._grey(before)
        return self._between(grey_now, grey_before), self._between(grey_before, grey_now)

    def _between(self, now: U8, before: U8) -> F32:
        found = self._search.calc(now, before, None)  # type: ignore[call-overload]  # no first guess
        return np.asarray(found, np.float32)

    def _grey(self, picture: U8) -> U8:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        smooth = cv2.GaussianBlur(grey, (0, 0), self._blur) if self._blur else grey
        return np.ascontiguousarray(smooth)


def moved(picture: F32, flow: F32, *, sharp: bool = False) -> F32:
    """Every pixel fetched from where `flow` says it was; the border repeats outside.

    Args:
        picture: (h, w) or (h, w, c), any range.
        flow: (h, w, 2) pixels (x, y), from the result to `picture`.
        sharp: by Lanczos over eight pixels a side, which overshoots at edges; else bilinear, which blurs.
    """
    x, y = _grid(*flow.shape[:2])
    between = cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR
    found = cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], between, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def returns(back: F32, forth: F32) -> NDArray[np.bool_]:
    """Where (h, w) the way back and the way forth cancel, and the pixel was inside the picture.

    |back + forth'|² ≤ 0.01 (|back|² + |forth'|²) + 0.5 square pixels, with forth' fetched from where `back` points.

    Args:
        back, forth: (h, w, 2) pixels (x, y): from the later picture to the earlier, and from that one back.
    Source: Sundaram et al. 2010, "Dense Point Trajectories by GPU-accelerated Large Displacement Optical Flow", sec. 3.
    """
    there = moved(forth, back)
    gap = squared_length(back + there)
    height, width = back.shape[:2]
    x, y = _grid(height, width)
    x, y = x + back[..., 0], y + back[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return np.asarray((gap <= ALPHA * (squared_length(back) + squared_length(there)) + BETA) & inside)


def squared_length(vectors: F32) -> F32:
    """Of each pixel's vector: (h, w, k) → (h, w)."""
    return np.asarray(np.einsum("hwk,hwk->hw", vectors, vectors))


def _grid(height: int, width: int) -> tuple[F32, F32]:
    return np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
