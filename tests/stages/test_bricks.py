"""What training loops are laid of: pairs that move as one, rates, clocks that survive restarts, curves, Ctrl-C."""

import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.everybody_dance_now.generator import GeneratorConfig
from pipeline.compute import Compute
from pipeline.errors import StorageError, TrainingError, UnderstudyError, UnknownChoice
from pipeline.image import to_tensor
from stages.training.bricks import Clock, Curve, Every, StopSignal, descend, draw_pairs, learning_rate, seconds_left
from stages.training.clips import PreparedClip
from stages.training.phases import Budget, DancePreset, PairPhase
from stages.training.presets import METHODS, preset_named

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_pair_is_two_consecutive_frames_with_all_that_belongs_to_them(
    clip: PreparedClip, compute: Compute, chance: np.random.Generator
) -> None:
    later = np.random.default_rng(1).choice(clip.pairs, 2)
    pairs = draw_pairs(clip, 2, chance, shift=0.0, reduce=1, compute=compute)
    for place, frames in enumerate((later - 1, later)):
        assert torch.equal(pairs.pictures[place], to_tensor(clip.pictures[frames]))
        assert torch.equal(pairs.conditions[place], to_tensor(clip.conditions[frames]))
        assert torch.equal(pairs.persons[place][:, 0] * 255, torch.from_numpy(clip.masks[frames]).float())
        assert np.array_equal(pairs.noses[place].numpy(), clip.noses[frames])
    assert torch.equal(pairs.backdrop, to_tensor(clip.plates[clip.plate_of[later]]))


def test_held_out_frames_are_never_drawn(clip: PreparedClip, compute: Compute) -> None:
    marked = replace(clip, pictures=np.zeros_like(clip.pictures))
    marked.pictures[clip.trained :] = 255
    pairs = draw_pairs(marked, 64, np.random.default_rng(0), shift=0.1, reduce=1, compute=compute)
    assert pairs.pictures[0].max() == pairs.pictures[1].max() == -1


@pytest.mark.parametrize("seed", range(4))
def test_picture_stick_figure_mask_plate_and_nose_move_together(
    clip: PreparedClip, compute: Compute, seed: int
) -> None:
    # Every array carries one bright pixel at the nose, far from the border: after any move they still agree.
    height, width = clip.framing.height, clip.framing.width
    spot = np.zeros((len(clip.masks), height, width), np.uint8)
    spot[:, height // 2, width // 3] = 255
    colours = np.repeat(spot[..., None], 3, axis=3)
    joints = np.tile(np.array([width // 3, height // 2, 1.0], np.float32), (len(spot), 33, 1))
    marked = replace(clip, pictures=colours, conditions=colours, plates=colours, masks=spot, joints=joints)
    pairs = draw_pairs(marked, 1, np.random.default_rng(seed), shift=0.1, reduce=1, compute=compute)
    x, y = (int(value) for value in pairs.noses[1][0, :2])
    for picture in (*pairs.pictures, *pairs.conditions, pairs.backdrop, *pairs.persons):
        assert picture[0, 0, y, x] == 1
    assert torch.equal(pairs.noses[0], pairs.noses[1])


def test_pairs_at_half_size_are_means_of_four_pixels_and_noses_follow(
    clip: PreparedClip, compute: Compute, chance: np.random.Generator
) -> None:
    later = np.random.default_rng(1).choice(clip.pairs, 1)
    pairs = draw_pairs(clip, 1, chance, shift=0.0, reduce=2, compute=compute)
    expected = to_tensor(clip.pictures[later])[:, :, :2, :2].mean(dim=(2, 3))
    torch.testing.assert_close(pairs.pictures[1][:, :, 0, 0], expected)
    assert pairs.persons[0].shape == (1, 1, clip.framing.height // 2, clip.framing.width // 2)
    # Pixel 0.5 of the large picture is the centre of pixel 0 of the small one.
    np.testing.assert_allclose(pairs.noses[1][0, :2].numpy(), (clip.noses[later[0], :2] + 0.5) / 2 - 0.5, rtol=1e-6)


def test_the_papers_rate_is_constant_for_half_the_budget_then_falls_to_nothing() -> None:
    assert [learning_rate(2.0, done, "linear") for done in (0.0, 0.5, 0.75, 1.0)] == [2.0, 2.0, 1.0, 0.0]


def test_the_cosine_rises_before_it_falls_and_never_starts_at_nothing() -> None:
    rates = [learning_rate(1.0, done, "cosine") for done in (0.0, 0.03, 0.5, 1.0)]
    assert 0 < rates[0] < 0.05
    assert rates[1] > 0.99
    assert rates[2:] == pytest.approx([0.5, 0.0])


def test_time_left_is_what_it_took_so_far_for_what_remains() -> None:
    assert seconds_left(0.25, 10) == 30
    assert seconds_left(0.0, 0.0) == 0


def test_a_clock_goes_on_from_what_earlier_runs_took() -> None:
    clock = Clock(before=100.0)
    time.sleep(0.01)
    assert 100.01 <= clock.seconds < 101


def test_every_is_due_once_each_time_its_seconds_have_passed() -> None:
    every = Every(0.02)
    assert not every.due()
    time.sleep(0.03)
    assert every.due()
    assert not every.due()
    assert Every(0.0).due()


def test_descending_follows_the_gradient_shortened_to_the_most_allowed() -> None:
    weight = nn.Parameter(torch.tensor([3.0, 4.0]))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    loss = descend((weight * torch.tensor([30.0, 40.0])).sum(), optimiser, step=1, most=1.0)
    assert loss == 250
    torch.testing.assert_close(weight.detach(), torch.tensor([2.4, 3.2]))  # the gradient (30, 40) became (0.6, 0.8)


@pytest.mark.parametrize("trouble", [math.nan, math.inf])
def test_a_loss_that_is_no_number_moves_nothing_and_says_what_to_do(trouble: float) -> None:
    weight = nn.Parameter(torch.tensor([3.0]))
    with pytest.raises(TrainingError, match=r"training step 7: the loss is .* The state saved last is sound: the same"):
        descend((weight * trouble).sum(), torch.optim.SGD([weight], lr=1.0), step=7)
    assert weight.item() == 3.0


def test_a_gradient_that_is_no_number_moves_nothing_either() -> None:
    weight = nn.Parameter(torch.tensor([0.0]))
    with pytest.raises(TrainingError, match=r"the loss is 0\.0, its gradient inf"):
        descend(torch.sqrt(weight).sum(), torch.optim.SGD([weight], lr=1.0), step=1)
    assert weight.item() == 0.0


def test_a_curve_goes_on_where_the_saved_state_stood(tmp_path: Path) -> None:
    first = Curve(tmp_path / "curve.csv", 0)
    for step in range(1, 6):
        first.add(step, step / 8)
    first.close()
    second = Curve(tmp_path / "curve.csv", 3)
    second.add(4, 9.0)
    second.close()
    assert (tmp_path / "curve.csv").read_text() == "1,0.125\n2,0.25\n3,0.375\n4,9.0\n"


def test_a_line_that_a_crash_cut_short_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("1,0.5\n2,")
    Curve(tmp_path / "curve.csv", 2).close()
    assert (tmp_path / "curve.csv").read_text() == "1,0.5\n"


def test_a_loss_is_on_disk_as_soon_as_it_is_added(tmp_path: Path) -> None:
    curve = Curve(tmp_path / "curve.csv", 0)
    curve.add(1, 0.1)
    assert (tmp_path / "curve.csv").read_text() == "1,0.1\n"
    curve.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here plays a full disk")
def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    curve = Curve(tmp_path / "curve.csv", 0)
    curve.close()
    with suppress(OSError), Path("/dev/full").open("a", buffering=1) as full:
        curve._file = full
        with pytest.raises(StorageError, match=r"curve\.csv: the disk is full"):
            curve.add(1, 0.5)


@pytest.fixture
def handlers_put_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.usefixtures("handlers_put_back")
@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_a_request_and_the_second_ends_at_once(number: int) -> None:
    with pytest.raises(KeyboardInterrupt), StopSignal() as stop:
        assert not stop.asked
        os.kill(os.getpid(), number)
        assert stop.asked
        os.kill(os.getpid(), number)


def test_a_budget_in_steps_and_one_in_minutes() -> None:
    assert Budget(steps=200).done(50, 1e9) == 0.25
    assert Budget(minutes=2).done(10**9, 30) == 0.25
    assert Budget(minutes=2).done(0, 500) == 1.0
    assert Budget(steps=3).share(0.1) == Budget(steps=1)
    assert Budget(minutes=10).share(0.4) == Budget(minutes=4.0)


@pytest.mark.parametrize(
    ("minutes", "steps", "found"),
    [(None, None, "both or neither"), (1.0, 5, "both or neither"), (0.0, None, "0 or less"), (None, -1, "0 or less")],
)
def test_a_budget_that_is_none_is_refused(minutes: float | None, steps: int | None, found: str) -> None:
    with pytest.raises(UnderstudyError, match=f"--minutes / --steps: {found}; expected"):
        Budget(minutes=minutes, steps=steps)


def test_an_unknown_preset_is_answered_with_the_known_ones() -> None:
    assert preset_named("hd") is METHODS["vid2vid"]["hd"]
    assert preset_named("hd", "everybody-dance-now") is METHODS["everybody-dance-now"]["hd"]
    with pytest.raises(UnknownChoice, match="preset: there is no 'huge'; expected one of draft, hd, standard"):
        preset_named("huge")
    with pytest.raises(UnknownChoice, match="method: there is no 'gan'; expected one of everybody-dance-now, vid2vid"):
        preset_named("draft", "gan")


@pytest.mark.parametrize("preset", [preset for presets in METHODS.values() for preset in presets.values()])
def test_the_shares_of_a_preset_add_up_to_the_whole_budget(preset: DancePreset) -> None:
    assert sum(phase.part for phase in preset.phases) + preset.face_part == pytest.approx(1.0)


def test_a_preset_whose_sizes_a_phase_cannot_take_is_refused() -> None:
    phase = PairPhase(network=GeneratorConfig(), part=1.0, reduce=2)
    with pytest.raises(ValueError, match=r"DancePreset.stride is 16, expected a multiple of 16 x 2"):
        DancePreset(name="x", pixels=1, stride=16, phases=(phase,))


def test_a_face_residual_on_the_draft_is_refused() -> None:
    with pytest.raises(ValueError, match="the draft has no whole frame to refine"):
        replace(preset_named("draft", "everybody-dance-now"), face_part=0.1)
