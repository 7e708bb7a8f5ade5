"""A square cut out of each picture of a batch, around a face or a hand, and put back where it was."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """A square in each picture of a batch, wholly inside the picture."""

    corner: Int[Tensor, "b 2"]  # x, y of the first column and row, pixels of the full picture
    seen: Bool[Tensor, " b"]  # False where what it is laid around is not in sight: it is not looked at
    size: int  # width and height, pixels


def region_around(
    centre: Float[Tensor, "b 2"], size: int, height: int, width: int, *, seen: Bool[Tensor, " b"] | None = None
) -> Region:
    """Lay a square around each centre; at the border it moves inwards and keeps its size.

    Args:
        centre: x, y in pixels of the full picture, pixel centres at integers; anything where not `seen`.
        size: of the square, pixels.
        height, width: of the picture, pixels.
        seen: which centres are in sight; all, where not given.
    Raises: ValueError where the square is larger than the picture.
    """
    if size > min(height, width):
        raise ValueError(f"The region of {size} pixels is larger than the picture of {width}x{height}.")
    seen = torch.ones_like(centre[:, 0], dtype=torch.bool) if seen is None else seen
    first = torch.ceil(torch.where(seen[:, None], centre, 0.0) - size / 2).long()
    corner = torch.stack([first[:, 0].clamp(0, width - size), first[:, 1].clamp(0, height - size)], dim=1)
    return Region(corner=corner, seen=seen, size=size)


def cut_regions(image: Float[Tensor, "b c h w"], region: Region) -> Float[Tensor, "b c _ _"]:
    """Return what lies in each square, (b, c, size, size); the gradient flows back into the picture."""
    return image[_places(region, image.shape[1])]


def add_to_regions(
    image: Float[Tensor, "b c h w"], change: Float[Tensor, "b c _ _"], region: Region
) -> Float[Tensor, "b c h w"]:
    """Add a change, (b, c, size, size), to each square that is seen; everything else stays as it is."""
    change = torch.where(region.seen[:, None, None, None], change, 0.0).to(image.dtype)
    return image.index_put(_places(region, image.shape[1]), change, accumulate=True)


def _places(region: Region, channels: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Indices of the squares' pixels in (b, c, h, w), each broadcasting to (b, c, size, size)."""
    device = region.corner.device
    along = torch.arange(region.size, device=device)
    batch = torch.arange(len(region.corner), device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[None, :, None, None]
    rows = (region.corner[:, 1, None] + along)[:, None, :, None]
    columns = (region.corner[:, 0, None] + along)[:, None, None, :]
    return batch, channel, rows, columns
