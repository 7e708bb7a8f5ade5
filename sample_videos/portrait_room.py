"""Where a portrait is filmed: a camera of 63° from top to bottom, a wall out of focus, and a window's light."""

from collections.abc import Callable
from dataclasses import dataclass
from math import radians, tan
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_videos.paint import Colour

SIZE = 256  # pixels of a portrait, both ways
FOCAL = SIZE / 2 / tan(radians(63 / 2))  # pixels
_FINER = 2


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """A wall and a light."""

    wall: NDArray[np.float32]  # (SIZE, SIZE, 3): sRGB 0..1
    lamp: NDArray[np.float64]  # (3,): unit vector towards it, camera frame
    lamp_light: NDArray[np.float64]  # (3,): linear
    sky: NDArray[np.float64]  # (3,): from above
    floor: NDArray[np.float64]  # (3,): from below


def project(points: NDArray[np.float64], finer: int) -> NDArray[np.float64]:
    """Camera frame (…, 3), centimetres, to x, y in pixels of a picture `finer` times as large, and depth."""
    depth = -points[..., 2]
    middle = finer * SIZE / 2 - 0.5
    x = finer * FOCAL * points[..., 0] / depth + middle
    y = -finer * FOCAL * points[..., 1] / depth + middle
    return np.stack((x, y, depth), axis=-1)


def open_room(kind: Literal["window", "shelves"]) -> Room:
    """The room of this kind; the same every time."""
    if kind == "window":
        lamp, light = (-0.55, 0.50, 0.75), (0.98, 0.94, 0.88)
        sky, floor = (0.30, 0.33, 0.38), (0.17, 0.14, 0.12)
        return Room(_blurred(_window, 5.0), _unit(lamp), 0.82 * np.array(light), np.array(sky), np.array(floor))
    lamp, light = (0.60, 0.45, 0.75), (1.0, 0.96, 0.90)
    sky, floor = (0.36, 0.38, 0.42), (0.20, 0.18, 0.16)
    return Room(_blurred(_shelves, 3.2), _unit(lamp), 0.95 * np.array(light), np.array(sky), np.array(floor))


def _unit(direction: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.asarray(np.array(direction) / np.linalg.norm(direction))


def _blurred(draw: Callable[[NDArray[np.uint8]], None], blur: float) -> NDArray[np.float32]:
    canvas = np.zeros((_FINER * SIZE, _FINER * SIZE, 3), np.uint8)
    draw(canvas)
    soft = cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), _FINER * blur)
    return np.asarray(cv2.resize(soft, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.float32)


def _box(canvas: NDArray[np.uint8], left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    """A filled rectangle, in shares of the picture."""
    size = canvas.shape[0]
    low, high = (round(left * size), round(top * size)), (round(right * size), round(bottom * size))
    cv2.rectangle(canvas, low, high, colour, -1)


def _window(canvas: NDArray[np.uint8]) -> None:
    """A bright window on the left of a grey-green wall, and a plant."""
    canvas[:] = (150, 166, 160)
    _box(canvas, 0.0, 0.0, 0.30, 0.62, (226, 230, 226))
    _box(canvas, 0.02, 0.0, 0.27, 0.58, (196, 222, 240))
    _box(canvas, 0.13, 0.0, 0.16, 0.60, (236, 238, 236))
    _box(canvas, 0.0, 0.74, 1.0, 1.0, (126, 140, 136))
    for x, y, turn in ((0.86, 0.46, -30), (0.94, 0.42, 20), (0.80, 0.56, -60), (0.97, 0.58, 55), (0.89, 0.60, 5)):
        middle = (round(x * canvas.shape[1]), round(y * canvas.shape[0]))
        cv2.ellipse(canvas, middle, (24, 74), turn, 0, 360, (74, 122, 84), -1)
    _box(canvas, 0.83, 0.70, 0.97, 0.86, (196, 128, 92))


def _shelves(canvas: NDArray[np.uint8]) -> None:
    """Books on the shelves of a warm wall."""
    canvas[:] = (206, 186, 160)
    spines = ((156, 70, 58), (64, 96, 112), (222, 196, 120), (92, 112, 78), (120, 84, 104), (214, 206, 194))
    for row, top in enumerate((0.04, 0.40, 0.76)):
        for number in range(18):
            if (5 * number + 3 * row) % 7 == 0:
                continue
            left = number / 18
            high = 0.05 + 0.03 * ((number * 7 + row * 5) % 4)
            _box(canvas, left + 0.004, top + high, left + 0.05, top + 0.30, spines[(number * 5 + row) % 6])
        _box(canvas, 0.0, top + 0.30, 1.0, top + 0.325, (126, 92, 66))
