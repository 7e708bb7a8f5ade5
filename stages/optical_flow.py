"""How pixels moved between two pictures, by OpenCV's dense inverse search: no weights, some milliseconds."""

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


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
