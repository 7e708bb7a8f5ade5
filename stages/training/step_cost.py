"""What a training step costs in memory and arithmetic, counted without computing it: every tensor is a fake.

The step itself is run, forwards, backwards and through the optimiser, on PyTorch's fake tensors, which have a shape and
a type but no content. So whatever network and loss a step is made of, the count follows its code: nothing is looked up
in a table that could be out of date.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode  # the one way to run autocast, backward and Adam without storage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class StepCost:
    """Memory and arithmetic of one step, once training has settled."""

    peak_bytes: int  # of all tensors alive at the worst moment: weights, gradients, moments, activations
    resting_bytes: int  # of what stays between steps
    flops: int  # additions and multiplications of convolutions and matrix products, one each
    operators: int  # that PyTorch runs one after the other


class HeldBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that are made inside the block and still alive, real ones and fake ones alike.

    It sees what PyTorch's operators return, not what a library such as cuDNN borrows while it computes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.peak = 0
        self.operators = 0  # run so far
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the operator, and take its results into account."""
        del types
        self.operators += 1
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._take(leaf.untyped_storage())
        return result

    def _take(self, storage: torch.UntypedStorage) -> None:
        """Views share a storage, which is counted once, until the last of them is gone."""
        if id(storage) in self._known:
            return
        self._known.add(id(storage))
        weakref.finalize(storage, self._drop, id(storage), storage.nbytes())
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)

    def _drop(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def step_cost(prepare: Callable[[], Step]) -> StepCost:
    """Count what a step costs.

    Args:
        prepare: builds networks, optimisers and inputs on the processor and returns the step. It is called where
            every tensor is a fake, so neither it nor the step may ask for a tensor's value. Real tensors from outside,
            such as a frozen network's, may take part; they do not count.
    """
    held = HeldBytes()
    with FakeTensorMode(allow_non_fake_inputs=True), held:
        step = prepare()
        step()  # gradients and the optimiser's moments come to be, and stay
        resting, held.peak, held.operators = held.now, held.now, 0
        with FlopCounterMode(display=False) as arithmetic:
            step()
        return StepCost(held.peak, resting, int(arithmetic.get_total_flops()), held.operators)
