"""What the face tracker's tests are made of: real portraits, as they are and set small into large frames."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.video import read_video

PORTRAITS = Path(__file__).parents[3].parent / "shared/clips/portrait"
FACE = 310  # pixels from forehead to chin in both portraits, about

Picture = NDArray[np.uint8]


def portrait(name: str, start: int, stop: int) -> list[Picture]:
    """Frames start … stop-1 of a real clip; the test is skipped where the clips are not at hand."""
    path = PORTRAITS / f"{name}.mp4"
    if not path.is_file():
        pytest.skip(f"needs the real clip {name}.mp4, which is not kept in the project")
    with read_video(path, start_index=start, stop_index=stop) as video:
        return [frame.image for frame in video]


def room(width: int = 1280, height: int = 720) -> Picture:
    """An empty frame that is not quite flat."""
    across = np.linspace(70, 110, width)[None, :, None]
    return np.broadcast_to(across, (height, width, 3)).astype(np.uint8)


def scaled(picture: Picture, scale: float) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def placed(frame: Picture, portrait: Picture, x: int, y: int) -> Picture:
    """The frame with a portrait laid on it, its upper left corner at x, y."""
    whole = frame.copy()
    whole[y : y + portrait.shape[0], x : x + portrait.shape[1]] = portrait
    return whole
