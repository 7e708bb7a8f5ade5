"""The published networks of CycleGAN and pix2pix rebuilt from their layer tables, under their publishers' names.

In plain PyTorch, with the activations that work in place, and nothing of the product.
"""

from itertools import pairwise

import torch
from published_networks import Norm, plain_norm
from torch import Tensor, nn


class Block(nn.Module):
    """x + conv_block(x); dropout is a layer, and moves those behind it one place on."""

    def __init__(self, width: int, norm: Norm, *, dropout: bool, bias: bool) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), norm(width), nn.ReLU(True)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), norm(width)]
        self.conv_block = nn.Sequential(*half, *([nn.Dropout(0.5)] if dropout else []), *again)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class Resnet(nn.Module):
    """`G_A`, `G_B`: bias only where norms do not shift."""

    def __init__(self, width: int = 4, blocks: int = 6, norm: Norm = plain_norm, *, dropout: bool = False) -> None:
        super().__init__()
        bias = isinstance(norm(1), nn.InstanceNorm2d)
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7, bias=bias), norm(width), nn.ReLU(True)]
        for wide in (width, 2 * width):
            layers += [nn.Conv2d(wide, 2 * wide, 3, 2, 1, bias=bias), norm(2 * wide), nn.ReLU(True)]
        layers += [Block(4 * width, norm, dropout=dropout, bias=bias) for _ in range(blocks)]
        for wide in (4 * width, 2 * width):
            layers += [nn.ConvTranspose2d(wide, wide // 2, 3, 2, 1, 1, bias=bias), norm(wide // 2), nn.ReLU(True)]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())

    def forward(self, picture: Tensor) -> Tensor:
        return self.model(picture)


class Level(nn.Module):
    """One level of the U-Net with all deeper ones inside; but for the outermost its input is handed on beside."""

    def __init__(self, layers: list[nn.Module], *, outermost: bool = False, keep: bool = False) -> None:
        super().__init__()
        self.outermost, self.keep = outermost, keep
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        if self.outermost:
            return self.model(x)
        before = x.clone() if self.keep else x
        inner = self.model(x)  # whose first layer changes x, where it works in place
        return torch.cat([before, inner], 1)


class UNet(nn.Module):
    """`G` of pix2pix. With `keep`, skips bring what was before the activation in place, which nobody published."""

    def __init__(
        self, levels: int = 7, width: int = 4, norm: Norm = nn.BatchNorm2d, *, dropout: bool = True, keep: bool = False
    ) -> None:
        super().__init__()
        bias = isinstance(norm(1), nn.InstanceNorm2d)
        widths = [width * min(2**level, 8) for level in range(levels)]

        def halving(inputs: int, outputs: int) -> nn.Module:
            return nn.Conv2d(inputs, outputs, 4, 2, 1, bias=bias)

        def doubling(inputs: int, outputs: int, bias: bool = bias) -> nn.Module:
            return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)

        outer, inner = widths[-2], widths[-1]
        down, up = [nn.LeakyReLU(0.2, True), halving(outer, inner)], [nn.ReLU(True), doubling(inner, outer)]
        level = Level([*down, *up, norm(outer)], keep=keep)
        for outer, inner in reversed(list(pairwise(widths[:-1]))):
            down = [nn.LeakyReLU(0.2, True), halving(outer, inner), norm(inner)]
            up = [nn.ReLU(True), doubling(2 * inner, outer), norm(outer)]
            dropped = [nn.Dropout(0.5)] if dropout and outer == inner else []
            level = Level([*down, level, *up, *dropped], keep=keep)
        last = [nn.ReLU(True), doubling(2 * width, 3, True), nn.Tanh()]
        self.model = Level([halving(3, width), level, *last], outermost=True)

    def forward(self, picture: Tensor) -> Tensor:
        return self.model(picture)


class Patches(nn.Module):
    """`D`, `D_A`, `D_B`: borders of one pixel."""

    def __init__(self, inputs: int = 3, width: int = 4, layers: int = 3, norm: Norm = plain_norm) -> None:
        super().__init__()
        bias = isinstance(norm(1), nn.InstanceNorm2d)
        row: list[nn.Module] = [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        wide = width
        for stage in range(1, layers + 1):
            narrow, wide = wide, width * min(2**stage, 8)
            row += [nn.Conv2d(narrow, wide, 4, 2 if stage < layers else 1, 1, bias=bias), norm(wide)]
            row += [nn.LeakyReLU(0.2, True)]
        self.model = nn.Sequential(*row, nn.Conv2d(wide, 1, 4, 1, 1))

    def forward(self, picture: Tensor) -> Tensor:
        return self.model(picture)


class Pixels(nn.Module):
    """The judge of single pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 8, 1), nn.Conv2d(8, 1, 1))
