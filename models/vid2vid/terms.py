"""What vid2vid wants of a stretch of frames, one function for each term: flow that fits, frames that follow, the mask.

Every term is a mean over all elements, those of no confidence included: no division by the area that is trusted.

Sources: Wang et al. 2018, "Video-to-Video Synthesis", eq. 6 and 9 and its published training; the two-sided mask loss
from the later version (Wang et al. 2019, "Few-shot Video-to-Video Synthesis", published code).
"""

from collections.abc import Callable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.gan_losses import absolute_error
from models.ops.warp import warp

PictureLoss = Callable[[Tensor, Tensor], Tensor]  # (fake, real), (n, 3, h, w) → a number, mean over the pictures

WIDEST_FOR_VGG = 1024  # pixels: wider pictures are halved first, as the published training does


def follow_loss(
    image: Float[Tensor, "b t 3 h w"],
    before: Float[Tensor, "b t 3 h w"],
    flow: Float[Tensor, "b t 2 h w"],
    confidence: Float[Tensor, "b t 1 h w"],
) -> Float[Tensor, ""]:
    """‖conf ⊙ (x̃ₜ − warp(x̃ₜ₋₁, w*))‖₁: painted frames move as the true ones do (G_Warp in the published code).

    Args:
        image: painted frames, -1..1.
        before: the painted frame before each; no gradient flows into it.
        flow: of the true frames, pixels, from each to the one before.
        confidence: of that flow, 0..1; 0 where there is no frame before.
    """
    fetched = _warped(before.detach(), flow)
    return absolute_error(confidence * image, confidence * fetched)


def flow_loss(
    flow: Float[Tensor, "b t 2 h w"], teacher: Float[Tensor, "b t 2 h w"], confidence: Float[Tensor, "b t 1 h w"]
) -> Float[Tensor, ""]:
    """‖conf ⊙ (w − w*)‖₁: the predicted flow is the teacher's, both in pixels (F_Flow; eq. 9, first part)."""
    return absolute_error(confidence * flow, confidence * teacher)


def flow_warp_loss(
    flow: Float[Tensor, "b t 2 h w"],
    real: Float[Tensor, "b t 3 h w"],
    before: Float[Tensor, "b t 3 h w"],
    confidence: Float[Tensor, "b t 1 h w"],
) -> Float[Tensor, ""]:
    """‖conf ⊙ (warp(xₜ₋₁, w) − xₜ)‖₁: the predicted flow fetches the true frame (F_Warp; eq. 9, second part).

    Args:
        flow: predicted, pixels; takes the gradient.
        real: true frames, -1..1.
        before: the true frame before each.
        confidence: of the teacher's flow, 0..1.
    """
    return absolute_error(confidence * _warped(before, flow), confidence * real)


def confident_mask_loss(mask: Float[Tensor, "b t 1 h w"], confidence: Float[Tensor, "b t 1 h w"]) -> Float[Tensor, ""]:
    """‖conf ⊙ m‖₁: where the teacher is sure of the motion, fetch and do not paint (W in the published code)."""
    return (confidence * mask).abs().mean()


def mask_loss(
    mask: Float[Tensor, "b t 1 h w"], warped: Float[Tensor, "b t 3 h w"], real: Float[Tensor, "b t 3 h w"]
) -> Float[Tensor, ""]:
    """c ⊙ m + (1 − c) ⊙ (1 − m): fetch where fetching gives the true colour, paint where it does not; no teacher.

    c = clamp(1 − Σ_rgb |warped − real|, 0, 1) is a verdict: no gradient flows into it, or the flow could make the mask
    right by spoiling what it fetches.

    Args:
        mask: 1 painted … 0 fetched.
        warped: what the predicted flow fetches from the frame before, -1..1.
        real: the true frames.
    """
    fits = (1 - (warped - real).abs().sum(dim=2, keepdim=True)).clamp(0, 1).detach()
    return (fits * mask + (1 - fits) * (1 - mask)).mean()


def likeness(
    fake: Float[Tensor, "b t 3 h w"], real: Float[Tensor, "b t 3 h w"], perceptual: PictureLoss
) -> Float[Tensor, ""]:
    """How different the frames look to VGG-19 (G_VGG); frames wider than 1024 pixels are halved until they are not."""
    fake, real = fake.flatten(0, 1), real.flatten(0, 1)
    while fake.shape[-1] > WIDEST_FOR_VGG:
        fake, real = F.avg_pool2d(fake, 2), F.avg_pool2d(real, 2)
    return perceptual(fake, real)


def _warped(frames: Float[Tensor, "b t c h w"], flow: Float[Tensor, "b t 2 h w"]) -> Tensor:
    fetched = warp(frames.flatten(0, 1), flow.flatten(0, 1).float())
    return fetched.reshape(frames.shape)
