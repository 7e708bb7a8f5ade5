"""Small clips for the tracker's tests."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tracking_clips import RATE, Footage, as_frames, footage

from pipeline.values import VideoInfo
from pipeline.video import write_video


@pytest.fixture(scope="session")
def red() -> Footage:
    return footage("red_dance", 48)


@pytest.fixture(scope="session")
def blue() -> Footage:
    return footage("blue_dance", 48)


@pytest.fixture(scope="session")
def empty_stage(red: Footage) -> NDArray[np.uint8]:
    """Red's stage without Red: colours of one of the upper rows, carried on down."""
    image = red.images[0].copy()
    image[:] = np.median(image[:, :8], axis=1, keepdims=True).astype(np.uint8)
    return image


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Write pictures as a clip and return its path."""

    def write(images: Sequence[NDArray[np.uint8]], name: str = "clip.mp4") -> Path:
        height, width = images[0].shape[:2]
        path = tmp_path / name
        info = VideoInfo(path, width, height, Fraction(RATE), Fraction(1, RATE))
        with write_video(path, info) as output:
            for frame in as_frames(images):
                output.write(frame)
        return path

    return write
