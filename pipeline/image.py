"""Where uint8 0..255 meets float -1..1, and pictures are cut, resized and pasted."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.values import Box


def to_tensor(pictures: NDArray[np.uint8], device: str = "cpu") -> Tensor:
    """Turn (b, h, w, 3) or (h, w, 3) uint8 RGB into (b, 3, h, w) float32 in -1..1, in channels-last order."""
    batch = torch.from_numpy(np.array(pictures, copy=True)).to(device)
    batch = batch if batch.ndim == 4 else batch[None]
    return batch.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(pictures: Tensor) -> NDArray[np.uint8]:
    """Turn (b, 3, h, w) in -1..1 into (b, h, w, 3) uint8 RGB; values beyond are clamped."""
    scaled = (pictures.detach().float().clamp(-1, 1) + 1) * 127.5
    return np.ascontiguousarray(scaled.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


def resize(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Resize (h, w) or (h, w, c): by area when it shrinks, bicubic when it grows."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = width * height < image.shape[0] * image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), dtype=np.uint8)


def crop(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Cut `box` out of (h, w) or (h, w, c); what lies outside the picture repeats its border."""
    height, width = image.shape[:2]
    inside = image[max(box.top, 0) : min(box.bottom, height), max(box.left, 0) : min(box.right, width)]
    margins = (max(-box.top, 0), max(box.bottom - height, 0), max(-box.left, 0), max(box.right - width, 0))
    if not any(margins):
        return np.ascontiguousarray(inside)
    return np.asarray(cv2.copyMakeBorder(inside, *margins, cv2.BORDER_REPLICATE), dtype=np.uint8)
