"""Training learns, on its own clip alone: each player moves only in its turn, and what is kept is the average."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_dances import DRAFT, WHOLE, sample_body
from torch import Tensor, nn

from models.checkpoint import read_tensors
from models.everybody_dance_now.objective import FACE_STAGE
from models.performance import Performance, RemembersOneFrame
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from pipeline.image import read_png
from pipeline.values import Box
from stages.model_folder import load_model, read_facts
from stages.training.bricks import Report, draw_pairs
from stages.training.clips import PreparedClip
from stages.training.framing import Framing
from stages.training.networks import NETWORKS, build_network, config_type, name_of
from stages.training.phases import Budget, PairPhase
from stages.training.train_dance import train_dance
from stages.training.train_everybody_dance_now import _generator_step, _judge_step, _players, train_phase
from stages.training.train_face_residual import face_side, train_face_residual
from stages.training.validation import paint_frames, score_held_out

pytestmark = pytest.mark.usefixtures("one_thread")

DRAFT_PHASE, COARSE_PHASE = DRAFT.phases[0], WHOLE.phases[0]
WITHOUT_VGG = COARSE_PHASE.weights.without_perceptual()


class Painter(RemembersOneFrame):
    """Paints what a function of the frame before and the backdrop says."""

    def __init__(self, paint: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.paint = paint

    def forward(self, condition: Tensor, previous: Tensor, backdrop: Tensor) -> Performance:
        return Performance(self.paint(previous, backdrop))


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def reports() -> list[Report]:
    return []


def test_twenty_steps_on_one_clip_lower_the_loss(
    clip: PreparedClip, compute: Compute, tmp_path: Path, reports: list[Report]
) -> None:
    train_phase(clip, DRAFT_PHASE, Budget(steps=20), compute, tmp_path, name="draft", watch=reports.append)
    losses = [report.loss for report in reports]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])
    assert [report.step for report in reports] == list(range(1, 21))
    assert reports[-1].done == 1.0 and reports[-1].seconds_left == 0.0


def test_the_same_seed_learns_the_same(clip: PreparedClip, compute: Compute, tmp_path: Path) -> None:
    def losses(folder: Path, seed: int) -> str:
        folder.mkdir()
        train_phase(clip, DRAFT_PHASE, Budget(steps=3), replace(compute, seed=seed), folder, name="draft")
        return (folder / "draft.csv").read_text()

    first = losses(tmp_path / "first", 0)
    assert losses(tmp_path / "again", 0) == first
    assert losses(tmp_path / "other", 1) != first


def test_a_phase_that_nobody_judges_builds_no_judge(compute: Compute) -> None:
    players = _players(DRAFT_PHASE, compute, None)
    assert not list(players.judge.parameters())
    assert players.of_judge is None and list(players.state.optimisers) == ["network"]


@pytest.fixture
def judged(compute: Compute) -> PairPhase:
    return replace(COARSE_PHASE, weights=WITHOUT_VGG, reduce=1)


def test_the_generators_turn_leaves_the_judge_as_it_is(clip: PreparedClip, compute: Compute, judged: PairPhase) -> None:
    players = _players(judged, compute, None)
    pairs = draw_pairs(clip, 1, players.sampler, shift=0.0, reduce=1, compute=compute)
    network, judge = weights_of(players.network), weights_of(players.judge)
    _generator_step(players, pairs, judged, compute, None, 1)
    assert same(weights_of(players.judge), judge)
    assert all(weight.grad is None for weight in players.judge.parameters())
    assert not same(weights_of(players.network), network)


def test_the_judges_turn_leaves_the_generator_as_it_is(clip: PreparedClip, compute: Compute, judged: PairPhase) -> None:
    players = _players(judged, compute, None)
    assert players.of_judge is not None
    pairs = draw_pairs(clip, 1, players.sampler, shift=0.0, reduce=1, compute=compute)
    _, fake = _generator_step(players, pairs, judged, compute, None, 1)
    players.of_network.zero_grad(set_to_none=True)
    network, judge = weights_of(players.network), weights_of(players.judge)
    _judge_step(players.judge, players.of_judge, pairs, fake, judged, compute, 1)
    assert same(weights_of(players.network), network)
    assert all(weight.grad is None for weight in players.network.parameters())
    assert not same(weights_of(players.judge), judge)


def test_what_is_kept_is_the_average_not_the_last_step(clip: PreparedClip, compute: Compute, tmp_path: Path) -> None:
    def kept(ema: float) -> dict[str, Tensor]:
        network = train_phase(clip, replace(DRAFT_PHASE, ema=ema), Budget(steps=3), compute, tmp_path, name=f"ema{ema}")
        assert same(read_tensors(tmp_path / f"ema{ema}.safetensors")[0], weights_of(network))
        return weights_of(network)

    last, average = kept(0.0), kept(0.9)
    assert not same(last, average)


def test_a_finished_phase_is_read_and_not_trained_again(
    clip: PreparedClip, compute: Compute, tmp_path: Path, reports: list[Report]
) -> None:
    first = train_phase(clip, DRAFT_PHASE, Budget(steps=2), compute, tmp_path, name="draft")
    again = train_phase(clip, DRAFT_PHASE, Budget(steps=2), compute, tmp_path, name="draft", watch=reports.append)
    assert same(weights_of(first), weights_of(again))
    assert not reports


def test_a_training_that_explodes_stops_with_a_sound_state(
    clip: PreparedClip, compute: Compute, tmp_path: Path
) -> None:
    wild = replace(DRAFT_PHASE, learning_rate=1e20)
    with pytest.raises(TrainingError, match=r"training step \d+: the loss is .*; expected finite numbers"):
        train_phase(clip, wild, Budget(steps=50), compute, tmp_path, name="draft", save_seconds=0.0)
    saved, _ = read_tensors(tmp_path / "draft.state.safetensors")
    assert all(bool(value.isfinite().all()) for value in saved.values())
    assert not (tmp_path / "draft.safetensors").exists()


def test_the_perceptual_loss_is_used_where_it_is_at_hand(clip: PreparedClip, compute: Compute, tmp_path: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def likeness(fake: Tensor, real: Tensor) -> Tensor:
        seen.append(tuple(fake.shape))
        return (fake - real).abs().mean()

    train_phase(clip, COARSE_PHASE, Budget(steps=1), compute, tmp_path, name="coarse", perceptual=likeness)
    assert seen == [(2, 3, clip.framing.height // 2, clip.framing.width // 2)]


@pytest.fixture
def coarse(clip: PreparedClip, compute: Compute, tmp_path: Path) -> nn.Module:
    phase = replace(COARSE_PHASE, weights=WITHOUT_VGG)
    return train_phase(clip, phase, Budget(steps=1), compute, tmp_path, name="coarse")


def test_the_face_residual_learns_and_the_performer_stays(
    clip: PreparedClip, compute: Compute, tmp_path: Path, coarse: nn.Module, reports: list[Report]
) -> None:
    before = weights_of(coarse)
    coarse.zero_grad(set_to_none=True)
    weights = FACE_STAGE.without_perceptual()
    residual = train_face_residual(
        clip, coarse, 16, Budget(steps=2), compute, tmp_path, weights=weights, watch=reports.append
    )
    assert same(weights_of(coarse), before)
    assert all(weight.grad is None for weight in coarse.parameters())
    assert len(reports) == 2 and all(np.isfinite(report.loss) for report in reports)
    assert all(bool(value.isfinite().all()) for value in residual.state_dict().values())


def test_a_clip_without_a_face_in_sight_is_no_trouble(
    clip: PreparedClip, compute: Compute, tmp_path: Path, coarse: nn.Module
) -> None:
    hidden = replace(clip, joints=np.zeros_like(clip.joints))
    weights = FACE_STAGE.without_perceptual()
    residual = train_face_residual(hidden, coarse, 16, Budget(steps=1), compute, tmp_path, weights=weights)
    assert all(bool(value.isfinite().all()) for value in residual.state_dict().values())


@pytest.mark.parametrize(("width", "height", "side"), [(512, 1024, 128), (100, 300, 96), (40, 32, 32)])
def test_the_face_box_fits_the_picture_and_the_network(width: int, height: int, side: int) -> None:
    framing = Framing(frame_width=1, frame_height=1, window=Box(0, 0, 1, 1), width=width, height=height)
    assert face_side(128, framing) == side


@pytest.fixture(scope="module")
def whole_model(
    prepared: Path, blue_film: Path, one_thread: None, compute: Compute, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The paper's whole recipe in small: coarse at half size, enhancer, face, without VGG."""
    folder = tmp_path_factory.mktemp("models") / "whole"
    train_dance(prepared, FileRef.of(blue_film), sample_body(), WHOLE, Budget(steps=5), compute, folder)
    yield folder


def test_the_whole_recipe_gives_a_model_with_a_face(whole_model: Path, compute: Compute, blue_film: Path) -> None:
    facts = read_facts(whole_model)
    assert (facts.preset, facts.network) == ("tiny hd", "enhancer")
    assert facts.face_size == min(facts.framing.width, facts.framing.height) // 8 * 8
    assert facts.clip_sha256 == FileRef.of(blue_film).sha256
    assert facts.held_out is not None and facts.held_out.frames == 8
    assert load_model(whole_model, compute).face is not None


def test_each_phase_gets_its_share_of_the_budget(whole_model: Path) -> None:
    steps = {path.stem: len(path.read_text().splitlines()) for path in (whole_model / "training").glob("*.csv")}
    assert steps == {"phase0": 2, "phase1": 2, "face": 1}


def test_a_finished_training_keeps_curves_and_a_contact_sheet_but_no_second_copy_of_weights(whole_model: Path) -> None:
    assert not list((whole_model / "training").rglob("*.safetensors"))
    sheet = read_png(whole_model / "training" / "held_out.png")
    framing = read_facts(whole_model).framing
    assert sheet is not None and sheet.shape == (3 * framing.height, 6 * framing.width, 3)
    assert list((whole_model / "training/tensorboard/phase0").iterdir())


def test_a_trained_draft_comes_nearer_to_the_held_out_end_than_the_empty_plate(
    model_folder: Path, clip: PreparedClip, compute: Compute
) -> None:
    held_out, empty = (
        read_facts(model_folder).held_out,
        score_held_out(clip, Painter(lambda previous, backdrop: backdrop), compute),
    )
    assert held_out is not None and empty is not None
    assert held_out.psnr_db > empty.psnr_db + 1.0


def test_a_clip_without_two_frames_in_a_row_is_refused(
    prepared: Path, clip: PreparedClip, compute: Compute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = replace(clip, follows=np.zeros_like(clip.follows))
    monkeypatch.setattr("stages.training.train_dance.open_clip", lambda folder: torn)
    with pytest.raises(TrainingError) as caught:
        train_dance(prepared, FileRef(Path("b.mp4"), ""), sample_body(), DRAFT, Budget(steps=1), compute, tmp_path)
    assert str(caught.value) == "b.mp4: no two frames in a row show the person; expected a continuous take. Film again."


def test_without_the_person_in_the_held_out_end_there_is_no_score(clip: PreparedClip, compute: Compute) -> None:
    gone = replace(clip, present=np.zeros_like(clip.present))
    assert score_held_out(gone, build_network(DRAFT_PHASE.network, torch.Generator()), compute) is None


def test_a_perfect_painter_has_no_error(clip: PreparedClip, compute: Compute) -> None:
    same_again = replace(clip, pictures=np.repeat(clip.plates[-1:], len(clip.pictures), axis=0))

    score = score_held_out(same_again, Painter(lambda previous, backdrop: backdrop), compute)
    assert score is not None
    assert score.frames == 8 and score.ssim == pytest.approx(1.0) and score.psnr_db > 99


def test_held_out_frames_see_the_frame_painted_before_only_if_it_is_the_one_before(
    clip: PreparedClip, compute: Compute
) -> None:
    seen: list[float] = []

    def grey(previous: Tensor, backdrop: Tensor) -> Tensor:
        seen.append(float(previous.mean()))
        return torch.full_like(backdrop, 1.5)

    list(paint_frames(clip, Painter(grey), np.array([48, 49, 52]), 1, compute))
    assert seen == [0.0, 1.0, 0.0]  # 1: clamped, as rendering does


def test_of_a_long_clip_only_the_first_held_out_frames_are_scored(
    clip: PreparedClip, compute: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.training.validation.SCORED", 3)
    score = score_held_out(clip, build_network(DRAFT_PHASE.network, torch.Generator()), compute)
    assert score is not None and score.frames == 3


@pytest.mark.parametrize("name", NETWORKS)
def test_a_networks_word_leads_back_to_its_config(name: str) -> None:
    assert name_of(config_type(name)()) == name


def test_the_same_chance_builds_the_same_network_whatever_the_global_state() -> None:
    def built() -> dict[str, Tensor]:
        torch.rand(1)
        return weights_of(build_network(DRAFT_PHASE.network, torch.Generator().manual_seed(4)))

    assert same(built(), built())
