"""How much a clip's picture changes from each frame to the next: by motion, by light, by a cut."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image import resize
from pipeline.video import read_video

SIDE = 96  # pixels of the longer side at which pictures are compared: noise is averaged out


def picture_change(clip: Path, *, progress: Callable[[int], None] | None = None) -> NDArray[np.float64]:
    """(n,): mean absolute difference to the frame before, share of the range 0 … 1; 0 for the first.

    Args:
        progress: called with the number of frames done.

    Raises: VideoError.
    """
    found: list[float] = []
    before: NDArray[np.float32] | None = None
    with read_video(clip) as video:
        for frame in video:
            now = _small(frame.image)
            found.append(0.0 if before is None else float(np.abs(now - before).mean(dtype=np.float64)))
            before = now
            if progress:
                progress(len(found))
    return np.array(found)


def _small(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey (h, w) in 0..1, small."""
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    small = resize(image, max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32) / 255
