"""What paired translation trains for: the true picture, and one that passes for it beside its input.

pix2pix has a logarithmic adversary and the mean absolute error; pix2pixHD has least squares at several scales, and
features that match. Films add that neighbouring frames are steady.

Sources: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", sec. 3.1 and 3.3; Wang
et al. 2018, "High-Resolution Image Synthesis …", sec. 3.2 and eq. 5.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.exhibits import Exhibit, persuasion, scrutiny
from models.gan_losses import LEAST_SQUARES, LOG, Adversary, absolute_error
from models.loss_terms import named_terms, refuse_negative, weighted_sum, without_terms
from models.patch_discriminator import DiscriminatorConfig
from models.steadiness import Motion, flow_consistency_loss

AdversaryName = Literal["log", "least-squares"]
PictureLoss = Callable[[Tensor, Tensor], Tensor]  # (fake, real) → a number, mean over the batch

ADVERSARIES: dict[AdversaryName, Adversary] = {"log": LOG, "least-squares": LEAST_SQUARES}

# The published judges of an input of three channels and its picture; pix2pix's, with batch or affine norms, has
# 2,768,705 weights.
PIX2PIX_JUDGE = DiscriminatorConfig(in_channels=6, scales=1, padding=1, bias=False)
PIX2PIXHD_JUDGE = DiscriminatorConfig(in_channels=6, scales=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedWeights:
    """How much each term counts; a term of weight 0 is not computed. The defaults are pix2pix's."""

    gan: float = 1.0
    feature_matching: float = 0.0
    perceptual: float = 0.0
    l1: float = 100.0
    flow: float = 0.0  # steadiness of neighbouring frames

    def __post_init__(self) -> None:
        refuse_negative(self)

    def without(self, names: Iterable[str]) -> "PairedWeights":
        """Switch terms off, for an ablation.

        Raises: UnknownChoice listing all terms.
        """
        return without_terms(self, names)

    def without_perceptual(self) -> "PairedWeights":
        """Do without VGG-19: the mean absolute error takes its place, with weight 10 or what it has if that is more."""
        return replace(self, perceptual=0.0, l1=max(self.l1, 10.0)) if self.perceptual > 0 else self


PIX2PIX = PairedWeights()
PIX2PIXHD = PairedWeights(feature_matching=10.0, perceptual=10.0, l1=0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PaintedPairs:
    """A batch of inputs, the true pictures that belong to them, and those painted."""

    inputs: Float[Tensor, "b _ h w"]  # pictures, edges or labels, -1..1
    truth: Float[Tensor, "b c h w"]  # -1..1
    painted: Float[Tensor, "b c h w"]  # carries the generator's graph
    motion: Motion | None = None  # where some are neighbouring frames of a film


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedGeneratorTerms:
    """The generator's losses before weighting; 0 where not computed."""

    gan: Float[Tensor, ""]
    feature_matching: Float[Tensor, ""]
    perceptual: Float[Tensor, ""]
    l1: Float[Tensor, ""]
    flow: Float[Tensor, ""]

    def total(self, weights: PairedWeights) -> Float[Tensor, ""]:
        """Return the weighted sum: what to call `backward` on."""
        return weighted_sum(self, weights)

    def named(self) -> dict[str, Tensor]:
        """Return each term under its name, without its graph, for curves."""
        return named_terms(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedDiscriminatorTerms:
    """The judge's loss."""

    pairs: Float[Tensor, ""]

    def total(self) -> Float[Tensor, ""]:
        """Return what to call `backward` on."""
        return self.pairs

    def named(self) -> dict[str, Tensor]:
        """Return the term under its name, without its graph, for curves."""
        return named_terms(self)


def paired_generator_terms(
    judge: nn.Module,
    pairs: PaintedPairs,
    weights: PairedWeights,
    *,
    adversary: AdversaryName = "log",
    perceptual: PictureLoss | None = None,
) -> PairedGeneratorTerms:
    """Compute each loss of the generator that has a weight. The judge's weights receive no gradient.

    Args:
        judge: a MultiscaleDiscriminator of the channels of input and picture together.
        perceptual: VGG-19's, where its weights are at hand.
    Raises: ValueError where the perceptual term has a weight and is not given.
    """
    nothing = pairs.painted.new_zeros(())
    if weights.perceptual > 0 and perceptual is None:
        raise ValueError(
            "PairedWeights.perceptual is above 0: give `perceptual`, or take weights.without_perceptual()."
        )
    gan, matching = persuasion(
        [_exhibit(judge, pairs, pairs.painted)],
        nothing,
        gan=weights.gan > 0,
        matching=weights.feature_matching > 0,
        adversary=ADVERSARIES[adversary],
    )
    alike = perceptual(pairs.painted, pairs.truth) if perceptual and weights.perceptual > 0 else nothing
    motion = pairs.motion if weights.flow > 0 else None
    return PairedGeneratorTerms(
        gan=gan,
        feature_matching=matching,
        perceptual=alike,
        l1=absolute_error(pairs.painted, pairs.truth) if weights.l1 > 0 else nothing,
        flow=flow_consistency_loss(pairs.painted, motion) if motion else nothing,
    )


def paired_discriminator_terms(
    judge: nn.Module, pairs: PaintedPairs, *, adversary: AdversaryName = "log"
) -> PairedDiscriminatorTerms:
    """Compute the judge's loss, 0.5·(real + painted); no gradient reaches the generator."""
    nothing = pairs.painted.new_zeros(())
    shown = [_exhibit(judge, pairs, pairs.painted.detach())]
    return PairedDiscriminatorTerms(pairs=scrutiny(shown, nothing, adversary=ADVERSARIES[adversary]))


def _exhibit(judge: nn.Module, pairs: PaintedPairs, painted: Tensor) -> Exhibit:
    """True and painted picture, each beside its input."""
    beside = [torch.cat([pairs.inputs, picture], dim=1) for picture in (pairs.truth, painted)]
    return Exhibit(judge=judge, real=beside[0], fakes=[beside[1]])
