"""What moves in a street: cars and walkers, where they are at a time, and the sheets they are made of."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_videos.paint import Colour
from sample_videos.street_sheets import Floats, Sheet, Texture, Vector

LENGTH, WIDTH, HEIGHT = 4.2, 1.72, 1.46  # metres of every car
TALL, BROAD = 1.75, 0.9  # metres of a walker's sheet
_FINE = 48  # pixels a metre
_STRIDE = 1.45  # metres of two steps
_PHASES = 12  # pictures of a stride
_BELT = 0.90  # height of bonnet and boot, metres
_UNDER = 0.24  # between car and road
# Rear to front, (metres from the rear, height): boot, rear window, roof, windscreen, bonnet.
_OUTLINE = ((0.0, _BELT), (0.45, _BELT), (1.0, HEIGHT), (2.45, HEIGHT), (3.2, _BELT), (LENGTH, _BELT - 0.06))
_GLASS = (52, 62, 74)


@dataclass(frozen=True, slots=True, eq=False)
class Coachwork:
    """A car's textures."""

    side: Texture  # seen with the front on the right
    front: Texture
    rear: Texture
    top: tuple[Texture, ...]  # between the points of the outline

    @classmethod
    def of(cls, colour: Colour) -> "Coachwork":
        """Painted in `colour`."""
        body, glass = Texture.of(_even(colour)), Texture.of(_even(_GLASS))
        return cls(_side(colour), _end(colour, front=True), _end(colour, front=False), (body, glass, body, glass, body))


@dataclass(frozen=True, slots=True, eq=False)
class Car:
    """A car that keeps its lane and its speed."""

    lane: float  # x of its middle, metres
    start: float  # z of its middle at time 0, metres
    speed: float  # metres a second, along z
    coachwork: Coachwork

    kind = "car"

    def place(self, time: float) -> Vector:
        """On the road under its middle."""
        return np.array((self.lane, 0.0, self.start + self.speed * time))

    def outline(self, time: float) -> NDArray[np.float64]:
        """The eight corners of the box around it (8, 3)."""
        return self.place(time) + _box(WIDTH / 2, HEIGHT, LENGTH / 2)

    def sheets(self, time: float) -> list[Sheet]:
        """What it is made of."""
        ahead = np.array((0.0, 0.0, np.sign(self.speed)))
        aside, up = np.array((WIDTH, 0.0, 0.0)), np.array((0.0, 1.0, 0.0))
        rear = self.place(time) - ahead * LENGTH / 2 - aside / 2
        found = [
            Sheet(rear + side * aside, ahead * LENGTH, up * HEIGHT, self.coachwork.side, sun)
            for side, sun in ((0.0, 0.45), (1.0, 0.75))
        ]
        low = rear + up * _UNDER
        found.append(Sheet(low, aside, up * (_BELT - _UNDER), self.coachwork.rear, 0.6))
        found.append(Sheet(low + ahead * LENGTH, aside, up * (_BELT - 0.06 - _UNDER), self.coachwork.front, 0.6))
        for (near, low_y), (far, high_y), texture in zip(_OUTLINE, _OUTLINE[1:], self.coachwork.top, strict=False):
            slope = ahead * (far - near) + up * (high_y - low_y)
            found.append(Sheet(rear + ahead * near + up * low_y, aside, slope, texture, 1.0))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Walker:
    """Somebody who walks straight on."""

    start: tuple[float, float]  # x, z at time 0, metres
    velocity: tuple[float, float]  # metres a second
    pictures: tuple[Texture, ...]  # of a stride

    kind = "walker"

    def place(self, time: float) -> Vector:
        """Between the feet."""
        (x, z), (right, ahead) = self.start, self.velocity
        return np.array((x + right * time, 0.0, z + ahead * time))

    def outline(self, time: float) -> NDArray[np.float64]:
        """The eight corners of the box around them (8, 3)."""
        return self.place(time) + _box(0.3, TALL, 0.25)

    def sheets(self, time: float) -> list[Sheet]:
        """One sheet that faces along the street, mirrored where they walk to the left."""
        travelled = np.hypot(*self.velocity) * time / _STRIDE
        picture = self.pictures[int(travelled % 1.0 * len(self.pictures))]
        across = np.array((-BROAD if self.velocity[0] < 0 else BROAD, 0.0, 0.0))
        return [Sheet(self.place(time) - across / 2, across, np.array((0.0, TALL, 0.0)), picture, 0.6)]


def stride(coat: Colour, legs: Colour, skin: Colour, hair: Colour, *, sideways: bool) -> tuple[Texture, ...]:
    """A walker's pictures; `sideways` they show the whole swing of legs and arms."""
    angles = np.arange(_PHASES) / _PHASES * 2 * np.pi
    return tuple(_walker((coat, legs, skin, hair), float(angle), 0.42 if sideways else 0.13) for angle in angles)


def _walker(colours: tuple[Colour, Colour, Colour, Colour], angle: float, swing: float) -> Texture:
    coat, legs, skin, hair = colours
    picture = _even(coat, (round(TALL * _FINE), round(BROAD * _FINE)))
    cover = np.zeros(picture.shape[:2], np.uint8)
    apart = 0.0 if swing > 0.3 else 0.09
    bounce = 0.02 * abs(np.cos(angle))
    for side in (-1, 1):
        lean = side * swing * np.sin(angle)
        lift = 0.09 * max(0.0, side * np.cos(angle))
        foot = (side * apart + 0.80 * np.sin(lean), 0.06 + lift)
        dark = tuple(round(value * (0.8 if side < 0 else 1.0)) for value in legs)
        _limb(picture, cover, (side * apart, 0.86 - bounce), foot, 0.16, (dark[0], dark[1], dark[2]))
        _limb(picture, cover, foot, (foot[0] + 0.12 * (apart == 0.0), 0.05 + lift), 0.10, (48, 40, 38))
    _limb(picture, cover, (0.0, 0.84 - bounce), (0.0, 1.30 - bounce), 0.38, coat)
    for side in (-1, 1):
        shoulder = (side * (0.04 + 2.0 * apart), 1.36 - bounce)
        hand = (shoulder[0] * 1.15 - side * 0.5 * np.sin(swing * np.sin(angle)), 0.84 - bounce)
        dark = tuple(round(value * 0.82) for value in coat)
        _limb(picture, cover, shoulder, hand, 0.12, (dark[0], dark[1], dark[2]))
    _limb(picture, cover, (0.0, 1.60 - bounce), (0.0, 1.62 - bounce), 0.25, hair)
    _limb(picture, cover, (0.03, 1.55 - bounce), (0.03, 1.57 - bounce), 0.19, skin)
    return Texture.of(picture, cover=cover.astype(np.float32))


def _limb(
    picture: Floats,
    cover: NDArray[np.uint8],
    begin: tuple[float, float],
    end: tuple[float, float],
    thick: float,
    colour: Colour,
) -> None:
    """A stroke between two places, metres from the middle of the feet."""
    first, last = ((round((x + BROAD / 2) * _FINE), round((TALL - y) * _FINE)) for x, y in (begin, end))
    cv2.line(picture, first, last, tuple(value / 255 for value in colour), round(thick * _FINE))
    cv2.line(cover, first, last, (1,), round(thick * _FINE))


def _side(colour: Colour) -> Texture:
    """Body, windows, doors and wheels; holes around the outline."""
    picture = _even(colour, (round(HEIGHT * _FINE), round(LENGTH * _FINE)))
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] / _FINE
    up = HEIGHT - rows
    picture *= (0.86 + 0.20 * np.clip(up / _BELT, 0, 1))[..., None].astype(np.float32)
    roof = np.interp(columns, *np.array(_OUTLINE).T)
    cover = (up < roof) & (up > _UNDER)
    pane = (up > _BELT + 0.03) & (up < np.minimum(roof - 0.10, HEIGHT - 0.12)) & (np.abs(columns - 1.75) > 0.05)
    picture[pane & (columns > 0.75) & (columns < 2.95)] = np.array(_GLASS, np.float32) / 255
    picture[(np.abs(columns - 1.75) < 0.02) & (up < _BELT)] *= 0.7
    picture[(up < 0.34) & (up > _UNDER)] *= 0.45
    for middle in (0.82, 3.35):
        away = np.hypot(columns - middle, up - 0.32)
        picture[away < 0.40] = 0.05
        picture[away < 0.18] = 0.62
        cover |= away < 0.32
    return Texture.of(picture, cover=cover.astype(np.float32))


def _end(colour: Colour, *, front: bool) -> Texture:
    """Bumper, plate and lights."""
    picture = _even(colour, (32, 84))
    light = np.zeros_like(picture)
    picture[22:] = 0.20
    picture[19:25, 32:52] = 0.90 if front else np.array((0.92, 0.86, 0.5), np.float32)
    if front:
        picture[9:17, 26:58] = 0.12
    for columns in (slice(3, 20), slice(64, 81)):
        picture[6:16, columns] = 0.96 if front else np.array((0.78, 0.06, 0.06), np.float32)
        light[6:16, columns] = np.array((1.0, 0.97, 0.86) if front else (1.0, 0.10, 0.07), np.float32)
    return Texture.of(picture, light)


def _even(colour: Colour, shape: tuple[int, int] = (16, 16)) -> Floats:
    return np.tile(np.array(colour, np.float32) / 255, (*shape, 1))


def _box(right: float, up: float, ahead: float) -> NDArray[np.float64]:
    return np.array([(x, y, z) for x in (-right, right) for y in (0.0, up) for z in (-ahead, ahead)])
