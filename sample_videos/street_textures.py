"""What the street's things are painted with: facades, gables, roofs, ground, leaves; all from a seed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_videos.paint import Colour
from sample_videos.street_sheets import Floats, Texture

_FINE = 32  # pixels a metre on houses
_GROUND_FINE = 24  # pixels a metre on the ground
GROUND_WIDTH, _GROUND_LENGTH = 15.0, 48.0  # metres; repeats along the street
STRIP = 4.0  # metres of ground on one sheet
ROAD, PAVEMENT = 3.6, 7.5  # metres from the street's middle where they end
CROSSING = 20.0  # z of the zebra, metres
_LAMPLIGHT = np.array((1.0, 0.80, 0.46), np.float32)
_GLASS = np.array((0.30, 0.38, 0.46), np.float32)
_CURTAIN = np.array((0.97, 0.83, 0.44), np.float32)

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseStyle:
    """How one house looks."""

    wall: Colour
    trim: Colour
    roof: Colour
    door: Colour
    brick: bool
    floors: int
    bays: int  # windows side by side
    shop: bool  # a shop window and its awning on the ground floor


def shade(rng: Rng, shape: tuple[int, int], coarse: float) -> Floats:
    """Smooth noise (h, w) around 0, about -1..1; its lumps are `coarse` pixels wide, with finer ones in them."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(3):
        step = max(coarse / 2**octave, 1.0)
        grid = rng.standard_normal((round(height / step) + 3, round(width / step) + 3)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return np.asarray(total / 1.6, np.float32)


def facade(style: HouseStyle, width: float, height: float, rng: Rng) -> Texture:
    """The front of a house, `width` × `height` metres: a window with curtains is one where somebody is at home."""
    picture = _wall(style, width, height, rng)
    light = np.zeros_like(picture)
    floor, bay = height / style.floors, width / style.bays
    door = int(rng.integers(style.bays))
    for storey in range(style.floors):
        for number in range(style.bays):
            middle, foot = (number + 0.5) * bay, storey * floor
            if storey == 0 and style.shop:
                continue
            if storey == 0 and number == door:
                _fill(picture, middle - 0.55, 0.0, 1.1, 2.3, _srgb(style.door), 0.12, _srgb(style.trim))
                _pane(picture, light, (middle - 0.35, 1.75, 0.7, 0.4), home=True)
                continue
            half = min(0.55, 0.34 * bay)
            _fill(picture, middle - half - 0.12, foot + 0.78, 2 * half + 0.24, 0.12, 0.92 * _srgb(style.trim))
            _fill(picture, middle - half, foot + 0.9, 2 * half, 1.6, _GLASS, 0.10, _srgb(style.trim))
            _pane(picture, light, (middle - half, foot + 0.9, 2 * half, 1.6), home=bool(rng.random() < 0.72))
    if style.shop:
        _shop(picture, light, style, width, rng)
    _fill(picture, 0.0, height - 0.28, width, 0.28, _srgb(style.trim))
    _fill(picture, 0.0, height - 0.36, width, 0.08, 0.62 * _srgb(style.wall))
    return Texture.of(picture, light)


def gable(style: HouseStyle, depth: float, height: float, rise: float, rng: Rng) -> Texture:
    """The side of a house: a wall with a triangle on top; without windows."""
    picture = _wall(style, depth, height + rise, rng) * 0.97
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    from_top, from_middle = rows / _FINE, np.abs(columns / _FINE - depth / 2)
    cover = from_middle * (2 * rise / depth) <= from_top
    return Texture.of(picture, cover=cover.astype(np.float32))


def tiles(style: HouseStyle, width: float, length: float, rng: Rng) -> Texture:
    """A roof's slope."""
    shape = round(length * _FINE), round(width * _FINE)
    rows, columns = np.mgrid[: shape[0], : shape[1]] / _FINE
    tone = 1 + 0.07 * shade(rng, shape, 9) + 0.05 * shade(rng, shape, 60)
    tone *= np.where(rows % 0.34 < 0.07, 0.80, 1.0) * np.where(columns % 0.5 < 0.05, 0.93, 1.0)
    picture = _srgb(style.roof) * tone[..., None].astype(np.float32)
    _fill(picture, 0.0, 0.0, width, 0.12, np.full(3, 0.55, np.float32))
    return Texture.of(picture)


def plain(colour: Colour, rng: Rng, roughness: float = 0.05) -> Texture:
    """One colour, a little uneven."""
    return Texture.of(_srgb(colour) * (1 + roughness * shade(rng, (48, 48), 8))[..., None])


def leaves(colour: Colour, rng: Rng) -> Texture:
    """A tree's crown: heaps of leaves, lighter towards the top left, with sky in between."""
    size = 160
    picture = np.tile(0.6 * _srgb(colour), (size, size, 1))
    cover = np.zeros((size, size), np.uint8)
    for number in range(150):
        angle, reach = rng.uniform(0, 2 * np.pi), 60 * np.sqrt(rng.random())
        x, y = 80 + 0.95 * reach * np.cos(angle), 80 + reach * np.sin(angle)
        tone = 0.62 + 0.30 * number / 150 + 0.16 * (80 - y) / 60 + 0.08 * rng.standard_normal()
        colours = tuple(float(value) for value in _srgb(colour) * tone)
        middle, radius = (round(x), round(y)), int(rng.integers(5, 14))
        cv2.circle(picture, middle, radius, colours, -1, cv2.LINE_AA)
        cv2.circle(cover, middle, radius, (1,), -1)
    picture *= (1 + 0.22 * shade(rng, (size, size), 5))[..., None]
    holes = shade(rng, (size, size), 12) > 1.35
    return Texture.of(picture, cover=(cover & ~holes).astype(np.float32))


def ground(rng: Rng) -> tuple[Texture, ...]:
    """Road, kerbs and pavements from above, in strips across the street: as many as fill `_GROUND_LENGTH`."""
    shape = round(_GROUND_LENGTH * _GROUND_FINE), round(GROUND_WIDTH * _GROUND_FINE)
    rows, columns = np.mgrid[: shape[0], : shape[1]] / _GROUND_FINE
    x, z = np.abs(columns - GROUND_WIDTH / 2), _GROUND_LENGTH - rows
    grain = (0.05 * shade(rng, shape, 3) + 0.04 * shade(rng, shape, 40))[..., None]
    ruts = 1 - 0.05 * np.exp(-0.5 * ((np.abs(x - 1.75) - 0.75) / 0.22) ** 2)[..., None]
    road = _srgb((118, 118, 124)) * (1 + grain) * ruts
    column, row = np.floor(columns / 0.6).astype(int), np.floor(z / 0.9 + 0.5 * (np.floor(columns / 0.6) % 2))
    tone = 0.95 + 0.10 * ((column * 7919 + row.astype(int) * 104729) % 97 / 96)
    joint = (columns % 0.6 < 0.05) | ((z / 0.9 + 0.5 * (column % 2)) % 1.0 < 0.06)
    slabs = _srgb((188, 178, 166)) * (1 + grain) * (tone * np.where(joint, 0.82, 1.0))[..., None]
    picture = np.where((x < ROAD)[..., None], road, slabs).astype(np.float32)
    white = (x < 0.08) & (z % 4.0 < 2.2) & (np.abs(z - CROSSING) > 3.2)
    white |= (np.abs(x - ROAD + 0.25) < 0.05) & (np.abs(z - CROSSING) > 1.8)
    white |= (np.abs(z - CROSSING) < 1.5) & (x < ROAD - 0.2) & (columns % 1.0 < 0.5)
    worn = (0.86 + 0.07 * shade(rng, shape, 12))[..., None]
    picture = np.where(white[..., None], worn, picture)
    picture[(x >= ROAD) & (x < ROAD + 0.2)] = _srgb((206, 202, 196))
    picture[(x >= ROAD - 0.12) & (x < ROAD)] *= 0.72
    _covers(picture, rng)
    strips = np.split(picture.astype(np.float32)[::-1], round(_GROUND_LENGTH / STRIP))
    return tuple(Texture.of(strip[::-1]) for strip in strips)


def _covers(picture: Floats, rng: Rng) -> None:
    """Manholes and mended asphalt."""
    for _ in range(9):
        x, z = rng.uniform(-3.0, 3.0), rng.uniform(0, _GROUND_LENGTH - 3)
        column, row = round((x + GROUND_WIDTH / 2) * _GROUND_FINE), round(z * _GROUND_FINE)
        if rng.random() < 0.5:
            cv2.circle(picture, (column, row), round(0.32 * _GROUND_FINE), (0.30, 0.29, 0.29), -1, cv2.LINE_AA)
        else:
            picture[row : row + int(rng.integers(20, 60)), column : column + int(rng.integers(16, 40))] *= 0.88


def _wall(style: HouseStyle, width: float, height: float, rng: Rng) -> Floats:
    shape = round(height * _FINE), round(width * _FINE)
    tone = 1 + 0.035 * shade(rng, shape, 6) + 0.045 * shade(rng, shape, 70)
    rows, columns = np.mgrid[: shape[0], : shape[1]] / _FINE
    if style.brick:
        course = np.floor(rows / 0.19)
        joint = (rows % 0.19 < 0.04) | ((columns + 0.22 * (course % 2)) % 0.44 < 0.04)
        piece = np.floor((columns + 0.22 * (course % 2)) / 0.44)
        tone = tone * (0.92 + 0.16 * ((course * 7919 + piece * 104729) % 97 / 96)) * np.where(joint, 0.86, 1.0)
    picture = (_srgb(style.wall) * tone[..., None]).astype(np.float32)
    up = height - rows
    picture[up < 0.55] *= 0.80
    picture *= (1 - 0.10 * np.exp(-np.clip(height - 0.3 - up, 0, None) / 0.5))[..., None].astype(np.float32)
    return np.asarray(picture, np.float32)


def _shop(picture: Floats, light: Floats, style: HouseStyle, width: float, rng: Rng) -> None:
    """Panes over the whole width, under a striped awning."""
    panes = max(2, round(width / 2.2))
    for number in range(panes):
        left, wide = 0.3 + number * (width - 0.6) / panes, (width - 0.6) / panes - 0.18
        _fill(picture, left, 0.45, wide, 2.0, _GLASS, 0.10, 0.8 * _srgb(style.door))
        _pane(picture, light, (left, 0.45, wide, 2.0), home=True)
        _goods(picture, light, left, wide, rng)
    for number in range(round(width / 0.5)):
        colour = _srgb(style.door) if number % 2 else np.full(3, 0.93, np.float32)
        _fill(picture, number * 0.5, 2.55, 0.5, 0.6, colour)


def _goods(picture: Floats, light: Floats, left: float, wide: float, rng: Rng) -> None:
    """What is for sale, on two shelves: dark before the light."""
    for shelf in (0.45, 1.15):
        for at in np.arange(left + 0.1, left + wide - 0.3, 0.32):
            colour = rng.uniform(0.15, 0.75, 3).astype(np.float32)
            tall = float(rng.uniform(0.2, 0.55))
            _fill(picture, float(at), shelf, 0.24, tall, colour)
            _fill(light, float(at), shelf, 0.24, tall, 0.6 * colour * _LAMPLIGHT)


def _pane(picture: Floats, light: Floats, box: tuple[float, float, float, float], *, home: bool) -> None:
    """Glass in a window of `box` (left, foot, width, height): curtains behind it where somebody is at `home`."""
    left, foot, width, height = box
    rows = np.linspace(1, 0, 24, dtype=np.float32)[:, None, None]
    if home:
        _fill(picture, left, foot, width, height, _CURTAIN)
        _fill(light, left, foot, width, height, _LAMPLIGHT)
        for part in (0.12, 0.88):
            _fill(picture, left + part * width - 0.10, foot, 0.2, height, 0.86 * _CURTAIN)
            _fill(light, left + part * width - 0.10, foot, 0.2, height, 0.80 * _LAMPLIGHT)
    else:
        _gradient(picture, box, _GLASS * (0.75 + 0.45 * rows))
    for at, wide, tall in ((left + width / 2 - 0.035, 0.07, height), (left, width, 0.07)):
        low = foot if tall > 0.1 else foot + 0.62 * height
        _fill(picture, at, low, wide, tall, np.full(3, 0.93, np.float32))
        _fill(light, at, low, wide, tall, np.full(3, 0.12, np.float32) if home else np.zeros(3, np.float32))


def _gradient(picture: Floats, box: tuple[float, float, float, float], column: Floats) -> None:
    rows, columns = _place(picture, *box)
    patch = picture[rows, columns]
    if patch.size:
        patch[:] = cv2.resize(column, (1, patch.shape[0]))


def _fill(
    picture: Floats,
    left: float,
    foot: float,
    width: float,
    height: float,
    colour: Floats,
    rim: float = 0.0,
    rim_colour: Floats | None = None,
) -> None:
    """A rectangle, metres from the lower left corner; with a rim of another colour around it."""
    if rim_colour is not None:
        picture[_place(picture, left - rim, foot - rim, width + 2 * rim, height + 2 * rim)] = rim_colour
    picture[_place(picture, left, foot, width, height)] = colour


def _place(picture: Floats, left: float, foot: float, width: float, height: float) -> tuple[slice, slice]:
    tall = picture.shape[0]
    top, bottom = tall - round((foot + height) * _FINE), tall - round(foot * _FINE)
    first, last = round(left * _FINE), round((left + width) * _FINE)
    return slice(max(top, 0), max(bottom, 0)), slice(max(first, 0), max(last, 0))


def _srgb(colour: Colour) -> NDArray[np.float32]:
    return np.array(colour, np.float32) / 255
