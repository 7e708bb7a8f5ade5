"""The published rendering-to-video network: a U-Net from a window of conditions to the picture of its last frame.

Source: Kim et al. 2018, "Deep Video Portraits", sec. 6 and its figure of the network; the widths are those of methods
9.3. With the defaults it has 74,956,419 weights, at 256x256.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.blocks import Norm, affine_norm, batch_norm
from models.deep_video_portraits.remembers_conditions import RemembersConditions
from models.performance import Performance

NormName = Literal["batch", "instance"]

NORMS: dict[NormName, Norm] = {"batch": batch_norm, "instance": affine_norm}

MOST_DOUBLINGS = 3  # of the width: 64 to 512
WITH_DROPOUT = 3  # modules of the decoder, the coarsest


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderingToVideoConfig:
    """Shape of the published network; saved with its weights. The defaults are the published ones at 256x256."""

    condition_channels: int = 9  # of one frame: the paper's three pictures; ours are four
    window: int = 11  # frames it sees, the current one last
    base_channels: int = 64  # after the first module; doubles up to eight times this
    levels: int = 8  # modules of the encoder, each halves: down to one pixel at 256x256; 9 for 512x512
    norm: NormName = "batch"  # as published, with batches of 16; instance for small batches
    dropout: float = 0.5  # in the three coarsest modules of the decoder

    def __post_init__(self) -> None:
        for name, least in (("condition_channels", 1), ("window", 1), ("base_channels", 1), ("levels", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"RenderingToVideoConfig.{name} is {getattr(self, name)}, expected {least} or more.")
        if self.norm not in NORMS:
            raise ValueError(f"RenderingToVideoConfig.norm is {self.norm!r}, expected one of {', '.join(NORMS)}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"RenderingToVideoConfig.dropout is {self.dropout}, expected 0 or more, below 1.")

    @property
    def stride(self) -> int:
        """Width and height of the pictures are multiples of this."""
        return int(2**self.levels)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels behind each module of the encoder, fine to coarse."""
        return tuple(self.base_channels * 2 ** min(level, MOST_DOUBLINGS) for level in range(self.levels))


class RenderingToVideo(RemembersConditions):
    """Paints the whole picture, background and all, from the window alone."""

    def __init__(self, config: RenderingToVideoConfig) -> None:
        super().__init__()
        self.config, self.window, self.condition_channels = config, config.window, config.condition_channels
        norm, widths = NORMS[config.norm], config.widths
        halvings = [_halving(fine, coarse, norm) for fine, coarse in pairwise(widths)]
        if config.norm == "instance":  # of a single pixel nothing would be left
            halvings[-1] = _halving(widths[-2], widths[-1], None)
        self.encode = nn.ModuleList([_halving(config.window * config.condition_channels, widths[0], None), *halvings])
        coarse_to_fine = widths[::-1]
        inputs = (widths[-1], *(2 * width for width in coarse_to_fine[1:]))
        self.decode = nn.ModuleList(
            _doubling(wide, width, norm, config.dropout if step < WITH_DROPOUT else 0.0)
            for step, (wide, width) in enumerate(zip(inputs, coarse_to_fine[1:], strict=False))
        )
        self.paint = nn.ConvTranspose2d(inputs[-1], 3, 4, stride=2, padding=1)

    def forward(self, window: Float[Tensor, "b wc h w"]) -> Float[Tensor, "b 3 h w"]:
        """Paint the last frame of a window, -1..1.

        Args:
            window: conditions, oldest first, -1..1; height and width are multiples of `config.stride`.
        Raises: ValueError where size or channels do not fit, or batch norm would see a single value.
        """
        self._refuse(window, self.config.stride, self.config.stride)
        self._refuse_lone_pixel(window)
        features, levels = window, list[Tensor]()
        for halve in self.encode:
            features = halve(features)
            levels.append(features)
        for double, skip in zip(self.decode, levels[-2::-1], strict=True):
            features = torch.cat([double(features), skip], dim=1)
        with torch.autocast(features.device.type, enabled=False):  # bfloat16 has too few levels for smooth skin
            return torch.tanh(self.paint(features.float()))

    def paint_window(self, window: Float[Tensor, "b wc h w"], backdrop: Float[Tensor, "b 3 h w"]) -> Performance:
        """Paint the last frame of a window; the backdrop is not looked at."""
        return Performance(self(window))

    def _refuse_lone_pixel(self, window: Tensor) -> None:
        lone = len(window) == 1 and max(window.shape[2:]) == self.config.stride
        if lone and self.training and self.config.norm == "batch":
            raise ValueError(
                "Batch norm of one picture that shrinks to one pixel has nothing to learn from: "
                "train with a batch of 2 or more, or with norm 'instance'."
            )


def _halving(inputs: int, outputs: int, norm: Norm | None) -> nn.Sequential:
    """4×4 convolution of stride 2, norm, LeakyReLU 0.2: n pixels → n/2."""
    layers = [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), *([norm(outputs)] if norm else [])]
    return nn.Sequential(*layers, nn.LeakyReLU(0.2))


def _doubling(inputs: int, outputs: int, norm: Norm, dropout: float) -> nn.Sequential:
    """4×4 transposed convolution of stride 2, then two 3×3 refinements; behind each norm, dropout, ReLU."""
    return nn.Sequential(
        *_behind(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), outputs, norm, dropout),
        *_behind(nn.Conv2d(outputs, outputs, 3, padding=1), outputs, norm, dropout),
        *_behind(nn.Conv2d(outputs, outputs, 3, padding=1), outputs, norm, dropout),
    )


def _behind(convolution: nn.Module, channels: int, norm: Norm, dropout: float) -> list[nn.Module]:
    return [convolution, norm(channels), *([nn.Dropout(dropout)] if dropout else []), nn.ReLU(inplace=True)]
