"""Lanes made of what the stages know of each frame: tracking, what was held back, scores."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Status
from stages.evaluation.frame_scores import FrameScores
from stages.report.content import Lane

TRACKING = tuple(status.name.lower() for status in Status)  # from the best to the worst
_UNITS = {"db": "dB", "pct": "%", "de": "ΔE", "ratio": "×"}  # by the last part of a score's name
_WORDS = {"psnr": "PSNR", "ssim": "SSIM", "lpips": "LPIPS"}


def tracking_lane(status: NDArray[np.uint8], name: str = "tracking") -> Lane:
    """How each frame's pose came to be.

    Args:
        status: (n,) values of Status.
        name: of the lane.
    """
    return Lane(name=name, values=status.astype(np.int64), kind="status", labels=TRACKING)


def confidence_lane(confidence: NDArray[np.float32], name: str = "confidence") -> Lane:
    """How sure the tracker was: of joints, the mean of a frame.

    Args:
        confidence: (n,) or (n, joints), 0 … 1.
        name: of the lane.
    """
    means = confidence.reshape(len(confidence), -1).mean(axis=1)
    return Lane(name=name, values=means.astype(np.float64), better="high", scale=(0.0, 1.0))


def flag_lane(name: str, flags: NDArray[np.bool_], *, good: str, bad: str) -> Lane:
    """Something that a frame either has or has not.

    Args:
        name: of the lane.
        flags: (n,) whether it is bad.
        good, bad: words for both.
    """
    return Lane(name=name, values=flags.astype(np.int64), kind="status", labels=(good, bad))


def score_lanes(scores: FrameScores) -> Iterator[Lane]:
    """A lane for each measure that any frame has."""
    for place, (name, better) in enumerate(zip(scores.names, scores.better, strict=True)):
        values = scores.values[:, place]
        if np.isfinite(values).any():
            title, unit = _named(name)
            yield Lane(name=title, values=values, better=better, unit=unit)


def _named(name: str) -> tuple[str, str]:
    """`person_psnr_db` as ("person PSNR", "dB")."""
    *parts, last = name.split("_")
    if not parts or last not in _UNITS:
        parts, last = [*parts, last], ""
    return " ".join(_WORDS.get(part, part) for part in parts), _UNITS.get(last, "")
