"""Flat textured sheets, a camera, and what it sees of them: paint, own light, sun and depth at every pixel."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Vector = NDArray[np.float64]  # (3,): metres; x right of the street's middle, y up, z along the street
Window = tuple[slice, slice]  # rows, columns

NEAR = 0.3  # metres before the camera where seeing begins
FAR = 1e6  # depth of the sky


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A picture on a sheet, each level half the size of the one before."""

    paint: tuple[Floats, ...]  # (h, w, 4): linear albedo 0..1, and 1 where the sheet is, 0 where it has holes
    light: tuple[Floats, ...] = ()  # (h, w, 3): linear light of its own after sunset; empty where it has none

    @classmethod
    def of(cls, colour: Floats, light: Floats | None = None, cover: Floats | None = None) -> "Texture":
        """From sRGB 0..1 (h, w, 3), row 0 on top; `light` likewise; `cover` (h, w), all of it if None."""
        solid = np.ones(colour.shape[:2], np.float32) if cover is None else cover
        paint = np.dstack((np.clip(colour, 0, 1) ** 2.2, solid)).astype(np.float32)
        own = () if light is None else _levels(np.asarray(np.clip(light, 0, 1) ** 2.2, np.float32))
        return cls(_levels(paint), own)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A rectangle in space, seen from both sides."""

    corner: Vector  # where the texture's lower left lies
    across: Vector  # from there to its lower right
    up: Vector  # from there to its upper left; at right angles to `across`
    texture: Texture
    sun: float  # 0..1: how squarely the sun falls on it

    @property
    def corners(self) -> NDArray[np.float64]:
        """All four (4, 3), going round."""
        right = self.corner + self.across
        return np.stack((self.corner, right, right + self.up, self.corner + self.up))


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """A camera at a moment; a ray's length is counted along `forward`, so it is depth."""

    place: Vector
    right: Vector
    down: Vector
    forward: Vector
    focal: float  # pixels
    width: int
    height: int

    @classmethod
    def looking(cls, place: Vector, yaw: float, pitch: float, focal: float, size: tuple[int, int]) -> "Eye":
        """`yaw` to the right and `pitch` up, degrees; `size` (width, height) pixels."""
        turn, lift = np.radians((yaw, pitch))
        forward = np.array((np.sin(turn) * np.cos(lift), np.sin(lift), np.cos(turn) * np.cos(lift)))
        right = np.array((np.cos(turn), 0.0, -np.sin(turn)))
        return cls(place, right, np.cross(forward, right) * -1.0, forward, focal, *size)

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, 3) to x, y in pixels, and depth (n, 3); depth is at least `NEAR`."""
        away = points - self.place
        depth = np.maximum(away @ self.forward, NEAR)
        x = away @ self.right / depth * self.focal + (self.width - 1) / 2
        y = away @ self.down / depth * self.focal + (self.height - 1) / 2
        return np.stack((x, y, depth), axis=1)

    def along(self, direction: Vector, window: Window) -> Floats:
        """The part of every ray in `window` that goes along `direction` (h, w)."""
        x = (np.arange(self.width)[window[1]] - (self.width - 1) / 2) / self.focal
        y = (np.arange(self.height)[window[0]] - (self.height - 1) / 2) / self.focal
        across, down, ahead = direction @ self.right, direction @ self.down, direction @ self.forward
        return np.asarray(down * y[:, None] + (across * x + ahead)[None], np.float32)

    def window(self, points: NDArray[np.float64]) -> Window | None:
        """The pixels between these points (n, 3); None where none is in sight."""
        if ((points - self.place) @ self.forward <= NEAR).all():
            return None
        if ((points - self.place) @ self.forward <= NEAR).any():
            return slice(0, self.height), slice(0, self.width)
        seen = self.project(points)[:, :2]
        left, top = np.maximum(np.floor(seen.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(seen.max(0)).astype(int) + 1, (self.width, self.height))
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What an eye sees; `draw` fills it in, nearer before farther whatever the order."""

    eye: Eye
    paint: Floats  # (h, w, 3): linear albedo
    light: Floats  # (h, w, 3): own light after sunset
    sun: Floats  # (h, w)
    depth: Floats  # (h, w): metres

    @classmethod
    def empty(cls, eye: Eye) -> "Sight":
        """Nothing but sky."""
        shape = eye.height, eye.width
        colour = np.zeros((2, *shape, 3), np.float32)
        return cls(eye, colour[0], colour[1], np.zeros(shape, np.float32), np.full(shape, FAR, np.float32))

    def points(self) -> Floats:
        """The place seen by every pixel (h, w, 3); far away for the sky."""
        whole = slice(0, self.eye.height), slice(0, self.eye.width)
        rays = [self.eye.along(axis, whole) for axis in np.eye(3)]
        return np.asarray(np.dstack(rays) * self.depth[..., None] + self.eye.place, np.float32)

    def draw(self, sheets: Iterable[Sheet]) -> None:
        """Add sheets."""
        for sheet in sheets:
            window = self.eye.window(sheet.corners)
            if window is not None:
                self._draw(sheet, window)

    def _draw(self, sheet: Sheet, window: Window) -> None:
        eye, from_corner = self.eye, self.eye.place - sheet.corner
        normal = np.cross(sheet.across, sheet.up)
        facing = eye.along(normal, window)
        depth = np.float32(-normal @ from_corner) / np.where(np.abs(facing) < 1e-9, np.float32(1e-9), facing)
        inside = (depth > NEAR) & (depth < self.depth[window])
        places = []
        for side in (sheet.across, sheet.up):
            unit = side / (side @ side)
            place = depth * eye.along(unit, window) + np.float32(from_corner @ unit)
            inside &= (place >= 0) & (place < 1)
            places.append(place)
        if not inside.any():
            return
        level = _level(sheet, eye)
        paint = _look_up(sheet.texture.paint[level], *places)
        inside &= paint[..., 3] > 0.5
        self.depth[window][inside] = depth[inside]
        self.paint[window][inside] = paint[inside][:, :3]
        self.sun[window][inside] = sheet.sun
        own = _look_up(sheet.texture.light[level], *places)[inside] if sheet.texture.light else 0
        self.light[window][inside] = own


def _levels(picture: Floats) -> tuple[Floats, ...]:
    levels = [picture]
    while min(levels[-1].shape[:2]) > 7:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.float32))
    return tuple(levels)


def _level(sheet: Sheet, eye: Eye) -> int:
    """The level whose pixels are about as large as the eye's."""
    away = sheet.corners - eye.place
    if (away @ eye.forward <= NEAR).any():
        return 0
    x, y, _ = eye.project(sheet.corners).T
    area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    height, width = sheet.texture.paint[0].shape[:2]
    wanted = 0.5 * np.log2(max(height * width / max(area, 1.0), 1.0))
    return min(round(float(wanted)), len(sheet.texture.paint) - 1)


def _look_up(picture: Floats, across: Floats, up: Floats) -> Floats:
    height, width = picture.shape[:2]
    columns, rows = across * np.float32(width) - 0.5, (1 - up) * np.float32(height) - 0.5
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
