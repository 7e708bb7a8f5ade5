"""Every measure by name: whether high or low is good, its unit, and what people call it; columns become FrameScores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnknownChoice
from stages.evaluation.frame_scores import Better, FrameScores


@dataclass(frozen=True, slots=True)
class Measure:
    """How a column of numbers is to be read."""

    better: Better
    unit: str  # empty for plain numbers
    words: str  # for a plot or a table


MEASURES = {
    "psnr_db": Measure("high", "dB", "likeness (PSNR)"),
    "ssim": Measure("high", "", "likeness (SSIM)"),
    "lpips": Measure("low", "", "unlikeness (LPIPS)"),
    "person_psnr_db": Measure("high", "dB", "person: PSNR"),
    "person_ssim": Measure("high", "", "person: SSIM"),
    "person_lpips": Measure("low", "", "person: LPIPS"),
    "face_psnr_db": Measure("high", "dB", "face: PSNR"),
    "face_ssim": Measure("high", "", "face: SSIM"),
    "face_lpips": Measure("low", "", "face: LPIPS"),
    "hands_psnr_db": Measure("high", "dB", "hands: PSNR"),
    "hands_ssim": Measure("high", "", "hands: SSIM"),
    "hands_lpips": Measure("low", "", "hands: LPIPS"),
    "head_psnr_db": Measure("high", "dB", "head: PSNR"),
    "head_ssim": Measure("high", "", "head: SSIM"),
    "head_lpips": Measure("low", "", "head: LPIPS"),
    "warp_error_ratio": Measure("low", "", "flicker (warp error, ratio)"),
    "warp_error_pct": Measure("low", "% of range", "flicker (warp error)"),
    "pose_error_pct": Measure("low", "% of height", "pose error"),
    "landmark_error_pct": Measure("low", "% of eye distance", "landmark error"),
    "missed": Measure("low", "", "nobody found"),
    "identity_drift_de": Measure("low", "ΔE", "drift of looks"),
    "jitter_pct": Measure("low", "%", "jitter"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One measure of every frame."""

    name: str  # of `MEASURES`
    values: NDArray[np.float64]  # (n,), NaN where it was not measured


def measure_named(name: str) -> Measure:
    """What a column's name stands for.

    Raises:
        UnknownChoice: nothing.
    """
    if name not in MEASURES:
        raise UnknownChoice.among("measure", name, MEASURES)
    return MEASURES[name]


def frame_scores(times: NDArray[np.float64], columns: Iterable[Column]) -> FrameScores:
    """Put columns side by side; those that no frame has a number of are left out.

    Args:
        times: (n,) seconds.
    """
    there = [column for column in columns if not np.isnan(column.values).all()]
    values = np.stack([column.values for column in there], axis=1) if there else np.empty((len(times), 0))
    return FrameScores(
        names=tuple(column.name for column in there),
        times=times,
        values=values,
        better=tuple(measure_named(column.name).better for column in there),
    )


LEARNED = ("lpips", "fid", "video_distance_r3d18")  # with the regions' own before the first


def table(numbers: Mapping[str, str], not_measured: Sequence[str]) -> tuple[str, ...]:
    """Lines `name value` for people; then what was not measured, whose numbers are left out.

    Args:
        numbers: each as it is to be printed, `none` where there is none.
    """
    width = max(map(len, numbers)) + 1
    shown = [(name, number) for name, number in numbers.items() if number != "none" or not name.endswith(LEARNED)]
    return (*(f"{name:<{width}} {number:>9}" for name, number in shown), *not_measured)


def or_none(number: float | None, form: str) -> str:
    """A number for people, or that there is none."""
    return "none" if number is None else format(number, form)
