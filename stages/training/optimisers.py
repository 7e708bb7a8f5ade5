"""Which optimiser a network is trained by: the papers' Adam, or Muon where every minute counts."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn

from models.muon import Muon
from pipeline.compute import Compute

OptimiserName = Literal["adam", "muon"]


def build_optimiser(
    name: OptimiserName,
    weights: Iterable[nn.Parameter],
    rate: float,
    betas: tuple[float, float],
    compute: Compute,
    *,
    in_one: bool | None = None,
) -> torch.optim.Optimizer:
    """Build the named optimiser of these weights.

    Args:
        rate: of Adam; Muon's steps are measured by it.
        betas: of Adam, in either.
        compute: where it works: Muon's arithmetic is in its precision.
        in_one: whether Adam moves all weights at once; None: as suits the device.
    """
    if name == "adam":
        return torch.optim.Adam(weights, rate, betas=betas, foreach=in_one)
    return Muon(weights, rate, betas=betas, precision=compute.dtype)
