"""Train a translator on pairs, as pix2pix and pix2pixHD do: near the true picture, and judged beside its input.

Sources: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", sec. 3, whose code lets
the judge step first; Wang et al. 2018, "High-Resolution Image Synthesis …", sec. 3, whose generator steps first.
"""

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.blocks import initialise
from models.ema import Ema
from models.norms import NORMS
from models.patch_discriminator import MultiscaleDiscriminator
from models.pix2pix.objective import (
    PaintedPairs,
    PictureLoss,
    paired_discriminator_terms,
    paired_generator_terms,
)
from models.training_state import TrainingState
from pipeline.compute import Compute
from stages.training.bricks import (
    SAVE_SECONDS,
    Watch,
    descend,
    learning_rate,
    set_rate,
)
from stages.training.contact_sheet import ContactSheet, laid_out, painted, samples_of
from stages.training.flow_teacher import TaughtFlow
from stages.training.phases import Budget
from stages.training.picture_draws import DrawPlan, companions_of, draw_moment, draw_views, fitting_plan
from stages.training.picture_store import PictureStore
from stages.training.rounds import Rounds, already_trained
from stages.training.translate_networks import build_translator, dropping, smallest_side
from stages.training.translate_phases import PairedPreset
from stages.training.turns import Turn


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pictures that belong together one by one."""

    inputs: PictureStore
    truth: PictureStore
    flow: TaughtFlow | None = None  # of the truth, which the painted pictures shall move like; None: not learnt from


def train_pix2pix(
    pairs: Pairs,
    preset: PairedPreset,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    name: str = "pix2pix",
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> nn.Module:
    """Train until the budget is used, or read what was trained before; return the generator's average.

    State, Ctrl-C and the same numbers after a restart: see `train_cyclegan`.

    Args:
        perceptual: VGG-19's loss; without it its term is replaced by the mean absolute error.

    Raises: as `train_cyclegan`.
    """
    if perceptual is None:
        preset = replace(preset, weights=preset.weights.without_perceptual())
    plan = _plan(pairs, preset)
    players = _players(preset, compute)
    if already_trained(players.average.average, folder, name):
        return players.average.average
    sheet_of = partial(_sheet, pairs, players.average.average, plan, compute)
    with (
        Rounds(folder, name, players.state, budget, watch=watch, save_seconds=save_seconds) as rounds,
        closing(ContactSheet(folder, name, step=rounds.step, done=rounds.done)) as sheet,
    ):
        for step in rounds:
            set_rate(learning_rate(preset.learning_rate, rounds.done, preset.schedule), players.of_generator)
            set_rate(learning_rate(preset.judges_rate, rounds.done, preset.schedule), players.of_judge)
            chance = np.random.default_rng((compute.seed, step))
            steady = preset.weights.flow > 0 and rounds.done >= preset.steady_from
            shown = _draw_and_paint(players, pairs, plan, compute, step, chance, steady=steady)
            if preset.judge_first and _judged(preset):
                _judge_step(players, shown, preset, compute, step)
            loss, terms = _generator_step(players, shown, preset, compute, perceptual, step)
            if not preset.judge_first and _judged(preset):
                _judge_step(players, shown, preset, compute, step)
            players.average.update(players.generator)
            rounds.learnt(loss)
            sheet.look(step, loss, rounds.done, terms, sheet_of)
    rounds.finish(players.average.average)
    return players.average.average


@dataclass(frozen=True, slots=True, eq=False)
class _Players:
    """Who learns, and what of them is saved."""

    generator: nn.Module
    judge: nn.Module
    average: Ema[nn.Module]
    of_generator: torch.optim.Optimizer
    of_judge: torch.optim.Optimizer
    state: TrainingState


def _plan(pairs: Pairs, preset: PairedPreset) -> DrawPlan:
    drawing = preset.drawing
    return fitting_plan(
        (pairs.inputs, pairs.truth),
        drawing.height,
        drawing.width,
        stride=preset.generator.stride,
        smallest=smallest_side(preset.generator),
        batch=drawing.batch,
        shrink=drawing.shrink,
        flip=drawing.flip,
    )


def _players(preset: PairedPreset, compute: Compute) -> _Players:
    chance = compute.generator()
    generator = build_translator(preset.generator, chance)
    generator = generator.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    judge: nn.Module = initialise(MultiscaleDiscriminator(preset.judge, norm=NORMS[preset.judge_norm]), chance)
    judge = judge.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Ema(generator, decay=preset.ema)
    of_generator = torch.optim.Adam(generator.parameters(), preset.learning_rate, betas=preset.betas)
    of_judge = torch.optim.Adam(judge.parameters(), preset.judges_rate, betas=preset.betas)
    state = TrainingState(
        modules={"generator": generator, "judge": judge, "average": average},
        optimisers={"generator": of_generator, "judge": of_judge},
    )
    return _Players(generator, judge, average, of_generator, of_judge, state)


def _draw_and_paint(
    players: _Players,
    pairs: Pairs,
    plan: DrawPlan,
    compute: Compute,
    step: int,
    chance: np.random.Generator,
    *,
    steady: bool,
) -> PaintedPairs:
    """Draw inputs and truth seen alike, in turn, and paint what belongs to the inputs."""
    frames = Turn((compute.seed,), step).among(len(pairs.inputs), plan.batch)
    views = draw_views(pairs.inputs, plan, chance)
    beside = companions_of(pairs.inputs, frames, chance) if steady else None
    given, truth = (
        draw_moment(store, frames, views, plan, compute, companions=beside, flow=pairs.flow)
        for store in (pairs.inputs, pairs.truth)
    )
    with dropping(chance, compute), compute.autocast():
        made = players.generator(given.pictures)
    return PaintedPairs(inputs=given.pictures, truth=truth.pictures, painted=made, motion=truth.motion)


def _generator_step(
    players: _Players,
    shown: PaintedPairs,
    preset: PairedPreset,
    compute: Compute,
    perceptual: PictureLoss | None,
    step: int,
) -> tuple[float, dict[str, Tensor]]:
    """Descend on all terms; returns the total and the terms by name."""
    with compute.autocast():
        terms = paired_generator_terms(
            players.judge, shown, preset.weights, adversary=preset.adversary, perceptual=perceptual
        )
    return descend(terms.total(preset.weights), players.of_generator, step=step), terms.named()


def _judge_step(players: _Players, shown: PaintedPairs, preset: PairedPreset, compute: Compute, step: int) -> None:
    with compute.autocast():
        verdict = paired_discriminator_terms(players.judge, shown, adversary=preset.adversary)
    descend(verdict.total(), players.of_judge, step=step)


def _sheet(pairs: Pairs, generator: nn.Module, plan: DrawPlan, compute: Compute) -> NDArray[np.uint8]:
    """Rows: inputs, what is painted, the truth."""
    given, truth = (samples_of(store, plan.height, plan.width) for store in (pairs.inputs, pairs.truth))
    return laid_out([given, painted(generator, given, compute), truth])


def _judged(preset: PairedPreset) -> bool:
    """Whether anybody asks the judge."""
    return preset.weights.gan > 0 or preset.weights.feature_matching > 0
