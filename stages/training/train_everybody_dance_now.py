"""Train a performer's likeness as Everybody Dance Now does: two frames at a time, judged together.

Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.2–3.4; the order of steps is the official code's.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks import initialise
from models.ema import Ema
from models.everybody_dance_now.generator import GlobalGenerator, LocalEnhancer
from models.everybody_dance_now.objective import PictureLoss, discriminator_loss, generator_loss, two_frames
from models.everybody_dance_now.whole_frame import WholeFrame
from models.matting import MattingWeights, matting_loss
from models.patch_discriminator import MultiscaleDiscriminator
from models.performance import Performance, Performer
from models.training_state import TrainingState
from pipeline.compute import Compute
from stages.training.bricks import (
    MAX_GRADIENT,
    SAVE_SECONDS,
    Pairs,
    Watch,
    descend,
    draw_pairs,
    learning_rate,
    set_rate,
)
from stages.training.clips import PreparedClip
from stages.training.networks import build_network
from stages.training.optimisers import build_optimiser
from stages.training.phases import Budget, PairPhase
from stages.training.rounds import Rounds, already_trained
from stages.training.validation import Validation


def train_phase(
    clip: PreparedClip,
    phase: PairPhase,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    name: str,
    continued_from: Performer | None = None,
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> Performer:
    """Train one network until the budget is used, or read it where that was done before; return its average.

    The state is saved to `folder` every `save_seconds` and on Ctrl-C; started again with the same settings it goes on
    from there, and on a processor with a budget in steps it computes exactly what it would have computed.

    Raises:
        TrainingError: the loss is no number any more, or the saved state is of another training.
        StorageError: the disk is full.
        KeyboardInterrupt: passed on after saving.
    """
    players = _players(phase, compute, continued_from)
    if already_trained(players.network, folder, name):
        return players.network
    with (
        Rounds(folder, name, players.state, budget, watch=watch, save_seconds=save_seconds) as rounds,
        closing(
            Validation(clip, phase.reduce, compute, folder, name, step=rounds.step, done=rounds.done)
        ) as validation,
    ):
        for step in rounds:
            set_rate(learning_rate(phase.learning_rate, rounds.done, phase.schedule), *players.optimisers)
            pairs = draw_pairs(
                clip, phase.batch, players.sampler, shift=phase.shift, reduce=phase.reduce, compute=compute
            )
            loss, fake = _generator_step(players, pairs, phase, compute, perceptual, step)
            if players.of_judge is not None:
                _judge_step(players.judge, players.of_judge, pairs, fake, phase, compute, step)
            players.average.update(players.network)
            rounds.learnt(loss)
            validation.look(step, loss, rounds.done, players.average.average)
    rounds.finish(players.average.average)
    players.average.copy_to(players.network)
    return players.network


@dataclass(frozen=True, slots=True, eq=False)
class _Players:
    """Who learns in a phase, and what of them is saved."""

    network: Performer
    judge: nn.Module  # an empty one where nobody is judged
    average: Ema[Performer]
    of_network: torch.optim.Optimizer
    of_judge: torch.optim.Optimizer | None
    sampler: np.random.Generator
    state: TrainingState

    @property
    def optimisers(self) -> tuple[torch.optim.Optimizer, ...]:
        return (self.of_network,) if self.of_judge is None else (self.of_network, self.of_judge)


def _players(phase: PairPhase, compute: Compute, continued_from: Performer | None) -> _Players:
    chance = compute.generator()
    network = build_network(phase.network, chance)
    if continued_from is not None:
        _take_over(network, continued_from)
    network = network.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Ema(network, decay=phase.ema)
    of_network = build_optimiser(phase.optimiser, network.parameters(), phase.learning_rate, phase.betas, compute)
    optimisers = {"network": of_network}
    judge: nn.Module = nn.Identity()
    if phase.weights.judged:
        judge = initialise(MultiscaleDiscriminator(phase.discriminator), chance).to(compute.device)
        optimisers["judge"] = torch.optim.Adam(judge.parameters(), phase.learning_rate, betas=phase.betas)
    sampler = np.random.default_rng(compute.seed)
    state = TrainingState(
        modules={"network": network, "average": average, "judge": judge},
        optimisers=optimisers,
        samplers={"pairs": sampler},
    )
    return _Players(network, judge, average, of_network, optimisers.get("judge"), sampler, state)


def _take_over(network: Performer, coarse: Performer) -> None:
    """The local enhancer goes on from the global generator of the phase before."""
    assert isinstance(network, WholeFrame) and isinstance(coarse, WholeFrame)
    assert isinstance(network.generator, LocalEnhancer) and isinstance(coarse.generator, GlobalGenerator)
    network.generator.continue_from(coarse.generator)


def _generator_step(
    players: _Players, pairs: Pairs, phase: PairPhase, compute: Compute, perceptual: PictureLoss | None, step: int
) -> tuple[float, tuple[Tensor, Tensor]]:
    """Paint both frames, descend on all terms; returns the total and the frames for the discriminator's turn."""
    made: list[Performance] = []

    def paint(condition: Tensor, previous: Tensor) -> Tensor:
        made.append(players.network(condition, previous, pairs.backdrop))
        return made[-1].image.float()

    with compute.autocast():
        fake = two_frames(paint, *pairs.conditions)
        terms = generator_loss(
            players.judge,
            conditions=pairs.conditions,
            real=pairs.pictures,
            fake=fake,
            weights=phase.weights,
            perceptual=perceptual,
        )
    total = terms.total(phase.weights)
    if phase.matting is not None:
        total = total + _matting(made, pairs, phase.matting)
    return descend(total, players.of_network, step=step, most=MAX_GRADIENT), fake


def _matting(made: list[Performance], pairs: Pairs, weights: MattingWeights) -> Tensor:
    """The mean over both frames of the terms about the mask."""
    terms = [
        matting_loss(one, picture, person, weights).total(weights)
        for one, picture, person in zip(made, pairs.pictures, pairs.persons, strict=True)
    ]
    return torch.stack(terms).mean()


def _judge_step(
    judge: nn.Module,
    optimiser: torch.optim.Optimizer,
    pairs: Pairs,
    fake: tuple[Tensor, Tensor],
    phase: PairPhase,
    compute: Compute,
    step: int,
) -> None:
    with compute.autocast():
        terms = discriminator_loss(
            judge, conditions=pairs.conditions, real=pairs.pictures, fake=fake, weights=phase.weights
        )
    descend(terms.total(), optimiser, step=step)
