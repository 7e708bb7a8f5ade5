"""What rehearsals are laid of: where and on what a step is taken, a descent that looks at no value, the average."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pipeline.compute import Compute
from stages.training.optimisers import OptimiserName, build_optimiser
from stages.training.phases import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a step is rehearsed on."""

    width: int  # of the picture that the clip is prepared at, pixels
    height: int
    compute: Compute  # of the machine that is meant, which need not be this one where steps are only counted
    perceptual: nn.Module | None = None  # VGG-19's loss, on that device; its weights need not be the published ones
    fake: bool = False  # tensors are fakes, which are the processor's whatever they stand for

    @property
    def device(self) -> str:
        """Where tensors are made."""
        return "cpu" if self.fake else self.compute.device

    @property
    def in_one(self) -> bool | None:
        """Whether Adam moves all weights at once, as on a GPU, with room for as many intermediate results."""
        return self.compute.device == "cuda" if self.fake else None

    def size(self, reduce: int) -> tuple[int, int]:
        """Height and width of a phase's pictures."""
        return self.height // reduce, self.width // reduce

    @property
    def here(self) -> Compute:
        """The precision that is meant, where tensors are made."""
        return replace(self.compute, device=self.device)

    def optimiser(self, phase: Phase, name: OptimiserName, network: nn.Module) -> torch.optim.Optimizer:
        """Of all weights of a network, as the phase's loop builds it."""
        weights, here = network.parameters(), self.here
        return build_optimiser(name, weights, phase.learning_rate, phase.betas, here, in_one=self.in_one)

    def autocast(self) -> torch.autocast:
        """See `here`."""
        return self.here.autocast()


def descend_unseen(loss: Tensor, optimiser: torch.optim.Optimizer, *, most: float = float("inf")) -> None:
    """`bricks.descend` without a look at the loss, which a fake one would not allow."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    torch.nn.utils.clip_grad_norm_(weights, most)
    optimiser.step()


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """`Ema.update` for two networks that were built alike: `Ema` itself copies values."""
    for mean, weight in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)
