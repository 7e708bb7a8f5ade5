"""Small clips for the tracker's tests: made of the project's samples, so that the true joints are known."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.values import Frame, VideoInfo
from pipeline.video import read_video, write_video

SAMPLES = Path(__file__).parents[3] / "sample_videos"
RATE = 24


@dataclass(frozen=True)
class Footage:
    """The first frames of a sample, and its true joints in pixels."""

    images: list[NDArray[np.uint8]]
    joints: NDArray[np.float64]  # (n, 33, 2)


def footage(name: str, frames: int) -> Footage:
    with read_video(SAMPLES / f"{name}.mp4", stop_index=frames) as video:
        images = [frame.image for frame in video]
    rows = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))["frames"]
    return Footage(images, np.array([row[1] for row in rows[:frames]]))


def shifted(joints: NDArray[np.float64], x: float, y: float = 0.0) -> NDArray[np.float64]:
    return joints + np.array([x, y])


def as_frames(images: Sequence[NDArray[np.uint8]]) -> list[Frame]:
    return [Frame(image, Fraction(index, RATE), index) for index, image in enumerate(images)]


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
