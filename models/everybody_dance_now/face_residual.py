"""The face once more: a small generator paints what to add to the face of a frame that another has painted.

Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.3 (face GAN).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.blocks import batch_norm
from models.patch_discriminator import PatchDiscriminator

# (condition, painted) → what to add, all (b, 3, size, size)
ResidualGenerator = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceBox:
    """A square around the face of each picture of a batch, wholly inside the picture."""

    corner: Int[Tensor, "b 2"]  # x, y of the first column and row, pixels of the full picture
    seen: Bool[Tensor, " b"]  # False where no head is in sight: nothing is refined, no loss is taken
    size: int  # width and height, pixels


def face_discriminator() -> PatchDiscriminator:
    """Build the judge of faces: one PatchGAN with batch norm on condition (3 channels) and face (3)."""
    return PatchDiscriminator(in_channels=6, norm=batch_norm)


def face_box(
    nose: Float[Tensor, "b 2"], size: int, height: int, width: int, *, seen: Bool[Tensor, " b"] | None = None
) -> FaceBox:
    """Lay a square around each nose; at the border it moves inwards and keeps its size.

    Args:
        nose: x, y in pixels of the full picture, pixel centres at integers; anything where not `seen`.
        size: of the square, pixels; a multiple of the face generator's stride. The paper takes 128 in pictures of
            1024×512.
        height, width: of the picture, pixels.
        seen: which heads are in sight; all, where not given.
    Raises: ValueError where the square is larger than the picture.
    """
    if size > min(height, width):
        raise ValueError(f"The face box of {size} pixels is larger than the picture of {width}x{height}.")
    seen = torch.ones_like(nose[:, 0], dtype=torch.bool) if seen is None else seen
    first = torch.ceil(torch.where(seen[:, None], nose, 0.0) - size / 2).long()
    corner = torch.stack([first[:, 0].clamp(0, width - size), first[:, 1].clamp(0, height - size)], dim=1)
    return FaceBox(corner=corner, seen=seen, size=size)


def cut_faces(image: Float[Tensor, "b c h w"], box: FaceBox) -> Float[Tensor, "b c _ _"]:
    """Return what lies in each square, (b, c, size, size); the gradient flows back into the picture."""
    return image[_places(box, image.shape[1])]


def refine_face(
    image: Float[Tensor, "b 3 h w"], condition: Float[Tensor, "b 3 h w"], box: FaceBox, generator: ResidualGenerator
) -> Float[Tensor, "b 3 h w"]:
    """Add the residual that `generator` paints to each face; everything outside the squares stays as it is.

    The result is not clipped, so it may leave -1..1 a little: the paper's losses see it so.

    Args:
        image: painted frames, -1..1; the gradient flows through.
        condition: stick figures, -1..1.
        box: where the faces are; pictures with an unseen head come back unchanged.
        generator: takes condition and frame of the square, returns the residual, -1..1.
    """
    residual = generator(cut_faces(condition, box), cut_faces(image, box))
    residual = torch.where(box.seen[:, None, None, None], residual, 0.0).to(image.dtype)  # autocast may paint bfloat16
    return image.index_put(_places(box, image.shape[1]), residual, accumulate=True)


def _places(box: FaceBox, channels: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Indices of the squares' pixels in (b, c, h, w), each broadcasting to (b, c, size, size)."""
    device = box.corner.device
    along = torch.arange(box.size, device=device)
    batch = torch.arange(len(box.corner), device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[None, :, None, None]
    rows = (box.corner[:, 1, None] + along)[:, None, :, None]
    columns = (box.corner[:, 0, None] + along)[:, None, None, :]
    return batch, channel, rows, columns
