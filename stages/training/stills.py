"""Read a picture file of any mode as RGB, and say what had to be converted."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrainingError
from pipeline.image import decode_picture
from pipeline.picture_size import JPEG

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"))
PAPER = 255  # what shines through where a picture is transparent: white, as on a page

# What a conversion is called in the report.
GREY, ALPHA, DEEP = "grey", "with transparency (laid on white)", "of 16 bits"

U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A picture file's content."""

    image: U8  # (h, w, 3) RGB, upright
    converted: tuple[str, ...]  # what it was other than RGB of 8 bits; empty for most


def read_still(path: Path) -> Still:
    """Read a picture file: grey becomes RGB, transparency is laid on white, 16 bits become 8.

    Raises:
        TrainingError: it cannot be read, or holds numbers that are no 8 or 16 bit colours.
        LimitExceeded: it has more pixels than the limits allow.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, f"it cannot be read ({error.strerror or error})") from error
    if not data:
        raise _unreadable(path, "the file is empty")
    # A JPEG may say which side is up, and OpenCV listens only where it is asked for no alpha channel.
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH if data.startswith(JPEG) else cv2.IMREAD_UNCHANGED
    stored = decode_picture(data, flags, path)
    if stored is None:
        raise _unreadable(path, "it holds no picture")
    if stored.dtype not in (np.uint8, np.uint16):
        raise _unreadable(path, f"its colours are {stored.dtype}")
    if stored.dtype == np.uint16:
        return _as_rgb(((stored.astype(np.uint32) + 128) // 257).astype(np.uint8), [DEEP])
    return _as_rgb(stored.astype(np.uint8, copy=False), [])


def _as_rgb(stored: U8, converted: list[str]) -> Still:
    if stored.ndim == 2:
        converted.append(GREY)
        stored = np.repeat(stored[..., None], 3, axis=2)
    if stored.shape[2] == 4:
        converted.append(ALPHA)
        share = stored[..., 3:].astype(np.float32) / 255
        stored = np.rint(stored[..., :3] * share + PAPER * (1 - share)).astype(np.uint8)
    return Still(np.ascontiguousarray(stored[..., ::-1], dtype=np.uint8), tuple(converted))


def _unreadable(path: Path, found: str) -> TrainingError:
    return TrainingError(
        path, found, "a picture of 8 or 16 bits, such as .png or .jpg", "Export it again, or take it out."
    )
