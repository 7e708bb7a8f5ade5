"""CycleGAN's generator: c7s1-64, d-128, d-256, R-256 nine times, u-128, u-64, out-3.

Source: Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", appendix
7.2, after Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution".
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import ResidualBlock, c7s1, down, out, up
from models.cyclegan.recolour import Recolour
from models.norms import NORMS, NormName

DARKEST = 0.98  # of the picture that a residual generator starts from: tanh reaches 1 nowhere


@dataclass(frozen=True, slots=True, kw_only=True)
class ResnetGeneratorConfig:
    """Shape of the generator; saved with its weights. The defaults are the paper's at 256x256."""

    in_channels: int = 3
    out_channels: int = 3
    base_channels: int = 64  # after the first convolution; doubles at each of `downsamplings`
    downsamplings: int = 2
    blocks: int = 9  # residual, at the coarsest size; 6 in the paper at 128x128
    dropout: bool = False  # inside the residual blocks, while training
    norm: NormName = "instance"
    fold: int = 1  # works at a size this many times smaller, pixels folded into channels at either end
    most_channels: int | None = None  # where doubling ends
    kernel: int = 7  # of the first and last convolution, odd
    resize: bool = False  # doubles pixels before convolutions instead of transposing them: no checkerboard
    residual: bool = False  # paints what differs from the picture, and begins with the picture itself
    recolour: bool = False  # with `residual`: begins with the picture in the other look's colours instead

    def __post_init__(self) -> None:
        for name in ("in_channels", "out_channels", "base_channels", "fold", "kernel"):
            self._refuse_below(name, 1)
        for name in ("downsamplings", "blocks"):
            self._refuse_below(name, 0)
        if self.kernel % 2 == 0:
            raise ValueError(f"ResnetGeneratorConfig.kernel is {self.kernel}, expected an odd number.")
        if self.most_channels is not None and self.most_channels < self.base_channels:
            raise ValueError(
                f"ResnetGeneratorConfig.most_channels is {self.most_channels}, expected at least the base, "
                f"{self.base_channels}."
            )
        if self.recolour and not self.residual:
            raise ValueError("ResnetGeneratorConfig.recolour is True without residual: there is nothing to recolour.")
        if self.residual and self.in_channels != self.out_channels:
            raise ValueError(
                f"ResnetGeneratorConfig.residual goes from {self.in_channels} to {self.out_channels} channels, "
                "expected as many: what it paints is added to the picture."
            )

    def _refuse_below(self, name: str, least: int) -> None:
        if getattr(self, name) < least:
            raise ValueError(f"ResnetGeneratorConfig.{name} is {getattr(self, name)}, expected {least} or more.")

    @property
    def stride(self) -> int:
        """Width and height of a picture must be whole multiples of this many pixels, and at least twice it."""
        return int(self.fold * 2**self.downsamplings)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at each size, fine to coarse."""
        widths = [self.base_channels * 2**step for step in range(self.downsamplings + 1)]
        return tuple(widths if self.most_channels is None else (min(width, self.most_channels) for width in widths))

    @property
    def bias(self) -> bool:
        """Whether convolutions before a norm have one: those norms that shift do its work (the published code)."""
        return self.norm == "instance"


SIX_BLOCKS = ResnetGeneratorConfig(blocks=6)  # the paper's at 128x128

# Ours, for processors: at 128x192 a picture goes forward and back in about 30 ms on one core. Train it without the
# identity loss: a generator that begins with the picture satisfies that, and the cycle, best by staying there.
LIGHT = ResnetGeneratorConfig(
    base_channels=24, downsamplings=2, blocks=4, fold=2, most_channels=64, kernel=3, resize=True, residual=True
)
LIGHT_RECOLOURED = replace(LIGHT, recolour=True)  # without pairs


class ResnetGenerator(nn.Module):
    """Paints a picture in the look of the other domain; its weights are named as the published ones."""

    def __init__(self, config: ResnetGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.model = nn.Sequential(*_layers(config))
        self.recolour = Recolour(config.in_channels) if config.recolour else None

    @property
    def stride(self) -> int:
        """Width and height of a picture must be whole multiples of this many pixels, and at least twice it."""
        return self.config.stride

    def forward(self, picture: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ h w"]:
        """Translate pictures.

        Args:
            picture: (b, in_channels, h, w) in -1..1; sides are multiples of `stride`, at least twice it.

        Returns: (b, out_channels, h, w) in -1..1, float32 at least: bfloat16 has too few levels for a smooth sky.
        Raises: ValueError where size or channels do not fit.
        """
        self._refuse(picture)
        painted = F.pixel_shuffle(self.model(F.pixel_unshuffle(picture, self.config.fold)), self.config.fold)
        painted = painted.to(torch.promote_types(painted.dtype, torch.float32))
        if self.config.residual:
            painted = painted + torch.atanh(DARKEST * self.begin(picture))
        return torch.tanh(painted)

    def begin(self, picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """What a residual generator paints its changes on: the picture, recoloured where the config says so; float32.

        Raises: ValueError where the generator is not residual.
        """
        if not self.config.residual:
            raise ValueError("A generator that is not residual begins with nothing.")
        wide = picture.to(torch.promote_types(picture.dtype, torch.float32))
        return wide if self.recolour is None else self.recolour(wide)

    def usual(self, picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The picture in the usual colours of the other look, where the generator recolours, without exceptions.

        Raises: ValueError where the generator is not residual.
        """
        return self.begin(picture) if self.recolour is None else self.recolour.usual(picture.float())

    def _refuse(self, picture: Tensor) -> None:
        channels, height, width = picture.shape[1:]
        if channels != self.config.in_channels:
            raise ValueError(f"The picture has {channels} channels, the generator takes {self.config.in_channels}.")
        if height % self.stride or width % self.stride or min(height, width) < 2 * self.stride:
            raise ValueError(
                f"The picture is {width}x{height}, expected multiples of {self.stride}, at least {2 * self.stride}: "
                "pad it, and crop the result."
            )


def _layers(config: ResnetGeneratorConfig) -> list[nn.Module]:
    """All layers in one row but the last, tanh, which `forward` adds: the numbering is that of the published code."""
    norm, bias, widths, folded = NORMS[config.norm], config.bias, config.widths, config.fold**2
    layers = c7s1(config.in_channels * folded, widths[0], norm, kernel=config.kernel, bias=bias)
    for fine, coarse in pairwise(widths):
        layers += down(fine, coarse, norm, bias=bias)
    layers += [ResidualBlock(widths[-1], norm, bias=bias, dropout=config.dropout) for _ in range(config.blocks)]
    for coarse, fine in pairwise(reversed(widths)):
        layers += up(coarse, fine, norm, resize=config.resize, bias=bias)
    return layers + out(widths[0], config.out_channels * folded, kernel=config.kernel)[:-1]
