"""Losses of a generator that paints only the performer and a soft mask, over a clean background plate."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from kornia.metrics import ssim
from torch import Tensor
from torch.nn import functional as F

from models.performance import Performance

SSIM_WINDOW = 11  # pixels, as evaluation measures it


@dataclass(frozen=True, slots=True, kw_only=True)
class MattingWeights:
    """How much the terms count that only a generator with a mask has; a term of weight 0 is not computed."""

    structure: float = 0.1  # 1 − SSIM of the finished picture
    mask: float = 0.05  # mask against the tracker's
    foreground: float = 0.5  # absolute error of the performer before blending


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MattingTerms:
    """Losses before weighting; 0 where not computed."""

    structure: Float[Tensor, ""]
    mask: Float[Tensor, ""]
    foreground: Float[Tensor, ""]

    def total(self, weights: MattingWeights) -> Float[Tensor, ""]:
        """Return the weighted sum."""
        return weights.structure * self.structure + weights.mask * self.mask + weights.foreground * self.foreground


def matting_loss(
    made: Performance, picture: Float[Tensor, "b 3 h w"], person: Float[Tensor, "b 1 h w"], weights: MattingWeights
) -> MattingTerms:
    """Compare a performance with the true picture and with the tracker's person mask.

    The mask is only nudged towards the tracker's: shadows, hems and hair belong to the performance too, and the
    finished picture's own error says so. Without the nudge it stays shut, as an empty stage is a local optimum.

    Args:
        made: of a generator that paints a mask.
        picture: the true frame, -1..1.
        person: where the tracker sees the person, 0..1.

    Raises: ValueError where the performance has no mask.
    """
    if made.mask is None or made.foreground is None:
        raise ValueError("matting_loss was given a performance without a mask: it is for generators that paint one.")
    structure = mask = foreground = picture.new_zeros(())
    if weights.structure > 0:
        structure = 1 - ssim(_laid_out(made.image), _laid_out(picture), SSIM_WINDOW).mean()
    if weights.mask > 0:
        mask = F.binary_cross_entropy_with_logits(made.mask, person)
    if weights.foreground > 0:
        foreground = ((made.foreground - picture).abs() * person).mean()
    return MattingTerms(structure=structure, mask=mask, foreground=foreground)


def _laid_out(picture: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """0..1, channels last: SSIM convolves channel by channel, which goes back up to 20 times slower otherwise."""
    return ((picture + 1) / 2).contiguous(memory_format=torch.channels_last)
