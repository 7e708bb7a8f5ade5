"""Put what the network painted back into the full frame: the performer over the clean plate, at full resolution."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image import Value, resize
from pipeline.values import Box
from stages.rendering.generate import Painted

SEAM = 0.04  # of the window's shorter side: over this width a window without mask fades into the frame


class Compositor:
    """Pastes painted windows into one background.

    With a mask only the performer is enlarged to the frame's resolution and the background stays as sharp as it was
    filmed; without one the whole window is, and its border fades out so that no edge shows.
    """

    def __init__(self, background: NDArray[np.uint8], window: Box) -> None:
        self._background, self._window = background, window

    def paste(self, painted: Painted, window: Box | None = None) -> NDArray[np.uint8]:
        """Return the full frame, (height, width, 3) uint8 RGB, in memory of its own.

        Args:
            window: of this frame, where it is another; shares a pixel with the frame.
        """
        frame = self._background.copy()
        if not painted.person:
            return frame
        window = self._window if window is None else window
        height, width = frame.shape[:2]
        inside = Box(max(window.left, 0), max(window.top, 0), min(window.right, width), min(window.bottom, height))
        behind = frame[inside.top : inside.bottom, inside.left : inside.right]
        if painted.mask is not None and painted.foreground is not None:
            share = np.clip(_in_frame(painted.mask, window, inside), 0, 1)  # bicubic overshoots
            above = _in_frame(painted.foreground, window, inside)
        else:
            share, above = _fade(inside, width, height), _in_frame(painted.image, window, inside)
        # blendLinear computes (a*wa + b*wb) / (wa + wb + 1e-5) in one pass: where share is 0, b comes back exactly.
        frame[inside.top : inside.bottom, inside.left : inside.right] = cv2.blendLinear(
            np.ascontiguousarray(above), np.ascontiguousarray(behind), share, 1 - share
        )
        return frame


def _in_frame(picture: NDArray[Value], window: Box, inside: Box) -> NDArray[Value]:
    """Scale a picture of the window to its size in the frame and cut off what lies outside the frame."""
    scaled = resize(picture, window.width, window.height)
    return scaled[inside.top - window.top :, inside.left - window.left :][: inside.height, : inside.width]


@lru_cache(maxsize=1)  # the same in every frame of a film
def _fade(inside: Box, width: int, height: int) -> NDArray[np.float32]:
    """1 inside, falling to 0 at those sides of the window that are not sides of the frame."""
    seam = max(1, round(SEAM * min(inside.width, inside.height)))
    columns = _ramp(inside.width, seam, inside.left > 0, inside.right < width)
    rows = _ramp(inside.height, seam, inside.top > 0, inside.bottom < height)
    return np.asarray(rows[:, None] * columns, dtype=np.float32)


def _ramp(length: int, seam: int, first: bool, last: bool) -> NDArray[np.float32]:
    rise = np.clip((np.arange(length) + 1) / seam, 0, 1)
    return ((rise if first else 1) * (rise[::-1] if last else 1) * np.ones(length)).astype(np.float32)
