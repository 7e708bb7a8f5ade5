"""A contact sheet of parts of a film: pictures in rows, each with its time, each part under a line that names it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image import resize

PICTURES, COLUMNS = 12, 4  # of a part at most; in a row
SIDE = 320  # pixels of a picture's longer side at most
GAP, LINE = 8, 24  # pixels between pictures; of a line of text
_GROUND, _INK = 24, (235, 235, 235)
_FACE, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5

U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class SheetPart:
    """Pictures that follow each other."""

    title: str  # ASCII, as OpenCV has no other letters
    pictures: tuple[U8, ...]  # (h, w, 3) RGB, of one size throughout a sheet
    captions: tuple[str, ...]  # one for each, ASCII


def spread(frames: int) -> tuple[int, ...]:
    """Which of so many frames a sheet shows: all of few, else the first, the last and some evenly between."""
    return tuple(np.linspace(0, frames - 1, min(PICTURES, frames)).round().astype(int).tolist())


def fitted(image: U8) -> U8:
    """A picture (h, w, 3) as large as a sheet shows it; small ones stay as they are."""
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    return resize(image, max(1, round(width * scale)), max(1, round(height * scale)))


def contact_sheet(parts: Sequence[SheetPart]) -> U8:
    """Lay parts out one below the other: (h, w, 3) RGB.

    Args:
        parts: one or more, each with a picture or more, see `fitted`.
    """
    wide = parts[0].pictures[0].shape[1]
    width = COLUMNS * (wide + GAP) + GAP
    rows = [row for part in parts for row in _rows(part, width)]
    return np.concatenate([*rows, _ground(GAP, width)], axis=0)


def _rows(part: SheetPart, width: int) -> list[U8]:
    """A line with the title, then rows of pictures over their captions."""
    rows = [_ground(GAP, width), _text(part.title, width)]
    for begin in range(0, len(part.pictures), COLUMNS):
        cells = [
            np.concatenate([picture, _text(caption, picture.shape[1])], axis=0)
            for picture, caption in zip(
                part.pictures[begin : begin + COLUMNS], part.captions[begin : begin + COLUMNS], strict=True
            )
        ]
        row = _ground(cells[0].shape[0], width)
        for column, cell in enumerate(cells):
            left = GAP + column * (cell.shape[1] + GAP)
            row[:, left : left + cell.shape[1]] = cell
        rows.append(row)
    return rows


def _ground(height: int, width: int) -> U8:
    return np.full((height, width, 3), _GROUND, np.uint8)


def _text(text: str, width: int) -> U8:
    """A line of text on the ground, shrunk where it is too long."""
    line = _ground(LINE, width)
    (wide, _), _ = cv2.getTextSize(text, _FACE, _SCALE, 1)
    scale = _SCALE * min(1.0, (width - 2 * GAP) / max(wide, 1))
    cv2.putText(line, text, (GAP, LINE - 8), _FACE, scale, _INK, 1, cv2.LINE_AA)
    return line
