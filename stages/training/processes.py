"""Several processes that train one network together, each on takes of its own: gradients are averaged, all else agrees.

Started by torchrun, which sets who is who in the environment. One process alone is the same code: nothing is exchanged.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from pipeline.compute import Compute


@dataclass(frozen=True, slots=True)
class Processes:
    """Who takes part; `rank` 0 keeps the books: it saves, validates and says when to stop."""

    rank: int = 0
    count: int = 1

    @property
    def keeps_the_books(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def average_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over all processes; call between `backward` and the optimiser's step.

        A weight that only some processes used counts as zero in the others.
        """
        if self.count == 1:
            return
        learning = [weight for weight in weights if weight.requires_grad]
        flat = torch.cat([_gradient(weight).reshape(-1) for weight in learning])
        distributed.all_reduce(flat)
        flat /= self.count
        for weight, mean in zip(learning, flat.split([weight.numel() for weight in learning]), strict=True):
            weight.grad = mean.view_as(weight)

    def agree(self, done: float, stop: bool, device: str) -> tuple[float, bool]:
        """What the book-keeper says of the budget, and whether anybody was asked to stop: the same in all processes."""
        if self.count == 1:
            return done, stop
        said = torch.tensor([done if self.keeps_the_books else 0.0, float(stop)], dtype=torch.float64, device=device)
        distributed.all_reduce(said)
        return float(said[0]), bool(said[1] > 0)

    def wait(self) -> None:
        """Go on when all have come here: what the book-keeper wrote before is there then."""
        if self.count > 1:
            distributed.barrier()


ALONE = Processes()


@contextmanager
def joined(compute: Compute) -> Iterator[Processes]:
    """Join those that torchrun started beside this process, for the block; alone without torchrun.

    NCCL between GPUs, gloo between processors.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    if compute.device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if compute.device == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def _gradient(weight: nn.Parameter) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad
