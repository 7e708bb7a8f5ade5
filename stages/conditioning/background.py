"""Find what lies behind the person: clean background plates, of the frames in which a pixel is free and out of shadow.

A still camera does not mean a still background: captions change, screens play. So there is one plate for every half
second of the training part (in long clips for a longer while): the whole part's usual view, overridden where the frames
around it clearly show something else, and inpainted where the person stood all the time. A film is rendered over the
last of them.

Source: Chan et al. 2019, "Everybody Dance Now", sec. 4 (static background); the plate itself is our addition.
"""

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

PLATE_SECONDS = 0.5  # from one plate to the next, at least
MOST_PLATES = 240  # of a clip: plates cost room on disk and time, however long the clip
REACHES = (0.75, 4.0)  # seconds around a plate that are looked at first, and then
SAMPLES = 12  # frames of each reach that a view is made of
LIT = 0.9  # quantile of the free frames: as bright is a place that the dancer's shadow leaves now and then
AS_BRIGHT = 8  # levels from that quantile: how far noise and compression carry what is equally lit
FAINT = (2, 8)  # levels that a place is usually darker: up to the first that is noise, from the second a shadow
SHADOW = (60, 80)  # … up to the first still a shadow, from the second something else
TINT = (8, 16)  # levels beside being darker alike in all colours: up to the first it is a shadow, from the second not
WHOLE_SAMPLES = 96  # frames of the whole training part: of 48 some places are free in one or two, with their shadows
FREE = 0.1  # of the person mask: pixels below, and their neighbours, count as background
MARGIN = 0.012  # of the picture's height: as far around the person nothing is taken for background
NEIGHBOURHOOD = 0.03  # of the picture's height: the square over which a change is looked for
CHANGED = 45  # levels, mean over that square, shadows left out. Seen: captions 100 to 200
LEAST_SHARE = 0.3  # of the square that must be known in both
INPAINTED_SIDE = 480  # pixels, about: holes are as large as a body and filled smoothly, so larger pictures are reduced
_BAND = 128  # rows of a median at a time, to bound memory

Picture = NDArray[np.uint8]  # (h, w, 3) RGB
Mask = NDArray[np.uint8]  # (h, w): person mask, 0 … 255
Layer = tuple[Picture, NDArray[np.bool_]]  # a median, and which of its pixels were free in any frame


def plate_frames(frames: int, seconds_per_frame: float, middle: int, most: int = WHOLE_SAMPLES) -> list[list[int]]:
    """The frames a plate is made of: nearest reach around frame `middle` first, the whole clip last.

    Args:
        most: frames of the whole clip; of each reach half as many, 12 at most.
    """
    groups = []
    for reach in REACHES:
        span = max(1, round(reach / seconds_per_frame))
        first, last = max(0, middle - span), min(frames - 1, middle + span)
        groups.append(_spread(first, last, min(SAMPLES, max(1, most // 2))))
    return [*groups, _spread(0, frames - 1, most)]


def _spread(first: int, last: int, count: int) -> list[int]:
    return sorted({int(index) for index in np.linspace(first, last, count).round()})


def free_pixels(mask: Mask) -> NDArray[np.bool_]:
    """(h, w): where surely nobody stands, at a margin from the person."""
    reach = max(1, round(MARGIN * mask.shape[0]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask, kernel) < FREE * 255)


def plate_of_frames(frames: int, seconds_per_frame: float) -> NDArray[np.int32]:
    """(n,): which plate lies behind each of `frames` training frames; the last also behind later ones."""
    return (np.arange(frames) // _step(frames, seconds_per_frame)).astype(np.int32)


def make_plates(
    pictures: NDArray[np.uint8], masks: NDArray[np.uint8], seconds_per_frame: float
) -> Iterator[NDArray[np.uint8]]:
    """Make the plates of `plate_of_frames`, one after the other.

    Args:
        pictures: (n, h, w, 3) RGB, may be memory-mapped: frames are read as needed.
        masks: (n, h, w), likewise.

    Yields:
        (h, w, 3) RGB.
    """
    frames = len(pictures)
    whole = layer_of(pictures, masks, _spread(0, frames - 1, WHOLE_SAMPLES))
    for middle in range(0, frames, _step(frames, seconds_per_frame)):
        *near, _ = plate_frames(frames, seconds_per_frame, middle)
        yield fill_plate([*(layer_of(pictures, masks, group) for group in near), whole])


def _step(frames: int, seconds_per_frame: float) -> int:
    """Frames from one plate to the next."""
    return max(1, round(PLATE_SECONDS / seconds_per_frame), -(-frames // MOST_PLATES))


def layer_of(
    pictures: Mapping[int, Picture] | NDArray[np.uint8],
    masks: Mapping[int, Mask] | NDArray[np.uint8],
    frames: list[int],
) -> Layer:
    """What the free pixels of some frames of a clip show."""
    return unshaded_view([pictures[frame] for frame in frames], [free_pixels(masks[frame]) for frame in frames])


def unshaded_view(pictures: Sequence[Picture], free: Sequence[NDArray[np.bool_]]) -> Layer:
    """What the free pixels show without the shadow that the dancer throws over some of them, often most of the time.

    That is the mean of the brightest where the median is darker by a shadow. Where it is as bright, or differs by more
    because something came and went, the median is taken.

    Returns:
        (h, w, 3) uint8; (h, w): whether the pixel was free in any frame.
    """
    view = np.empty(pictures[0].shape, np.uint8)
    known = np.logical_or.reduce(free)
    for top in range(0, len(known), _BAND):
        rows = slice(top, top + _BAND)
        open_here = np.stack([where[rows] for where in free])
        band = np.stack([picture[rows] for picture in pictures]).astype(np.int16)
        band[~open_here] = 256
        band.sort(axis=0)  # what is not free goes last
        view[rows] = _unshaded(band, open_here.sum(axis=0)).round().clip(0, 255)
    return view, known


def _unshaded(band: NDArray[np.int16], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """See `unshaded_view`: of each pixel's levels (n, h, w, 3) in rising order the first `count` (h, w): (h, w, 3)."""

    def at(quantile: float) -> NDArray[np.int16]:
        place = (np.maximum(count - 1, 0) * quantile).astype(np.int64)
        return np.asarray(np.take_along_axis(band, place[None, :, :, None], axis=0)[0])

    median, lit = at(0.5), at(LIT)
    equally = (np.abs(band - lit) <= AS_BRIGHT) & (band < 256)
    mean = np.where(equally, band, 0).sum(axis=0, dtype=np.int64) / np.maximum(equally.sum(axis=0), 1)
    shadow = (_shade(lit, median) * np.interp((lit - median).max(axis=2), FAINT, (0.0, 1.0)))[..., None]
    return np.asarray(shadow * mean + (1 - shadow) * median)


def _shade(lit: NDArray[np.int16], dark: NDArray[np.int16]) -> NDArray[np.float64]:
    """Whether `dark` (h, w, 3) is `lit` in a shadow: 1 surely … 0 surely not; (h, w). Shadows dim all colours alike."""
    share = dark.sum(axis=2, keepdims=True) / np.maximum(lit.sum(axis=2, keepdims=True), 1)
    tint = np.abs(dark - share * lit).max(axis=2)
    return np.asarray(np.interp((lit - dark).max(axis=2), SHADOW, (1.0, 0.0)) * np.interp(tint, TINT, (1.0, 0.0)))


def fill_plate(layers: Sequence[Layer]) -> Picture:
    """Make one plate of views: the whole clip's, but for places that look clearly different near in time.

    A shadow that follows the dancer is in every near view and in few frames of the whole clip, so near views are
    believed only where they differ as captions and screens do. What no layer has ever seen is inpainted (Telea 2004).

    Args:
        layers: nearest in time first, the whole clip last.
    """
    plate, known = layers[-1][0].copy(), layers[-1][1].copy()
    for picture, seen in reversed(layers[:-1]):
        taken = seen & (~known | _changed(plate, picture, seen & known))
        plate[taken] = picture[taken]
        known |= seen
    return plate if known.all() else _inpaint(plate, known)


def _changed(plate: Picture, nearer: Picture, both: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w): around places where two plates, as far as both are known, differ by more than a shadow, on average."""
    side = 2 * max(1, round(NEIGHBOURHOOD * len(plate) / 2)) + 1
    shaded = (nearer < plate).any(axis=2) * _shade(plate.astype(np.int16), nearer.astype(np.int16))
    difference = cv2.absdiff(plate, nearer).max(axis=2) * (both * (1 - shaded)).astype(np.float32)
    total = cv2.boxFilter(difference, -1, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT)
    count = cv2.boxFilter(both.astype(np.float32), -1, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT)
    differs = total > CHANGED * np.maximum(count, LEAST_SHARE * side * side)
    return np.asarray(cv2.dilate(differs.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def _inpaint(plate: Picture, known: NDArray[np.bool_]) -> Picture:
    height, width = known.shape
    factor = max(1, max(height, width) // INPAINTED_SIDE)
    small = (max(1, width // factor), max(1, height // factor))
    weight = cv2.resize(known.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(plate * known[..., None].astype(np.float32), small, interpolation=cv2.INTER_AREA)
    reduced = (colour / np.maximum(weight, 1e-3)[..., None]).round().clip(0, 255).astype(np.uint8)
    filled = cv2.inpaint(reduced, (weight < 0.05).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., None], plate, large).astype(np.uint8)
