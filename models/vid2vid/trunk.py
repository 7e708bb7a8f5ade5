"""The published halves of vid2vid's networks, between pictures and features.

Source: Wang et al. 2018, "Video-to-Video Synthesis", appendix (architectures), and its published code.
"""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from models.blocks import Norm, ResidualBlock, c7s1, down, up
from models.unet import Levels


class ResidualEncoder(nn.Module):
    """c7s1-k, d-2k …, then `blocks` times R, as one flat sequence: the numbering is that of the published networks."""

    def __init__(self, inputs: int, *, widths: Sequence[int], blocks: int, kernel: int, norm: Norm) -> None:
        super().__init__()
        layers = c7s1(inputs, widths[0], norm, kernel=kernel)
        for fine, coarse in pairwise(widths):
            layers += down(fine, coarse, norm)
        self.layers = nn.Sequential(*layers, *(ResidualBlock(widths[-1], norm) for _ in range(blocks)))

    def forward(self, pictures: Float[Tensor, "b c h w"]) -> Levels:
        """Return the features of the coarsest size alone, `widths[-1]` channels: the papers have no skips."""
        return [self.layers(pictures)]


class ResidualDecoder(nn.Module):
    """`blocks` times R, then u … back up to full size."""

    def __init__(self, *, widths: Sequence[int], blocks: int, resize: bool, norm: Norm) -> None:
        super().__init__()
        self.refine = nn.Sequential(*(ResidualBlock(widths[-1], norm) for _ in range(blocks)))
        layers: list[nn.Module] = []
        for coarse, fine in pairwise(reversed(widths)):
            layers += up(coarse, fine, norm, resize=resize)
        self.widen = nn.Sequential(*layers)

    def forward(self, levels: Levels) -> Float[Tensor, "b _ _ _"]:
        """Return features of `widths[0]` channels at full size, from the coarsest of `levels`."""
        features: Tensor = self.widen(self.refine(levels[-1]))
        return features


def fused(levels: Sequence[Levels]) -> Levels:
    """Sum what several encoders found, size by size."""
    first, *others = levels
    for other in others:
        first = [ours + theirs for ours, theirs in zip(first, other, strict=True)]
    return first
