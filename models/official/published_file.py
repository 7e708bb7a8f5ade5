"""A published state dict, and what its names and shapes tell: which layers there are, and how wide they are."""

import re
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from models.checkpoint import read_published
from pipeline.errors import ModelError

WHAT = "weights of CycleGAN, pix2pix, pix2pixHD, Everybody Dance Now or vid2vid"
COUNT = "num_batches_tracked"  # not saved by PyTorch before 0.4.1
STATISTICS = (COUNT, "running_mean", "running_var")  # of norms: counted, not learnt


@dataclass(frozen=True, slots=True, eq=False)
class PublishedFile:
    """The weights of one network under the names that their publisher gave them."""

    path: Path
    weights: dict[str, Tensor]  # float32, on the host; counts of batches are integers

    @classmethod
    def read(cls, path: Path) -> "PublishedFile":
        """Read a file that `torch.save` wrote; only tensors are unpickled.

        The `module.` of networks that were trained on several GPUs is taken off, half precision is widened.

        Raises: ModelError where the file is missing, damaged or anything but a dict of tensors.
        """
        if not path.is_file():
            raise ModelError(path, "there is no such file", WHAT, "Check the path.")
        state = read_published(path, WHAT)
        return cls(path, {name.removeprefix("module."): _widened(name, tensor) for name, tensor in state.items()})

    @property
    def has_norm_weights(self) -> bool:
        """Whether norms have a learnt scale: only theirs are weights of one dimension."""
        return any(name.endswith(".weight") and tensor.dim() == 1 for name, tensor in self.weights.items())

    def matching(self, pattern: str) -> list[str]:
        """The names that begin with a regular expression, in the file's order."""
        return [name for name in self.weights if re.match(pattern, name)]

    def has(self, *patterns: str) -> bool:
        """Whether there are names for every one of the patterns."""
        return all(self.matching(pattern) for pattern in patterns)

    def numbers(self, pattern: str) -> list[int]:
        """The different values of a pattern's only group, from the smallest."""
        return sorted({int(found[1]) for name in self.weights if (found := re.match(pattern, name))})

    def channels(self, layer: str) -> tuple[int, int]:
        """The first two lengths of a convolution's weight: outputs and inputs.

        Raises: ModelError where the file has no such convolution.
        """
        weight = self.weights.get(f"{layer}.weight")
        if weight is None or weight.dim() != 4:
            found = "missing" if weight is None else f"of {weight.dim()} dimensions"
            raise ModelError(
                self.path, f"{layer}.weight is {found}", "the weight of a convolution", "Download the file again."
            )
        return weight.shape[0], weight.shape[1]


def is_statistic(name: str) -> bool:
    """Whether a name is that of what a norm counts rather than learns."""
    return name.rpartition(".")[2] in STATISTICS


def _widened(name: str, tensor: Tensor) -> Tensor:
    return tensor if name.endswith(COUNT) else tensor.float()
