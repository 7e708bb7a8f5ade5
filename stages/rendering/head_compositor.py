"""Put a painted head back: into the frame it was learnt from, behind a soft seam, or where another head is."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image import Value, resize
from pipeline.values import Box
from stages.rendering.generate import Painted
from stages.rendering.head_places import Place

# Of the window's shorter side, from its rim inwards: over this width it fades into the frame. Below, chest and long
# hair cross the rim: there both pictures show the same cloth, one sharp and one painted, and a short fade shows.
SEAM, LOWER_SEAM = 0.06, 0.16
# Of the face's height. Below the chin a head fades into another neck, over the first. The line along which that begins
# rises to the sides as jaws do, so that shoulders stay outside: the second at half a face's width, at most the third.
NECK, JAW, HIGHEST = 0.25, 0.2, 0.45
HALF_WIDTH = 0.4  # of a face, over its height

Picture = NDArray[np.uint8]
Share = NDArray[np.float32]


class OwnFrame:
    """Pastes painted windows into frames of the clip they were learnt from, or a still of it.

    The whole window is exchanged, or the frame's own head would show beside the painted one. What is behind the head
    comes from the clean plate at full sharpness where the network paints a mask, else from its picture. Shoulders meet
    at the seam if the conditions were drawn with those of the very frame that is given.
    """

    def __init__(self, plate: Picture, window: Box) -> None:
        """Take the empty frame (height, width, 3) and the window in it; the window may leave the frame a little."""
        height, width = plate.shape[:2]
        self._plate, self._window = plate, window
        self._inside = Box(
            max(window.left, 0), max(window.top, 0), min(window.right, width), min(window.bottom, height)
        )
        self._fade = _fade_into_frame(self._inside, width, height)
        self.fills_frame = bool(self._fade.size == width * height and self._fade.min() == 1)

    def paste(self, painted: Painted, behind: Picture | None) -> Picture:
        """Return the full frame (height, width, 3) RGB, in memory of its own.

        Args:
            behind: the frame to paste into; None only where the window fills it.
        """
        above = self._window_in_frame(painted)
        if behind is None:
            assert self.fills_frame
            return above
        frame = behind.copy()
        inside = self._inside
        place = frame[inside.top : inside.bottom, inside.left : inside.right]
        place[...] = cv2.blendLinear(above, np.ascontiguousarray(place), self._fade, 1 - self._fade)
        return frame

    def _window_in_frame(self, painted: Painted) -> Picture:
        """The part of the window that lies inside the frame, at the frame's resolution."""
        if painted.mask is None or painted.foreground is None:
            return np.ascontiguousarray(self._enlarged(painted.image))
        share = np.ascontiguousarray(np.clip(self._enlarged(painted.mask), 0, 1))  # bicubic overshoots
        inside = self._inside
        empty = np.ascontiguousarray(self._plate[inside.top : inside.bottom, inside.left : inside.right])
        head = np.ascontiguousarray(self._enlarged(painted.foreground))
        return np.asarray(cv2.blendLinear(head, empty, share, 1 - share), dtype=np.uint8)

    def _enlarged(self, picture: NDArray[Value]) -> NDArray[Value]:
        window, inside = self._window, self._inside
        scaled = resize(picture, window.width, window.height)
        return scaled[inside.top - window.top :, inside.left - window.left :][: inside.height, : inside.width]


class OtherFrame:
    """Pastes painted heads into somebody else's frames, each where that one's head is; below the chin they fade out.

    With a mask the head is cut out; without one an oval of the window is taken, and what is around the head with it.
    """

    def __init__(self, window: Box, width: int, height: int) -> None:
        """Take the window of the painted frame and the size of the network's picture of it."""
        self._window = window
        self._per_pixel = window.width / width, window.height / height
        self._rim, self._oval = _rim(width, height), _oval(width, height)

    def paste(self, painted: Painted, behind: Picture, place: Place) -> Picture:
        """Return the frame (height, width, 3) RGB with the head at its place, in memory of its own."""
        share = self._rim * painted.mask if painted.mask is not None else self._oval
        above = painted.image if painted.foreground is None else painted.foreground
        share = np.asarray(share * self._above_the_neck(place), dtype=np.float32)
        height, width = behind.shape[:2]
        motion = self._motion(place)
        head = cv2.warpAffine(above, motion, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        weight = cv2.warpAffine(share, motion, (width, height), flags=cv2.INTER_LINEAR)
        return np.asarray(cv2.blendLinear(head, np.ascontiguousarray(behind), weight, 1 - weight), dtype=np.uint8)

    def _motion(self, place: Place) -> NDArray[np.float64]:
        """(2, 3): from pixels of the network's picture to pixels of the other frame, centres at integers."""
        rows = []
        for axis, (per_pixel, first, shift) in enumerate(
            zip(self._per_pixel, (self._window.left, self._window.top), (place.x, place.y), strict=True)
        ):
            scale = place.scale * per_pixel
            offset = place.scale * (0.5 * per_pixel - 0.5 + first) + shift
            rows.append([scale, 0.0, offset] if axis == 0 else [0.0, scale, offset])
        return np.array(rows)

    def _above_the_neck(self, place: Place) -> Share:
        """(h, w): 1 down to the jaw, falling to 0 below it."""
        columns, rows = (
            (np.arange(count) + 0.5) * per_pixel - 0.5 + first
            for count, per_pixel, first in zip(
                self._rim.shape[::-1], self._per_pixel, (self._window.left, self._window.top), strict=True
            )
        )
        aside = (columns - place.column) / (HALF_WIDTH * place.face_height)
        line = place.chin - np.minimum(JAW * aside**2, HIGHEST) * place.face_height
        return _smooth(1 - (rows[:, None] - line) / (NECK * place.face_height))


def _fade_into_frame(inside: Box, width: int, height: int) -> Share:
    """1 inside, falling to 0 at those sides of the window that are not sides of the frame."""
    shorter = min(inside.width, inside.height)
    side, lower = max(1, round(SEAM * shorter)), max(1, round(LOWER_SEAM * shorter))
    columns = _from(inside.width, side, inside.left > 0) * _from(inside.width, side, inside.right < width)[::-1]
    rows = _from(inside.height, side, inside.top > 0) * _from(inside.height, lower, inside.bottom < height)[::-1]
    return np.asarray(rows[:, None] * columns, dtype=np.float32)


def _rim(width: int, height: int) -> Share:
    """1 inside, falling to 0 at all sides."""
    seam = max(1, round(SEAM * min(width, height)))
    columns, rows = _from(width, seam, True), _from(height, seam, True)
    return np.asarray((rows * rows[::-1])[:, None] * (columns * columns[::-1]), dtype=np.float32)


def _oval(width: int, height: int) -> Share:
    """1 in the middle, falling to 0 at the ellipse that touches all sides."""
    x = (np.arange(width) + 0.5) / width * 2 - 1
    y = (np.arange(height) + 0.5) / height * 2 - 1
    return _smooth((1 - np.hypot(x[None], y[:, None])) / (2 * LOWER_SEAM))


def _from(length: int, seam: int, fades: bool) -> Share:
    """Along a side: rising from 0 to 1 over the seam, or 1 all along."""
    return _smooth((np.arange(length) + 0.5) / seam) if fades else np.ones(length, np.float32)


def _smooth(share: NDArray[np.floating[Any]]) -> Share:
    """0 … 1 without a kink at either end."""
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)
