"""What CycleGAN trains for, term by term: worked out by hand for generators and judges that are numbers."""

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor, nn

from models.blocks import initialise
from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from models.cyclegan.objective import (
    JUDGE,
    LIGHT_JUDGE,
    Cycle,
    CycleWeights,
    DomainJudges,
    Footage,
    Translators,
    cycle_discriminator_terms,
    cycle_generator_terms,
    go_round,
)
from models.patch_discriminator import MultiscaleDiscriminator
from models.steadiness import Motion
from pipeline.errors import UnknownChoice

ALL = CycleWeights(flow=1.0)


class Scaled(nn.Module):
    """A generator that multiplies by one learnt number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.asked = 0

    def forward(self, picture: Tensor) -> Tensor:
        self.asked += 1
        return self.factor * picture


class Judge(nn.Module):
    """Its logit is the picture's mean, times one learnt number."""

    def __init__(self) -> None:
        super().__init__()
        self.trust = nn.Parameter(torch.tensor(1.0))

    def forward(self, picture: Tensor) -> list[list[Tensor]]:
        return [[self.trust * picture.mean(dim=(1, 2, 3), keepdim=True)]]


def plain(value: float, count: int = 1) -> Tensor:
    return torch.full((count, 3, 4, 4), value)


def motion(confidence: float = 1.0) -> Motion:
    """The second picture follows the first, and nothing moves."""
    return Motion(
        later=torch.tensor([1]),
        earlier=torch.tensor([0]),
        flow=torch.zeros(1, 2, 4, 4),
        confidence=torch.full((1, 1, 4, 4), confidence),
    )


TO_A, TO_B = 3.0, 0.5
REAL_A, REAL_B = 0.2, 0.4


def rounded(weights: CycleWeights = ALL) -> tuple[Translators, Cycle]:
    translators = Translators(to_a=Scaled(TO_A), to_b=Scaled(TO_B))
    return translators, go_round(translators, Footage(pictures=plain(REAL_A)), Footage(pictures=plain(REAL_B)), weights)


def test_every_term_is_the_sum_of_both_directions() -> None:
    _, cycle = rounded()
    terms = cycle_generator_terms(DomainJudges(a=Judge(), b=Judge()), cycle, ALL).named()
    expected = {
        "gan": (TO_B * REAL_A - 1) ** 2 + (TO_A * REAL_B - 1) ** 2,
        "cycle": (TO_A * TO_B - 1) * (REAL_A + REAL_B),
        "identity": (TO_A - 1) * REAL_A + (1 - TO_B) * REAL_B,
        "flow": 0.0,  # no neighbours
        "edges": 0.0,  # not asked for
        "change": 0.0,
        "colours": 0.0,
    }
    assert {name: pytest.approx(float(value), abs=1e-6) for name, value in terms.items()} == expected


def test_the_total_is_weighted_as_published() -> None:
    _, cycle = rounded(CycleWeights())
    terms = cycle_generator_terms(DomainJudges(a=Judge(), b=Judge()), cycle, CycleWeights())
    expected = terms.gan + 10 * terms.cycle + 0.5 * 10 * terms.identity
    torch.testing.assert_close(terms.total(CycleWeights()), expected)


def test_each_judge_sees_its_own_domain_and_what_the_pools_show() -> None:
    _, cycle = rounded()
    judges = DomainJudges(a=Judge(), b=Judge())
    terms = cycle_discriminator_terms(judges, cycle, shown_a=plain(0.3), shown_b=plain(-0.1))
    a, b = 0.5 * ((REAL_A - 1) ** 2 + 0.3**2), 0.5 * ((REAL_B - 1) ** 2 + 0.1**2)
    assert {name: float(value) for name, value in terms.named().items()} == pytest.approx({"a": a, "b": b}, abs=1e-6)
    assert terms.total().item() == pytest.approx(a + b, abs=1e-6)


def test_neither_player_moves_the_other() -> None:
    translators, cycle = rounded()
    judges = DomainJudges(a=Judge(), b=Judge())
    cycle_discriminator_terms(judges, cycle, shown_a=cycle.b.painted, shown_b=cycle.a.painted).total().backward()
    assert all(net.factor.grad is None for net in (translators.to_a, translators.to_b))
    assert all(judge.trust.grad is not None for judge in (judges.a, judges.b))
    judges.a.trust.grad = judges.b.trust.grad = None
    cycle_generator_terms(judges, cycle, ALL).total(ALL).backward()
    assert all(net.factor.grad is not None for net in (translators.to_a, translators.to_b))
    assert all(judge.trust.grad is None and judge.trust.requires_grad for judge in (judges.a, judges.b))


def test_flicker_is_what_neighbours_differ_by_where_the_flow_is_trusted() -> None:
    frames = torch.cat([plain(0.2), plain(0.6)])
    translators = Translators(to_a=Scaled(1.0), to_b=Scaled(TO_B))
    still = Footage(pictures=plain(0.1, 2))
    for trust in (1.0, 0.25, 0.0):
        cycle = go_round(translators, Footage(pictures=frames, motion=motion(trust)), still, ALL)
        terms = cycle_generator_terms(DomainJudges(a=Judge(), b=Judge()), cycle, ALL)
        assert terms.flow.item() == pytest.approx(trust * TO_B * 0.4, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "passes"), [("cycle", (2, 2)), ("identity", (2, 2)), ("flow", (3, 3)), ("gan", (3, 3))]
)
def test_a_term_that_is_switched_off_is_0_and_its_passes_are_spared(name: str, passes: tuple[int, int]) -> None:
    weights = ALL.without([name])
    translators, cycle = rounded(weights)
    terms = cycle_generator_terms(DomainJudges(a=Judge(), b=Judge()), cycle, weights)
    assert float(terms.named()[name]) == 0
    assert (translators.to_a.asked, translators.to_b.asked) == passes


def test_terms_are_named_as_their_weights() -> None:
    _, cycle = rounded()
    terms = cycle_generator_terms(DomainJudges(a=Judge(), b=Judge()), cycle, ALL)
    assert list(terms.named()) == [weight.name for weight in fields(CycleWeights)]


def test_a_term_there_is_not_and_a_weight_below_0_are_refused() -> None:
    with pytest.raises(UnknownChoice, match="change, colours, cycle, edges, flow, gan, identity"):
        ALL.without(["colour"])
    with pytest.raises(ValueError, match=r"CycleWeights\.cycle is -1\.0, expected 0 or more"):
        CycleWeights(cycle=-1.0)
    _, cycle = rounded(ALL.without(["cycle"]))
    with pytest.raises(ValueError, match="was 0 in go_round: give both the same weights"):
        cycle_generator_terms(DomainJudges(a=Judge(), b=Judge()), cycle, ALL)


def test_the_judge_has_as_many_weights_as_the_published_one() -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in MultiscaleDiscriminator(JUDGE).parameters()) == 2_764_737


def test_twenty_steps_bring_pictures_back_and_persuade_the_judges() -> None:
    rng = torch.Generator().manual_seed(0)
    shape = ResnetGeneratorConfig(base_channels=8, blocks=1, fold=2, kernel=3, downsamplings=1, resize=True)
    translators = Translators(
        to_a=initialise(ResnetGenerator(shape), rng), to_b=initialise(ResnetGenerator(shape), rng)
    )
    small = replace(LIGHT_JUDGE, base_channels=8)
    judges = DomainJudges(a=MultiscaleDiscriminator(small), b=MultiscaleDiscriminator(small))
    for judge in (judges.a, judges.b):
        initialise(judge, rng)
    a, b = (Footage(pictures=torch.rand(1, 3, 48, 48, generator=rng) - shift) for shift in (0.0, 1.0))
    weights = [*translators.to_a.parameters(), *translators.to_b.parameters()]
    optimiser = torch.optim.Adam(weights, 5e-3, betas=(0.5, 0.999))
    totals = []
    for _ in range(20):
        loss = cycle_generator_terms(judges, go_round(translators, a, b, CycleWeights()), CycleWeights())
        optimiser.zero_grad()
        loss.total(CycleWeights()).backward()
        optimiser.step()
        totals.append(loss)
    assert totals[-1].cycle < 0.7 * totals[0].cycle
    assert totals[-1].total(CycleWeights()) < 0.7 * totals[0].total(CycleWeights())
