"""Train a head's likeness as Deep Video Portraits does: single frames, each from a window of what leads up to it.

Source: Kim et al. 2018, "Deep Video Portraits", sec. 5.2; the order of steps is pix2pix's: the generator, its judges.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks import initialise
from models.deep_video_portraits.discriminators import PortraitJudges
from models.deep_video_portraits.objective import (
    PictureLoss,
    PortraitScene,
    PortraitWeights,
    portrait_discriminator_terms,
    portrait_generator_terms,
)
from models.deep_video_portraits.remembers_conditions import RemembersConditions
from models.ema import Ema
from models.training_state import TrainingState
from pipeline.compute import Compute
from stages.training.bricks import (
    MAX_GRADIENT,
    SAVE_SECONDS,
    Watch,
    descend,
    learning_rate,
    set_rate,
)
from stages.training.clips import PreparedClip
from stages.training.networks import build_network
from stages.training.optimisers import build_optimiser
from stages.training.phases import Budget
from stages.training.portrait_phases import PortraitPhase
from stages.training.portrait_windows import Windows, draw_windows, eye_squares, mouth_squares, square_sides
from stages.training.rounds import Rounds, already_trained
from stages.training.validation import Validation


def train_portrait_phase(
    clip: PreparedClip,
    phase: PortraitPhase,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    name: str,
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> RemembersConditions:
    """Train one network until the budget is used, or read it where that was done before; return its average.

    The state is saved to `folder` every `save_seconds` and on Ctrl-C; started again with the same settings it goes on
    from there, and on a processor with a budget in steps it computes exactly what it would have computed.

    Raises:
        TrainingError: the loss is no number any more, or the saved state is of another training.
        StorageError: the disk is full.
        KeyboardInterrupt: passed on after saving.
    """
    players = _players(phase, compute)
    if already_trained(players.network, folder, name):
        return players.network
    sides = square_sides(clip)
    with (
        Rounds(folder, name, players.state, budget, watch=watch, save_seconds=save_seconds) as rounds,
        closing(Validation(clip, 1, compute, folder, name, step=rounds.step, done=rounds.done)) as validation,
    ):
        for step in rounds:
            set_rate(learning_rate(phase.learning_rate, rounds.done, phase.schedule), *players.optimisers)
            weights = phase.weights_now(rounds.done)
            chance = np.random.default_rng((compute.seed, step))
            windows = draw_windows(
                clip,
                phase.batch,
                phase.network.window,
                chance,
                shift=phase.shift,
                begins=phase.begins,
                compute=compute,
            )
            with _dropping(chance, compute):
                scene = _paint(players.network, windows, sides, compute)
            loss, terms = _generator_step(players, scene, weights, compute, perceptual, step)
            if weights.judged:
                _judges_step(players, scene, weights, compute, step)
            players.average.update(players.network)
            rounds.learnt(loss)
            validation.look(step, loss, rounds.done, players.average.average, terms)
    rounds.finish(players.average.average)
    players.average.copy_to(players.network)
    return players.network.eval()


@dataclass(frozen=True, slots=True, eq=False)
class _Players:
    """Who learns in a phase, and what of them is saved."""

    network: RemembersConditions
    judges: PortraitJudges | None  # None where nobody is asked
    average: Ema[RemembersConditions]
    of_network: torch.optim.Optimizer
    of_judges: torch.optim.Optimizer | None
    state: TrainingState

    @property
    def optimisers(self) -> tuple[torch.optim.Optimizer, ...]:
        return (self.of_network,) if self.of_judges is None else (self.of_network, self.of_judges)


def _players(phase: PortraitPhase, compute: Compute) -> _Players:
    chance = compute.generator()
    network = build_network(phase.network, chance)
    assert isinstance(network, RemembersConditions)
    network = network.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Ema(network, decay=phase.ema)
    modules: dict[str, nn.Module] = {"network": network, "average": average}
    of_network = build_optimiser(phase.optimiser, network.parameters(), phase.learning_rate, phase.betas, compute)
    optimisers = {"network": of_network}
    judges: PortraitJudges | None = None
    if phase.weights.judged:
        judges = initialise(PortraitJudges(phase.judges), chance)
        judges = judges.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        modules["judges"] = judges
        optimisers["judges"] = torch.optim.Adam(judges.parameters(), phase.learning_rate, betas=phase.betas)
    state = TrainingState(modules=modules, optimisers=optimisers)
    return _Players(network, judges, average, of_network, optimisers.get("judges"), state)


@contextmanager
def _dropping(chance: np.random.Generator, compute: Compute) -> Iterator[None]:
    """Let dropout, which asks PyTorch's global state, throw the step's own dice: so nothing of it needs saving."""
    devices = [torch.cuda.current_device()] if compute.device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(chance.integers(2**31)))
        yield


def _paint(network: RemembersConditions, windows: Windows, sides: tuple[int, int], compute: Compute) -> PortraitScene:
    """Paint every frame, and lay the squares around eyes and mouth."""
    eye, mouth = sides
    with compute.autocast():
        made = network.paint_window(windows.conditions, windows.backdrop)
    return PortraitScene(
        window=windows.conditions,
        picture=windows.pictures,
        made=made,
        person=windows.persons,
        mouth=mouth_squares(windows, mouth),
        eyes=eye_squares(windows, eye),
    )


def _generator_step(
    players: _Players,
    scene: PortraitScene,
    weights: PortraitWeights,
    compute: Compute,
    perceptual: PictureLoss | None,
    step: int,
) -> tuple[float, dict[str, Tensor]]:
    """Descend on all terms; returns the total and the terms by name."""
    with compute.autocast():
        terms = portrait_generator_terms(players.judges, scene, weights, perceptual=perceptual)
    most = MAX_GRADIENT * max(1.0, weights.l1)  # which the gradient grows with
    return descend(terms.total(weights), players.of_network, step=step, most=most), terms.named()


def _judges_step(
    players: _Players, scene: PortraitScene, weights: PortraitWeights, compute: Compute, step: int
) -> None:
    assert players.judges is not None and players.of_judges is not None
    with compute.autocast():
        verdict = portrait_discriminator_terms(players.judges, scene, weights)
    descend(verdict.total(), players.of_judges, step=step)
