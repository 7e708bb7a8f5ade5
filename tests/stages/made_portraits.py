"""Small portraits for the tests of training: a head of two discs before a striped wall, prepared without a film."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from models.deep_video_portraits.discriminators import PortraitJudgesConfig
from models.deep_video_portraits.light import LightPortraitConfig
from models.deep_video_portraits.objective import PortraitWeights
from models.deep_video_portraits.rendering_to_video import RenderingToVideoConfig
from models.matting import MattingWeights
from models.vid2vid.discriminators import JudgesConfig
from models.vid2vid.generator import LIGHT
from models.vid2vid.objective import Vid2VidWeights
from models.vid2vid.pyramid import PyramidConfig
from pipeline.values import Box, FaceTrack, Status
from stages.conditioning.face_images import CHANNELS, FaceImagesFormat
from stages.training.clips import PreparedClip, trained_frames
from stages.training.framing import Framing
from stages.training.phases import SequencePhase
from stages.training.portrait_clip import LEFT_EYE, MOUTH_LEFT, MOUTH_RIGHT, NOSE, RIGHT_EYE
from stages.training.portrait_phases import PortraitPhase, PortraitPreset

SIDE = 64  # pixels of the pictures
FRAMES = 56  # 48 to learn from, 8 held out
CUT = 30  # the frame that a second shot begins with
EYES_APART = 20.0

_WEIGHTS = PortraitWeights(gan=0.0, l1=1.0, region_l1=0.2, structure=0.1, mask=0.05, foreground=0.5)

# The draft with every part made small.
LIGHT_PHASE = PortraitPhase(
    network=LightPortraitConfig(window=3, base_channels=8, most_channels=16, halvings=2, blocks=1),
    batch=2,
    learning_rate=3e-3,
    betas=(0.9, 0.99),
    weights=_WEIGHTS,
    shift=0.04,
    ema=0.9,
)
# The published network and all of its judges, likewise.
JUDGED_PHASE = PortraitPhase(
    network=RenderingToVideoConfig(condition_channels=CHANNELS, window=3, base_channels=4, levels=4),
    batch=2,
    weights=PortraitWeights(
        l1=10.0, feature_matching=1.0, region_l1=1.0, mouth_gan=1.0, eyes_gan=1.0, eyes_feature_matching=1.0
    ),
    judges=PortraitJudgesConfig(
        condition_channels=CHANNELS, window=3, base_channels=4, layers=2, mouth=True, eyes=True
    ),
    judged_from=0.3,
    shift=0.04,
    ema=0.9,
)
SEQUENCE_PHASE = SequencePhase(
    network=PyramidConfig(
        coarse=replace(LIGHT, condition_channels=CHANNELS, base_channels=8, most_channels=16, downsamplings=2, blocks=1)
    ),
    part=1.0,
    frames=(3,),
    chunk=2,
    drop=0.0,
    learning_rate=3e-3,
    betas=(0.9, 0.99),
    schedule="cosine",
    weights=Vid2VidWeights(perceptual=0.0, l1=1.0, mask_confident=0.0, gan=0.1, face_gan=0.1),
    matting=MattingWeights(),
    judges=JudgesConfig(condition_channels=CHANNELS, base_channels=4, layers=2, scales=1, face=True),
    ema=0.9,
)


def tiny(phase: PortraitPhase | SequencePhase) -> PortraitPreset:
    return PortraitPreset(name="tiny", pixels=SIDE * SIDE, stride=16, phases=(phase,))


def head_clip() -> PreparedClip:
    """A head that moves to and fro, in two shots; its conditions are outline, places, features, places."""
    centres = np.array([(32 + 8 * np.sin(frame / 5), 30 + 4 * np.cos(frame / 7)) for frame in range(FRAMES)])
    wall = np.full((SIDE, SIDE, 3), 90, np.uint8)
    wall[:, ::8] = (60, 80, 120)
    heads = [_head(wall, x, y) for x, y in centres]
    follows = np.arange(FRAMES) > 0
    follows[CUT] = False
    return PreparedClip(
        framing=Framing(frame_width=128, frame_height=128, window=Box(0, 0, 128, 128), width=SIDE, height=SIDE),
        style=FaceImagesFormat(),
        pictures=np.stack([picture for picture, _, _ in heads]),
        conditions=np.stack([condition for _, condition, _ in heads]),
        masks=np.stack([mask for _, _, mask in heads]),
        plates=wall[None],
        plate_of=np.zeros(FRAMES, np.int32),
        joints=_joints(centres),
        follows=follows,
        present=np.ones(FRAMES, dtype=bool),
        trained=trained_frames(FRAMES),
    )


def _head(
    wall: NDArray[np.uint8], x: float, y: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Picture, condition and mask of one frame; x and y are rounded."""
    centre = (round(x), round(y))
    mask = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), centre, 18, 255, cv2.FILLED)
    skin, places = (np.zeros((SIDE, SIDE, 3), np.uint8) for _ in range(2))
    cv2.circle(skin, centre, 18, (200, 150, 120), cv2.FILLED)
    cv2.circle(places, centre, 18, (centre[0], centre[1], 128), cv2.FILLED)
    features = np.zeros((SIDE, SIDE, 3), np.uint8)
    for side in (-1, 1):
        cv2.circle(features, (centre[0] + side * round(EYES_APART / 2), centre[1] - 4), 3, (255, 255, 255), cv2.FILLED)
    picture = np.where(mask[..., None] > 0, np.maximum(skin, features), wall)
    return picture, np.concatenate([skin, places, features, places], axis=2), mask


def _joints(centres: NDArray[np.float64]) -> NDArray[np.float32]:
    joints = np.zeros((len(centres), 33, 3), np.float32)
    half = EYES_APART / 2
    for joint, x, y in (
        (NOSE, 0, 0),
        (RIGHT_EYE, -half, -4),
        (LEFT_EYE, half, -4),
        (MOUTH_RIGHT, -5, 9),
        (MOUTH_LEFT, 5, 9),
    ):
        joints[:, joint] = np.column_stack([centres + np.array([x, y]), np.ones(len(centres))])
    return joints


def face_track(
    points: NDArray[np.floating], width: int, height: int, status: NDArray[np.uint8] | None = None
) -> FaceTrack:
    """A track of a surely seen face (n, 478, 3), 25 frames a second, without shoulders."""
    count = len(points)
    return FaceTrack(
        width=width,
        height=height,
        times=tuple(Fraction(index, 25) for index in range(count)),
        points=points.astype(np.float32),
        confidence=np.ones(count, np.float32),
        shoulders=np.zeros((count, 2, 3), np.float32),
        status=np.full(count, Status.TRACKED, np.uint8) if status is None else status,
        shot=np.zeros(count, np.int32),
    )
