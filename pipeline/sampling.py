"""sampled, averaged, brightness: a picture seen through an affine map, from RGB or from a film's own planes."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.values import Planes

Picture = NDArray[np.uint8] | Planes  # the former (h, w, 3): RGB, upright, square pixels
Map = NDArray[np.float64]  # (2, 3): from pixels of the picture to be made to those of the full frame
Size = tuple[int, int]  # width, height, pixels

_ROUNDING = 1e-9  # a map that shrinks to exactly half is computed as a little less
_TO_CHROMA = np.array([[0.5, 0, 0], [0, 0.5, -0.25]])  # from luma's pixels: on the even columns, between two rows
_NO_COLOUR = 128.0
_LUMA = np.array([0.299, 0.587, 0.114]) / 255  # BT.601's

_Colour = tuple[float, float, float]
_Fetch = Callable[[NDArray[np.uint8], Map, Size, _Colour], NDArray[np.uint8]]


def size_of(picture: Picture) -> Size:
    """Width and height as displayed."""
    if isinstance(picture, Planes):
        return picture.width, picture.height
    height, width = picture.shape[:2]
    return width, height


def sampled(picture: Picture, to_frame: Map, size: Size) -> NDArray[np.uint8]:
    """RGB (height, width, 3) of single points, between the nearest four pixels each; black outside the frame."""
    return _through(picture, to_frame, size, _sampled)


def averaged(picture: Picture, to_frame: Map, size: Size) -> NDArray[np.uint8]:
    """As `sampled`, but first halved by averaging, as often as it takes, so that what is thin does not alias."""
    if isinstance(picture, Planes) and _halvings(to_luma := joined(picture.to_stored, to_frame)):
        return _averaged_together(picture, to_luma, size)
    return _through(picture, to_frame, size, _averaged)


def brightness(picture: Picture, to_frame: Map, size: Size) -> NDArray[np.float64]:
    """(height, width), 0 black … 1 white: the luma of what `averaged` shows; of a film's planes a third of the work."""
    if not isinstance(picture, Planes):
        return np.asarray(averaged(picture, to_frame, size) @ _LUMA)
    luma = _averaged(picture.luma, joined(picture.to_stored, to_frame), size, (picture.black,) * 3)
    return np.asarray(np.clip((luma.astype(np.float64) - picture.black) * (picture.to_rgb[0, 0] / 255), 0, 1))


def shrinking(width: int, height: int, size: Size) -> Map:
    """The map by which a whole picture of `width` x `height` becomes one of `size`."""
    x, y = width / size[0], height / size[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]])


def joined(outer: Map, inner: Map) -> Map:
    """The map that does `inner` and then `outer`."""
    both = outer[:, :2] @ inner
    both[:, 2] += outer[:, 2]
    return np.asarray(both)


def _through(picture: Picture, to_frame: Map, size: Size, fetch: _Fetch) -> NDArray[np.uint8]:
    if not isinstance(picture, Planes):
        return fetch(picture, to_frame, size, (0, 0, 0))
    to_luma = joined(picture.to_stored, to_frame)
    to_chroma = joined(_TO_CHROMA, to_luma)
    luma = fetch(picture.luma, to_luma, size, (picture.black,) * 3)
    blue, red = (fetch(plane, to_chroma, size, (_NO_COLOUR,) * 3) for plane in (picture.blue, picture.red))
    return np.asarray(cv2.transform(cv2.merge([luma, blue, red]), picture.to_rgb), dtype=np.uint8)


def _averaged_together(planes: Planes, to_luma: Map, size: Size) -> NDArray[np.uint8]:
    """Luma, halved once more than chroma, is as large: laid together they take one fetch, half the time of three.

    Chroma comes to lie half a pixel of luma too far right, which what is shrunk to less than half does not show.
    """
    halvings = _halvings(to_luma)
    left, top, right, bottom = _bounds(planes.luma, to_luma, size)
    left, top = left // 2 * 2, top // 2 * 2
    extent = ((right - left) >> halvings, (bottom - top) >> halvings)
    if min(extent) < 1:
        return np.zeros((size[1], size[0], 3), dtype=np.uint8)
    luma = _halved(planes.luma, (left, top), extent, halvings)
    chroma = (_halved(plane, (left // 2, top // 2), extent, halvings - 1) for plane in (planes.blue, planes.red))
    part = np.asarray(cv2.merge([luma, *chroma]), dtype=np.uint8)
    crop = _sampled(part, _to_part(to_luma, (left, top), halvings), size, (planes.black, _NO_COLOUR, _NO_COLOUR))
    return np.asarray(cv2.transform(crop, planes.to_rgb), dtype=np.uint8)


def _sampled(image: NDArray[np.uint8], matrix: Map, size: Size, outside: _Colour) -> NDArray[np.uint8]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=flags, borderValue=outside), dtype=np.uint8)


def _averaged(image: NDArray[np.uint8], matrix: Map, size: Size, outside: _Colour) -> NDArray[np.uint8]:
    left, top, right, bottom = _bounds(image, matrix, size)
    halvings = _halvings(matrix)
    extent = ((right - left) >> halvings, (bottom - top) >> halvings)
    if min(extent) < 1:
        return np.full((size[1], size[0], *image.shape[2:]), outside if image.ndim == 3 else outside[0], dtype=np.uint8)
    part = _halved(image, (left, top), extent, halvings)
    return _sampled(part, _to_part(matrix, (left, top), halvings), size, outside)


def _halved(image: NDArray[np.uint8], start: Size, extent: Size, halvings: int) -> NDArray[np.uint8]:
    """The part of an image from `start` (x, y) on that is of size `extent` after so many halvings.

    A whole multiple, because OpenCV averages whole 2 x 2 blocks four times faster.
    """
    left, top = start
    part = image[top : top + (extent[1] << halvings), left : left + (extent[0] << halvings)]
    for _ in range(halvings):
        half = (part.shape[1] // 2, part.shape[0] // 2)
        part = np.asarray(cv2.resize(part, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return part


def _to_part(matrix: Map, start: Size, halvings: int) -> Map:
    """The map to such a part, from the one to the image."""
    matrix = matrix.copy()
    matrix[:, 2] = (matrix[:, 2] - start + 0.5) / (1 << halvings) - 0.5
    matrix[:, :2] /= 1 << halvings
    return matrix


def _halvings(matrix: Map) -> int:
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    return max(0, int(math.log2(scale) + _ROUNDING))


def _bounds(image: NDArray[np.uint8], matrix: Map, size: Size) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of the image that the picture to be made covers."""
    width, height = size
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ matrix.T
    low, high = np.floor(corners.min(axis=0)) - 2, np.ceil(corners.max(axis=0)) + 2
    rows, columns = image.shape[:2]
    left, top = int(np.clip(low[0], 0, columns)), int(np.clip(low[1], 0, rows))
    return left, top, int(np.clip(high[0], 0, columns)), int(np.clip(high[1], 0, rows))
