"""A portrait's training learns, each player moves only in its turn, and killed it ends as though nothing had been."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_portraits import JUDGED_PHASE, LIGHT_PHASE, SEQUENCE_PHASE, head_clip, tiny
from torch import Tensor, nn

from models.deep_video_portraits.light import LightPortraitConfig
from models.deep_video_portraits.rendering_to_video import RenderingToVideoConfig
from pipeline.compute import Compute
from pipeline.errors import UnknownChoice
from pipeline.image import read_png
from stages.conditioning.face_images import CHANNELS
from stages.training.bricks import Report
from stages.training.flow_teacher import FlowTeacherConfig, open_flow, teach_flow
from stages.training.phases import Budget, SequencePhase
from stages.training.portrait_phases import PortraitPhase, PortraitPreset
from stages.training.portrait_presets import PORTRAIT_METHODS, portrait_preset
from stages.training.portrait_windows import draw_windows, square_sides
from stages.training.train_deep_video_portraits import _dropping, _generator_step, _judges_step, _paint, _players
from stages.training.train_deep_video_portraits import train_portrait_phase as train
from stages.training.train_vid2vid import train_sequences
from stages.training.validation import score_held_out

pytestmark = pytest.mark.usefixtures("one_thread")

PHASES = pytest.mark.parametrize("phase", [LIGHT_PHASE, JUDGED_PHASE], ids=["light", "judged"])


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_thirty_steps_on_one_clip_lower_the_loss_and_beat_the_empty_plate(compute: Compute, tmp_path: Path) -> None:
    clip, reports = head_clip(), list[Report]()
    network = train(clip, LIGHT_PHASE, Budget(steps=30), compute, tmp_path, name="phase", watch=reports.append)
    losses = [report.loss for report in reports]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])
    assert [report.step for report in reports] == list(range(1, 31))
    score = score_held_out(clip, network, compute)
    empty = np.square(clip.pictures[48:].astype(float) - clip.plates[0]).mean() / 255**2
    assert score is not None and score.frames == 8 and score.drift == 0
    assert score.psnr_db > -10 * np.log10(empty) + 3.0


def test_the_contact_sheet_shows_the_shaded_face_above_the_painted_and_the_true(
    compute: Compute, tmp_path: Path
) -> None:
    clip = head_clip()
    train(clip, LIGHT_PHASE, Budget(steps=4), compute, tmp_path, name="phase")
    sheet = read_png(tmp_path / "held_out.png")
    assert sheet is not None and sheet.shape == (3 * 64, 6 * 64, 3)
    assert np.array_equal(sheet[:64, :64], clip.conditions[48, :, :, :3])
    assert np.array_equal(sheet[128:, :64], clip.pictures[48])


class Interrupting:
    """Presses Ctrl-C after a step, and remembers what it was told."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.reports: list[Report] = []

    def __call__(self, report: Report) -> None:
        self.reports.append(report)
        if report.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C there")
@PHASES
def test_ctrl_c_saves_and_the_same_command_goes_on(compute: Compute, tmp_path: Path, phase: PortraitPhase) -> None:
    clip = head_clip()
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    stopping = Interrupting(3)
    with pytest.raises(KeyboardInterrupt):
        train(clip, phase, Budget(steps=6), compute, tmp_path / "stopped", name="phase", watch=stopping)
    assert [report.step for report in stopping.reports] == [1, 2, 3]
    whole, stopped = (
        weights_of(train(clip, phase, Budget(steps=6), compute, tmp_path / name, name="phase"))
        for name in ("whole", "stopped")
    )
    assert same(whole, stopped)
    assert (tmp_path / "whole/phase.csv").read_text() == (tmp_path / "stopped/phase.csv").read_text()
    assert not (tmp_path / "stopped/phase.state.safetensors").exists()


class Killed(Exception):
    """Ends a training without warning: nothing is saved after it."""


@PHASES
def test_killed_it_goes_on_from_the_state_saved_last(compute: Compute, tmp_path: Path, phase: PortraitPhase) -> None:
    clip = head_clip()
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()

    def dies(report: Report) -> None:
        if report.step == 5:
            raise Killed

    with pytest.raises(Killed):
        train(clip, phase, Budget(steps=7), compute, tmp_path / "killed", name="phase", watch=dies, save_seconds=0.0)
    assert (tmp_path / "killed/phase.csv").read_text().count("\n") == 5
    for name in ("whole", "killed"):
        train(clip, phase, Budget(steps=7), compute, tmp_path / name, name="phase")
    files = [(tmp_path / name / "phase.safetensors").read_bytes() for name in ("whole", "killed")]
    curves = [(tmp_path / name / "phase.csv").read_text() for name in ("whole", "killed")]
    assert curves[0] == curves[1] and files[0] == files[1]


def test_dropout_throws_other_dice_every_step_and_leaves_pytorchs_own_alone(compute: Compute) -> None:
    def dice(step: int) -> list[float]:
        with _dropping(np.random.default_rng((compute.seed, step)), compute):
            return torch.rand(3).tolist()

    before = torch.random.get_rng_state()
    assert dice(1) == dice(1) != dice(2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_nobody_judges_before_their_time_and_then_only_in_their_turn(compute: Compute) -> None:
    assert not JUDGED_PHASE.weights_now(0.29).judged
    weights = JUDGED_PHASE.weights_now(0.3)
    assert weights == JUDGED_PHASE.weights
    clip, players = head_clip(), _players(JUDGED_PHASE, compute)
    assert players.judges is not None
    windows = draw_windows(clip, 2, 3, np.random.default_rng(0), shift=0.0, begins=0.0, compute=compute)
    scene = _paint(players.network, windows, square_sides(clip), compute)
    network, judges = weights_of(players.network), weights_of(players.judges)
    _, terms = _generator_step(players, scene, weights, compute, None, 1)
    assert {"l1", "mouth_gan", "eyes_gan", "region_l1"} <= terms.keys() and terms["mouth_gan"] > 0
    assert all(weight.grad is None for weight in players.judges.parameters())
    assert not same(weights_of(players.network), network)
    network = weights_of(players.network)
    _judges_step(players, scene, weights, compute, 1)
    assert same(weights_of(players.network), network)
    moved = weights_of(players.judges)
    assert all(not torch.equal(moved[name], value) for name, value in judges.items() if name.endswith("weight"))


def test_a_phase_that_nobody_judges_builds_no_judges(compute: Compute) -> None:
    players = _players(LIGHT_PHASE, compute)
    assert players.judges is None and len(players.optimisers) == 1


def test_vid2vid_learns_from_the_same_clip(compute: Compute, tmp_path: Path) -> None:
    clip = head_clip()
    teach_flow(clip, SEQUENCE_PHASE.gaps, FlowTeacherConfig(), tmp_path / "flow")
    taught = open_flow(tmp_path / "flow")
    network = train_sequences(clip, taught, SEQUENCE_PHASE, Budget(steps=2), compute, tmp_path, name="phase")
    score = score_held_out(clip, network, compute)
    assert score is not None and score.frames == 8 and np.isfinite(score.psnr_db)


@pytest.mark.parametrize(
    ("method", "name"), [(method, name) for method, presets in PORTRAIT_METHODS.items() for name in presets]
)
def test_a_presets_words_lead_to_it(method: str, name: str) -> None:
    preset = portrait_preset(name, method)
    assert (preset.name, preset.method) == (name, method)
    assert bool(preset.gaps) == (method == "vid2vid")
    assert sum(phase.part for phase in preset.phases) == 1.0


def test_unknown_words_are_told_the_known_ones() -> None:
    with pytest.raises(UnknownChoice, match="expected one of deep-video-portraits, vid2vid"):
        portrait_preset("draft", "everybody-dance-now")
    with pytest.raises(UnknownChoice, match="expected one of draft, hd, standard"):
        portrait_preset("film")


def test_phases_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"see \(3, 12\) channels of a frame, expected 12"):
        PortraitPhase(network=LightPortraitConfig(condition_channels=3, texture_channels=0))
    with pytest.raises(ValueError, match=r"judges\.window is 11, expected at most the network's, 3"):
        PortraitPhase(network=RenderingToVideoConfig(condition_channels=CHANNELS, window=3))
    with pytest.raises(ValueError, match="stride is 16, expected a multiple of 256 x 1"):
        tiny(PortraitPhase(network=RenderingToVideoConfig(condition_channels=CHANNELS)))
    with pytest.raises(ValueError, match="several, expected one"):
        PortraitPreset(name="two", pixels=1, stride=16, phases=(LIGHT_PHASE, LIGHT_PHASE))


@pytest.mark.parametrize(
    "phase",
    [
        replace(SEQUENCE_PHASE, drop=0.05),
        replace(SEQUENCE_PHASE, judges=replace(SEQUENCE_PHASE.judges, hand=True)),
        replace(SEQUENCE_PHASE, judges=replace(SEQUENCE_PHASE.judges, condition_channels=3)),
    ],
)
def test_a_dancers_phase_is_no_portraits(phase: SequencePhase) -> None:
    with pytest.raises(ValueError, match="expected 12 channels, 0 and no judge"):
        tiny(phase)
