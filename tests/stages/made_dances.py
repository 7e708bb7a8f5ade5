"""Small dances for the tests of the stages: the first frames of a sample, reduced, with the true joints as track."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.everybody_dance_now.draft import DraftConfig
from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig
from models.everybody_dance_now.objective import LOCAL_STAGE, ObjectiveWeights
from models.matting import MattingWeights
from models.patch_discriminator import DiscriminatorConfig
from models.vid2vid.discriminators import JudgesConfig
from models.vid2vid.generator import LIGHT, CompositeConfig
from models.vid2vid.objective import Vid2VidWeights
from models.vid2vid.pyramid import PyramidConfig
from pipeline.image import resize
from pipeline.values import Frame, Status, Track, VideoInfo
from pipeline.video import LOSSLESS, read_video, write_video
from stages.retargeting.body import BodyStatistics, measure_body
from stages.training.phases import DancePreset, PairPhase, SequencePhase

SAMPLES = Path(__file__).parents[2] / "sample_videos"
SAMPLE_WIDTH, SAMPLE_HEIGHT = 360, 640
WIDTH, HEIGHT = 90, 160  # of the reduced films
FRAMES = 56  # 48 to learn from, 8 held out
NTSC = Fraction(30000, 1001)

_JUDGE = DiscriminatorConfig(base_channels=4, layers=2)

DRAFT = DancePreset(
    name="tiny draft",
    pixels=40 * 80,
    stride=8,
    phases=(
        PairPhase(
            network=DraftConfig(base_channels=8, halvings=2, blocks=1),
            part=1.0,
            batch=2,
            learning_rate=3e-3,
            betas=(0.9, 0.99),
            schedule="cosine",
            weights=ObjectiveWeights(gan=0.0, feature_matching=0.0, perceptual=0.0, l1=1.0),
            matting=MattingWeights(),
            shift=0.04,
            ema=0.9,
        ),
    ),
)
# The hd preset with every part made small: coarse at half size, the enhancer on it, the face.
WHOLE = DancePreset(
    name="tiny hd",
    pixels=40 * 80,
    stride=8,
    phases=(
        PairPhase(
            network=GeneratorConfig(base_channels=4, downsamplings=2, blocks=1),
            part=0.4,
            reduce=2,
            discriminator=_JUDGE,
        ),
        PairPhase(
            network=EnhancerConfig(base_channels=2, downsamplings=2, blocks=1),
            part=0.4,
            weights=LOCAL_STAGE,
            discriminator=_JUDGE,
        ),
    ),
    face_part=0.2,
    face_size=128,
)

# The light sequential generator in small, with everything switched on that the draft has.
SEQUENCES = DancePreset(
    name="tiny sequences",
    pixels=40 * 80,
    stride=8,
    phases=(
        SequencePhase(
            network=PyramidConfig(
                coarse=replace(LIGHT, past_frames=2, base_channels=8, most_channels=16, downsamplings=2, blocks=1)
            ),
            part=1.0,
            batch=2,
            frames=(3, 5),
            chunk=2,
            backprop=(1, 2),
            most_stride=2,
            drop=0.1,
            learning_rate=3e-3,
            betas=(0.9, 0.99),
            schedule="cosine",
            weights=Vid2VidWeights(
                gan=0.01,
                feature_matching=0.1,
                perceptual=0.0,
                l1=1.0,
                warp=0.5,
                flow=0.02,
                flow_warp=0.2,
                mask=0.1,
                temporal_gan=0.01,
                temporal_feature_matching=0.1,
                face_gan=0.01,
                hand_gan=0.01,
            ),
            matting=MattingWeights(),
            judges=JudgesConfig(base_channels=4, layers=2, scales=1, face=True, hand=True),
            seen_from=0.0,
            shift=0.04,
            ema=0.9,
        ),
    ),
)
# Two scales without a plate, the finer one alone at first, as the published training grows.
GROWING = DancePreset(
    name="tiny growing",
    pixels=40 * 80,
    stride=8,
    phases=tuple(
        SequencePhase(
            network=PyramidConfig(
                coarse=CompositeConfig(base_channels=4, downsamplings=1, blocks=1), scales=scales, local_blocks=1
            ),
            part=0.5,
            reduce=3 - scales,
            frames=(4,),
            weights=Vid2VidWeights(mask=10.0).without_perceptual().at_scales(scales),
            judges=JudgesConfig(base_channels=4, layers=2, scales=scales),
            coarse_fixed=0.5 * (scales - 1),
            checkpointing=True,
            ttur=True,
        )
        for scales in (1, 2)
    ),
)


def times_at(count: int, rate: Fraction = NTSC) -> tuple[Fraction, ...]:
    return tuple(index / rate for index in range(count))


def track_of(
    points: NDArray[np.float32],
    width: int = WIDTH,
    height: int = HEIGHT,
    times: Sequence[Fraction] | None = None,
    status: Sequence[Status] | None = None,
) -> Track:
    """A track of sure joints (n, 33, 2), unsure where the status says that nobody is there."""
    count = len(points)
    kinds = np.array(status or [Status.TRACKED] * count, np.uint8)
    sure = np.where(kinds == Status.MISSING, 0.0, 1.0).astype(np.float32)
    return Track(
        width=width,
        height=height,
        times=tuple(times or times_at(count)),
        points=points.astype(np.float32),
        confidence=np.repeat(sure[:, None], 33, axis=1),
        world=np.zeros((count, 33, 3), np.float32),
        status=kinds,
        shot=np.zeros(count, np.int32),
    )


def sample_track(name: str = "blue_dance", count: int = FRAMES, times: Sequence[Fraction] | None = None) -> Track:
    """The true joints of a sample's first frames, at the reduced size."""
    rows = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))["frames"][:count]
    points = np.array([row[1] for row in rows])
    scale = np.array([WIDTH / SAMPLE_WIDTH, HEIGHT / SAMPLE_HEIGHT])
    return track_of((points + 0.5) * scale - 0.5, times=times)


def sample_images(name: str = "blue_dance", count: int = FRAMES) -> list[NDArray[np.uint8]]:
    with read_video(SAMPLES / f"{name}.mp4", stop_index=count) as video:
        return [resize(frame.image, WIDTH, HEIGHT) for frame in video]


def info_at(rate: Fraction = NTSC, time_base: Fraction = Fraction(1, 30000)) -> VideoInfo:
    return VideoInfo(Path("made.mp4"), WIDTH, HEIGHT, rate, time_base)


def save_film(path: Path, images: Sequence[NDArray[np.uint8]]) -> Path:
    with write_video(path, info_at(), encoding=LOSSLESS, overwrite=True) as film:
        for index, (image, time) in enumerate(zip(images, times_at(len(images)), strict=True)):
            film.write(Frame(image, time, index))
    return path


def sample_body() -> BodyStatistics:
    return measure_body(sample_track())
