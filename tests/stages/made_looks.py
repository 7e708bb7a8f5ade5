"""Small domains for the tests of translating: a chequered square wandering over stripes, by day and in other light."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.cyclegan.generator import ResnetGeneratorConfig
from models.cyclegan.objective import CycleWeights
from models.patch_discriminator import DiscriminatorConfig
from models.pix2pix.objective import PairedWeights
from models.pix2pix.unet import UNetGeneratorConfig
from pipeline.values import Frame, VideoInfo
from pipeline.video import LOSSLESS, write_video
from stages.training.flow_teacher import FlowTeacherConfig
from stages.training.picture_store import StoreConfig
from stages.training.translate_phases import Drawing, PairedPreset, UnpairedPreset

WIDTH, HEIGHT, FRAMES = 96, 64, 10
STORE = StoreConfig(side=40, multiple=4, least=8)
DRAWING = Drawing(height=32, width=32, batch=2, shrink=True)
TEACHER = FlowTeacherConfig(reduce=1)

UNPAIRED = UnpairedPreset(
    name="tiny",
    store=STORE,
    drawing=DRAWING,
    generator=ResnetGeneratorConfig(
        base_channels=8,
        downsamplings=1,
        blocks=1,
        fold=2,
        kernel=3,
        resize=True,
        residual=True,
        recolour=True,
        dropout=True,
    ),
    judge=DiscriminatorConfig(in_channels=3, base_channels=8, layers=1, scales=1, fold=2, padding=1),
    weights=CycleWeights(flow=5.0, edges=1.0, change=0.1, colours=0.1),
    teacher=TEACHER,
    learning_rate=2e-3,
    judges_rate=1e-3,
    schedule="cosine",
    pool=3,
    ema=0.9,
)
PAIRED = PairedPreset(
    name="tiny",
    store=STORE,
    drawing=DRAWING,
    generator=UNetGeneratorConfig(levels=5, base_channels=4),
    judge=DiscriminatorConfig(in_channels=6, base_channels=8, layers=1, scales=1, fold=2, padding=1, bias=False),
    weights=PairedWeights(flow=5.0),
    teacher=TEACHER,
    learning_rate=2e-3,
    ema=0.9,
)


def day_pictures(frames: int = FRAMES, *, start: int = 0) -> NDArray[np.uint8]:
    """(n, 64, 96, 3): a chequered red square moves 2 pixels a frame to the right over grey stripes."""
    pictures = np.empty((frames, HEIGHT, WIDTH, 3), np.uint8)
    pictures[:] = (120 + 60 * (np.arange(WIDTH) // 8 % 2))[None, None, :, None]
    shade = np.kron(np.random.default_rng(0).uniform(0.4, 1.0, (6, 6, 1)), np.ones((4, 4, 1)))
    square = np.rint(shade * (220, 60, 40)).astype(np.uint8)
    for number, picture in enumerate(pictures):
        left = (start + 2 * number) % (WIDTH - 24)
        picture[20:44, left : left + 24] = square
    return pictures


def dusk_of(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same in another light: darker, and bluish."""
    return np.rint(pictures * np.array([0.4, 0.45, 0.8])).astype(np.uint8)


def save_clip(path: Path, pictures: NDArray[np.uint8]) -> Path:
    """Write a clip of 25 pictures a second, without loss."""
    height, width = pictures.shape[1:3]
    info = VideoInfo(path, width, height, Fraction(25), Fraction(1, 25))
    with write_video(path, info, encoding=LOSSLESS) as output:
        for index, picture in enumerate(pictures):
            output.write(Frame(picture, Fraction(index, 25), index))
    return path


def save_still(path: Path, stored: NDArray[np.uint8] | NDArray[np.uint16]) -> Path:
    """Write a picture as it is: (h, w), (h, w, 3) RGB or (h, w, 4) RGBA."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = {2: None, 3: cv2.COLOR_RGB2BGR}.get(
        stored.ndim if stored.ndim == 2 else stored.shape[2], cv2.COLOR_RGBA2BGRA
    )
    cv2.imwrite(str(path), stored if order is None else cv2.cvtColor(stored, order))
    return path
