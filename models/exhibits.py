"""What is shown to judges, true beside painted, and the two losses that come of it.

Sources: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", sec. 3.1; Wang et al.
2018, "High-Resolution Image Synthesis …", sec. 3.2 (features matched).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.gan_losses import LEAST_SQUARES, Adversary, Judgement, feature_matching_loss, frozen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exhibit:
    """One judge, the true pictures it sees, and painted ones beside them; possibly none at all."""

    judge: nn.Module
    real: Float[Tensor, "n c h w"]
    fakes: Sequence[Float[Tensor, "n c h w"]]


def persuasion(
    exhibits: Sequence[Exhibit],
    nothing: Float[Tensor, ""],
    *,
    gan: bool,
    matching: bool,
    adversary: Adversary = LEAST_SQUARES,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The generator's side: the adversary's loss, and the judges' features of painted and true pictures matched.

    Both summed over exhibits and their fakes; `nothing` (0) where not wanted. The judges' weights get no gradient, and
    an exhibit without pictures counts 0, still part of the graph.
    """
    persuaded, matched = nothing, nothing
    for exhibit in exhibits if gan or matching else ():
        if not len(exhibit.real):
            persuaded = persuaded + sum(fake.sum() for fake in exhibit.fakes)
            continue
        of_real = _unmoved(exhibit) if matching else []
        with frozen(exhibit.judge):
            for of_fake in (exhibit.judge(fake) for fake in exhibit.fakes):
                if gan:
                    persuaded = persuaded + adversary.generator_loss(of_fake)
                if matching:
                    matched = matched + feature_matching_loss(of_fake, of_real)
    return persuaded, matched


def scrutiny(
    exhibits: Sequence[Exhibit], nothing: Float[Tensor, ""], *, adversary: Adversary = LEAST_SQUARES
) -> Float[Tensor, ""]:
    """The judges' side: to tell true from painted, summed over exhibits and fakes; the generator gets no gradient."""
    loss = nothing
    for exhibit in exhibits:
        if len(exhibit.real):
            of_real = exhibit.judge(exhibit.real)
            for fake in exhibit.fakes:
                loss = loss + adversary.discriminator_loss(of_real, exhibit.judge(fake.detach()))
    return loss


def _unmoved(exhibit: Exhibit) -> Judgement:
    """What the judge says of the true pictures, nothing to learn from."""
    with torch.no_grad():
        judgement: Judgement = exhibit.judge(exhibit.real)
    return judgement
