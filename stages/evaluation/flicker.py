"""How steady a film is: what of each picture the last one, moved along the true motion, does not explain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.optical_flow import Flow, moved, returns, squared_length

STILL = 1e-4  # of the range, a fortieth of a grey level: added to both errors, so that a still truth divides
PHOTOMETRIC = 0.02  # greatest sum over colours of squared differences, pictures in -1..1, for a motion to be believed


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
    true = np.abs(_unit(truth[0]) - moved(_unit(truth[1]), back))
    made = np.abs(_unit(film[0]) - moved(_unit(film[1]), back))
    believed = (4 * squared_length(true) < PHOTOMETRIC) & returns(back, forth)
    return WarpError(
        film=float(made[believed].sum(dtype=np.float64)) / 3,
        truth=float(true[believed].sum(dtype=np.float64)) / 3,
        pixels=float(believed.sum()),
    )


def own_warp_error(flow: Flow, now: NDArray[np.uint8], before: NDArray[np.uint8]) -> float:
    """What of a picture the one before, moved along their own motion, does not explain: mean difference, % of range.

    For films without a truth. Counted are the pixels whose way back and forth agree; what flickers counts, so that a
    change of brightness is not forgiven. NaN where no pixel can be followed.

    Args:
        now, before: (h, w, 3) uint8, of one size.
    """
    back, forth = flow.both_ways(now, before)
    away = np.abs(_unit(now) - moved(_unit(before), back)).mean(axis=2)
    followed = returns(back, forth)
    return float(100 * away[followed].mean(dtype=np.float64)) if followed.any() else float("nan")


def _unit(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return picture.astype(np.float32) / 255
