"""pix2pix's generator: a U-Net of 4x4 convolutions that halve and double, down to one pixel at 256x256.

Source: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", appendix 6.1.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from models.norms import NORMS, NormName

MOST_DOUBLINGS = 3  # of the width: 64 to 512
SLOPE = 0.2  # of LeakyReLU below 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UNetGeneratorConfig:
    """Shape of the U-Net; saved with its weights. The defaults are the paper's at 256x256."""

    in_channels: int = 3
    out_channels: int = 3
    levels: int = 8  # halvings: 8 at 256x256, 7 at 128x128
    base_channels: int = 64  # after the first convolution; doubles up to eight times this
    dropout: bool = True  # while training, where both sides of a doubling are of the full width
    norm: NormName = "affine"  # the paper's batch norm, always of a single picture

    def __post_init__(self) -> None:
        for name, least in (("in_channels", 1), ("out_channels", 1), ("levels", 2), ("base_channels", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"UNetGeneratorConfig.{name} is {getattr(self, name)}, expected {least} or more.")

    @property
    def stride(self) -> int:
        """Width and height of a picture must be whole multiples of this many pixels."""
        return int(2**self.levels)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels behind each halving, fine to coarse."""
        return tuple(self.base_channels * 2 ** min(level, MOST_DOUBLINGS) for level in range(self.levels))

    @property
    def bias(self) -> bool:
        """Whether convolutions have one: norms that shift do its work (the published code). The last always has."""
        return self.norm == "instance"


class UNetGenerator(nn.Module):
    """Paints the picture that belongs to an input of the same size.

    `down` and `up` hold a convolution each, and its norm where it has one, fine to coarse.
    """

    def __init__(self, config: UNetGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.down = nn.ModuleList(_halvings(config))
        self.up = nn.ModuleList(_doublings(config))

    @property
    def stride(self) -> int:
        """Width and height of a picture must be whole multiples of this many pixels."""
        return self.config.stride

    def forward(self, picture: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ h w"]:
        """Translate pictures.

        What a skip brings is the activated input of the next halving: LeakyReLU works in place in the published code.
        It makes no difference to what is painted: a ReLU is next, and ReLU(LeakyReLU(x)) = ReLU(x).

        Args:
            picture: (b, in_channels, h, w) in -1..1; sides are multiples of `stride`.

        Returns: (b, out_channels, h, w) in -1..1, float32 at least.
        Raises: ValueError where size or channels do not fit.
        """
        self._refuse(picture)
        first, *deeper = self.down
        features, skips = first(picture), list[Tensor]()
        for halve in deeper:
            skips.append(F.leaky_relu(features, SLOPE))
            features = halve(skips[-1])
        *finer, coarsest = self.up
        features = coarsest(F.relu(features))
        for double, skip in reversed(list(zip(finer, skips, strict=True))):
            features = double(F.relu(torch.cat([skip, features], dim=1)))
        return torch.tanh(features.to(torch.promote_types(features.dtype, torch.float32)))

    def _refuse(self, picture: Tensor) -> None:
        channels, height, width = picture.shape[1:]
        if channels != self.config.in_channels:
            raise ValueError(f"The picture has {channels} channels, the generator takes {self.config.in_channels}.")
        if height % self.stride or width % self.stride:
            raise ValueError(
                f"The picture is {width}x{height}, expected multiples of {self.stride}: pad it, and crop the result."
            )


def _halvings(config: UNetGeneratorConfig) -> Iterator[nn.Module]:
    """4×4 convolutions of stride 2: n pixels → n/2. Neither the first nor the last has a norm."""
    channels = (config.in_channels, *config.widths)
    for level, (inputs, outputs) in enumerate(pairwise(channels)):
        convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=config.bias)
        inner = 0 < level < config.levels - 1
        yield nn.Sequential(convolution, *([NORMS[config.norm](outputs)] if inner else []))


def _doublings(config: UNetGeneratorConfig) -> Iterator[nn.Module]:
    """4×4 transposed convolutions of stride 2, n pixels → 2n, and norms, fine to coarse; the last to run has none."""
    for level, inputs in enumerate(config.widths):
        coarsest = level == config.levels - 1
        seen = inputs if coarsest else 2 * inputs
        if level == 0:
            yield nn.Sequential(nn.ConvTranspose2d(seen, config.out_channels, 4, stride=2, padding=1))
            continue
        outputs = config.widths[level - 1]
        convolution = nn.ConvTranspose2d(seen, outputs, 4, stride=2, padding=1, bias=config.bias)
        full = level > MOST_DOUBLINGS and not coarsest
        dropout = [nn.Dropout(0.5)] if full and config.dropout else []
        yield nn.Sequential(convolution, NORMS[config.norm](outputs), *dropout)
