"""The face once more: a small generator paints what to add to the face of a frame that another has painted.

Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.3 (face GAN).
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from models.blocks import batch_norm
from models.patch_discriminator import PatchDiscriminator
from models.region import Region, add_to_regions, cut_regions, region_around

# (condition, painted) → what to add, all (b, 3, size, size)
ResidualGenerator = Callable[[Tensor, Tensor], Tensor]

# A face's square is a region like any other; the square of the paper is 128 pixels in pictures of 1024×512.
FaceBox = Region
face_box = region_around
cut_faces = cut_regions


def face_discriminator() -> PatchDiscriminator:
    """Build the judge of faces: one PatchGAN with batch norm on condition (3 channels) and face (3)."""
    return PatchDiscriminator(in_channels=6, norm=batch_norm)


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
    return add_to_regions(image, residual, box)  # autocast may paint bfloat16; the frame keeps its precision
