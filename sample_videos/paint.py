"""What a surface is coloured with: one colour, bands along a limb, or a picture projected from the front."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_videos.round_cones import Floats, Paint, Vector

Colour = tuple[int, int, int]  # sRGB 0..255
Picture = NDArray[np.float32]  # (h, w, 3): sRGB 0..1

_FINER = 4  # a picture is drawn so many times larger, and shrunk: smooth edges


def plain(colour: Colour) -> Paint:
    """One colour everywhere."""
    value = np.array(colour, np.float32) / 255
    return lambda points, along: np.broadcast_to(value, points.shape)


def bands(colour: Colour, other: Colour, *ranges: tuple[float, float]) -> Paint:
    """`other` where the place along the solid lies in one of `ranges`, else `colour`."""
    first, second = (np.array(one, np.float32) / 255 for one in (colour, other))

    def paint(points: Floats, along: Floats) -> Floats:
        inside = np.zeros(along.shape, bool)
        for low, high in ranges:
            inside |= (along >= low) & (along <= high)
        return np.where(inside[:, None], second, first)

    return paint


def projected(picture: Picture, frame: NDArray[np.float64], centre: Vector, half: tuple[float, float]) -> Paint:
    """`picture` thrown along the frame's third axis; its edge lies `half` metres from `centre`, and repeats beyond."""
    height, width = picture.shape[:2]
    scale = np.array((width / 2 / half[0], -height / 2 / half[1]))
    across = (frame[:, :2] * scale).astype(np.float32)
    middle = np.array(((width - 1) / 2, (height - 1) / 2), np.float32)

    def paint(points: Floats, along: Floats) -> Floats:
        place = ((points - centre.astype(np.float32)) @ across + middle).astype(np.float32)
        found = cv2.remap(
            picture, place[None, :, 0], place[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(found[0], np.float32)

    return paint


def drawn(size: int, ground: Colour, draw: Callable[[NDArray[np.uint8]], None]) -> Picture:
    """A square picture of `size` pixels that `draw` has painted, on a canvas four times as large."""
    canvas = np.full((size * _FINER, size * _FINER, 3), ground, np.uint8)
    draw(canvas)
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / 255
