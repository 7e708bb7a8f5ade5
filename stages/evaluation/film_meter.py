"""FilmMeter: everything that is measured in the pictures of film and truth in one pass; two of each are held."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stages.evaluation.flicker import WarpError, warp_error
from stages.evaluation.learned import LearnedMetrics
from stages.evaluation.measures import Column
from stages.evaluation.metrics import ssim_of_pixels
from stages.evaluation.region_meter import Pair, RegionMeter
from stages.evaluation.regions import Patch, whole_picture
from stages.optical_flow import Flow

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RegionScores:
    """One region over the whole clip; None: it is never there, or was not measured."""

    psnr_db: float | None
    ssim: float | None
    lpips: float | None


class FilmMeter:
    """Takes film and truth frame after frame."""

    def __init__(self, learned: LearnedMetrics, regions: Sequence[str]) -> None:
        """Start with nothing.

        Args:
            learned: is fed along.
            regions: names of what is scored beside the whole frame.
        """
        self._learned = learned
        self._whole = RegionMeter(learned.lpips)
        self._regions = {name: RegionMeter(learned.lpips) for name in regions}
        self._flicker = Flicker()

    def add(self, film: Picture, truth: Picture, regions: Sequence[tuple[Patch, ...]]) -> None:
        """Take the next frame of each.

        Args:
            film, truth: (h, w, 3) RGB of one size.
            regions: for each region the patches that it is made of in the truth; none where it is not seen.
        """
        pair = Pair(film, truth, ssim_of_pixels(film, truth))
        self._whole.add(pair, (whole_picture(truth.shape[1], truth.shape[0]),))
        for meter, patches in zip(self._regions.values(), regions, strict=True):
            meter.add(pair, patches)
        self._flicker.add(film, truth)
        self._learned.add(film, truth)

    @property
    def whole(self) -> RegionScores:
        """Of the whole frame."""
        return _scores(self._whole)

    def region(self, name: str) -> RegionScores:
        """Of one region."""
        return _scores(self._regions[name])

    @property
    def warp_error_ratio(self) -> float | None:
        """Flicker over the whole clip, against the truth's."""
        return self._flicker.total.ratio

    def columns(self) -> tuple[Column, ...]:
        """What was measured in every frame."""
        regions = [column for name, meter in self._regions.items() for column in meter.columns(f"{name}_")]
        return (*self._whole.columns(""), *regions, self._flicker.column())


@dataclass(slots=True)
class Flicker:
    """Warp error from picture to picture, along the truth's motion."""

    total: WarpError = field(default_factory=WarpError)
    _ratios: list[float] = field(default_factory=list)
    _before: tuple[Picture, Picture] | None = None
    _flow: Flow = field(default_factory=Flow)

    def add(self, film: Picture, truth: Picture) -> None:
        """Take the next frame of each."""
        error = WarpError()
        if self._before is not None:
            error = warp_error(self._flow, (truth, self._before[1]), (film, self._before[0]))
        self.total += error
        self._ratios.append(np.nan if error.ratio is None else error.ratio)
        self._before = film, truth

    def column(self) -> Column:
        """The ratio of every frame; NaN for the first, and where nothing can be followed."""
        return Column("warp_error_ratio", np.array(self._ratios))


def _scores(meter: RegionMeter) -> RegionScores:
    return RegionScores(meter.psnr_db, meter.ssim, meter.lpips_mean)
