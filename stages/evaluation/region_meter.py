"""RegionMeter: how alike film and truth are in one region, frame by frame and over the whole clip."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.image import crop
from stages.evaluation.lpips_distance import LpipsDistance
from stages.evaluation.measures import Column
from stages.evaluation.metrics import SquaredError, squared_error
from stages.evaluation.regions import Patch

Picture = NDArray[np.uint8]
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One frame of film and truth, of one size, and how alike every pixel's surroundings are."""

    film: Picture
    truth: Picture
    alike: NDArray[np.float32]  # (h, w): SSIM of every pixel


@dataclass(slots=True)
class RegionMeter:
    """Sums, and three numbers a frame; a frame without the region holds NaN."""

    lpips: LpipsDistance | None
    error: SquaredError = field(default_factory=SquaredError)
    _psnr: list[float] = field(default_factory=list)
    _ssim: list[float] = field(default_factory=list)
    _lpips: list[float] = field(default_factory=list)

    def add(self, pair: Pair, patches: Sequence[Patch]) -> None:
        """Take the next frame, in which the region is these patches: none, one, or several that count together."""
        errors = [_error(pair, patch) for patch in patches]
        together = sum(errors, SquaredError())
        self.error += together
        self._psnr.append(math.nan if together.psnr is None else together.psnr)
        self._ssim.append(_ssim(pair, patches))
        if self.lpips is not None:
            self._lpips.append(_mean([self.lpips(crop(pair.film, p.box), crop(pair.truth, p.box)) for p in patches]))

    @property
    def psnr_db(self) -> float | None:
        """Of the squared error over all frames; None where no frame has the region."""
        return self.error.psnr

    @property
    def ssim(self) -> float | None:
        """Mean over the frames that have the region."""
        return mean_or_none(np.array(self._ssim))

    @property
    def lpips_mean(self) -> float | None:
        """Likewise; None also without its weights."""
        return mean_or_none(np.array(self._lpips))

    def columns(self, prefix: str) -> tuple[Column, ...]:
        """PSNR, SSIM and, where it is measured, LPIPS of every frame, their names behind `prefix`."""
        named = (("psnr_db", self._psnr), ("ssim", self._ssim), ("lpips", self._lpips))
        there = named if self.lpips is not None else named[:2]
        return tuple(Column(f"{prefix}{name}", np.array(values, dtype=np.float64)) for name, values in there)


def mean_or_none(values: F64) -> float | None:
    """The mean of what is no NaN; None where all are."""
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if len(seen) else None


def _error(pair: Pair, patch: Patch) -> SquaredError:
    return squared_error(crop(pair.film, patch.box), crop(pair.truth, patch.box), patch.mask)


def _ssim(pair: Pair, patches: Sequence[Patch]) -> float:
    """Weighted over the pixels of all patches."""
    sums, weights = 0.0, 0.0
    for patch in patches:
        alike = crop(pair.alike, patch.box)
        mask = np.ones_like(alike) if patch.mask is None else patch.mask
        sums += float((alike * mask).sum(dtype=np.float64))
        weights += float(mask.sum(dtype=np.float64))
    return sums / weights if weights else math.nan


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan
