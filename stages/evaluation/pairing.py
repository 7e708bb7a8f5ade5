"""Two films frame beside frame: as many frames, the same times, one size; else it is said before hours are spent."""

import logging
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import VideoError
from pipeline.values import VideoInfo
from pipeline.video import read_video

logger = logging.getLogger(__name__)

SAME_TIME = Fraction(1, 1000)  # seconds: containers that count milliseconds round by up to half of one

Picture = NDArray[np.uint8]


def times_of_both(film: Path, truth: Path) -> tuple[Fraction, ...]:
    """The truth's times of the frames both have, read once beforehand: a mismatch must not show after an hour.

    Raises:
        VideoError: a film cannot be read; they differ in length or in times.
    """
    times: list[Fraction] = []
    with read_video(film) as made, read_video(truth) as true:
        pairs = zip_longest((frame.time for frame in made), (frame.time for frame in true))
        for count, (here, there) in enumerate(pairs, 1):
            if here is None or there is None:
                longer = count + sum(1 for _ in pairs)
                raise _of_other_length(film, truth, *((count - 1, longer) if here is None else (longer, count - 1)))
            if abs(here - there) > SAME_TIME:
                raise VideoError(
                    film,
                    f"frame {count - 1} shows at {float(here):.3f} s, that of {truth} at {float(there):.3f} s",
                    "the same times",
                    "Compare a film with the truth of the same performance, at its frame rate.",
                )
            times.append(there)
    return tuple(times)


def said_sizes(film: VideoInfo, truth: VideoInfo) -> tuple[int, int] | None:
    """The film's width and height where they are not the truth's, and a warning that it is resized; else None."""
    made, true = (film.width, film.height), (truth.width, truth.height)
    if made == true:
        return None
    logger.warning("%s is %dx%d, %s %dx%d: resized for the comparison.", film.path, *made, truth.path, *true)
    return made


def _of_other_length(film: Path, truth: Path, frames: int, expected: int) -> VideoError:
    return VideoError(
        film,
        f"it has {frames} frames, {truth} has {expected}",
        "as many frames in both",
        "Compare a film with the truth of the same performance, neither shortened.",
    )


def resized_like(picture: Picture, like: Picture) -> Picture:
    """A picture (h, w, 3) in the size of another."""
    if picture.shape == like.shape:
        return picture
    shrinks = picture.shape[0] > like.shape[0]
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8)
