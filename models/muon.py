"""Muon: kernels step along the nearest orthogonal matrix of their momentum, all other weights as Adam has them.

A kernel's gradient is dominated by a few directions; made orthogonal, all are followed alike, so that what is rare in
the pictures (an edge, a star on a shirt) is learnt as soon as what is everywhere.
"""

from collections.abc import Iterable
from typing import Any, overload

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.adam import adam

SHARE = 0.4  # of the rate: root mean square of a kernel's step, about; 0.2 and 0.8 alone taught a dancer no better
ROUNDS = 5  # of the Newton-Schulz iteration
_QUINTIC = (3.4445, -4.7750, 2.0315)  # pulls singular values from 0.01 … 1 to about 0.7 … 1.2 in five rounds
_FLOOR = 1e-7  # of a matrix's norm


class Muon(torch.optim.Optimizer):
    """One optimiser with two groups of weights: kernels of several rows, and the rest (norms, biases, learnt pictures).

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks": Nesterov momentum, then five
    rounds of the quintic iteration. Kernels (o, i, h, w) count as matrices of o rows. The step's size follows Liu et
    al. 2025, "Muon is Scalable for LLM Training", sec. 2.2, which fits it to Adam's, with another share of the rate.
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        rate: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        momentum: float = 0.95,
        precision: torch.dtype = torch.bfloat16,
    ) -> None:
        """Sort the weights into the two groups.

        Args:
            rate: Adam's, and what the kernels' steps are measured by.
            betas: Adam's.
            momentum: the kernels'.
            precision: of the iteration; bfloat16 is enough where it is quick.
        """
        of_both = list(weights)
        kernels = [weight for weight in of_both if _has_rows(weight)]
        others = [weight for weight in of_both if not _has_rows(weight)]
        self._precision = precision
        groups = [{"params": kernels, "orthogonal": True}, {"params": others, "orthogonal": False}]
        super().__init__(groups, {"lr": rate, "betas": betas, "momentum": momentum, "eps": 1e-8})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Any) -> Any: ...

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take one step along the gradients that there are.

        Raises: ValueError where a closure is given: it is for optimisers that look at the loss again.
        """
        if closure is not None:
            raise ValueError("Muon.step was given a closure, expected none: it needs no second look at the loss.")
        for group in self.param_groups:
            seen = [weight for weight in group["params"] if weight.grad is not None]
            if group["orthogonal"]:
                self._step_kernels(seen, group)
            elif seen:
                self._step_others(seen, group)

    def _step_kernels(self, kernels: list[nn.Parameter], group: dict[str, Any]) -> None:
        """Kernels of one shape go through the iteration side by side: fewer and larger products."""
        by_shape: dict[tuple[int, ...], list[nn.Parameter]] = {}
        for kernel in kernels:
            by_shape.setdefault(tuple(kernel.shape), []).append(kernel)
        for alike in by_shape.values():
            ahead = torch.stack([self._ahead(kernel, group["momentum"]) for kernel in alike])
            size = -group["lr"] * SHARE * max(ahead.shape[1:]) ** 0.5
            for kernel, way in zip(alike, orthogonal(ahead, self._precision), strict=True):
                kernel.permute(_as_it_lies(kernel)).view(way.shape).add_(way, alpha=size)

    def _ahead(self, kernel: nn.Parameter, momentum: float) -> Tensor:
        """Take the gradient into the momentum; return Nesterov's look ahead as a matrix, its columns as they lie."""
        assert kernel.grad is not None
        state = self.state[kernel]
        if not state:
            state["momentum"] = torch.zeros_like(kernel)
        state["momentum"].lerp_(kernel.grad, 1 - momentum)
        return kernel.grad.lerp(state["momentum"], momentum).permute(_as_it_lies(kernel)).flatten(1)

    def _step_others(self, weights: list[nn.Parameter], group: dict[str, Any]) -> None:
        for weight in weights:
            if not self.state[weight]:
                self.state[weight] = {
                    "step": torch.tensor(0.0),  # read at every step: not on a GPU
                    "exp_avg": torch.zeros_like(weight),
                    "exp_avg_sq": torch.zeros_like(weight),
                }
        states = [self.state[weight] for weight in weights]
        adam(
            list[Tensor](weights),
            [weight.grad for weight in weights if weight.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )


def orthogonal(
    matrices: Float[Tensor, "n rows columns"], precision: torch.dtype = torch.float32
) -> Float[Tensor, "n rows columns"]:
    """Return about the nearest matrices whose rows (or columns, where they are fewer) are orthogonal, of length 1.

    Their singular vectors are those given, their singular values lie about 1 where they were a hundredth of the norm or
    more. A matrix of zeros stays one.

    Args:
        matrices: of any scale.
        precision: of the arithmetic, and of what is returned.
    """
    upright = matrices.shape[1] > matrices.shape[2]
    x: Tensor = (matrices.mT if upright else matrices).to(precision)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=_FLOOR)
    linear, cubic, quintic = _QUINTIC
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=cubic, alpha=quintic), x, beta=linear)
    return x.mT if upright else x


def _as_it_lies(kernel: Tensor) -> tuple[int, ...]:
    """The order of a kernel's dimensions in memory, rows first: a matrix's columns may stand in any order here."""
    channels_last = kernel.ndim == 4 and kernel.is_contiguous(memory_format=torch.channels_last)
    return (0, 2, 3, 1) if channels_last else tuple(range(kernel.ndim))


def _has_rows(weight: nn.Parameter) -> bool:
    """A single row has no other to be orthogonal to."""
    return weight.ndim > 1 and len(weight) > 1
