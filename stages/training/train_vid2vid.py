"""Train a performer's likeness as vid2vid does: takes painted frame after frame, judged as pictures and as video.

Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 and its published training; the order of steps is methods
6.7's: paint a stretch of the take, the generator's step, the judges' step, on to the next stretch.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from models.blocks import initialise
from models.ema import Ema
from models.performance import Performer
from models.training_state import TrainingState
from models.vid2vid.discriminators import Judges
from models.vid2vid.objective import (
    DiscriminatorTerms,
    GeneratorTerms,
    discriminator_terms,
    first_bad,
    generator_terms,
)
from models.vid2vid.performer import SequentialPerformer
from models.vid2vid.terms import PictureLoss
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from stages.training.bricks import (
    MAX_GRADIENT,
    SAVE_SECONDS,
    Watch,
    descend,
    learning_rate,
    set_rate,
)
from stages.training.clips import PreparedClip
from stages.training.flow_teacher import TaughtFlow
from stages.training.networks import build_network
from stages.training.optimisers import build_optimiser
from stages.training.phases import JUDGED, Budget, SequencePhase
from stages.training.processes import ALONE, Processes
from stages.training.rollout import matting_of, roll_out
from stages.training.rounds import Rounds, already_trained
from stages.training.scenes import scene_of
from stages.training.takes import Take, TakePlan, TakeSource
from stages.training.turns import Turn
from stages.training.validation import Validation

TTUR_BETAS = (0.0, 0.9)
# The judges' losses as the words of --without have them.
JUDGE_WORDS = {"image": "image", "temporal": "video", "face": "face", "hand": "hand"}


def train_sequences(
    clip: PreparedClip,
    flow: TaughtFlow,
    phase: SequencePhase,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    name: str,
    continued_from: Performer | None = None,
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
    processes: Processes = ALONE,
) -> SequentialPerformer:
    """Train one pyramid until the budget is used, or read it where that was done before; return its average.

    A step is a whole take. The state is saved to `folder` every `save_seconds` and on Ctrl-C, between takes; started
    again with the same settings it goes on from there, and on a processor with a budget in steps it computes exactly
    what it would have computed.

    Args:
        flow: the teacher's, of the gaps that the phase asks for; scales in time that no take reaches are left out.
        continued_from: the performer of the phase before, whose scales are taken over.
        processes: who trains together; each draws its own takes.

    Raises:
        TrainingError: a loss is no number any more (which one is said), the saved state is of another training, or
            nowhere are enough frames in a row.
        StorageError: the disk is full.
        KeyboardInterrupt: passed on after saving.
    """
    players = _players(phase, compute, continued_from)
    if already_trained(players.network, folder, name):
        return players.network
    source = TakeSource(clip, flow, least=phase.network.past_frames + 1)
    with ExitStack() as books:
        rounds = books.enter_context(
            Rounds(
                folder,
                name,
                players.state,
                budget,
                watch=watch,
                save_seconds=save_seconds,
                processes=processes,
                device=compute.device,
            )
        )
        if processes.keeps_the_books:
            validation = books.enter_context(
                closing(Validation(clip, phase.reduce, compute, folder, name, step=rounds.step, done=rounds.done))
            )
        for step in rounds:
            done = rounds.done
            _set_rates(players, phase, done)
            chance = np.random.default_rng((compute.seed, processes.rank, step))
            turn = Turn((compute.seed, processes.rank), step)
            take = source.draw(_plan(phase, flow, done), turn, chance, compute)
            terms = list(_play(players, take, phase, done, compute, perceptual, step, processes))
            loss = fmean(float(one.total(phase.weights).detach()) for one in terms)
            players.average.update(players.network)
            rounds.learnt(loss)
            if processes.keeps_the_books:
                validation.look(step, loss, rounds.done, players.average.average, terms[-1].named())
    rounds.finish(players.average.average)
    players.average.copy_to(players.network)
    processes.wait()
    return players.network


@dataclass(frozen=True, slots=True, eq=False)
class _Players:
    """Who learns in a phase, and what of them is saved."""

    network: SequentialPerformer
    judges: Judges
    average: Ema[SequentialPerformer]
    of_network: torch.optim.Optimizer
    of_judges: torch.optim.Optimizer
    state: TrainingState


def _players(phase: SequencePhase, compute: Compute, continued_from: Performer | None) -> _Players:
    chance = compute.generator()
    network = build_network(phase.network, chance)
    assert isinstance(network, SequentialPerformer)
    if continued_from is not None:
        assert isinstance(continued_from, SequentialPerformer)
        network.generator.continue_from(continued_from.generator)
    network = network.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    judges = initialise(Judges(phase.judges), chance)
    judges = judges.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    betas = TTUR_BETAS if phase.ttur else phase.betas
    average = Ema(network, decay=phase.ema)
    of_network = build_optimiser(phase.optimiser, network.parameters(), phase.learning_rate, betas, compute)
    of_judges = torch.optim.Adam(judges.parameters(), phase.learning_rate, betas=betas)
    state = TrainingState(
        modules={"network": network, "average": average, "judges": judges},
        optimisers={"network": of_network, "judges": of_judges},
    )
    return _Players(network, judges, average, of_network, of_judges, state)


def _set_rates(players: _Players, phase: SequencePhase, done: float) -> None:
    """Set this step's rates, and let the coarser scales rest while a new finest one finds its feet (methods 6.7)."""
    rate = learning_rate(phase.learning_rate, done, phase.schedule)
    slower, faster = (rate / 2, rate * 2) if phase.ttur else (rate, rate)
    set_rate(slower, players.of_network)
    set_rate(faster, players.of_judges)
    generator = players.network.generator
    generator.requires_grad_(True)
    if done < phase.coarse_fixed and generator.finer:
        generator.requires_grad_(False)
        generator.finer[-1].requires_grad_(True)


def _plan(phase: SequencePhase, flow: TaughtFlow, done: float) -> TakePlan:
    frames = phase.longest_now(done)
    gaps = [gap for gap in phase.gaps if gap < frames and all(gap * stride in flow.gaps for stride in phase.strides)]
    return TakePlan(
        frames=frames,
        batch=phase.batch,
        most_stride=phase.most_stride,
        gaps=tuple(gaps),
        shift=phase.shift,
        reduce=phase.reduce,
        drop=phase.drop,
    )


def _play(
    players: _Players,
    take: Take,
    phase: SequencePhase,
    done: float,
    compute: Compute,
    perceptual: PictureLoss | None,
    step: int,
    processes: Processes,
) -> Iterator[GeneratorTerms]:
    """Paint a take stretch by stretch; after each the generator learns, then the judges; yields the terms of each."""
    memory = players.network.blank(take.conditions[:, 0])
    painted: list[Tensor] = []
    for stretch, first in enumerate(range(0, len(take), phase.chunk)):
        weights = phase.weights_now(done, stretch)
        rollout, memory = roll_out(
            players.network,
            take,
            first,
            min(first + phase.chunk, len(take)),
            memory,
            compute,
            backprop=phase.backprop_now(done),
            checkpointing=phase.checkpointing,
        )
        scene = scene_of(take, rollout, painted, phase.judges, phase.seen_from)
        with compute.autocast():
            terms = generator_terms(players.judges, scene, weights, perceptual=perceptual)
        _refuse_bad(terms, step)
        total = terms.total(weights) + matting_of(rollout, take, phase.matting)
        descend(total, players.of_network, step=step, most=MAX_GRADIENT, processes=processes)
        if any(getattr(weights, term) > 0 for term in JUDGED):
            with compute.autocast():
                verdict = discriminator_terms(players.judges, scene, weights)
            _refuse_bad(verdict, step)
            descend(verdict.total(), players.of_judges, step=step, processes=processes)
        painted.extend(rollout.image.detach().unbind(1))
        yield terms


def _refuse_bad(terms: GeneratorTerms | DiscriminatorTerms, step: int) -> None:
    bad = first_bad(terms)
    if bad is not None:
        part = f"{JUDGE_WORDS[bad]}-discriminator" if isinstance(terms, DiscriminatorTerms) else bad
        raise TrainingError(
            f"training step {step}",
            f"the loss {bad!r} is no finite number",
            "finite numbers",
            f"The state saved last is sound: the same command goes on. If this comes again, use --without {part}.",
        )
