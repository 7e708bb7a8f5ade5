"""The metrics that look through published networks, each where its weights are here; what is missing is said."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.inception_features import load_inception
from models.video_features import load_video_features
from pipeline.artifacts import FileRef
from pipeline.errors import UnderstudyError
from stages.evaluation.frechet import CLIP, STEP, ClipDistance, CrowdDistance, PictureDistance
from stages.evaluation.lpips_distance import LpipsDistance
from stages.evaluation.weights import INCEPTION, LPIPS, VIDEO, MetricWeights, Published

T = TypeVar("T")
Picture = NDArray[np.uint8]


class LearnedMetrics:
    """LPIPS for single pictures; FID and the distance of clips for the whole film."""

    def __init__(self, weights: MetricWeights | None, device: str = "cpu") -> None:
        """Read what there is; a file that cannot be used counts as missing, and that is said.

        Args:
            weights: None: nothing learned is measured, and nothing said of it.
            device: cpu or cuda.
        """
        self._missing = () if weights is None else weights.not_measured()
        self._unread: list[str] = []
        there = weights or MetricWeights()
        self.lpips = self._read(LPIPS, there.lpips, lambda path: LpipsDistance(path, device))
        self._pictures = self._read(INCEPTION, there.inception, lambda path: _pictures(path, device))
        self._clips = self._read(VIDEO, there.video, lambda path: _clips(path, device))

    def add(self, film: Picture, truth: Picture) -> None:
        """Take the next frame of each, (h, w, 3) RGB of one size."""
        for crowd in (self._pictures, self._clips):
            if crowd is not None:
                crowd.add(film, truth)

    @property
    def fid(self) -> float | None:
        """Fréchet Inception distance of all frames."""
        return None if self._pictures is None else self._pictures.distance.value()

    @property
    def video_distance(self) -> float | None:
        """Fréchet distance of the features that r3d_18 sees in clips of 16 frames."""
        return None if self._clips is None else self._clips.distance.value()

    def not_measured(self, frames: int) -> tuple[str, ...]:
        """A line for each metric that is missing, after a film of so many frames."""
        short = [
            f"{published.metric}: not measured: a film of {frames} frames is too short, it takes {least}"
            for published, crowd, least in ((INCEPTION, self._pictures, 2), (VIDEO, self._clips, CLIP + STEP))
            if crowd is not None and crowd.distance.is_short
        ]
        return (*self._missing, *self._unread, *short)

    def _read(self, published: Published, file: FileRef | None, build: Callable[[Path], T]) -> T | None:
        if file is None:
            return None
        try:
            return build(file.path)
        except UnderstudyError as error:
            self._unread.append(f"{published.metric}: not measured: {error}")
            return None


def _pictures(weights: Path, device: str) -> PictureDistance:
    return PictureDistance(CrowdDistance(load_inception(weights), device))


def _clips(weights: Path, device: str) -> ClipDistance:
    return ClipDistance(CrowdDistance(load_video_features(weights), device))
