"""A picture too large for memory, translated in overlapping tiles that share their norms and blend without a seam.

Instance norm looks at the whole picture. A network that sees tiles would give each its own brightness and colour. So
the whole picture is looked at first, made small enough for memory, and its norms' means and variances hold for all
tiles: they come nearer to the picture in one piece than those of any part of the tiles, taken together, did
(benchmarks/results/translate.md).
"""

import math
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.values import Box

SIDE, SMALLEST = 512, 128  # pixels of a tile where memory decides, and where it is scarce
HELD = 4.0  # of the largest features that a network makes: what is in memory at once; assumed


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How a picture is cut. Sides and overlaps are rounded up to what the network's stride allows."""

    side: int = SIDE  # pixels of a tile, each way
    shrink: int = 2  # the whole picture, for its norms, is looked at so many times smaller each way

    def __post_init__(self) -> None:
        if self.side < 1 or self.shrink < 1:
            raise ValueError(f"Tiling.side is {self.side}, .shrink {self.shrink}, expected 1 or more each.")

    @property
    def overlap(self) -> int:
        """Pixels that neighbours share at least: a quarter, for outputs near a tile's rim know little around them."""
        return self.side // 4


def features_per_pixel(network: nn.Module, side: int) -> float:
    """Bytes of the largest features that a network makes, for each pixel of its picture; padding makes it too many.

    Args:
        network: in evaluation mode; a picture of (1, 3, side, side) is put through it.
        side: pixels that it takes; from 64 on padding counts little.
    """
    largest = 0

    def look(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal largest
        largest = max(largest, made.numel() * made.element_size())

    layers = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(look) for layer in layers]
    with torch.inference_mode():
        network(torch.zeros(1, 3, side, side, device=next(network.parameters()).device))
    for hook in hooks:
        hook.remove()
    return largest / side**2


def tiling_for(pixels: int, bytes_per_pixel: float, room: int) -> Tiling | None:
    """None where a picture of so many pixels fits into `room` bytes; else tiles, and a reduced whole, that do."""
    most = room / (HELD * bytes_per_pixel)
    if pixels <= most:
        return None
    side = SIDE
    while side > SMALLEST and side**2 > most:
        side //= 2
    return Tiling(side=side, shrink=max(2, math.ceil(math.sqrt(pixels / most))))


def boxes(height: int, width: int, tiling: Tiling, *, stride: int, least: int = 1) -> tuple[Box, ...]:
    """Where the tiles of a picture lie: all of one size, evenly spread, at multiples of the stride.

    Args:
        height, width: multiples of `stride`.
    """
    tiling = replace(tiling, side=max(tiling.side, least))
    rows, columns = (_spans(length, tiling, stride) for length in (height, width))
    return tuple(Box(left, top, right, bottom) for top, bottom in rows for left, right in columns)


def _spans(length: int, tiling: Tiling, stride: int) -> list[tuple[int, int]]:
    side = min(length, -(-tiling.side // stride) * stride)
    if side == length:
        return [(0, length)]
    overlap = min(side - stride, -(-tiling.overlap // stride) * stride)
    count = 1 + -(-(length - side) // (side - overlap))
    starts = [round(place * (length - side) / (count - 1) / stride) * stride for place in range(count)]
    return [(start, start + side) for start in starts]


def share(box: Box, height: int, width: int, overlap: int) -> Tensor:
    """How much a tile counts at each of its pixels, (height, width) of the box: falls to almost 0 at its inner rims.

    A raised cosine over the overlap; none along the picture's own border. Divided by their sum, tiles' shares blend.
    """
    across = _rise(box.width, box.left > 0, box.right < width, overlap)
    down = _rise(box.height, box.top > 0, box.bottom < height, overlap)
    return down[:, None] * across


def _rise(length: int, first: bool, last: bool, overlap: int) -> Tensor:
    ramp = 0.5 - 0.5 * torch.cos((torch.arange(overlap) + 0.5) * (math.pi / overlap))
    weight = torch.ones(length)
    if first:
        weight[:overlap] *= ramp
    if last:
        weight[-overlap:] *= ramp.flip(0)
    return weight


class TiledNetwork(nn.Module):
    """A network that sees tiles and paints the whole picture."""

    def __init__(self, network: nn.Module, tiling: Tiling, *, stride: int, least: int) -> None:
        """Take a network in evaluation mode; it is copied, for its norms are exchanged.

        Args:
            stride: what the sides of its pictures are multiples of.
            least: pixels that they have at least.
        """
        super().__init__()
        self.network, self._norms = remembering_norms(network)
        self._tiling, self._stride, self._least = tiling, stride, least

    def forward(self, pictures: Tensor) -> Tensor:
        """Translate pictures (b, c, h, w), sides multiples of the stride, one by one; returns (b, 3, h, w) float32."""
        return torch.stack([self._translate(pictures[place : place + 1]) for place in range(len(pictures))])

    def _translate(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        places = boxes(height, width, self._tiling, stride=self._stride, least=self._least)
        overlap = min(self._tiling.overlap, places[0].height, places[0].width)
        if len(places) > 1:
            self._look_at(picture)
        painted, weight = picture.new_zeros(3, height, width), picture.new_zeros(height, width)
        for box in places:
            rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
            counts = share(box, height, width, overlap).to(picture.device)
            painted[:, rows, columns] += self._paint(picture[..., rows, columns], len(places) == 1)[0] * counts
            weight[rows, columns] += counts
        return painted / weight

    def _look_at(self, picture: Tensor) -> None:
        """Let the norms remember the whole picture, reduced."""
        small = [self._reduced(side) for side in picture.shape[-2:]]
        self._paint(F.interpolate(picture, small, mode="area"), measuring=True)

    def _reduced(self, side: int) -> int:
        return max(self._least, round(side / self._tiling.shrink / self._stride) * self._stride)

    def _paint(self, picture: Tensor, measuring: bool) -> Tensor:
        for norm in self._norms:
            norm.train(measuring)
        made: Tensor = self.network(picture.contiguous(memory_format=torch.channels_last))
        return made.float()


def remembering_norms(network: nn.Module) -> tuple[nn.Module, list[nn.BatchNorm2d]]:
    """A copy of a network whose instance norms remember the last picture, and these norms.

    They are batch norms that forget at once: in training mode one normalises a single picture as instance norm does,
    and keeps its mean and variance; in evaluation mode it goes by what it keeps.
    """
    network = deepcopy(network)
    norms = []
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.InstanceNorm2d):
                norm = nn.BatchNorm2d(layer.num_features, eps=layer.eps, momentum=1.0, affine=layer.affine)
                norm.load_state_dict(layer.state_dict(), strict=False)
                setattr(parent, name, norm)
                norms.append(norm)
    network.to(next(network.parameters()).device)
    return network.eval().requires_grad_(False), norms
