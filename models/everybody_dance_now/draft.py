"""The draft generator: a small U-Net that paints only the performer and a soft mask, over a clean background plate.

Ours, not the paper's: it follows the same recipe (condition and previous frame in, two frames trained together) and
learns a person in minutes on a processor, because nothing is spent on the background and because it works at half the
picture's size, four pixels folded into channels at either end (space to depth).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import doubling
from models.performance import Performance, RemembersOneFrame
from models.unet import PlainBlock, ascend, descend


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftConfig:
    """Shape of the draft generator; saved with its weights."""

    base_channels: int = 32  # at half size; doubled with every halving up to four times this
    halvings: int = 3  # below half size
    blocks: int = 3  # residual blocks at the coarsest size
    recurrent: bool = True  # sees the frame it painted before

    def __post_init__(self) -> None:
        for name in ("base_channels", "halvings", "blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"DraftConfig.{name} is {getattr(self, name)}, expected 1 or more.")

    @property
    def stride(self) -> int:
        """Width and height of the pictures are multiples of this."""
        return int(2 ** (self.halvings + 1))


class DraftGenerator(RemembersOneFrame):
    """U-Net over condition, backdrop and previous frame; see the file's head."""

    def __init__(self, config: DraftConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.base_channels * min(2**level, 4) for level in range(config.halvings + 1)]
        inputs = 9 if config.recurrent else 6
        self.stem = nn.Conv2d(4 * inputs, widths[0], 3, padding=1)
        self.encode = nn.ModuleList(PlainBlock(width) for width in widths[:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 4, 2, padding=1) for fine, coarse in pairwise(widths))
        self.bottom = nn.Sequential(*(PlainBlock(widths[-1]) for _ in range(config.blocks)))
        self.grow = nn.ModuleList(doubling(coarse, fine, resize=True) for fine, coarse in pairwise(widths))
        self.merge = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.decode = nn.ModuleList(PlainBlock(width) for width in widths[:-1])
        self.paint = nn.Conv2d(widths[0], 4 * 4, 3, padding=1)

    def forward(
        self,
        condition: Float[Tensor, "b 3 h w"],
        previous: Float[Tensor, "b 3 h w"],
        backdrop: Float[Tensor, "b 3 h w"],
    ) -> Performance:
        """Paint the performer over the backdrop.

        Args:
            condition, previous, backdrop: -1..1; height and width are multiples of `config.stride`, at least twice it.

        Raises: ValueError where they are not.
        """
        self._refuse_size(*condition.shape[2:])
        seen = (condition, backdrop, previous) if self.config.recurrent else (condition, backdrop)
        features = self.stem(F.pixel_unshuffle(torch.cat(seen, dim=1), 2))
        *skips, coarsest = descend(features, self.encode, self.shrink)
        features = ascend([*skips, self.bottom(coarsest)], self.grow, self.merge, self.decode)
        # Blending and what follows stay float32: bfloat16 has too few levels for a smooth sky.
        painted = F.pixel_shuffle(self.paint(F.silu(features)).float(), 2)
        foreground, mask = painted[:, :3], painted[:, 3:]
        share = torch.sigmoid(mask)
        return Performance(share * foreground + (1 - share) * backdrop.float(), foreground, mask)

    def _refuse_size(self, height: int, width: int) -> None:
        stride = self.config.stride
        if height % stride or width % stride or min(height, width) < 2 * stride:
            raise ValueError(
                f"The picture is {width}x{height}, expected multiples of {stride}, at least {2 * stride}: "
                "pad it, and crop the result."
            )
