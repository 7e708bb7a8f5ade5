"""Translators learn with pairs and without; interrupted and started again they end as though nothing had happened."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_looks import HEIGHT, PAIRED, STORE, UNPAIRED, WIDTH, day_pictures, dusk_of, save_clip
from torch import Tensor, nn

from models.training_state import Progress
from pipeline.compute import Compute
from pipeline.errors import TrainingError, UnknownChoice
from pipeline.image import read_png, to_tensor
from stages.training import train_cyclegan as cyclegan
from stages.training import train_pix2pix as pix2pix
from stages.training.bricks import Report
from stages.training.flow_teacher import open_flow
from stages.training.phases import Budget
from stages.training.picture_store import open_pairs, open_pictures, prepare_pairs, prepare_pictures
from stages.training.train_cyclegan import Domain, train_cyclegan
from stages.training.train_pix2pix import Pairs, train_pix2pix
from stages.training.train_translate import neighbours_in, teach_motion
from stages.training.translate_networks import build_translator, smallest_side, translator_name
from stages.training.translate_phases import PairedPreset, UnpairedPreset
from stages.training.translate_presets import PAIRED as PAIRED_PRESETS
from stages.training.translate_presets import UNPAIRED as UNPAIRED_PRESETS
from stages.training.translate_presets import translate_preset

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 8


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory) -> tuple[Domain, Domain]:
    """Day, and dusk with the square elsewhere."""
    folder = tmp_path_factory.mktemp("domains")
    made = []
    for name, pictures in (("day", day_pictures()), ("dusk", dusk_of(day_pictures(start=40)))):
        prepare_pictures([save_clip(folder / f"{name}.mkv", pictures)], STORE, folder / name)
        teach_motion(folder / name, UNPAIRED, folder / f"flow-{name}")
        assert neighbours_in(folder / name) == len(pictures) - 1
        made.append(Domain(open_pictures(folder / name), open_flow(folder / f"flow-{name}")))
    return made[0], made[1]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    folder = tmp_path_factory.mktemp("pairs")
    day, dusk = (
        save_clip(folder / f"{number}.mkv", change(day_pictures())) for number, change in enumerate((_as_is, dusk_of))
    )
    prepare_pairs(day, dusk, STORE, folder / "store")
    teach_motion(folder / "store" / "b", PAIRED, folder / "flow")
    return Pairs(*open_pairs(folder / "store"), open_flow(folder / "flow"))


def _as_is(pictures: np.ndarray) -> np.ndarray:
    return pictures


class Interrupting:
    """Presses Ctrl-C after a step, and remembers what it was told."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.reports: list[Report] = []

    def __call__(self, report: Report) -> None:
        self.reports.append(report)
        if report.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: nn.Module, other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.state_dict().items())


def both_ways(
    tmp_path: Path, train: Callable[[Path, Interrupting | None], list[nn.Module]]
) -> tuple[list[nn.Module], list[nn.Module]]:
    """Train without a break, and with one after three steps."""
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    stopping = Interrupting(3)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", stopping)
    assert [report.step for report in stopping.reports] == [1, 2, 3]
    return train(tmp_path / "whole", None), train(tmp_path / "stopped", None)


@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C there")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_without_pairs_an_interrupted_training_ends_as_though_nothing_had_been(
    domains: tuple[Domain, Domain], tmp_path: Path, precision: str
) -> None:
    compute = Compute("cpu", precision, 3)  # type: ignore[arg-type]  # parametrized

    def train(folder: Path, watch: Interrupting | None) -> list[nn.Module]:
        made = train_cyclegan(*domains, UNPAIRED, Budget(steps=STEPS), compute, folder, watch=watch)
        return [made.to_a, made.to_b]

    whole, stopped = both_ways(tmp_path, train)
    assert all(same(one, weights_of(other)) for one, other in zip(whole, stopped, strict=True))
    curves = [(tmp_path / name / "cyclegan.csv").read_text() for name in ("whole", "stopped")]
    assert curves[0] == curves[1] and curves[0].count("\n") == STEPS
    assert not (tmp_path / "stopped/cyclegan.state.safetensors").exists()


@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C there")
def test_with_pairs_an_interrupted_training_ends_as_though_nothing_had_been(
    pairs: Pairs, compute: Compute, tmp_path: Path
) -> None:
    def train(folder: Path, watch: Interrupting | None) -> list[nn.Module]:
        return [train_pix2pix(pairs, PAIRED, Budget(steps=STEPS), compute, folder, watch=watch)]

    (whole,), (stopped,) = both_ways(tmp_path, train)
    assert same(whole, weights_of(stopped))
    assert (tmp_path / "whole/pix2pix.csv").read_text() == (tmp_path / "stopped/pix2pix.csv").read_text()


def test_what_was_trained_before_is_read_and_not_trained_again(
    domains: tuple[Domain, Domain], pairs: Pairs, compute: Compute, tmp_path: Path
) -> None:
    told: list[Report] = []
    first = train_cyclegan(*domains, UNPAIRED, Budget(steps=2), compute, tmp_path)
    again = train_cyclegan(*domains, UNPAIRED, Budget(steps=2), compute, tmp_path, watch=told.append)
    assert same(first.to_a, weights_of(again.to_a)) and same(first.to_b, weights_of(again.to_b))
    one = train_pix2pix(pairs, PAIRED, Budget(steps=2), compute, tmp_path)
    assert same(one, weights_of(train_pix2pix(pairs, PAIRED, Budget(steps=2), compute, tmp_path, watch=told.append)))
    assert told == []


def test_the_state_holds_the_pools_and_refuses_another_training(
    domains: tuple[Domain, Domain], compute: Compute, tmp_path: Path
) -> None:
    plan = cyclegan._plan(*domains, UNPAIRED)
    players = cyclegan._players(UNPAIRED, plan, compute, domains)
    players.pools["a"](torch.ones(2, 3, 32, 32), np.random.default_rng(0))
    players.state.save(tmp_path / "state.safetensors", Progress(step=1, notes={"seconds": 0.0}))
    fresh = cyclegan._players(UNPAIRED, plan, compute, domains)
    fresh.state.restore(tmp_path / "state.safetensors")
    assert int(fresh.pools["a"].count) == 2 and float(fresh.pools["a"].pictures[1].mean()) == 1.0
    other = cyclegan._players(replace(UNPAIRED, pool=4), plan, compute, domains)
    with pytest.raises(TrainingError, match="the weights of module 'pools' do not fit"):
        other.state.restore(tmp_path / "state.safetensors")


def test_each_player_moves_only_in_its_turn(domains: tuple[Domain, Domain], pairs: Pairs, compute: Compute) -> None:
    plan = cyclegan._plan(*domains, UNPAIRED)
    players = cyclegan._players(UNPAIRED, plan, compute, domains)
    chance = np.random.default_rng(1)
    a, b = cyclegan._draw(*domains, plan, compute, 1, chance, steady=True)
    cycle = cyclegan.go_round(cyclegan._translators(players.generators), a, b, UNPAIRED.weights)
    painters, judges = weights_of(players.generators), weights_of(players.judges)
    _, terms = cyclegan._generators_step(players, cycle, UNPAIRED, compute, 1)
    assert same(players.judges, judges) and not same(players.generators, painters)
    assert set(terms) == {"gan", "cycle", "identity", "flow", "edges", "change", "colours"} and float(terms["flow"]) > 0
    painters = weights_of(players.generators)
    cyclegan._judges_step(players, cycle, compute, 1, chance)
    assert same(players.generators, painters) and not same(players.judges, judges)

    one = pix2pix._players(PAIRED, compute)
    shown = pix2pix._draw_and_paint(one, pairs, pix2pix._plan(pairs, PAIRED), compute, 1, chance, steady=True)
    painter, judge = weights_of(one.generator), weights_of(one.judge)
    pix2pix._judge_step(one, shown, PAIRED, compute, 1)
    assert same(one.generator, painter) and not same(one.judge, judge)
    judge = weights_of(one.judge)
    pix2pix._generator_step(one, shown, PAIRED, compute, None, 1)
    assert same(one.judge, judge) and not same(one.generator, painter)


def test_a_pair_is_seen_alike_on_both_sides(pairs: Pairs, compute: Compute) -> None:
    plan, players = pix2pix._plan(pairs, PAIRED), pix2pix._players(PAIRED, compute)
    shown = pix2pix._draw_and_paint(players, pairs, plan, compute, 2, np.random.default_rng(2), steady=True)
    expected = (shown.inputs + 1) / 2 * torch.tensor([0.4, 0.45, 0.8]).view(1, 3, 1, 1)
    assert float(((shown.truth + 1) / 2 - expected).abs().max()) < 3 / 255  # resizing rounds either side
    assert shown.motion is not None and len(shown.inputs) == 4


def test_neighbours_are_drawn_only_where_steadiness_is_learnt(domains: tuple[Domain, Domain], compute: Compute) -> None:
    plan = cyclegan._plan(*domains, UNPAIRED)
    alone, _ = cyclegan._draw(*domains, plan, compute, 1, np.random.default_rng(1), steady=False)
    beside, _ = cyclegan._draw(*domains, plan, compute, 1, np.random.default_rng(1), steady=True)
    assert alone.motion is None and len(alone.pictures) == 2
    assert beside.motion is not None and torch.equal(beside.pictures[:2], alone.pictures)


def test_forty_steps_with_pairs_come_nearer_to_the_truth(pairs: Pairs, compute: Compute, tmp_path: Path) -> None:
    preset = replace(PAIRED, generator=UNPAIRED.generator, learning_rate=3e-3, schedule="cosine")
    translator = train_pix2pix(pairs, preset, Budget(steps=40), compute, tmp_path)
    given, truth = (to_tensor(store.pictures[:, :, :56]) for store in (pairs.inputs, pairs.truth))
    with torch.inference_mode():
        off = (translator(given) - truth).abs().mean()
    assert float(off) < 0.4 * float((given - truth).abs().mean())
    sheet = read_png(tmp_path / "sheet.png")
    assert sheet is not None and sheet.shape == (3 * 32, 4 * 32, 3)


def test_without_pairs_the_sheet_shows_both_directions_and_the_cycle_closes(
    domains: tuple[Domain, Domain], compute: Compute, tmp_path: Path
) -> None:
    told: list[Report] = []
    made = train_cyclegan(*domains, UNPAIRED, Budget(steps=24), compute, tmp_path, watch=told.append)
    assert [report.step for report in told] == list(range(1, 25)) and all(np.isfinite([r.loss for r in told]))
    sheet = read_png(tmp_path / "sheet.png")
    assert sheet is not None and sheet.shape == (4 * 32, 4 * 32, 3)
    day = to_tensor(domains[0].store.pictures[:, :, :56])
    with torch.inference_mode():
        back = made.to_a(made.to_b(day))
    assert float((back - day).abs().mean()) < 0.2  # of 2
    assert list(tmp_path.glob("tensorboard/cyclegan/*"))


def test_pictures_smaller_than_the_network_takes_are_refused(
    domains: tuple[Domain, Domain], compute: Compute, tmp_path: Path
) -> None:
    large = replace(UNPAIRED, generator=replace(UNPAIRED.generator, downsamplings=4))
    with pytest.raises(TrainingError, match="they are 60x40 and 60x40; expected at least 64 pixels a side"):
        train_cyclegan(*domains, large, Budget(steps=1), compute, tmp_path)
    assert (WIDTH, HEIGHT) == (96, 64)


@pytest.mark.parametrize("preset", [*UNPAIRED_PRESETS.values(), *PAIRED_PRESETS.values()], ids=lambda p: p.name)
def test_every_preset_can_be_drawn_at_its_size(preset: UnpairedPreset | PairedPreset) -> None:
    stride, drawing = preset.generator.stride, preset.drawing
    assert drawing.height % stride == drawing.width % stride == 0
    assert min(drawing.height, drawing.width) >= smallest_side(preset.generator)
    assert min(drawing.height, drawing.width) <= preset.store.side


def test_a_part_is_switched_off_by_its_name_and_presets_are_found_by_theirs() -> None:
    plain = UNPAIRED_PRESETS["draft"].without(["flow"])
    assert plain.weights.flow == 0 and plain.name == "draft without flow"
    assert translate_preset("standard", paired=True).method == "pix2pix"
    with pytest.raises(UnknownChoice, match="there is no 'warp'; expected one of change, colours, cycle"):
        UNPAIRED.without(["warp"])
    with pytest.raises(UnknownChoice, match="there is no 'best'; expected one of draft, hd, standard"):
        translate_preset("best", paired=False)


def test_the_first_weights_are_a_function_of_the_seed_alone() -> None:
    first, again = (build_translator(PAIRED.generator, torch.Generator().manual_seed(5)) for _ in range(2))
    assert same(first, weights_of(again)) and translator_name(PAIRED.generator) == "unet"
