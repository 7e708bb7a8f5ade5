"""Who dances: Red, tall and long-legged, and Blue, shorter and broad, with what they wear drawn here."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_videos.figure import EYE, EYE_HEIGHT, EYE_WIDTH, MOUTH, MOUTH_HEIGHT, Body
from sample_videos.paint import Colour, Picture, drawn
from sample_videos.wardrobe import Look, Performer

_SIZE = 256  # pixels of a drawn picture


def _face(skin: Colour, brow: Colour, iris: Colour, lips: Colour, blush: Colour) -> Picture:
    """Eyes, brows, mouth and a blush, on the head's front from -1 to 1."""

    def draw(canvas: NDArray[np.uint8]) -> None:
        def at(x: float, y: float) -> tuple[int, int]:
            half = canvas.shape[0] / 2
            return round(half + x * half), round(half - y * half)

        def oval(x: float, y: float, wide: float, high: float, colour: Colour, turn: float = 0.0) -> None:
            half = canvas.shape[0] / 2
            cv2.ellipse(canvas, at(x, y), (round(wide * half), round(high * half)), turn, 0, 360, colour, -1)

        def arc(x: float, y: float, wide: float, high: float, first: float, last: float, colour: Colour) -> None:
            half = canvas.shape[0] / 2
            axes = (round(wide * half), round(high * half))
            cv2.ellipse(canvas, at(x, y), axes, 0, first, last, colour, round(0.05 * half), cv2.LINE_AA)

        for side in (1, -1):
            oval(side * 0.54, -0.22, 0.20, 0.12, blush)
            oval(side * EYE, EYE_HEIGHT + 0.012, EYE_WIDTH + 0.02, 0.135, brow)
            oval(side * EYE, EYE_HEIGHT - 0.010, EYE_WIDTH, 0.118, (250, 250, 248))
            oval(side * (EYE - 0.01), EYE_HEIGHT, 0.088, 0.108, iris)
            oval(side * (EYE - 0.01), EYE_HEIGHT, 0.048, 0.060, (20, 16, 16))
            oval(side * (EYE - 0.01) + 0.03, EYE_HEIGHT + 0.045, 0.022, 0.026, (255, 255, 255))
            arc(side * EYE, EYE_HEIGHT + 0.16, 0.20, 0.12, 205, 335, brow)
        oval(0.0, -0.21, 0.09, 0.03, blush)
        mouth = (round(MOUTH * canvas.shape[0] / 2), round(0.20 * canvas.shape[0] / 2))
        cv2.ellipse(canvas, at(0, MOUTH_HEIGHT + 0.05), mouth, 0, 14, 166, lips, -1, cv2.LINE_AA)
        oval(0.0, MOUTH_HEIGHT - 0.01, MOUTH * 0.78, 0.035, (250, 246, 242))

    return drawn(_SIZE, skin, draw)


def _striped_shirt(ground: Colour, stripe: Colour) -> Picture:
    """Two broad stripes across the chest."""

    def draw(canvas: NDArray[np.uint8]) -> None:
        size = canvas.shape[0]
        for top, bottom in ((0.40, 0.50), (0.56, 0.66)):
            cv2.rectangle(canvas, (0, round(top * size)), (size, round(bottom * size)), stripe, -1)

    return drawn(_SIZE, ground, draw)


def _star_shirt(ground: Colour, star: Colour) -> Picture:
    """One five-pointed star on the chest."""

    def draw(canvas: NDArray[np.uint8]) -> None:
        size = canvas.shape[0]
        turns = np.arange(10) * np.pi / 5
        radius = np.where(np.arange(10) % 2 == 0, 0.20, 0.088) * size
        points = np.stack((0.5 * size + radius * np.sin(turns), 0.46 * size - radius * np.cos(turns)), axis=1)
        cv2.fillPoly(canvas, [points.round().astype(np.int32)], star, cv2.LINE_AA)

    return drawn(_SIZE, ground, draw)


RED = Performer(
    body=Body(
        leg=0.90,
        spine=0.50,
        half_shoulders=0.165,
        upper_arm=0.275,
        forearm=0.245,
        hand=0.168,
        neck=0.085,
        head=(0.094, 0.130, 0.108),
        girth=0.98,
    ),
    look=Look(
        skin=(236, 188, 156),
        hair=(92, 48, 30),
        face=_face((236, 188, 156), (74, 40, 28), (70, 110, 70), (176, 62, 66), (232, 164, 140)),
        shirt=_striped_shirt((206, 44, 48), (250, 240, 228)),
        sleeve=(206, 44, 48),
        cuff=(250, 240, 228),
        sleeve_length=0.52,
        trousers=(46, 52, 78),
        seam=(38, 42, 64),
        trouser_length=1.84,
        sock=(240, 236, 228),
        shoe=(244, 244, 240),
        sole=(206, 44, 48),
        hair_style="bun",
    ),
)

BLUE = Performer(
    body=Body(
        leg=0.745,
        spine=0.49,
        half_shoulders=0.195,
        upper_arm=0.262,
        forearm=0.238,
        hand=0.160,
        neck=0.075,
        head=(0.104, 0.130, 0.112),
        girth=1.12,
    ),
    look=Look(
        skin=(150, 98, 68),
        hair=(34, 26, 26),
        face=_face((150, 98, 68), (30, 22, 20), (60, 36, 24), (128, 48, 46), (160, 92, 66)),
        shirt=_star_shirt((38, 98, 196), (252, 206, 66)),
        sleeve=(38, 98, 196),
        cuff=(252, 206, 66),
        sleeve_length=0.62,
        trousers=(216, 194, 150),
        seam=(188, 164, 120),
        trouser_length=0.86,
        sock=(246, 246, 242),
        shoe=(238, 118, 44),
        sole=(246, 244, 236),
        hair_style="curls",
    ),
)
