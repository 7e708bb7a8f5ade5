"""Both portrait networks as performers: they remember conditions, never pictures; and the light one's plate."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.deep_video_portraits.light import LightPortraitConfig, LightPortraitGenerator
from models.deep_video_portraits.remembers_conditions import RemembersConditions
from models.deep_video_portraits.rendering_to_video import RenderingToVideo, RenderingToVideoConfig
from models.performance import Memory, drift

LIGHT = LightPortraitConfig(condition_channels=12, window=3, base_channels=4, most_channels=8, halvings=1, blocks=2)
PUBLISHED = RenderingToVideoConfig(condition_channels=12, window=3, base_channels=4, levels=3)


def seeded(config: LightPortraitConfig | RenderingToVideoConfig) -> RemembersConditions:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = (
            LightPortraitGenerator(config) if isinstance(config, LightPortraitConfig) else RenderingToVideo(config)
        )
    return network.eval()


@pytest.fixture(params=[LIGHT, PUBLISHED], ids=["light", "published"])
def performer(request: pytest.FixtureRequest) -> RemembersConditions:
    return seeded(request.param)


def conditions(count: int, seed: int = 0, channels: int = 12) -> Tensor:
    return torch.rand(count, 1, channels, 16, 24, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def plate() -> Tensor:
    return conditions(1, seed=9, channels=3)[0]


def roll_out(performer: RemembersConditions, film: Tensor, memory: Memory) -> tuple[list[Tensor], Memory]:
    images = []
    with torch.inference_mode():
        for condition in film:
            made = performer.perform(condition, plate(), memory)
            memory = performer.remember(memory, condition, made)
            images.append(made.image)
    return images, memory


def test_a_frame_of_the_film_is_that_of_its_window(performer: RemembersConditions) -> None:
    """Training on windows in any order and rendering in order meet the same network in the same state."""
    film = conditions(4)
    images, _ = roll_out(performer, film, performer.blank(film[0]))
    with torch.inference_mode():
        windows = [torch.cat(list(film[t - 2 : t + 1]), dim=1) for t in (2, 3)]
        alone = [performer.paint_window(window, plate()).image for window in windows]
    assert all(torch.equal(one, other) for one, other in zip(images[2:], alone, strict=True))


def test_the_first_condition_stands_for_those_before_it(performer: RemembersConditions) -> None:
    film = conditions(2)
    images, _ = roll_out(performer, film, performer.blank(film[0]))
    with torch.inference_mode():
        first = performer.paint_window(film[[0, 0, 0]].flatten(0, 1).reshape(1, 36, 16, 24), plate()).image
        second = performer.paint_window(film[[0, 0, 1]].flatten(0, 1).reshape(1, 36, 16, 24), plate()).image
    assert torch.equal(images[0], first)
    assert torch.equal(images[1], second)


def test_memory_holds_past_conditions_oldest_first_and_no_picture(performer: RemembersConditions) -> None:
    film = conditions(4)
    blank = performer.blank(plate())  # of any picture of that size: rendering has only the backdrop at hand
    _, memory = roll_out(performer, film, blank)
    assert blank.empty and not memory.empty
    assert memory.pictures == ()
    assert torch.equal(memory.conditions, torch.cat([film[2], film[3]], dim=1))
    assert blank.conditions.shape == memory.conditions.shape


def test_a_film_in_two_parts_is_the_film_in_one(performer: RemembersConditions) -> None:
    film = conditions(5)
    whole, _ = roll_out(performer, film, performer.blank(film[0]))
    first, memory = roll_out(performer, film[:2], performer.blank(film[0]))
    second, _ = roll_out(performer, film[2:], memory)
    assert all(torch.equal(one, other) for one, other in zip(whole, first + second, strict=True))


def test_every_condition_of_the_window_is_looked_at_and_none_before_it(performer: RemembersConditions) -> None:
    film = conditions(4)
    last = roll_out(performer, film, performer.blank(film[0]))[0][-1]
    for changed in range(4):
        other = film.clone()
        other[changed] = -other[changed]
        again = roll_out(performer, other, performer.blank(film[0]))[0][-1]
        assert torch.equal(again, last) is (changed == 0)


@pytest.mark.parametrize("config", [replace(LIGHT, window=1), replace(PUBLISHED, window=1)], ids=["light", "published"])
def test_a_window_of_one_remembers_nothing(config: LightPortraitConfig | RenderingToVideoConfig) -> None:
    single, film = seeded(config), conditions(2)
    images, memory = roll_out(single, film, single.blank(film[0]))
    alone, _ = roll_out(single, film[1:], single.blank(film[0]))
    assert memory.conditions.shape == (1, 0, 16, 24)
    assert torch.equal(images[1], alone[0])


def test_the_published_network_looks_at_no_plate_and_does_not_drift() -> None:
    network, (condition,) = seeded(PUBLISHED), conditions(1)
    made = network.perform(condition, plate(), network.blank(condition))
    assert torch.equal(made.image, network.perform(condition, -plate(), network.blank(condition)).image)
    assert made.mask is None and made.foreground is None
    assert drift(made) == 0.0


def set_matte(logit: float) -> LightPortraitGenerator:
    """Make the matte the same everywhere: the last four of the painted channels are its four pixels; no texture yet."""
    network = seeded(LIGHT)
    assert isinstance(network, LightPortraitGenerator) and network.paint.bias is not None
    with torch.no_grad():
        network.paint.weight[12:] = 0
        network.paint.bias[12:] = logit
    return network


def test_behind_a_shut_matte_the_plate_comes_back_exactly() -> None:
    network, (condition,) = set_matte(-math.inf), conditions(1)
    assert torch.equal(network.perform(condition, plate(), network.blank(condition)).image, plate())


def test_an_open_matte_shows_the_person_alone() -> None:
    network, (condition,) = set_matte(math.inf), conditions(1)
    made = network.perform(condition, plate(), network.blank(condition))
    assert made.foreground is not None and torch.equal(made.image, made.foreground)
    assert made.foreground.abs().max() <= 1


@pytest.mark.parametrize(("height", "width"), [(16, 18), (4, 16)])
def test_a_size_the_light_one_cannot_halve_is_refused(height: int, width: int) -> None:
    window, backdrop = torch.zeros(1, 36, height, width), torch.zeros(1, 3, height, width)
    with pytest.raises(ValueError, match=f"The picture is {width}x{height}, expected multiples of 4, at least 8"):
        seeded(LIGHT).paint_window(window, backdrop)


def test_a_window_of_another_length_is_refused_by_the_light_one() -> None:
    with pytest.raises(ValueError, match=r"The window has 9 channels, expected 36: 3 conditions of 12\."):
        seeded(LIGHT).paint_window(torch.zeros(1, 9, 16, 16), torch.zeros(1, 3, 16, 16))


def test_a_light_shape_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"LightPortraitConfig\.blocks is 0, expected 1 or more"):
        LightPortraitConfig(blocks=0)
    with pytest.raises(ValueError, match=r"LightPortraitConfig\.most_channels is 16, expected at least the base, 32"):
        LightPortraitConfig(base_channels=32, most_channels=16)
    with pytest.raises(ValueError, match="expected 0, or 4 or more with 12 or more"):
        LightPortraitConfig(condition_channels=9)
    with pytest.raises(ValueError, match="texture_channels is 3 and condition_channels 12"):
        LightPortraitConfig(texture_channels=3)


def test_the_light_picture_is_float32_where_the_bulk_is_bfloat16() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        made = seeded(LIGHT).paint_window(torch.zeros(1, 36, 16, 16), torch.zeros(1, 3, 16, 16))
    assert made.mask is not None
    assert made.image.dtype == made.mask.dtype == torch.float32
