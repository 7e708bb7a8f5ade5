"""Pictures of one film that are translated one by one shall move as the film does: the loss that says so.

Ours, not a paper's: networks that see single frames are trained on neighbouring ones, and pay for what flickers.
"""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from models.gan_losses import absolute_error
from models.ops.warp import warp


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """Which pictures of a batch follow each other in a film, and where each pixel was in the one before."""

    later: Int[Tensor, " n"]  # indices into the batch
    earlier: Int[Tensor, " n"]  # the frame before each
    flow: Float[Tensor, "n 2 h w"]  # of the true film, pixels, (x, y), from the later to the earlier frame; float32
    confidence: Float[Tensor, "n 1 h w"]  # of that flow, 0..1


def flow_consistency_loss(painted: Float[Tensor, "b c h w"], motion: Motion) -> Float[Tensor, ""]:
    """‖conf ⊙ (G(aₜ) − warp(G(aₜ₋₁), flow))‖₁: translated frames move as those they were made from.

    The gradient flows into both frames: each was painted alone, and either may be the one that is off. It costs no pass
    of its own: both are pictures of the batch. A mean over all elements, those of no confidence included; 0 where no
    picture follows another.

    Args:
        painted: the translated pictures of the batch, -1..1.
        motion: of the pictures they were translated from.
    Source: the warp loss of Wang et al. 2018, "Video-to-Video Synthesis" (published code), with a teacher's flow of the
        input; methods 4.
    """
    if not len(motion.later):
        return painted.sum() * 0
    fetched = warp(painted[motion.earlier], motion.flow.float())
    return absolute_error(motion.confidence * painted[motion.later], motion.confidence * fetched)
