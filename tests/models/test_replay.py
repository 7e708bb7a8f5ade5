"""Painting by replays: the same film as always, whatever records; and on a GPU with a CUDA graph."""

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from models.everybody_dance_now.draft import DraftConfig, DraftGenerator
from models.performance import Memory, Performance, Performer
from models.replay import Recording, ReplayedPerformer, Work
from models.vid2vid.generator import LIGHT, CompositeConfig
from models.vid2vid.performer import SequentialPerformer
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator

LIGHT_ONE = PyramidConfig(coarse=replace(LIGHT, base_channels=4, most_channels=8, downsamplings=1, blocks=1))
TWO_SCALES = PyramidConfig(coarse=CompositeConfig(base_channels=4, downsamplings=1, blocks=1), scales=2, local_blocks=1)
PERFORMERS: dict[str, Callable[[], Performer]] = {
    "light vid2vid": lambda: SequentialPerformer(PyramidGenerator(LIGHT_ONE)),
    "vid2vid of two scales": lambda: SequentialPerformer(PyramidGenerator(TWO_SCALES)),
    "everybody dance now": lambda: DraftGenerator(DraftConfig(base_channels=4, halvings=1, blocks=1)),
}


class Recorder:
    """A recorder for any device: fixed places, as a CUDA graph has them, written anew by doing the work once more."""

    def __init__(self) -> None:
        self.recordings = 0

    def __call__(self, work: Work) -> Recording:
        self.recordings += 1
        held = mapped(work(), torch.zeros_like)  # a graph computes nothing while it records

        def again() -> None:
            for place, new in zip(tensors(held), tensors(work()), strict=True):
                place.copy_(new)

        return Recording(held, again)


def mapped(made: Performance, change: Callable[[Tensor], Tensor]) -> Performance:
    parts = {part.name: getattr(made, part.name) for part in fields(made)}
    alone = {name: change(value) for name, value in parts.items() if isinstance(value, Tensor)}
    return replace(made, **alone, coarse=tuple(map(change, made.coarse)))


def tensors(made: Performance) -> list[Tensor]:
    parts = [getattr(made, part.name) for part in fields(made)]
    return [one for part in parts for one in (part if isinstance(part, tuple) else (part,)) if one is not None]


@pytest.fixture(params=PERFORMERS)
def performer(request: pytest.FixtureRequest) -> Performer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PERFORMERS[request.param]().eval()


def pictures(count: int, seed: int = 0, *, height: int = 16) -> Tensor:
    return torch.rand(count, 1, 3, height, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def film(performer: Performer, conditions: Tensor, memory: Memory | None = None) -> list[Performance]:
    """Paint one frame after the other; what is returned is kept as it was when it was returned."""
    backdrop = pictures(1, seed=9, height=conditions.shape[3])[0].to(conditions.device)
    memory = memory or performer.blank(conditions[0])
    kept = []
    with torch.inference_mode():
        for condition in conditions:
            made = performer.perform(condition, backdrop, memory)
            memory = performer.remember(memory, condition, made)
            kept.append(mapped(made, torch.clone))
    return kept


def assert_same(some: list[Performance], others: list[Performance], *, within: float = 0.0) -> None:
    for one, other in zip(some, others, strict=True):
        for ours, theirs in zip(tensors(one), tensors(other), strict=True):
            torch.testing.assert_close(ours, theirs, atol=within, rtol=0.0)


def test_a_replayed_film_is_the_film_painted_as_always(performer: Performer) -> None:
    conditions, record = pictures(6), Recorder()
    assert_same(film(ReplayedPerformer(performer, record), conditions), film(performer, conditions))
    assert record.recordings == 1


def test_a_frame_without_memory_is_not_recorded(performer: Performer) -> None:
    """At a cut, and where a film has drifted, the network takes the first frame's path."""
    record = Recorder()
    replayed = ReplayedPerformer(performer, record)
    assert_same(film(replayed, pictures(1)), film(performer, pictures(1)))
    assert record.recordings == 0
    for seed in (1, 2):
        assert_same(film(replayed, pictures(3, seed)), film(performer, pictures(3, seed)))
    assert record.recordings == 1


def test_pictures_of_another_size_or_layout_are_recorded_anew(performer: Performer) -> None:
    record = Recorder()
    replayed = ReplayedPerformer(performer, record)
    channels_last = pictures(3).movedim(2, -1).contiguous().movedim(-1, 2)
    films = [pictures(3), pictures(3, height=24), channels_last]
    for conditions in films:
        assert_same(film(replayed, conditions), film(performer, conditions), within=1e-5)
    assert record.recordings == 3


def test_what_is_returned_lies_where_the_next_frame_is_painted(performer: Performer) -> None:
    replayed, conditions = ReplayedPerformer(performer, Recorder()), pictures(3)
    with torch.inference_mode():
        first = replayed.perform(conditions[0], conditions[0], replayed.blank(conditions[0]))
        memory = replayed.remember(replayed.blank(conditions[0]), conditions[0], first)
        second = replayed.perform(conditions[1], conditions[0], memory)
        before = second.image.clone()
        third = replayed.perform(conditions[2], conditions[0], replayed.remember(memory, conditions[1], second))
    assert third.image.data_ptr() == second.image.data_ptr()
    assert not torch.equal(third.image, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_cuda_graph_paints_the_same_film(performer: Performer, precision: torch.dtype) -> None:
    performer, conditions = performer.cuda(), pictures(6).cuda()
    with torch.autocast("cuda", precision, enabled=precision != torch.float32):
        assert_same(film(ReplayedPerformer(performer), conditions), film(performer, conditions))
