"""A street that grows from a seed: two rows of houses, trees and lamps along the kerbs, and who is about."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_videos.paint import Colour
from sample_videos.street_sheets import Sheet, Texture, Vector
from sample_videos.street_textures import (
    PAVEMENT,
    ROAD,
    HouseStyle,
    Rng,
    facade,
    gable,
    ground,
    leaves,
    plain,
    shade,
    tiles,
)
from sample_videos.street_traffic import Car, Coachwork, Walker, stride

BEGIN, END = -8.0, 84.0  # z of the first and the last house, metres
STEP = 0.25  # metres between entries of `Town.skyline`
LAMP_HEIGHT = 3.9
_DEPTH = 8.0  # of a house, from the street backwards
_KERB = ROAD + 0.75  # where trees and lamps stand

_WALLS: tuple[Colour, ...] = (
    *((214, 192, 166), (206, 150, 122), (178, 92, 72), (222, 214, 200), (160, 178, 168), (196, 146, 96)),
    *((186, 110, 84), (196, 188, 184), (222, 164, 140), (150, 162, 182)),
)
_ROOFS: tuple[Colour, ...] = ((150, 78, 60), (112, 92, 86), (166, 96, 66), (96, 98, 108))
_DOORS: tuple[Colour, ...] = ((40, 86, 72), (122, 40, 42), (44, 66, 112), (98, 66, 42), (28, 96, 116))
_CARS: tuple[Colour, ...] = (
    *((186, 34, 36), (232, 232, 228), (40, 78, 150), (60, 64, 70), (226, 176, 48), (70, 128, 104)),
    *((150, 154, 160), (116, 40, 72)),
)
_COATS: tuple[Colour, ...] = ((172, 48, 52), (40, 70, 128), (218, 186, 92), (70, 110, 84), (120, 84, 130), (54, 54, 60))
_SKINS: tuple[Colour, ...] = ((236, 196, 170), (176, 124, 92), (116, 78, 58))


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """Everything in front of the camera."""

    standing: tuple[Sheet, ...]
    ground: tuple[Texture, ...]  # strips from z = 0 on, repeating along the street
    clouds: NDArray[np.float32]  # (h, w): 0 clear … 1 cloud, over the whole sky
    skyline: NDArray[np.float32]  # (n,): heights of the left row from `BEGIN` on, every `STEP`, metres
    lamps: NDArray[np.float64]  # (n, 3): where their light is
    trunks: NDArray[np.float64]  # (n, 3): where trees and posts stand
    moving: tuple[Car | Walker, ...]


def grow_town(seed: int, cars: tuple[tuple[float, float], ...], walks: tuple[tuple[float, float], ...]) -> Town:
    """Build a street.

    Args:
        seed: of houses, trees, colours.
        cars: z at time 0 (metres) and speed (metres a second) of each; traffic keeps to the right.
        walks: likewise for walkers on the pavements; a speed of 0 crosses on the zebra at that z.
    """
    rng = np.random.default_rng(seed)
    sheets: list[Sheet] = []
    skyline = np.zeros(round((END - BEGIN) / STEP) + 1, np.float32)
    for side in (-1, 1):
        heights = _row(side, rng, sheets)
        skyline = heights if side < 0 else skyline
    _across_the_end(rng, sheets)
    yard = Sheet(_vector(-40, -0.03, BEGIN), _vector(80, 0, 0), _vector(0, 0, 120), plain((122, 130, 92), rng), 0.8)
    sheets.append(yard)
    lamps, trunks = _along_the_kerbs(rng, sheets)
    clouds = np.clip(0.55 * shade(rng, (384, 512), 90) + 0.18 * shade(rng, (384, 512), 22), 0, 1)
    moving: tuple[Car | Walker, ...] = (*_cars(rng, cars), *_walkers(rng, walks))
    return Town(tuple(sheets), ground(rng), clouds, skyline, lamps, trunks, moving)


def _row(side: int, rng: Rng, sheets: list[Sheet]) -> NDArray[np.float32]:
    """Houses at one side (-1 left, 1 right); how high they are along the street."""
    heights = np.zeros(round((END - BEGIN) / STEP) + 1, np.float32)
    z, wall = BEGIN, -1
    while z < END - 4:
        wall = int((wall + rng.integers(1, len(_WALLS))) % len(_WALLS))
        style, width = _style(rng, wall), float(rng.uniform(6.0, 9.5))
        height = 2.9 * style.floors + float(rng.uniform(0.2, 0.8))
        _house(side, z, width, height, style, rng, sheets)
        heights[round((z - BEGIN) / STEP) : round((z - BEGIN + width) / STEP)] = height + 1.2
        z += width + (float(rng.uniform(1.5, 3.0)) if rng.random() < 0.2 else 0.0)
    return heights


def _style(rng: Rng, wall: int) -> HouseStyle:
    colour = _WALLS[wall]
    return HouseStyle(
        wall=colour,
        trim=(238, 234, 224) if rng.random() < 0.75 else (202, 190, 172),
        roof=_ROOFS[int(rng.integers(len(_ROOFS)))],
        door=_DOORS[int(rng.integers(len(_DOORS)))],
        brick=wall in (2, 6) or rng.random() < 0.2,
        floors=int(rng.choice((2, 2, 3, 3))),
        bays=int(rng.integers(3, 5)),
        shop=bool(rng.random() < 0.35),
    )


def _house(side: int, z: float, width: float, height: float, style: HouseStyle, rng: Rng, sheets: list[Sheet]) -> None:
    """Front, roof, the side towards the camera and a chimney."""
    front, rise = side * PAVEMENT, float(rng.uniform(1.8, 3.0))
    along, up, back = _vector(0, 0, width), _vector(0, height, 0), _vector(side * _DEPTH, 0, 0)
    sheets.append(Sheet(_vector(front, 0, z), along, up, facade(style, width, height, rng), 1.0 if side > 0 else 0.12))
    eaves = _vector(front - 0.25 * side, height - 0.05, z)
    slope = _vector(side * (_DEPTH / 2 + 0.25), rise, 0)
    sheets.append(
        Sheet(eaves, along, slope, tiles(style, width, float(np.hypot(_DEPTH / 2, rise)), rng), 0.62 + 0.3 * side)
    )
    wall = gable(style, _DEPTH, height, rise, rng)
    sheets.append(Sheet(_vector(front, 0, z), back, up + _vector(0, rise, 0), wall, 0.55))
    brick = plain((146, 90, 74), rng, 0.12)
    foot = _vector(front + side * 2.6, height + 0.45 * rise, z + width * float(rng.uniform(0.2, 0.7)))
    tall = _vector(0, 1.25 + 0.3 * rise, 0)
    sheets.append(Sheet(foot, _vector(side * 0.8, 0, 0), tall, brick, 0.5))
    sheets.append(Sheet(foot, _vector(0, 0, 0.6), tall, brick, 0.9 if side > 0 else 0.15))


def _across_the_end(rng: Rng, sheets: list[Sheet]) -> None:
    """Houses that close the street."""
    x = -24.0
    while x < 22:
        style, width = _style(rng, int(rng.integers(len(_WALLS)))), float(rng.uniform(7.0, 10.0))
        height, rise = 2.9 * style.floors + 0.5, 2.4
        along = _vector(width, 0, 0)
        front = facade(style, width, height, rng)
        sheets.append(Sheet(_vector(x, 0, END + 6), along, _vector(0, height, 0), front, 0.6))
        slope = tiles(style, width, 4.0, rng)
        sheets.append(Sheet(_vector(x, height, END + 6), along, _vector(0, rise, 3.0), slope, 0.8))
        x += width


def _along_the_kerbs(rng: Rng, sheets: list[Sheet]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lamps every 14 metres, and in between here and there a tree; where light is, and what stands on the ground."""
    lamps, trunks = [], []
    metal, bark = plain((58, 66, 64), rng), plain((104, 82, 64), rng, 0.15)
    lantern = Texture.of(np.full((8, 8, 3), 0.93, np.float32), np.tile(np.array((1.0, 0.86, 0.58)), (8, 8, 1)))
    for side in (-1, 1):
        for z in np.arange(BEGIN + (5.0 if side > 0 else 12.0), END, 14.0):
            foot = _vector(side * _KERB, 0, z)
            sheets += _crossed(foot, 0.13, LAMP_HEIGHT, metal)
            sheets += _crossed(foot + _vector(0, LAMP_HEIGHT, 0), 0.42, 0.55, lantern)
            sheets += _crossed(foot + _vector(0, LAMP_HEIGHT + 0.55, 0), 0.52, 0.10, metal)
            lamps.append(foot + _vector(0, LAMP_HEIGHT + 0.25, 0))
            trunks.append(foot)
            if rng.random() < 0.55:
                root, size = foot + _vector(0.1 * side, 0, 7.0), float(rng.uniform(2.7, 3.7))
                green = (int(rng.integers(84, 130)), int(rng.integers(126, 156)), int(rng.integers(52, 84)))
                sheets += _crossed(root, 0.26, 2.6, bark)
                sheets += _crossed(root + _vector(0, 1.9, 0), size, size, leaves(green, rng))
                trunks.append(root)
    return np.array(lamps), np.array(trunks)


def _crossed(foot: Vector, width: float, height: float, texture: Texture) -> list[Sheet]:
    """Two sheets through one upright line."""
    sides = _vector(width, 0, 0), _vector(0, 0, width)
    return [Sheet(foot - side / 2, side, _vector(0, height, 0), texture, 0.7) for side in sides]


def _cars(rng: Rng, cars: tuple[tuple[float, float], ...]) -> list[Car]:
    colours = rng.permutation(len(_CARS))
    return [
        Car(1.8 * np.sign(speed), z, speed, Coachwork.of(_CARS[colours[number % len(_CARS)]]))
        for number, (z, speed) in enumerate(cars)
    ]


def _walkers(rng: Rng, walks: tuple[tuple[float, float], ...]) -> list[Walker]:
    found = []
    for number, (z, speed) in enumerate(walks):
        coat, legs = _COATS[int(rng.integers(len(_COATS)))], ((46, 50, 64), (92, 78, 62))[number % 2]
        skin, hair = _SKINS[int(rng.integers(len(_SKINS)))], ((52, 36, 28), (120, 84, 50))[int(rng.integers(2))]
        pictures = stride(coat, legs, skin, hair, sideways=speed == 0)
        side = (1 if number % 2 else -1) * (5.1 + 0.62 * (number // 2))
        velocity = (-np.sign(side) * 1.25, 0.0) if speed == 0 else (0.0, speed)
        found.append(Walker((side, z), velocity, pictures))
    return found


def _vector(x: float, y: float, z: float) -> Vector:
    return np.array((x, y, z), np.float64)
