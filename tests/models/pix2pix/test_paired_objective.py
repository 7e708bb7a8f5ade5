"""What paired translation trains for, term by term: worked out by hand for judges that are numbers."""

from dataclasses import fields
from math import exp, log

import pytest
import torch
from torch import Tensor, nn

from models.blocks import batch_norm, initialise
from models.patch_discriminator import MultiscaleDiscriminator
from models.pix2pix.objective import (
    PIX2PIX,
    PIX2PIX_JUDGE,
    PIX2PIXHD,
    PIX2PIXHD_JUDGE,
    PaintedPairs,
    PairedWeights,
    paired_discriminator_terms,
    paired_generator_terms,
)
from models.pix2pix.unet import UNetGenerator, UNetGeneratorConfig
from models.steadiness import Motion


class Judge(nn.Module):
    """One stage of features, the pair itself; the logit is the mean of the picture, channels 3 to 5."""

    def __init__(self) -> None:
        super().__init__()
        self.trust = nn.Parameter(torch.tensor(1.0))

    def forward(self, pair: Tensor) -> list[list[Tensor]]:
        return [[self.trust * pair, self.trust * pair[:, 3:].mean(dim=(1, 2, 3), keepdim=True)]]


def plain(value: float, count: int = 1) -> Tensor:
    return torch.full((count, 3, 4, 4), value)


TRUE, PAINTED = 0.6, -0.2


def pairs(motion: Motion | None = None) -> PaintedPairs:
    painted = plain(PAINTED, 2)
    painted[1] += 0.1
    return PaintedPairs(inputs=plain(0.9, 2), truth=plain(TRUE, 2), painted=painted.requires_grad_(), motion=motion)


def unlikely(logit: float) -> float:
    """−log σ(logit)."""
    return log(1 + exp(-logit))


def test_pix2pix_pays_for_doubt_and_for_a_hundred_times_the_error() -> None:
    terms = paired_generator_terms(Judge(), pairs(), PIX2PIX)
    doubt = (unlikely(PAINTED) + unlikely(PAINTED + 0.1)) / 2
    error = TRUE - PAINTED - 0.05
    assert terms.gan.item() == pytest.approx(doubt, abs=1e-6)
    assert terms.l1.item() == pytest.approx(error, abs=1e-6)
    assert terms.total(PIX2PIX).item() == pytest.approx(doubt + 100 * error, abs=1e-4)


def test_its_judge_pays_for_half_of_both_errors() -> None:
    terms = paired_discriminator_terms(Judge(), pairs())
    of_painted = (unlikely(-PAINTED) + unlikely(-PAINTED - 0.1)) / 2
    assert terms.total().item() == pytest.approx(0.5 * (unlikely(TRUE) + of_painted), abs=1e-6)


def test_pix2pixhd_has_least_squares_and_features_that_match() -> None:
    weights = PIX2PIXHD.without_perceptual()
    terms = paired_generator_terms(Judge(), pairs(), weights, adversary="least-squares")
    error = TRUE - PAINTED - 0.05
    assert terms.gan.item() == pytest.approx(((PAINTED - 1) ** 2 + (PAINTED + 0.1 - 1) ** 2) / 2, abs=1e-6)
    assert terms.feature_matching.item() == pytest.approx(4 * error / 2, abs=1e-5)  # half of the channels are inputs
    assert (weights.feature_matching, weights.perceptual, weights.l1) == (10, 0, 10)
    judged = paired_discriminator_terms(Judge(), pairs(), adversary="least-squares")
    expected = 0.5 * ((TRUE - 1) ** 2 + (PAINTED**2 + (PAINTED + 0.1) ** 2) / 2)
    assert judged.pairs.item() == pytest.approx(expected, abs=1e-6)


def test_the_perceptual_loss_is_the_callers_and_must_be_given() -> None:
    def twice(fake: Tensor, real: Tensor) -> Tensor:
        return 2 * (fake - real).abs().mean()

    terms = paired_generator_terms(Judge(), pairs(), PIX2PIXHD, adversary="least-squares", perceptual=twice)
    assert terms.perceptual.item() == pytest.approx(2 * (TRUE - PAINTED - 0.05), abs=1e-6)
    with pytest.raises(ValueError, match=r"PairedWeights\.perceptual is above 0: give `perceptual`, or take"):
        paired_generator_terms(Judge(), pairs(), PIX2PIXHD)


def test_flicker_counts_where_it_has_a_weight() -> None:
    still = Motion(
        later=torch.tensor([1]),
        earlier=torch.tensor([0]),
        flow=torch.zeros(1, 2, 4, 4),
        confidence=torch.ones(1, 1, 4, 4),
    )
    steady = PairedWeights(flow=5.0)
    assert paired_generator_terms(Judge(), pairs(still), steady).flow.item() == pytest.approx(0.1, abs=1e-6)
    assert paired_generator_terms(Judge(), pairs(), steady).flow.item() == 0
    assert paired_generator_terms(Judge(), pairs(still), PIX2PIX).flow.item() == 0


def test_neither_player_moves_the_other() -> None:
    judge, shown = Judge(), pairs()
    paired_generator_terms(judge, shown, PIX2PIX).total(PIX2PIX).backward()
    assert shown.painted.grad is not None and judge.trust.grad is None
    shown = pairs()
    paired_discriminator_terms(judge, shown).total().backward()
    assert shown.painted.grad is None and judge.trust.grad is not None


def test_terms_are_named_as_their_weights_and_can_be_switched_off() -> None:
    weights = PIX2PIX.without([weight.name for weight in fields(PairedWeights)])
    terms = paired_generator_terms(Judge(), pairs(), weights).named()
    assert {name: float(value) for name, value in terms.items()} == {
        weight.name: 0.0 for weight in fields(PairedWeights)
    }
    assert PIX2PIX.without_perceptual() == PIX2PIX
    with pytest.raises(ValueError, match=r"PairedWeights\.l1 is nan, expected 0 or more"):
        PairedWeights(l1=float("nan"))


def test_the_judges_have_as_many_weights_as_the_published_ones() -> None:
    with torch.device("meta"):
        one = MultiscaleDiscriminator(PIX2PIX_JUDGE, norm=batch_norm)
        two = MultiscaleDiscriminator(PIX2PIXHD_JUDGE)
    assert sum(weight.numel() for weight in one.parameters()) == 2_768_705
    # As the one of 39 channels, 2,801,601, but for 33 channels of 64 filters of 4x4; and that twice.
    assert sum(weight.numel() for weight in two.parameters()) == 2 * (2_801_601 - 33 * 64 * 16)


def test_twenty_steps_lower_the_loss() -> None:
    rng = torch.Generator().manual_seed(0)
    net = initialise(UNetGenerator(UNetGeneratorConfig(levels=5, base_channels=8)), rng)
    judge = initialise(MultiscaleDiscriminator(PIX2PIX_JUDGE, norm=batch_norm), rng)
    seen = torch.rand(1, 3, 32, 32, generator=rng) * 2 - 1
    optimiser = torch.optim.Adam(net.parameters(), 5e-3, betas=(0.5, 0.999))
    totals = []
    for _ in range(20):
        shown = PaintedPairs(inputs=seen, truth=seen.flip(1), painted=net(seen))
        loss = paired_generator_terms(judge, shown, PIX2PIX).total(PIX2PIX)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        totals.append(loss.item())
    assert totals[-1] < 0.9 * totals[0]
