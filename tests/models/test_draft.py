"""The draft paints the performer and a mask over a plate that it never touches."""

import math

import pytest
import torch
from torch import Tensor

from models.everybody_dance_now.draft import DraftConfig, DraftGenerator
from models.everybody_dance_now.generator import GeneratorConfig, GlobalGenerator
from models.everybody_dance_now.whole_frame import WholeFrame
from models.matting import MattingWeights, matting_loss
from models.performance import Performance

SMALL = DraftConfig(base_channels=4, halvings=2, blocks=1)


def pictures(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3)) * 2 - 1


@pytest.fixture
def generator() -> DraftGenerator:
    return DraftGenerator(SMALL)


def set_mask(generator: DraftGenerator, logit: float) -> None:
    """Make the mask the same everywhere: the last four of the painted channels are its four pixels."""
    with torch.no_grad():
        generator.paint.weight[12:] = 0
        assert generator.paint.bias is not None
        generator.paint.bias[12:] = logit


def test_picture_foreground_and_mask_have_the_size_that_went_in(generator: DraftGenerator) -> None:
    made = generator(pictures(2, 3, 16, 24), pictures(2, 3, 16, 24), pictures(2, 3, 16, 24))
    assert made.mask is not None and made.foreground is not None
    assert made.image.shape == made.foreground.shape == (2, 3, 16, 24)
    assert made.mask.shape == (2, 1, 16, 24)


def test_behind_a_shut_mask_the_plate_comes_back_exactly(generator: DraftGenerator) -> None:
    set_mask(generator, -math.inf)
    plate = pictures(1, 3, 16, 16)
    assert torch.equal(generator(plate.flip(2), plate.flip(3), plate).image, plate)


def test_an_open_mask_shows_the_foreground_alone(generator: DraftGenerator) -> None:
    set_mask(generator, math.inf)
    made = generator(pictures(1, 3, 16, 16), pictures(1, 3, 16, 16), pictures(1, 3, 16, 16))
    assert torch.equal(made.image, made.foreground)


@pytest.mark.parametrize("recurrent", [True, False])
def test_the_frame_before_is_seen_only_by_a_recurrent_generator(recurrent: bool) -> None:
    generator = DraftGenerator(DraftConfig(base_channels=4, halvings=2, blocks=1, recurrent=recurrent))
    condition, plate = pictures(1, 3, 16, 16), pictures(1, 3, 16, 16)
    after_black = generator(condition, torch.zeros_like(plate), plate).image
    after_plate = generator(condition, plate, plate).image
    assert torch.equal(after_black, after_plate) is not recurrent


@pytest.mark.parametrize(("height", "width"), [(16, 20), (8, 16)])
def test_a_size_it_cannot_halve_so_often_is_refused(generator: DraftGenerator, height: int, width: int) -> None:
    picture = pictures(1, 3, height, width)
    with pytest.raises(ValueError, match=f"The picture is {width}x{height}, expected multiples of 8, at least 16"):
        generator(picture, picture, picture)


def test_a_shape_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"DraftConfig\.blocks is 0, expected 1 or more"):
        DraftConfig(blocks=0)


def test_blending_stays_in_float32_where_the_bulk_is_bfloat16(generator: DraftGenerator) -> None:
    picture = pictures(1, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        made = generator(picture, picture, picture)
    assert made.mask is not None
    assert made.image.dtype == made.mask.dtype == torch.float32


def test_a_perfect_performance_costs_only_the_doubt_of_its_mask() -> None:
    picture, person = pictures(1, 3, 16, 16), torch.ones(1, 1, 16, 16)
    made = Performance(picture, picture, torch.zeros(1, 1, 16, 16))
    terms = matting_loss(made, picture, person, MattingWeights())
    torch.testing.assert_close(terms.structure, torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(terms.mask, torch.tensor(math.log(2)))
    assert terms.foreground == 0
    torch.testing.assert_close(terms.total(MattingWeights(mask=2.0)), torch.tensor(2 * math.log(2)), atol=1e-6, rtol=0)


def test_the_foreground_counts_only_where_the_person_is() -> None:
    truth, person = torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    person[..., :4] = 1  # a quarter of the picture
    made = Performance(truth, torch.full_like(truth, 0.5), torch.zeros(1, 1, 16, 16))
    terms = matting_loss(made, truth, person, MattingWeights())
    torch.testing.assert_close(terms.foreground, torch.tensor(0.125))


def test_terms_without_weight_are_not_computed() -> None:
    made = Performance(
        torch.full((1, 3, 16, 16), math.nan), torch.full((1, 3, 16, 16), math.nan), torch.zeros(1, 1, 16, 16)
    )
    nothing = MattingWeights(structure=0.0, mask=0.0, foreground=0.0)
    terms = matting_loss(made, torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16), nothing)
    assert terms.total(nothing) == 0


def test_a_performance_without_a_mask_is_refused() -> None:
    picture = pictures(1, 3, 16, 16)
    with pytest.raises(ValueError, match="a performance without a mask: it is for generators that paint one"):
        matting_loss(Performance(picture), picture, torch.zeros(1, 1, 16, 16), MattingWeights())


def test_the_papers_generator_paints_the_whole_frame_and_looks_at_no_plate() -> None:
    performer = WholeFrame(GlobalGenerator(GeneratorConfig(base_channels=2, downsamplings=2, blocks=1)))
    condition, plate = pictures(1, 3, 16, 16), pictures(1, 3, 16, 16)
    made = performer(condition, condition, plate)
    assert made.mask is None and made.foreground is None
    assert torch.equal(made.image, performer(condition, condition, plate.flip(2)).image)
