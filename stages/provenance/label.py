"""The visible label: a line of text written into every picture, small and always in the same place."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ProvenanceError
from pipeline.video import Encoding, read_video, write_video

LONGEST = 80  # letters
_FACE = cv2.FONT_HERSHEY_SIMPLEX
_SHARE = 1 / 28  # a line's height of the picture's shorter side
_LEAST = 10  # pixels of it


def refuse_label(text: str) -> None:
    """Raise ProvenanceError where a label is empty, too long or cannot be drawn."""
    if not text.strip() or len(text) > LONGEST or not (text.isascii() and text.isprintable()):
        raise ProvenanceError(
            "--label", repr(text), f"1 to {LONGEST} letters, in ASCII (no others can be drawn)", "Give another text."
        )


def paint_label(image: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """A picture with a label at its lower left: white on a dark ground, so that it is read on anything.

    Args:
        image: (height, width, 3) uint8 RGB; it is not written into.
        text: ASCII; shrunk where it is wider than the picture.
    """
    height, width = image.shape[:2]
    line = max(_LEAST, round(min(height, width) * _SHARE))
    scale = line / 22  # the font's capitals are 22 pixels high at scale 1
    margin, stroke = max(2, line // 3), max(1, round(line / 16))
    (wide, _), _ = cv2.getTextSize(text, _FACE, scale, stroke)
    scale *= min(1.0, (width - 4 * margin) / wide)
    (wide, tall), low = cv2.getTextSize(text, _FACE, scale, stroke)
    labelled = image.copy()
    left, bottom = margin, height - margin
    ground = labelled[max(0, bottom - tall - low - margin) : bottom, left : left + wide + 2 * margin]
    ground[:] = ground // 4
    place = (left + margin, bottom - low)
    cv2.putText(labelled, text, place, _FACE, scale, (255, 255, 255), stroke, cv2.LINE_AA)
    return labelled


def label_film(film: Path, output: Path, text: str, encoding: Encoding) -> None:
    """Write a label into every picture of a film: it is encoded once more, every frame at its exact time, no sound.

    Raises: ProvenanceError: see `refuse_label`; VideoError: the film cannot be read or written.
    """
    refuse_label(text)
    with read_video(film) as video, write_video(output, video.info, encoding=encoding, overwrite=True) as labelled:
        for frame in video:
            labelled.write(replace(frame, image=paint_label(frame.image, text)))
