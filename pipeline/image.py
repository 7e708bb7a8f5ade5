"""Where uint8 0..255 meets float -1..1, and pictures are cut, resized, and kept as PNG."""

from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.artifacts import atomic_file
from pipeline.errors import LimitExceeded
from pipeline.limits import limits
from pipeline.picture_size import picture_size
from pipeline.values import Box

Value = TypeVar("Value", np.uint8, np.float32)


def to_tensor(pictures: NDArray[np.uint8], device: str = "cpu") -> Tensor:
    """Turn (b, h, w, c) or (h, w, c) uint8, RGB or more, into (b, c, h, w) float32 in -1..1, in channels-last order."""
    batch = torch.from_numpy(np.array(pictures, copy=True)).to(device)
    batch = batch if batch.ndim == 4 else batch[None]
    return batch.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_planes(pictures: NDArray[np.uint8], device: str = "cpu") -> Tensor:
    """The same as `to_tensor` of (b, h, w, c), with one channel behind the other in memory.

    So single channels are read three and more times as fast; turned round as bytes they cost a quarter.
    """
    batch = torch.from_numpy(np.array(pictures, copy=True)).to(device)
    return batch.permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)


def to_images(pictures: Tensor) -> NDArray[np.uint8]:
    """Turn (b, 3, h, w) in -1..1 into (b, h, w, 3) uint8 RGB; values beyond are clamped."""
    scaled = (pictures.detach().float().clamp(-1, 1) + 1) * 127.5
    return np.ascontiguousarray(scaled.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


def resize(image: NDArray[Value], width: int, height: int) -> NDArray[Value]:
    """Resize (h, w) or (h, w, c): by area when it shrinks, bicubic when it grows (floats may then overshoot)."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = width * height < image.shape[0] * image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), dtype=image.dtype)


def crop(image: NDArray[Value], box: Box) -> NDArray[Value]:
    """Cut `box` out of (h, w) or (h, w, c); what lies outside the picture repeats its border.

    Raises:
        ValueError: the box and the picture share no pixel.
    """
    height, width = image.shape[:2]
    if box.left >= width or box.top >= height or box.right <= 0 or box.bottom <= 0:
        raise ValueError(f"{box} lies outside the picture of {width}x{height}, expected a box that overlaps it.")
    inside = image[max(box.top, 0) : min(box.bottom, height), max(box.left, 0) : min(box.right, width)]
    margins = (max(-box.top, 0), max(box.bottom - height, 0), max(-box.left, 0), max(box.right - width, 0))
    if not any(margins):
        return np.ascontiguousarray(inside)
    return np.asarray(cv2.copyMakeBorder(inside, *margins, cv2.BORDER_REPLICATE), dtype=image.dtype)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write (h, w, 3) RGB, whole or not at all; an older file is replaced.

    Raises: StorageError.
    """
    # Encoded in memory: OpenCV's own writing reports a full disk as False, and knows no names beyond ASCII on Windows.
    encoded, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert encoded
    with atomic_file(path) as beside:
        beside.write_bytes(data.tobytes())


def read_png(path: Path) -> NDArray[np.uint8] | None:
    """Read (h, w, 3) RGB; None where the file holds no picture.

    Raises:
        OSError: the file cannot be read.
        LimitExceeded: it has more pixels than the limits allow.
    """
    picture = decode_picture(path.read_bytes(), cv2.IMREAD_COLOR, path)
    return None if picture is None else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def decode_picture(data: bytes, flags: int, path: Path) -> NDArray[Any] | None:
    """Decode a picture file's bytes as OpenCV does; None where they hold no PNG, JPEG, WebP, BMP or TIFF.

    Args:
        flags: what OpenCV is asked for.
        path: of the file, for the message.

    Raises: LimitExceeded: it has more pixels than the limits allow; found before any is decoded.
    """
    size, allowed = picture_size(data), limits()
    if size is None:
        return None
    if (name := allowed.excess_of(*size)) is not None:
        expected = f"at most {allowed.side} pixels a side and {allowed.pixels} in all"
        needed = max(size) if name == "side" else size[0] * size[1]
        raise LimitExceeded(path, f"the picture is {size[0]}x{size[1]}", expected, allowed.remedy(name, needed))
    try:
        decoded: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # a size of 0, or one that does not fit what follows
        return None
    return decoded
