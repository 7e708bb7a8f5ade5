"""How near one picture is to another: PSNR and SSIM, and the sums they are made of over a clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from kornia.metrics import ssim as ssim_map
from numpy.typing import NDArray
from torch import Tensor

Pictures = NDArray[np.uint8] | NDArray[np.floating[Any]] | Tensor

EQUAL = 100.0  # dB: what equal pictures count, for infinity is no number in JSON; 8-bit pictures never come near
_LAYOUT = "arrays (h, w, 3) or (n, h, w, 3), tensors (3, h, w) or (n, 3, h, w)"
SSIM_WINDOW = 11  # pixels; Gaussian, sigma 1.5, as in the paper


def psnr(one: Pictures, other: Pictures) -> float:
    """Peak signal-to-noise ratio of two pictures, or of two batches as a whole, in dB; equal ones have 100.

    Args:
        one: array (h, w, 3) or (n, h, w, 3), or tensor (3, h, w) or (n, 3, h, w); uint8 0..255, or float 0..1.
        other: of the same shape, though it may be of the other type.

    Raises:
        ValueError: the shapes differ.
    """
    one, other = _alike(one, other)
    return decibels(float((one - other).square().mean()))


def ssim(one: Pictures, other: Pictures) -> float:
    """Structural similarity of two pictures, mean over pixels and colours; of two batches, mean over pictures too.

    Args:
        one: as for `psnr`.
        other: likewise.

    Raises:
        ValueError: the shapes differ, or a picture is smaller than half the window of 11 pixels.
    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", sec. III-B;
        map and window by kornia.
    """
    return float(_similarity(one, other).mean())


def ssim_of_pixels(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Structural similarity of what surrounds each pixel of two pictures (h, w, 3), mean over colours; (h, w).

    Raises:
        ValueError: as `ssim`.
    """
    return np.asarray(_similarity(one, other)[0].mean(dim=0).cpu().numpy(), np.float32)


def decibels(squared_error: float) -> float:
    """PSNR of a mean squared error of pictures in 0..1: -10 log10, at most 100."""
    return EQUAL if squared_error <= 10 ** (-EQUAL / 10) else float(-10 * np.log10(squared_error))


@dataclass(frozen=True, slots=True)
class SquaredError:
    """A sum of squared differences over pixels: sums of parts are sums of wholes, whatever their sizes."""

    total: float = 0.0  # of squares of differences of pictures in 0..1, mean over the three colours
    pixels: float = 0.0  # that it was taken over; a pixel half inside a mask counts half

    def __add__(self, other: "SquaredError") -> "SquaredError":
        return SquaredError(self.total + other.total, self.pixels + other.pixels)

    @property
    def psnr(self) -> float | None:
        """In dB; None where there was no pixel."""
        return decibels(self.total / self.pixels) if self.pixels else None


def squared_error(
    one: NDArray[np.uint8], other: NDArray[np.uint8], mask: NDArray[np.floating[Any]] | None = None
) -> SquaredError:
    """Squared differences of two pictures (h, w, 3), weighted by a mask (h, w) in 0..1 if there is one."""
    squares = np.square((one.astype(np.float32) - other) / 255)
    if mask is None:
        return SquaredError(float(squares.sum(dtype=np.float64)) / 3, float(squares.size / 3))
    weighed = float((squares * mask[..., None]).sum(dtype=np.float64))
    return SquaredError(weighed / 3, float(mask.sum(dtype=np.float64)))


def _similarity(one: Pictures, other: Pictures) -> Tensor:
    one, other = _alike(one, other)
    if min(one.shape[-2:]) <= SSIM_WINDOW // 2:  # the window is laid around border pixels by reflection
        raise ValueError(
            f"pictures are {one.shape[-1]}x{one.shape[-2]}, expected at least {SSIM_WINDOW // 2 + 1} pixels each way"
        )
    with torch.no_grad():
        similarity: Tensor = ssim_map(one, other, SSIM_WINDOW)
    return similarity


def _alike(one: Pictures, other: Pictures) -> tuple[Tensor, Tensor]:
    """Both as float tensors (n, 3, h, w) in 0..1 on the device of the first."""
    first, second = _unit_tensor(one), _unit_tensor(other)
    if first.shape != second.shape:
        raise ValueError(f"pictures are {_size(first.shape)} and {_size(second.shape)}, expected the same")
    return first, second.to(first.device)


def _unit_tensor(pictures: Pictures) -> Tensor:
    colours = -3 if isinstance(pictures, Tensor) else -1
    if pictures.ndim not in (3, 4) or pictures.shape[colours] != 3:
        raise ValueError(f"pictures have the shape {tuple(pictures.shape)}, expected three colours: {_LAYOUT}")
    if not isinstance(pictures, Tensor):
        # Laid out anew: kornia's SSIM takes five times as long where colours are interleaved (torch 2.13, processor).
        pictures = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pictures, -1, -3)))
    unit = pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures.float()
    return unit[None] if unit.ndim == 3 else unit


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]} of {shape[-1]}x{shape[-2]}"
