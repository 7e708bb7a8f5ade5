"""Find what lies behind the person: clean background plates, as medians over the frames in which a pixel is free.

A still camera does not mean a still background: captions change, screens play. So there is one plate for every half
second of the training part, made of the frames around it and filled, where the person stood all the while, from
farther away in time, at last by inpainting. A film is rendered over the last of them.

Source: Chan et al. 2019, "Everybody Dance Now", sec. 4 (static background); the plate itself is our addition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

PLATE_SECONDS = 0.5  # from one plate to the next
REACHES = (0.75, 4.0)  # seconds around a plate that are looked at first, and then
SAMPLES = 12  # frames of each reach that a median is taken over
WHOLE_SAMPLES = 24  # frames of the whole training part
FREE = 0.1  # of the person mask: pixels below, and their neighbours, count as background
MARGIN = 0.012  # of the picture's height: as far around the person nothing is taken for background
_BAND = 128  # rows of a median at a time, to bound memory

Pictures = NDArray[np.uint8]  # (n, h, w, 3)
Masks = NDArray[np.uint8]  # (n, h, w): person mask, 0 … 255


@dataclass(frozen=True, slots=True, eq=False)
class Plates:
    """Backgrounds along the training part of a clip."""

    pictures: Pictures  # (p, h, w, 3) RGB
    of_frame: NDArray[np.int32]  # (n,): which plate lies behind each training frame; the last also behind later ones


def plate_frames(frames: int, seconds_per_frame: float, middle: int) -> list[list[int]]:
    """The frames a plate in the middle of things is made of, nearest reach first, the whole clip last."""
    groups = []
    for reach in REACHES:
        span = max(1, round(reach / seconds_per_frame))
        groups.append(_spread(max(0, middle - span), min(frames - 1, middle + span), SAMPLES))
    return [*groups, _spread(0, frames - 1, WHOLE_SAMPLES)]


def _spread(first: int, last: int, count: int) -> list[int]:
    return sorted({int(index) for index in np.linspace(first, last, count).round()})


def free_pixels(masks: Masks) -> NDArray[np.bool_]:
    """(n, h, w): where surely nobody stands, at a margin from the person."""
    reach = max(1, round(MARGIN * masks.shape[1]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.stack([cv2.dilate(mask, kernel) < FREE * 255 for mask in masks])


def make_plates(pictures: Pictures, masks: Masks, seconds_per_frame: float) -> Plates:
    """Make a plate for every half second of a clip held as arrays (memory-mapped: frames are read as needed)."""
    frames = len(pictures)
    step = max(1, round(PLATE_SECONDS / seconds_per_frame))
    middles = list(range(0, frames, step))
    whole = _of_frames(pictures, masks, _spread(0, frames - 1, WHOLE_SAMPLES))
    plates = []
    for middle in middles:
        near = [_of_frames(pictures, masks, group) for group in plate_frames(frames, seconds_per_frame, middle)[:-1]]
        plates.append(fill_plate([*near, whole]))
    return Plates(np.stack(plates), (np.arange(frames) // step).astype(np.int32))


def _of_frames(pictures: Pictures, masks: Masks, frames: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    return masked_median(np.asarray(pictures[frames]), free_pixels(np.asarray(masks[frames])))


def masked_median(pictures: Pictures, free: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Median over frames of the pixels that are free.

    Returns:
        (h, w, 3) uint8, the lower median; (h, w): whether the pixel was free in any frame.
    """
    count = free.sum(axis=0)
    median = np.empty(pictures.shape[1:], np.uint8)
    for top in range(0, len(count), _BAND):
        rows = slice(top, top + _BAND)
        band = np.where(free[:, rows, :, None], pictures[:, rows].astype(np.int16), np.int16(256))
        band.sort(axis=0)  # what is not free goes last
        middle = np.maximum(count[rows] - 1, 0) // 2
        picked = np.take_along_axis(band, middle[None, :, :, None].repeat(3, axis=3), axis=0)[0]
        median[rows] = np.minimum(picked, 255).astype(np.uint8)
    return median, count > 0


def fill_plate(layers: Sequence[tuple[NDArray[np.uint8], NDArray[np.bool_]]]) -> NDArray[np.uint8]:
    """Take every pixel from the first layer that knows it; inpaint (Telea 2004) what none has ever seen."""
    plate, known = layers[0][0].copy(), layers[0][1].copy()
    for picture, seen in layers[1:]:
        new = seen & ~known
        plate[new] = picture[new]
        known |= seen
    if known.all():
        return plate
    return _inpaint(plate, known)


def _inpaint(plate: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """At a quarter of large sizes: holes are as large as a body, and inpainting them is smooth anyway."""
    height, width = known.shape
    factor = max(1, max(height, width) // 480)
    small = (max(1, width // factor), max(1, height // factor))
    weight = cv2.resize(known.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(plate * known[..., None].astype(np.float32), small, interpolation=cv2.INTER_AREA)
    reduced = (colour / np.maximum(weight, 1e-3)[..., None]).clip(0, 255).astype(np.uint8)
    filled = cv2.inpaint(reduced, (weight < 0.05).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., None], plate, large).astype(np.uint8)
