"""Train two translators without pairs, as CycleGAN does: there and back again, judged as pictures of either domain.

Source: Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", sec. 3 and
4; the order of steps is the official code's: both generators with the judges frozen, then both judges. Ours: neighbours
in time are translated alike (models/steadiness.py).
"""

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.blocks import initialise
from models.cyclegan.generator import ResnetGenerator
from models.cyclegan.objective import (
    Cycle,
    DomainJudges,
    Footage,
    Translators,
    cycle_discriminator_terms,
    cycle_generator_terms,
    go_round,
)
from models.ema import Ema
from models.image_pool import ImagePool
from models.patch_discriminator import MultiscaleDiscriminator
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
from stages.training.picture_draws import (
    DrawPlan,
    colours_of,
    companions_of,
    draw_moment,
    draw_views,
    fitting_plan,
)
from stages.training.picture_store import PictureStore
from stages.training.rounds import Rounds, already_trained
from stages.training.translate_networks import build_translator, dropping, smallest_side
from stages.training.translate_phases import UnpairedPreset
from stages.training.turns import Turn

TO_A, TO_B = "to_a", "to_b"


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """One side's pictures, and how those that follow each other move."""

    store: PictureStore
    flow: TaughtFlow | None = None  # None: nothing is learnt from it


def train_cyclegan(
    a: Domain,
    b: Domain,
    preset: UnpairedPreset,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    name: str = "cyclegan",
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> Translators:
    """Train until the budget is used, or read what was trained before; return the averages of both generators.

    The state is saved to `folder` every `save_seconds` and on Ctrl-C; started again with the same settings it goes on
    from there, and on a processor with a budget in steps it computes exactly what it would have computed.

    Raises:
        TrainingError: a loss is no number any more, the saved state is of another training, or the pictures are too
            small.
        StorageError: the disk is full.
        KeyboardInterrupt: passed on after saving.
    """
    plan = _plan(a, b, preset)
    players = _players(preset, plan, compute, (a, b))
    if already_trained(players.average.average, folder, name):
        return _translators(players.average.average)
    sheet_of = partial(_sheet, a, b, players.average.average, plan, compute)
    with (
        Rounds(folder, name, players.state, budget, watch=watch, save_seconds=save_seconds) as rounds,
        closing(ContactSheet(folder, name, step=rounds.step, done=rounds.done)) as sheet,
    ):
        for step in rounds:
            set_rate(learning_rate(preset.learning_rate, rounds.done, preset.schedule), players.of_generators)
            set_rate(learning_rate(preset.judges_rate, rounds.done, preset.schedule), players.of_judges)
            chance = np.random.default_rng((compute.seed, step))
            steady = preset.weights.flow > 0 and rounds.done >= preset.steady_from
            footage_a, footage_b = _draw(a, b, plan, compute, step, chance, steady=steady)
            with dropping(chance, compute), compute.autocast():
                cycle = go_round(_translators(players.generators), footage_a, footage_b, preset.weights)
            loss, terms = _generators_step(players, cycle, preset, compute, step)
            if preset.weights.gan > 0:
                _judges_step(players, cycle, compute, step, chance)
            players.average.update(players.generators)
            rounds.learnt(loss)
            sheet.look(step, loss, rounds.done, terms, sheet_of)
    rounds.finish(players.average.average)
    return _translators(players.average.average)


@dataclass(frozen=True, slots=True, eq=False)
class _Players:
    """Who learns, and what of them is saved."""

    generators: nn.ModuleDict
    judges: nn.ModuleDict
    pools: nn.ModuleDict
    average: Ema[nn.ModuleDict]
    of_generators: torch.optim.Optimizer
    of_judges: torch.optim.Optimizer
    state: TrainingState


def _plan(a: Domain, b: Domain, preset: UnpairedPreset) -> DrawPlan:
    drawing = preset.drawing
    return fitting_plan(
        (a.store, b.store),
        drawing.height,
        drawing.width,
        stride=preset.generator.stride,
        smallest=smallest_side(preset.generator),
        batch=drawing.batch,
        shrink=drawing.shrink,
        flip=drawing.flip,
    )


def _players(preset: UnpairedPreset, plan: DrawPlan, compute: Compute, domains: tuple[Domain, Domain]) -> _Players:
    chance = compute.generator()
    generators = nn.ModuleDict({name: build_translator(preset.generator, chance) for name in (TO_A, TO_B)})
    _aim(generators, *domains)
    generators = generators.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    judges = nn.ModuleDict({name: initialise(MultiscaleDiscriminator(preset.judge), chance) for name in ("a", "b")})
    judges = judges.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pools = nn.ModuleDict(
        {name: ImagePool(preset.pool, channels=3, height=plan.height, width=plan.width) for name in ("a", "b")}
    ).to(compute.device)
    average = Ema(generators, decay=preset.ema)
    of_generators = torch.optim.Adam(generators.parameters(), preset.learning_rate, betas=preset.betas)
    of_judges = torch.optim.Adam(judges.parameters(), preset.judges_rate, betas=preset.betas)
    state = TrainingState(
        modules={"generators": generators, "judges": judges, "pools": pools, "average": average},
        optimisers={"generators": of_generators, "judges": of_judges},
    )
    return _Players(generators, judges, pools, average, of_generators, of_judges, state)


def _aim(generators: nn.ModuleDict, a: Domain, b: Domain) -> None:
    """Let generators that recolour begin with the other domain's usual colours."""
    in_a, in_b = colours_of(a.store), colours_of(b.store)
    for generator, here, there in ((generators[TO_B], in_a, in_b), (generators[TO_A], in_b, in_a)):
        if isinstance(generator, ResnetGenerator) and generator.recolour is not None:
            generator.recolour.aim(here, there)


def _translators(generators: nn.ModuleDict) -> Translators:
    return Translators(to_a=generators[TO_A], to_b=generators[TO_B])


def _draw(
    a: Domain, b: Domain, plan: DrawPlan, compute: Compute, step: int, chance: np.random.Generator, *, steady: bool
) -> tuple[Footage, Footage]:
    """A's pictures in turn, B's at random: nothing pairs them. Where `steady`, with companions."""

    def footage(domain: Domain, frames: NDArray[np.int64]) -> Footage:
        views = draw_views(domain.store, plan, chance)
        beside = companions_of(domain.store, frames, chance) if steady else None
        moment = draw_moment(domain.store, frames, views, plan, compute, companions=beside, flow=domain.flow)
        return Footage(pictures=moment.pictures, motion=moment.motion)

    in_a = Turn((compute.seed,), step).among(len(a.store), plan.batch)
    return footage(a, in_a), footage(b, chance.integers(len(b.store), size=plan.batch))


def _generators_step(
    players: _Players, cycle: Cycle, preset: UnpairedPreset, compute: Compute, step: int
) -> tuple[float, dict[str, Tensor]]:
    """Descend on all terms; returns the total and the terms by name."""
    with compute.autocast():
        terms = cycle_generator_terms(_judges(players), cycle, preset.weights)
    return descend(terms.total(preset.weights), players.of_generators, step=step), terms.named()


def _judges_step(players: _Players, cycle: Cycle, compute: Compute, step: int, chance: np.random.Generator) -> None:
    shown_a, shown_b = players.pools["a"](cycle.b.painted, chance), players.pools["b"](cycle.a.painted, chance)
    with compute.autocast():
        verdict = cycle_discriminator_terms(_judges(players), cycle, shown_a=shown_a, shown_b=shown_b)
    descend(verdict.total(), players.of_judges, step=step)


def _judges(players: _Players) -> DomainJudges:
    return DomainJudges(a=players.judges["a"], b=players.judges["b"])


def _sheet(a: Domain, b: Domain, generators: nn.ModuleDict, plan: DrawPlan, compute: Compute) -> NDArray[np.uint8]:
    """Rows: pictures of A, what becomes of them, pictures of B, what becomes of them."""
    in_a, in_b = (samples_of(domain.store, plan.height, plan.width) for domain in (a, b))
    return laid_out([in_a, painted(generators[TO_B], in_a, compute), in_b, painted(generators[TO_A], in_b, compute)])
