"""Networks that paint a frame: pix2pixHD's global generator, and its local enhancer for twice the resolution.

Everybody Dance Now feeds them the stick figure beside the frame painted before; its face network is a small global one.

Sources: Wang et al. 2018, "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs", sec. 3.1
and appendix; Chan et al. 2019, "Everybody Dance Now", sec. 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.blocks import Norm, ResidualBlock, c7s1, down, half_size, instance_norm, out, up


def _at_least_one(name: str, *sizes: int) -> None:
    if min(sizes) < 1:
        raise ValueError(f"{name}: channels and levels are {sizes}, expected each to be 1 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """Shape of the global generator; saved with its weights. The defaults are Everybody Dance Now's."""

    in_channels: int = 6  # all inputs together: stick figure (3) and previous frame (3)
    out_channels: int = 3
    base_channels: int = 64  # after the first convolution; doubles at each of `downsamplings`
    downsamplings: int = 4
    blocks: int = 9  # residual, at the coarsest size

    def __post_init__(self) -> None:
        _at_least_one(type(self).__name__, self.in_channels, self.out_channels, self.base_channels)
        if self.downsamplings < 1 or self.blocks < 0:
            raise ValueError(
                f"GeneratorConfig has {self.downsamplings} downsamplings and {self.blocks} blocks, "
                "expected at least 1 and 0."
            )

    @property
    def stride(self) -> int:
        """Width and height of a picture must be whole multiples of this many pixels."""
        return int(2**self.downsamplings)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancerConfig:
    """Shape of the local enhancer with the global generator inside; saved with its weights."""

    in_channels: int = 6
    out_channels: int = 3
    base_channels: int = 32  # at full size; the global generator inside has 2**levels times as many
    downsamplings: int = 4  # of the global generator
    blocks: int = 9  # of the global generator
    levels: int = 1  # each doubles the resolution
    local_blocks: int = 3  # residual, at each level

    def __post_init__(self) -> None:
        _at_least_one(type(self).__name__, self.in_channels, self.out_channels, self.base_channels, self.levels)
        if self.local_blocks < 0:
            raise ValueError(f"EnhancerConfig.local_blocks is {self.local_blocks}, expected 0 or more.")

    @property
    def coarse(self) -> GeneratorConfig:
        """The global generator inside, which is trained first."""
        return GeneratorConfig(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            base_channels=self.base_channels * 2**self.levels,
            downsamplings=self.downsamplings,
            blocks=self.blocks,
        )

    @property
    def stride(self) -> int:
        """Width and height of a picture must be whole multiples of this many pixels."""
        return self.coarse.stride * int(2**self.levels)


FACE_GENERATOR = GeneratorConfig(downsamplings=3, blocks=5)  # Everybody Dance Now's residual network for faces


class GlobalGenerator(nn.Module):
    """c7s1-64, d-128 … d-1024, R-1024 nine times, u-512 … u-64, out-3; names its weights as the published ones are."""

    def __init__(self, config: GeneratorConfig, *, norm: Norm = instance_norm) -> None:
        super().__init__()
        self.config = config
        self.model = nn.Sequential(*_trunk(config, norm), *out(config.base_channels, config.out_channels))

    def forward(self, *inputs: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ h w"]:
        """Paint one frame.

        Args:
            inputs: pictures of one size, put together along channels, for dancing condition and previous frame, each
                (b, 3, h, w) in -1..1. Height and width are multiples of `config.stride`, and at least twice it.

        Returns: (b, out_channels, h, w) in -1..1.
        Raises: ValueError where a size or the channels do not fit.
        """
        painted: Tensor = self.model(_joined(inputs, self.config))
        return painted


class LocalEnhancer(nn.Module):
    """Adds detail at 2**levels times the size to the features of a global generator.

    `model` is the global generator without its output layers; `fronts` and `backs` hold c7s1-g, d-2g and R-2g three
    times, u-g (the last one with out-3) of each level, coarse to fine.
    """

    def __init__(self, config: EnhancerConfig, *, norm: Norm = instance_norm) -> None:
        super().__init__()
        self.config = config
        self.model = nn.Sequential(*_trunk(config.coarse, norm))
        widths = [config.base_channels * 2**level for level in reversed(range(config.levels))]
        self.fronts = nn.ModuleList(
            nn.Sequential(*c7s1(config.in_channels, width, norm), *down(width, 2 * width, norm)) for width in widths
        )
        self.backs = nn.ModuleList(
            nn.Sequential(
                *(ResidualBlock(2 * width, norm) for _ in range(config.local_blocks)), *up(2 * width, width, norm)
            )
            for width in widths
        )
        final = self.backs[-1]
        assert isinstance(final, nn.Sequential)
        final.extend(out(config.base_channels, config.out_channels))
        self.half_size = half_size()

    def forward(self, *inputs: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ h w"]:
        """Paint one frame: as `GlobalGenerator`, with the enhancer's larger stride."""
        pyramid = [_joined(inputs, self.config)]
        for _ in range(self.config.levels):
            pyramid.append(self.half_size(pyramid[-1]))
        features: Tensor = self.model(pyramid.pop())
        for front, back in zip(self.fronts, self.backs, strict=True):
            features = back(front(pyramid.pop()) + features)
        return features

    def continue_from(self, coarse: GlobalGenerator) -> None:
        """Take over what a global generator has learnt; its output layers have no place here and stay behind.

        Raises: ValueError where its shape is not `config.coarse`.
        """
        if coarse.config != self.config.coarse:
            raise ValueError(f"The trained generator is {coarse.config}, expected {self.config.coarse}.")
        self.model.load_state_dict(coarse.model[: len(self.model)].state_dict())


def _trunk(config: GeneratorConfig, norm: Norm) -> list[nn.Module]:
    """The global generator up to its last feature map of `base_channels` at full size."""
    widths = [config.base_channels * 2**step for step in range(config.downsamplings + 1)]
    layers = c7s1(config.in_channels, widths[0], norm)
    for narrow, wide in pairwise(widths):
        layers += down(narrow, wide, norm)
    layers += [ResidualBlock(widths[-1], norm) for _ in range(config.blocks)]
    for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
        layers += up(wide, narrow, norm)
    return layers


def _joined(inputs: Sequence[Tensor], config: GeneratorConfig | EnhancerConfig) -> Tensor:
    """Put the pictures together along channels, and say so where the network cannot take them."""
    joined = torch.cat(tuple(inputs), dim=1)
    channels, height, width = joined.shape[1:]
    if channels != config.in_channels:
        raise ValueError(f"The inputs have {channels} channels together, the generator takes {config.in_channels}.")
    if height % config.stride or width % config.stride:
        raise ValueError(
            f"The picture is {width}x{height}, expected multiples of {config.stride}. Pad it, and crop the result."
        )
    return joined
