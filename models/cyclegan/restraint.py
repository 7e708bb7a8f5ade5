"""Restraint: what a translator changes shall be little, and end where the picture has edges.

A judge of patches knows what the other look contains and not where: it is content with lit windows beside the windows.
What a generator adds to the picture that it begins with is therefore held to that picture's own edges, as depth maps
are to those of the photograph: a wall may change as a whole, and a pane, but no light runs down the wall.
"""

import torch
from jaxtyping import Float
from torch import Tensor

SHARP = 10.0  # a difference of 0.2 between neighbours, of -1..1, lets 14 % of the loss through


def edge_aware_loss(change: Float[Tensor, "b _ h w"], picture: Float[Tensor, "b _ h w"]) -> Float[Tensor, ""]:
    """Mean differences between neighbouring pixels' changes, less where the picture itself differs there.

    Args:
        change: painted minus what the generator begins with.
        picture: what was translated, -1..1.
    Source: Godard et al. 2017, "Unsupervised Monocular Depth Estimation with Left-Right Consistency", eq. 5, where the
        picture's edges let a depth map jump.
    """
    along = [
        (_steps(change, dim).mean(dim=1) * torch.exp(-SHARP * _steps(picture, dim).mean(dim=1))).mean()
        for dim in (2, 3)
    ]
    return torch.stack(along).sum()


def _steps(values: Float[Tensor, "b c _ _"], dim: int) -> Float[Tensor, "b c _ _"]:
    """Absolute differences of neighbours, float32."""
    return values.float().diff(dim=dim).abs()
