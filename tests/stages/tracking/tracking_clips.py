"""What the tracker's tests are made of: the project's samples, whose true joints are known, as pictures and frames."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Frame
from pipeline.video import read_video

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
