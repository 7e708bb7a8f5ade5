"""rehearse: what training a preset asks of a machine, counted without computing; and what a step takes, by taking some.

Fakes stand for all tensors, so that a preset for a large GPU can be counted on any machine.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from stages.training.machine import wait_for
from stages.training.networks import NETWORKS, name_of
from stages.training.phases import DancePreset, NetworkConfig, PairPhase, Phase
from stages.training.rehearsal_bricks import Setup
from stages.training.rehearse_pairs import PairRehearsal
from stages.training.rehearse_sequences import SequenceRehearsal
from stages.training.step_cost import Step, StepCost, step_cost

WARM_UP, TIMED = 1, 3  # steps; the first one also allocates
ADAM = 2  # moments that Adam keeps of every weight

Rehearsal = PairRehearsal | SequenceRehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a preset asks of a machine. A step is the training loop's: a pair of frames, or a take."""

    peak_bytes: int  # of all tensors at the worst moment of the most demanding phase
    resting_bytes: int  # of these, what no smaller picture spares: weights, gradients, moments
    flops: float  # of a step of the last phase, which paints the largest pictures
    operators: float  # likewise
    saved_bytes: int  # of the largest full training state on disk
    model_bytes: int  # of the weights in the model folder


@dataclass(frozen=True, slots=True)
class _Counted:
    cost: StepCost
    rehearsal: Rehearsal


def rehearse(preset: DancePreset, setup: Setup) -> Demand:
    """Count what training a preset costs.

    The face residual is left out: it trains a tenth of the weights over a performer without gradients, and never comes
    near what the phases before it hold.
    """
    networks = [phase.network for phase in preset.phases]
    counted = [_count(phase, setup, before) for phase, before in zip(preset.phases, [None, *networks], strict=False)]
    last = counted[-1]
    eye = 0 if setup.perceptual is None else _bytes_of(setup.perceptual)
    return Demand(
        peak_bytes=max(one.cost.peak_bytes for one in counted) + eye,
        resting_bytes=max(one.cost.resting_bytes for one in counted) + eye,
        flops=last.cost.flops * last.rehearsal.repeats,
        operators=last.cost.operators * last.rehearsal.repeats,
        saved_bytes=max(_saved(one.rehearsal) for one in counted),
        model_bytes=_bytes_of(last.rehearsal.network),
    )


def at_least(preset: DancePreset, setup: Setup) -> Demand:
    """What is known at once: Adam's share of the weights, and painting a frame forwards and backwards.

    A rehearsal takes seconds, and minutes for the largest presets; this rules out what is far out of reach.
    """
    phase = preset.phases[-1]
    height, width = setup.size(phase.reduce)
    with FakeTensorMode(), FlopCounterMode(display=False) as arithmetic, torch.no_grad():
        network = NETWORKS[name_of(phase.network)][1](phase.network)
        picture = torch.zeros(1, 3, height, width)
        network.perform(picture, picture, network.blank(picture))
    weights = _bytes_of(network)
    resting = (3 + ADAM) * weights  # weights, gradients, average, moments
    return Demand(
        peak_bytes=resting,
        resting_bytes=resting,
        flops=3.0 * arithmetic.get_total_flops() * phase.batch * frames_per_step(phase),
        operators=0.0,
        saved_bytes=(2 + ADAM) * weights,
        model_bytes=weights,
    )


def frames_per_step(phase: Phase) -> int:
    """How many frames one after the other a step of the loop paints: a pair, or a take at its longest."""
    return 2 if isinstance(phase, PairPhase) else phase.longest_now(1.0)


def seconds_per_step(phase: Phase, setup: Setup) -> float:
    """Take a few real steps on the setup's device and return the median of their times, in seconds."""
    step = _rehearsal(phase, setup)
    taken = []
    for _ in range(WARM_UP + TIMED):
        begun = time.perf_counter()
        step()
        wait_for(setup.compute)
        taken.append(time.perf_counter() - begun)
    return median(taken[WARM_UP:]) * step.repeats


def _count(phase: Phase, setup: Setup, before: NetworkConfig | None) -> _Counted:
    """The network of the phase before stays where it is while this one is trained."""
    made: list[Rehearsal] = []
    former: list[nn.Module] = []

    def prepare() -> Step:
        if before is not None:
            former.append(NETWORKS[name_of(before)][1](before))
        made.append(_rehearsal(phase, replace(setup, fake=True)))
        return made[0]

    return _Counted(step_cost(prepare), made[0])


def _rehearsal(phase: Phase, setup: Setup) -> Rehearsal:
    return PairRehearsal(phase, setup) if isinstance(phase, PairPhase) else SequenceRehearsal(phase, setup)


def _saved(rehearsal: Rehearsal) -> int:
    """Network, average and judges, and Adam's moments of those that learn."""
    learning = _bytes_of(rehearsal.network, rehearsal.judge)
    return (1 + ADAM) * learning + _bytes_of(rehearsal.average)


def _bytes_of(*networks: nn.Module) -> int:
    weights: Sequence[nn.Parameter] = [weight for network in networks for weight in network.parameters()]
    return sum(weight.nbytes for weight in weights)
