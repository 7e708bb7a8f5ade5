"""Made-up pictures and small configs that the tests of vid2vid share."""

import torch
from torch import Tensor, nn

from models.vid2vid.generator import CompositeConfig

SMALL = CompositeConfig(base_channels=4, downsamplings=2, blocks=2)


def random(*shape: int, seed: int = 3) -> Tensor:
    """Uniform in -1..1."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def constant(layer: nn.Module, value: float) -> None:
    """Let a head give the same everywhere: its last convolution has no weights but a bias."""
    convolution = [part for part in layer.modules() if isinstance(part, nn.Conv2d)][-1]
    assert convolution.bias is not None
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.bias.fill_(value)
