"""The layers of pix2pixHD-like generators, under the names the papers give them: c7s1-k, d-k, R-k, u-k, out-k.

Each function returns plain layers for one flat `nn.Sequential`: the numbering is then that of the published networks,
and their weights load without being renamed. Every convolution has a bias, but for CycleGAN's before norms that shift.

Source: Wang et al. 2018, "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs", appendix.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]  # channels → the layer that normalises them
M = TypeVar("M", bound=nn.Module)

WEIGHT_DEVIATION = 0.02


class InstanceNorm2d(nn.InstanceNorm2d):
    """Instance normalisation that leaves channels last where it finds them so; on a processor it is the quicker for it.

    PyTorch's own lays every picture out anew, channels first, and all that follows pays for it twice: a block of norm,
    SiLU and convolution trained in 1.4 times the time. Each sample alone, in training mode, batch norm is the same.
    """

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return features of mean 0 and variance 1 in each channel of each sample, scaled and shifted as learnt."""
        if features.is_cuda or not features.is_contiguous(memory_format=torch.channels_last) or not len(features):
            normal: Tensor = super().forward(features)
            return normal
        alone = [
            F.batch_norm(one, None, None, self.weight, self.bias, training=True, eps=self.eps)
            for one in features.split(1)
        ]
        return alone[0] if len(alone) == 1 else torch.cat(alone)


def instance_norm(channels: int) -> nn.Module:
    """Instance normalisation without parameters and without running statistics: training and rendering are the same."""
    return InstanceNorm2d(channels, affine=False, track_running_stats=False)


def batch_norm(channels: int) -> nn.Module:
    """Batch normalisation with learnt scale and shift."""
    return nn.BatchNorm2d(channels)


def affine_norm(channels: int) -> nn.Module:
    """Instance normalisation with learnt scale and shift: what batch norm is when it is trained on single pictures."""
    return InstanceNorm2d(channels, affine=True, track_running_stats=False)


def c7s1(inputs: int, outputs: int, norm: Norm, *, kernel: int = 7, bias: bool = True) -> list[nn.Module]:
    """c7s1-k: 7×7 convolution of stride 1 over mirrored borders, norm, ReLU. Four layers.

    `kernel` is its size, odd: 7 in the papers.
    """
    convolution = nn.Conv2d(inputs, outputs, kernel, bias=bias)
    return [nn.ReflectionPad2d(kernel // 2), convolution, norm(outputs), nn.ReLU(inplace=True)]


def down(inputs: int, outputs: int, norm: Norm, *, bias: bool = True) -> list[nn.Module]:
    """d-k: 3×3 convolution of stride 2 over zero borders, norm, ReLU: n pixels → ⌈n/2⌉. Three layers."""
    return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=bias), norm(outputs), nn.ReLU(inplace=True)]


class ResizeConv2d(nn.Conv2d):
    """A convolution of the picture with each pixel doubled: n pixels → 2n, without a transposed one's checkerboard.

    Source: Odena et al. 2016, "Deconvolution and Checkerboard Artifacts".
    """

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        """Return features of twice the size."""
        return super().forward(F.interpolate(features, scale_factor=2, mode="nearest"))


def doubling(inputs: int, outputs: int, *, resize: bool = False, bias: bool = True) -> nn.Module:
    """A 3×3 convolution to twice the size, transposed as in the papers, or of the doubled picture where `resize`."""
    if resize:
        return ResizeConv2d(inputs, outputs, 3, padding=1, bias=bias)
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=bias)


def up(inputs: int, outputs: int, norm: Norm, *, resize: bool = False, bias: bool = True) -> list[nn.Module]:
    """u-k: 3×3 transposed convolution of stride 2, norm, ReLU: n pixels → 2n. Three layers; or see `doubling`."""
    return [doubling(inputs, outputs, resize=resize, bias=bias), norm(outputs), nn.ReLU(inplace=True)]


def out(inputs: int, outputs: int, *, kernel: int = 7) -> list[nn.Module]:
    """out-k: 7×7 convolution over mirrored borders, tanh, so a picture in -1..1. Three layers."""
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inputs, outputs, kernel), nn.Tanh()]


class ResidualBlock(nn.Module):
    """R-k: two 3×3 convolutions over mirrored borders, added to their input; no activation after the sum.

    With dropout, half of the features between the two are left out while training, which is one layer more.
    """

    def __init__(self, channels: int, norm: Norm, *, bias: bool = True, dropout: bool = False) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            norm(channels),
            nn.ReLU(inplace=True),
            *([nn.Dropout(0.5)] if dropout else []),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            norm(channels),
        )

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return features of the same size, which is at least 2×2: a mirrored border needs a neighbour."""
        change: Tensor = self.conv_block(features)
        return features + change


def half_size() -> nn.Module:
    """The step of every image pyramid here: 3×3 mean of stride 2, n pixels → ⌈n/2⌉; borders average what is there."""
    return nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)


def initialise(module: M, rng: torch.Generator) -> M:
    """Draw a network's first weights and return it: convolutions N(0, 0.02), batch norm scales N(1, 0.02), biases 0.

    The published code leaves biases at PyTorch's default, which draws from the global state; before a norm without
    shift they do nothing, and zero makes the whole network a function of `rng`.

    Args:
        module: any network; changed in place. Layers other than convolutions and batch norms keep what they have.
        rng: on the device of the module's weights.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, WEIGHT_DEVIATION, generator=rng)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, WEIGHT_DEVIATION, generator=rng)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return module
