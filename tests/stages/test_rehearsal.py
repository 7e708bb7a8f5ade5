"""Counting a training step without computing it: against hand counts, autograd's own, and the real loops."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_dances import DRAFT, SEQUENCES, WHOLE
from torch import Tensor, nn

from models.everybody_dance_now.generator import GeneratorConfig, GlobalGenerator
from pipeline.compute import Compute
from stages.training.clips import PreparedClip
from stages.training.flow_teacher import TaughtFlow
from stages.training.phases import Budget, DancePreset
from stages.training.presets import METHODS
from stages.training.rehearsal import Demand, at_least, frames_per_step, rehearse, seconds_per_step
from stages.training.rehearsal_bricks import Setup
from stages.training.step_cost import HeldBytes, Step, step_cost
from stages.training.train_everybody_dance_now import train_phase
from stages.training.train_vid2vid import train_sequences

OF_THE_LOOP = 0.1  # the loop also holds what it validates with, and lets go of its pictures a little later


def setup_at(width: int, height: int, *, device: str = "cpu", precision: str = "float32") -> Setup:
    return Setup(width=width, height=height, compute=Compute(device, precision))  # type: ignore[arg-type]


def test_a_linear_layer_costs_what_a_hand_count_says():
    def prepare() -> Step:
        weight = torch.zeros(100, 50, requires_grad=True)  # 20,000 bytes
        inputs = torch.zeros(8, 50)  # 1,600

        def step() -> None:
            weight.grad = None
            (inputs @ weight.T).sum().backward()

        return step

    cost = step_cost(prepare)
    assert cost.resting_bytes == 20_000 + 1_600 + 20_000  # weight, inputs, gradient
    # At the worst moment: all that rests, and the product's gradient: 8 x 100 floats, expanded from one number.
    assert cost.resting_bytes <= cost.peak_bytes <= cost.resting_bytes + 3 * 3_200 + 100
    assert cost.flops == 2 * (2 * 8 * 50 * 100)  # the product, and the gradient of the weight


def test_views_are_counted_once_and_what_is_let_go_is_not_counted_any_more():
    with HeldBytes() as held:
        picture = torch.zeros(10, 10)
        views = [picture.T, picture[:5], picture.view(100)]
        assert held.now == 400
        other = picture + 1
        assert (held.now, held.peak) == (800, 800)
        del other
        assert (held.now, held.peak) == (400, 800)
        del picture, views
        assert held.now == 0


def test_fake_tensors_are_counted_as_real_ones_are():
    def prepare() -> Step:
        network = GlobalGenerator(GeneratorConfig(base_channels=4, downsamplings=2, blocks=1))
        optimiser = torch.optim.Adam(network.parameters())
        picture = torch.zeros(1, 6, 64, 48)

        def step() -> None:
            optimiser.zero_grad(set_to_none=True)
            network(picture).sum().backward()
            optimiser.step()

        return step

    counted = step_cost(prepare)
    with HeldBytes() as held:
        step = prepare()
        step()
        step()
    assert counted.peak_bytes == pytest.approx(held.peak, rel=0.01)
    assert counted.resting_bytes == pytest.approx(held.now, rel=0.01)


def test_the_peak_holds_at_least_what_autograd_keeps_for_the_way_back():
    network = GlobalGenerator(GeneratorConfig(base_channels=8, downsamplings=2, blocks=1))
    picture, kept = torch.zeros(1, 6, 128, 128), {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(picture)
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    activations = sum(storage.nbytes() for place, storage in kept.items() if place not in weights)

    def prepare() -> Step:
        again = GlobalGenerator(GeneratorConfig(base_channels=8, downsamplings=2, blocks=1))
        inputs = torch.zeros(1, 6, 128, 128)
        return lambda: again(inputs).sum().backward()

    cost = step_cost(prepare)
    assert activations > 5 * cost.resting_bytes  # or the test would say little
    beside = 1.5  # on the way back, gradients of the widest maps stand beside what was kept
    assert activations <= cost.peak_bytes - cost.resting_bytes + picture.nbytes <= beside * activations


@pytest.mark.parametrize("number", [0, 1], ids=["global", "enhancer"])
def test_a_rehearsed_pair_holds_as_much_as_the_real_loop(
    number: int, clip: PreparedClip, compute: Compute, tmp_path: Path, one_thread: None
):
    phase = WHOLE.phases[number]
    phase = replace(phase, weights=phase.weights.without_perceptual())  # type: ignore[union-attr]
    framing = clip.framing
    counted = rehearse(replace(WHOLE, phases=(phase,)), setup_at(framing.width, framing.height))
    with HeldBytes() as held:
        train_phase(clip, phase, Budget(steps=2), compute, tmp_path, name="phase")
    assert counted.peak_bytes == pytest.approx(held.peak, rel=OF_THE_LOOP)


def test_a_rehearsed_draft_holds_as_much_as_the_real_loop(
    clip: PreparedClip, compute: Compute, tmp_path: Path, one_thread: None
):
    counted = rehearse(DRAFT, setup_at(clip.framing.width, clip.framing.height))
    with HeldBytes() as held:
        train_phase(clip, DRAFT.phases[0], Budget(steps=2), compute, tmp_path, name="phase")  # type: ignore[arg-type]
    assert counted.peak_bytes == pytest.approx(held.peak, rel=OF_THE_LOOP)


def test_a_rehearsed_take_holds_as_much_as_the_real_loop(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute, tmp_path: Path, one_thread: None
):
    phase = SEQUENCES.phases[0]
    off = ("face_gan", "hand_gan")  # which the rehearsal leaves out
    phase = replace(phase, frames=(4,), most_stride=1, weights=phase.weights.without(off))  # type: ignore[union-attr]
    counted = rehearse(replace(SEQUENCES, phases=(phase,)), setup_at(clip.framing.width, clip.framing.height))
    with HeldBytes() as held:
        train_sequences(clip, taught, phase, Budget(steps=2), compute, tmp_path, name="phase")
    assert counted.peak_bytes == pytest.approx(held.peak, rel=OF_THE_LOOP)


def test_a_later_phase_also_holds_the_network_of_the_one_before():
    both = rehearse(WHOLE, setup_at(64, 64)).peak_bytes
    later = rehearse(replace(WHOLE, phases=WHOLE.phases[1:]), setup_at(64, 64)).peak_bytes
    coarse = sum(weight.nbytes for weight in GlobalGenerator(WHOLE.phases[0].network).parameters())  # type: ignore[arg-type]
    assert both == later + coarse


def test_painting_frames_anew_holds_less_and_computes_more():
    def takes(checkpointing: bool) -> DancePreset:
        (phase,) = SEQUENCES.phases
        return replace(
            SEQUENCES, phases=(replace(phase, checkpointing=checkpointing, frames=(3,), chunk=3, backprop=(3,)),)
        )

    plain, anew = (rehearse(takes(again), setup_at(64, 128)) for again in (False, True))
    assert anew.peak_bytes < 0.8 * plain.peak_bytes
    assert anew.flops > 1.1 * plain.flops


@pytest.mark.parametrize("preset", [DRAFT, WHOLE, SEQUENCES], ids=lambda preset: preset.name)
def test_what_is_known_at_once_is_never_more_than_the_rehearsal_counts(preset: DancePreset):
    bound, counted = at_least(preset, setup_at(64, 64)), rehearse(preset, setup_at(64, 64))
    assert bound.resting_bytes <= counted.resting_bytes <= counted.peak_bytes
    assert bound.flops <= counted.flops


def test_bfloat16_holds_less_than_float32_where_activations_are_most_of_it():
    low, full = (rehearse(DRAFT, setup_at(256, 256, precision=kind)).peak_bytes for kind in ("bfloat16", "float32"))
    assert low < 0.85 * full


@pytest.fixture(scope="module")
def standard() -> Demand:
    """Everybody Dance Now's global generator with its judge, on a small picture: nearly all is weights."""
    return rehearse(METHODS["everybody-dance-now"]["standard"], setup_at(32, 32))


def test_the_saved_state_is_network_average_judge_and_two_moments_of_those_that_learn(standard: Demand):
    network, judge = 4 * 182_452_675, 4 * 2 * 2_773_953
    assert standard.model_bytes == network
    assert standard.saved_bytes == 3 * (network + judge) + network
    assert standard.resting_bytes > 5 * network


def test_a_gpu_needs_room_for_adam_to_move_all_weights_at_once(standard: Demand):
    there = rehearse(METHODS["everybody-dance-now"]["standard"], setup_at(32, 32, device="cuda"))
    assert there.resting_bytes == standard.resting_bytes
    assert there.peak_bytes > standard.peak_bytes + 0.8 * standard.model_bytes


def test_steps_can_be_timed(one_thread: None):
    assert 0 < seconds_per_step(DRAFT.phases[0], setup_at(32, 32)) < 10


@pytest.mark.parametrize(("preset", "frames"), [(DRAFT, 2), (SEQUENCES, 5)], ids=["pairs", "takes"])
def test_a_step_is_a_pair_or_the_longest_take(preset: DancePreset, frames: int):
    assert frames_per_step(preset.phases[-1]) == frames


def test_a_step_that_asks_for_a_value_is_refused():
    def prepare() -> Step:
        layer: Callable[[Tensor], Tensor] = nn.Linear(2, 2)
        return lambda: float(layer(torch.zeros(2)).sum())

    with pytest.raises(Exception, match=r"item|data-dependent|_local_scalar_dense"):
        step_cost(prepare)
