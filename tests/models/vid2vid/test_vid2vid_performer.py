"""The sequential generator as a performer: what it remembers, and that a film may be cut anywhere."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.performance import Memory, drift
from models.vid2vid.generator import LIGHT, CompositeConfig
from models.vid2vid.performer import SequentialPerformer, detached
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator

LIGHT_ONE = PyramidConfig(
    coarse=replace(LIGHT, past_frames=2, base_channels=4, most_channels=8, downsamplings=1, blocks=1)
)
TWO_SCALES = PyramidConfig(coarse=CompositeConfig(base_channels=4, downsamplings=1, blocks=1), scales=2, local_blocks=1)


@pytest.fixture(params=[LIGHT_ONE, TWO_SCALES], ids=["light", "two scales"])
def performer(request: pytest.FixtureRequest) -> SequentialPerformer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SequentialPerformer(PyramidGenerator(request.param)).eval()


def pictures(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 1, 3, 16, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def roll_out(performer: SequentialPerformer, conditions: Tensor, memory: Memory) -> tuple[list[Tensor], Memory]:
    backdrop, images = pictures(1, seed=9)[0], []
    with torch.inference_mode():
        for condition in conditions:
            made = performer.perform(condition, backdrop, memory)
            memory = performer.remember(memory, condition, made)
            images.append(made.image)
    return images, memory


def test_the_first_frame_is_painted_without_memory(performer: SequentialPerformer) -> None:
    (condition,) = pictures(1)
    made = performer.perform(condition, condition, performer.blank(condition))
    assert made.raw is not None and torch.equal(made.image, made.raw)
    assert drift(made) == 0.0


def test_later_frames_are_blends(performer: SequentialPerformer) -> None:
    conditions = pictures(2)
    _, memory = roll_out(performer, conditions[:1], performer.blank(conditions[0]))
    made = performer.perform(conditions[1], pictures(1, seed=9)[0], memory)
    assert made.raw is not None and not torch.equal(made.image, made.raw)
    assert drift(made) > 0


def test_the_first_condition_stands_for_those_before_it(performer: SequentialPerformer) -> None:
    """So that a film has as many frames as its source."""
    (condition,) = pictures(1)
    told = Memory(performer.blank(condition).pictures, condition.repeat(1, performer.past, 1, 1), empty=True)
    made, same = (
        performer.perform(condition, condition, memory).image for memory in (performer.blank(condition * 0), told)
    )
    assert torch.equal(made, same)


def test_memory_holds_the_last_frames_and_conditions_oldest_first(performer: SequentialPerformer) -> None:
    conditions = pictures(4)
    images, memory = roll_out(performer, conditions, performer.blank(conditions[0]))
    assert performer.past == 2
    assert torch.equal(memory.pictures[-1], torch.cat(images[-2:], dim=1).clamp(-1, 1))
    assert torch.equal(memory.conditions, torch.cat([conditions[2], conditions[3]], dim=1))
    sizes = [tuple(picture.shape[2:]) for picture in memory.pictures]
    assert sizes == list(performer.generator.sizes(16, 32))


def test_a_film_in_two_parts_is_the_film_in_one(performer: SequentialPerformer) -> None:
    conditions = pictures(5)
    whole, _ = roll_out(performer, conditions, performer.blank(conditions[0]))
    first, memory = roll_out(performer, conditions[:2], performer.blank(conditions[0]))
    second, _ = roll_out(performer, conditions[2:], memory)
    assert all(torch.equal(one, other) for one, other in zip(whole, first + second, strict=True))


def test_no_gradient_flows_through_a_detached_memory(performer: SequentialPerformer) -> None:
    conditions = pictures(2)
    blank = performer.blank(conditions[0])
    first = performer.perform(conditions[0], conditions[0], blank)
    memory = performer.remember(blank, conditions[0], first)
    assert all(picture.requires_grad for picture in memory.pictures)
    assert not any(picture.requires_grad for picture in detached(memory).pictures)
