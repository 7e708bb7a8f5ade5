"""Whose head it is: shape, colours, hair, clothes, and where it rests before its camera."""

from dataclasses import dataclass
from typing import Literal

from sample_videos.head_shape import HeadShape
from sample_videos.paint import Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """sRGB 0..255."""

    skin: Colour
    flush: Colour  # of cheeks, nose tip and ears
    lips: Colour
    brows: Colour
    hair: Colour
    hair_shine: Colour
    iris: Colour
    cloth: Colour
    trim: Colour  # collar, and stripes where there are any


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Somebody to render in a portrait."""

    shape: HeadShape
    colours: Colours
    hair: Literal["bun", "curls"]
    stripes: bool  # across the chest
    wall: Literal["window", "shelves"]
    neck: float  # half its width, centimetres
    shoulders: float  # half their width, centimetres
    brow_height: float  # of the painted hair, centimetres
    rest_turn: tuple[float, float, float]  # yaw, pitch, roll at rest, degrees
    rest_place: tuple[float, float, float]  # of the head's origin at rest, centimetres in the camera frame


RED = Likeness(
    shape=HeadShape(
        width=1.0,
        jaw=0.94,
        length=0.96,
        chin=0.45,
        nose=2.3,
        nose_width=0.90,
        nose_tip=-0.95,
        mouth=2.45,
        mouth_y=-4.15,
        upper_lip=0.58,
        lower_lip=0.78,
        eye=1.58,
        eye_x=3.25,
        eye_open=1.26,
        brow_y=4.75,
        cheeks=0.40,
    ),
    colours=Colours(
        skin=(238, 192, 164),
        flush=(226, 128, 112),
        lips=(190, 74, 78),
        brows=(96, 56, 38),
        hair=(112, 56, 32),
        hair_shine=(214, 138, 86),
        iris=(70, 122, 78),
        cloth=(200, 44, 50),
        trim=(250, 240, 228),
    ),
    hair="bun",
    stripes=True,
    wall="window",
    neck=4.3,
    shoulders=17.0,
    brow_height=0.34,
    rest_turn=(0.0, 0.0, 0.0),
    rest_place=(0.0, -1.2, -28.5),
)

BLUE = Likeness(
    shape=HeadShape(
        width=1.07,
        jaw=1.08,
        length=1.03,
        chin=0.75,
        nose=2.5,
        nose_width=1.18,
        nose_tip=-1.2,
        mouth=2.75,
        mouth_y=-4.65,
        upper_lip=0.66,
        lower_lip=0.86,
        eye=1.58,
        eye_x=3.4,
        eye_open=1.26,
        brow_y=4.5,
        cheeks=0.30,
    ),
    colours=Colours(
        skin=(176, 122, 90),
        flush=(164, 88, 70),
        lips=(148, 58, 62),
        brows=(30, 22, 20),
        hair=(40, 31, 30),
        hair_shine=(112, 92, 84),
        iris=(74, 44, 26),
        cloth=(38, 98, 196),
        trim=(252, 206, 66),
    ),
    hair="curls",
    stripes=False,
    wall="shelves",
    neck=5.6,
    shoulders=21.0,
    brow_height=0.46,
    rest_turn=(4.0, -1.5, 1.0),
    rest_place=(-0.6, -1.0, -31.5),
)
