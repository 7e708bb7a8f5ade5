"""A translator that recolours begins with the picture in the other look's usual colours, and changes with restraint."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from models.cyclegan.generator import DARKEST, LIGHT, LIGHT_RECOLOURED, ResnetGenerator, ResnetGeneratorConfig
from models.cyclegan.objective import CycleWeights, DomainJudges, Footage, Translators, cycle_generator_terms, go_round
from models.cyclegan.recolour import Recolour
from models.cyclegan.restraint import SHARP, edge_aware_loss

TINY = replace(LIGHT_RECOLOURED, base_channels=4, most_channels=8, blocks=1)


def colours(seed: int, count: int = 4000) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    mixed = torch.rand(3, 3, generator=chance) - 0.5
    return (torch.rand(count, 3, generator=chance) - 0.5) @ mixed + torch.rand(3, generator=chance) / 2


def row(*values: float) -> Tensor:
    """Three equal channels, one row of pixels twice."""
    return torch.tensor(values).expand(1, 3, 2, -1)


def test_before_it_is_aimed_every_colour_stays() -> None:
    seen = torch.rand(2, 3, 4, 5) * 2 - 1
    assert torch.equal(Recolour(3)(seen), seen)


def test_aimed_it_gives_one_looks_colours_the_mean_and_covariance_of_the_other() -> None:
    here, there = colours(1), colours(2)
    recolour = Recolour(3)
    recolour.aim(here, there)
    given = (here @ recolour.matrix.T + recolour.shift).detach()  # beyond the range of pictures, so not by `forward`
    torch.testing.assert_close(given.mean(0), there.mean(0), rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.cov(given.T), torch.cov(there.T), rtol=0, atol=1e-3)  # the grain's 1e-4


def test_it_moves_colours_no_farther_than_it_must() -> None:
    """The map of least motion is symmetric: it stretches along axes and turns nothing."""
    recolour = Recolour(3)
    recolour.aim(colours(1), colours(2))
    torch.testing.assert_close(recolour.matrix, recolour.matrix.T)
    assert (torch.linalg.eigvalsh(recolour.matrix) > 0).all()


def test_a_grey_look_and_the_same_look_have_a_map() -> None:
    grey = torch.linspace(-1, 1, 50)[:, None].expand(-1, 3)
    recolour = Recolour(3)
    recolour.aim(grey, grey)
    torch.testing.assert_close(recolour.matrix, torch.eye(3), rtol=0, atol=1e-5)
    recolour.aim(grey, colours(1))
    assert torch.isfinite(recolour.matrix).all()


def test_a_generator_that_recolours_begins_with_the_picture_in_those_colours() -> None:
    net = ResnetGenerator(TINY)
    nn.init.zeros_(net.model[-1].weight)
    nn.init.zeros_(net.model[-1].bias)
    net.recolour.aim(colours(1), colours(2))
    seen = torch.rand(1, 3, 32, 48) * 2 - 1
    torch.testing.assert_close(net(seen), DARKEST * net.recolour(seen), rtol=0, atol=1e-6)
    assert net.begin(seen).abs().max() <= 1


def test_a_colour_by_itself_can_be_excepted() -> None:
    """Of two colours a tenth apart one has changed after training and the other has not, wherever they stand."""
    torch.manual_seed(0)
    recolour = Recolour(3)
    pane, wall = torch.tensor([0.6, 0.5, -0.2]), torch.tensor([0.5, 0.4, -0.1])
    lit = torch.tensor([1.0, 0.9, 0.3])
    seen, wanted = (torch.stack([one, wall], dim=1)[None, :, :, None] for one in (pane, lit))
    optimiser = torch.optim.Adam(recolour.exceptions.parameters(), 3e-3)
    for _ in range(300):
        optimiser.zero_grad()
        (recolour(seen) - wanted).abs().mean().backward()
        optimiser.step()
    torch.testing.assert_close(recolour(seen.flip(2)), wanted.flip(2), rtol=0, atol=0.05)


def test_exceptions_are_no_part_of_the_usual_colours() -> None:
    net = ResnetGenerator(TINY)
    seen = torch.rand(1, 3, 32, 48) * 2 - 1
    torch.testing.assert_close(net.usual(seen), net.begin(seen))
    nn.init.ones_(net.recolour.exceptions[-1].bias)
    torch.testing.assert_close(net.begin(seen), (net.usual(seen) + 1).clamp(-1, 1))


def test_the_colours_are_learnt_and_saved_with_the_rest() -> None:
    net = ResnetGenerator(TINY)
    net(torch.zeros(1, 3, 32, 32)).sum().backward()
    assert net.recolour.shift.grad is not None
    assert {"recolour.matrix", "recolour.shift"} <= set(net.state_dict())
    assert not any(name.startswith("recolour") for name in ResnetGenerator(replace(LIGHT, blocks=1)).state_dict())


def test_nothing_is_recoloured_where_nothing_is_begun_with() -> None:
    with pytest.raises(ValueError, match="recolour is True without residual"):
        ResnetGeneratorConfig(recolour=True)
    with pytest.raises(ValueError, match="not residual"):
        ResnetGenerator(ResnetGeneratorConfig(base_channels=2, blocks=1)).begin(torch.zeros(1, 3, 32, 32))


def test_a_change_counts_less_where_the_picture_has_an_edge() -> None:
    """Two steps of 0.3 in the change: one on a step of 0.2 in the picture, one on plain ground; five in all."""
    change = row(0.0, 0.0, 0.3, 0.3, 0.0, 0.0)
    picture = row(0.1, 0.1, 0.3, 0.3, 0.3, 0.3)
    expected = (0.3 * math.exp(-SHARP * 0.2) + 0.3) / 5
    assert float(edge_aware_loss(change, picture)) == pytest.approx(expected, abs=1e-6)


def test_a_change_of_the_whole_picture_has_no_edge() -> None:
    assert float(edge_aware_loss(torch.full((1, 3, 4, 4), 0.7), torch.rand(1, 3, 4, 4))) == 0


class Begins(nn.Module):
    """Paints what it begins with and a number more."""

    def __init__(self, more: float) -> None:
        super().__init__()
        self.more = more

    def begin(self, picture: Tensor) -> Tensor:
        return picture / 2

    def usual(self, picture: Tensor) -> Tensor:
        return self.begin(picture) - 0.1

    def forward(self, picture: Tensor) -> Tensor:
        return self.begin(picture) + self.more


class Indifferent(nn.Module):
    def forward(self, picture: Tensor) -> list[list[Tensor]]:
        return [[picture.mean(dim=(1, 2, 3), keepdim=True)]]


def test_change_is_counted_from_the_beginning_and_colours_from_the_usual_ones_in_both_directions() -> None:
    weights = CycleWeights(edges=1.0, change=1.0, colours=1.0)
    footage = Footage(pictures=torch.rand(1, 3, 4, 4))
    cycle = go_round(Translators(to_a=Begins(0.25), to_b=Begins(-0.5)), footage, footage, weights)
    terms = cycle_generator_terms(DomainJudges(a=Indifferent(), b=Indifferent()), cycle, weights)
    assert float(terms.change) == pytest.approx(0.25 + 0.5, abs=1e-6)
    assert float(terms.colours) == pytest.approx(0.35 + 0.4, abs=1e-6)
    assert float(terms.edges) == pytest.approx(0, abs=1e-6)


def test_restraint_is_refused_where_a_generator_begins_with_nothing() -> None:
    footage = Footage(pictures=torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match="the generator begins with no picture"):
        go_round(Translators(to_a=nn.Identity(), to_b=nn.Identity()), footage, footage, CycleWeights(change=1.0))
