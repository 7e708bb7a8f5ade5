"""How far a film's pictures, or its short clips, are from the truth's as a crowd: Fréchet distances of features."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.video_features import SIDE
from pipeline.image import resize

CLIP, STEP = 16, 8  # frames in one clip; from one clip to the next

Picture = NDArray[np.uint8]


class CrowdDistance:
    """Fréchet distance of two crowds of features, summed up as they come: 0 where mean and covariance are equal.

    Source: Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule …"; the sums are torchmetrics'.
    """

    def __init__(self, features: nn.Module, device: str = "cpu") -> None:
        """Take a network that turns what it is given into (b, `num_features`)."""
        from torchmetrics.image.fid import FrechetInceptionDistance  # here, for it takes seconds; most do without

        self._distance = FrechetInceptionDistance(features).to(device)
        self._device = device

    def add(self, film: Tensor, truth: Tensor) -> None:
        """Take one more of each, as the network wants it."""
        self._distance.update(film.to(self._device), real=False)
        self._distance.update(truth.to(self._device), real=True)

    @property
    def is_short(self) -> bool:
        """Whether there are less than two of each: one alone has no spread."""
        return int(self._distance.real_features_num_samples) < 2

    def value(self) -> float | None:
        """The distance, 0 or more; None while it is short."""
        return None if self.is_short else max(0.0, float(self._distance.compute()))


@dataclass(slots=True)
class PictureDistance:
    """FID of a film: of all its frames against the truth's. With few frames it is far above what many would give."""

    distance: CrowdDistance

    def add(self, film: Picture, truth: Picture) -> None:
        """Take the next frame of each, (h, w, 3) RGB."""
        self.distance.add(_as_batch(film).permute(0, 3, 1, 2), _as_batch(truth).permute(0, 3, 1, 2))


@dataclass(slots=True)
class ClipDistance:
    """The same of clips of 16 frames, one every 8: like FVD, which looks through another network (I3D)."""

    distance: CrowdDistance
    _film: deque[Picture] = field(default_factory=lambda: deque(maxlen=CLIP))
    _truth: deque[Picture] = field(default_factory=lambda: deque(maxlen=CLIP))
    _frames: int = 0

    def add(self, film: Picture, truth: Picture) -> None:
        """Take the next frame of each, (h, w, 3) RGB."""
        self._film.append(resize(film, SIDE, SIDE))
        self._truth.append(resize(truth, SIDE, SIDE))
        self._frames += 1
        if self._frames >= CLIP and (self._frames - CLIP) % STEP == 0:
            self.distance.add(_as_batch(np.stack(self._film)), _as_batch(np.stack(self._truth)))


def _as_batch(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures))[None]
