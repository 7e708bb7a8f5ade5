"""What generator and discriminator want of each other: least squares or logarithms, and features that match.

A judgement is what a multi-scale discriminator returns: for each scale the features of its stages, the last of them a
map of logits. A single PatchGAN's features are a judgement of one scale: put them in a list.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Judgement = Sequence[Sequence[Float[Tensor, "b _ _ _"]]]


def least_squares_generator_loss(fake: Judgement) -> Float[Tensor, ""]:
    """(D(fake) - 1)², mean over patches, sum over scales.

    Source: Mao et al. 2017, "Least Squares Generative Adversarial Networks", eq. 9 with c = 1, without its one half
    (as pix2pixHD trains).
    """
    return torch.stack([_distance_to(1.0, features[-1]) for features in fake]).sum()


def least_squares_discriminator_loss(real: Judgement, fake: Judgement) -> Float[Tensor, ""]:
    """Half of (D(real) - 1)² + D(fake)², mean over patches, sum over scales.

    Source: Mao et al. 2017, eq. 9 with a = 0 and b = 1.
    """
    of_real = torch.stack([_distance_to(1.0, features[-1]) for features in real]).sum()
    of_fake = torch.stack([_distance_to(0.0, features[-1]) for features in fake]).sum()
    return 0.5 * (of_real + of_fake)


def log_generator_loss(fake: Judgement) -> Float[Tensor, ""]:
    """-log σ(D(fake)), mean over patches, sum over scales: the form that does not saturate.

    Source: Goodfellow et al. 2014, "Generative Adversarial Networks", sec. 3.
    """
    return torch.stack([F.softplus(-features[-1]).mean() for features in fake]).sum()


def log_discriminator_loss(real: Judgement, fake: Judgement) -> Float[Tensor, ""]:
    """Half of -log σ(D(real)) - log(1 - σ(D(fake))), mean over patches, sum over scales.

    Source: Goodfellow et al. 2014, eq. 1, halved as pix2pix trains.
    """
    of_real = torch.stack([F.softplus(-features[-1]).mean() for features in real]).sum()
    of_fake = torch.stack([F.softplus(features[-1]).mean() for features in fake]).sum()
    return 0.5 * (of_real + of_fake)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adversary:
    """What a verdict is worth, to either side."""

    generator_loss: Callable[[Judgement], Tensor]  # of the painted
    discriminator_loss: Callable[[Judgement, Judgement], Tensor]  # of the true and the painted


LEAST_SQUARES = Adversary(
    generator_loss=least_squares_generator_loss, discriminator_loss=least_squares_discriminator_loss
)
LOG = Adversary(generator_loss=log_generator_loss, discriminator_loss=log_discriminator_loss)


def feature_matching_loss(fake: Judgement, real: Judgement) -> Float[Tensor, ""]:
    """Mean absolute difference of the discriminator's features, the logits left out, each stage alike.

    Four times the mean over stages, mean over scales: pix2pixHD's factor 4/(layers + 1) and 1/scales. No gradient
    flows into `real`.

    Args:
        fake: what the discriminator says of the generated frames.
        real: what it says of the true frames, seen with the same conditions; the same scales, stages and sizes.
    Source: Wang et al. 2018, "High-Resolution Image Synthesis …", eq. 4, and the factors of its published training.
    """
    scales = [
        torch.stack([absolute_error(f, r.detach()) for f, r in zip(ours[:-1], truth[:-1], strict=True)]).mean()
        for ours, truth in zip(fake, real, strict=True)
    ]
    return 4.0 * torch.stack(scales).mean()


def absolute_error(fake: Float[Tensor, "*size"], real: Float[Tensor, "*size"]) -> Float[Tensor, ""]:
    """Mean of |fake - real|."""
    return F.l1_loss(fake, real)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network but not into its weights, for what is computed in the block.

    It spares the backward pass work that is thrown away, and the discriminator gradients that are the other player's.
    """
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def _distance_to(target: float, logits: Float[Tensor, "b 1 _ _"]) -> Float[Tensor, ""]:
    return F.mse_loss(logits, torch.full_like(logits, target))
