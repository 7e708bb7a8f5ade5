"""A running average of a network's weights: what is rendered with, since single training steps scatter about it."""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class Ema(nn.Module, Generic[M]):
    """Holds `average`, a copy whose weights follow a network's with exponentially fading memory, in float32.

    The memory is short at first, so that the random first weights are forgotten: the n-th update keeps
    min(decay, (1 + n) / (10 + n)) of the old average, n from 0. Buffers are copied as they are. As it is a module, its
    `state_dict` holds the average and the count of updates, and calling it calls the average.
    """

    average: M
    updates: Tensor

    def __init__(self, module: M, *, decay: float = 0.999) -> None:
        """Start from the weights that `module` has now.

        Raises: ValueError where `decay` is not in 0 … 1 (1 excluded).
        """
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"Ema.decay is {decay}, expected 0 or more and less than 1.")
        super().__init__()
        self.decay = decay
        self.average = copy.deepcopy(module).float().eval().requires_grad_(False)
        device = next(module.parameters()).device
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64, device=device))

    def train(self, mode: bool = True) -> "Ema[M]":
        """Stay in evaluation mode, whatever holds this module: the average is never trained."""
        del mode
        return super().train(False)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the average."""
        return self.average(*args, **kwargs)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average a step towards the weights of `module`, which may be in a lower precision."""
        count = self.updates.double()  # stays on the device: no step waits for it
        share = 1 - torch.clamp((1 + count) / (10 + count), max=self.decay)
        for mean, weight in zip(self.average.parameters(), module.parameters(), strict=True):
            mean.lerp_(weight.to(mean.dtype), share.to(mean.dtype))
        for kept, buffer in zip(self.average.buffers(), module.buffers(), strict=True):
            kept.copy_(buffer)
        self.updates += 1

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Write the average into another network of the same shape, in that network's precision."""
        module.load_state_dict(self.average.state_dict())
