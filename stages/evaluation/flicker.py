"""How steady a film is: what of each picture the last one, moved along the true motion, does not explain."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.optical_flow import Flow

STILL = 1e-4  # of the range, a fortieth of a grey level: added to both errors, so that a still truth divides
PHOTOMETRIC = 0.02  # greatest sum over colours of squared differences, pictures in -1..1, for a motion to be believed
FORWARD_BACKWARD = (0.01, 0.5)  # alpha, beta (square pixels) of the two-way check


@dataclass(frozen=True, slots=True)
class WarpError:
    """Absolute differences between pictures and their moved predecessors, summed over comparable pixels."""

    film: float = 0.0  # of pictures in 0..1, mean over the three colours
    truth: float = 0.0
    pixels: float = 0.0

    def __add__(self, other: "WarpError") -> "WarpError":
        return WarpError(self.film + other.film, self.truth + other.truth, self.pixels + other.pixels)

    @property
    def ratio(self) -> float | None:
        """The film's error over the truth's: 1 as steady as the truth, above 1 flicker; None without a pixel."""
        if not self.pixels:
            return None
        return (self.film / self.pixels + STILL) / (self.truth / self.pixels + STILL)


def warp_error(
    flow: Flow,
    truth: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    film: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> WarpError:
    """Compare one picture of film and truth with the picture before, moved along the truth's motion.

    Counted are the pixels whose motion is believed: the truth's pictures agree along it, its way back agrees, and it
    does not come from outside the picture.

    Args:
        flow: finds the motion.
        truth: the picture and the one before, (h, w, 3) uint8.
        film: likewise, of the same size.
    Source: Lai et al. 2018, "Learning Blind Video Temporal Consistency", sec. 4 (warping error); confidence as in
        Wang et al. 2018, "Video-to-Video Synthesis", with the usual forward-backward check.
    """
    back, forth = flow.both_ways(*truth)
    true = np.abs(_unit(truth[0]) - _moved(_unit(truth[1]), back))
    made = np.abs(_unit(film[0]) - _moved(_unit(film[1]), back))
    believed = (4 * _squared_length(true) < PHOTOMETRIC) & _returns(back, forth)
    return WarpError(
        film=float(made[believed].sum(dtype=np.float64)) / 3,
        truth=float(true[believed].sum(dtype=np.float64)) / 3,
        pixels=float(believed.sum()),
    )


def _returns(back: NDArray[np.float32], forth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the way back and the way forth cancel, and the pixel was inside the picture."""
    there = _moved(forth, back)
    alpha, beta = FORWARD_BACKWARD
    gap = _squared_length(back + there)
    height, width = back.shape[:2]
    x, y = _grid(height, width)
    x, y = x + back[..., 0], y + back[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return np.asarray((gap <= alpha * (_squared_length(back) + _squared_length(there)) + beta) & inside)


def _squared_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each pixel's vector: (h, w, k) → (h, w)."""
    return np.asarray(np.einsum("hwk,hwk->hw", vectors, vectors))


def _moved(picture: NDArray[np.float32], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every pixel fetched from where `flow` says it was, bilinear; the border repeats outside."""
    x, y = _grid(*flow.shape[:2])
    return np.asarray(
        cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def _grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]


def _unit(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return picture.astype(np.float32) / 255
