"""vid2vid's training: takes grow, players move in their turn, what is killed goes on, several processes agree."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_dances import DRAFT, GROWING, SEQUENCES, sample_body
from test_training_resume import Interrupting
from torch import Tensor, nn

from flows.together import TrainingJob, read_job, write_job
from models.checkpoint import read_tensors
from models.performance import Memory
from models.vid2vid.performer import SequentialPerformer
from models.vid2vid.pyramid import PyramidConfig
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from stages.model_folder import load_model, read_facts
from stages.training.bricks import Report
from stages.training.clips import PreparedClip
from stages.training.flow_teacher import FlowTeacherConfig, TaughtFlow, teach_flow
from stages.training.phases import Budget, SequencePhase
from stages.training.presets import METHODS, preset_named
from stages.training.processes import ALONE, Processes
from stages.training.rollout import matting_of, roll_out
from stages.training.scenes import scene_of
from stages.training.takes import TakePlan, TakeSource
from stages.training.train_dance import train_dance
from stages.training.train_vid2vid import _play, _players, _set_rates, train_sequences
from stages.training.turns import Turn

pytestmark = pytest.mark.usefixtures("one_thread")

PHASE = SEQUENCES.phases[0]
assert isinstance(PHASE, SequencePhase)
PLAN = TakePlan(frames=5, batch=2, gaps=(1, 3))


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_fifteen_takes_of_one_clip_lower_the_loss(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute, tmp_path: Path
) -> None:
    reports: list[Report] = []
    plain = replace(PHASE, judged_from=2.0)
    train_sequences(clip, taught, plain, Budget(steps=15), compute, tmp_path, name="v", watch=reports.append)
    losses = [report.loss for report in reports]
    assert np.mean(losses[-4:]) < 0.75 * np.mean(losses[:3])


def test_takes_grow_over_the_phase() -> None:
    phase = replace(PHASE, frames=(4, 8, 16), backprop=(1, 2))
    assert [phase.longest_now(done) for done in (0.0, 0.33, 0.34, 0.67, 1.0)] == [4, 4, 8, 16, 16]
    assert [phase.backprop_now(done) for done in (0.0, 0.5, 1.0)] == [1, 2, 2]


def test_one_stretch_painted_in_two_is_the_stretch_painted_at_once(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    players = _players(PHASE, compute, None)
    take = TakeSource(clip, taught, least=3).draw(PLAN, Turn((0,), 1), np.random.default_rng(0), compute)
    blank = players.network.blank(take.conditions[:, 0])
    whole, _ = roll_out(players.network, take, 0, 5, blank, compute)
    first, memory = roll_out(players.network, take, 0, 2, blank, compute, checkpointing=True)
    rest, _ = roll_out(players.network, take, 2, 5, memory, compute)
    assert torch.equal(whole.image, torch.cat([first.image, rest.image], dim=1))


@pytest.mark.parametrize(("backprop", "reaches"), [(1, False), (2, True)])
def test_the_gradient_ends_where_the_memory_is_cut(
    clip: PreparedClip,
    taught: TaughtFlow,
    compute: Compute,
    monkeypatch: pytest.MonkeyPatch,
    backprop: int,
    reaches: bool,
) -> None:
    network = _players(PHASE, compute, None).network
    take = TakeSource(clip, taught, least=3).draw(PLAN, Turn((0,), 1), np.random.default_rng(0), compute)
    painted: list[Tensor] = []
    remember = network.recall

    def watched(memory: Memory, condition: Tensor, images: Sequence[Tensor]) -> Memory:
        for image in images:
            image.retain_grad()
        painted.extend(images)
        return remember(memory, condition, images)

    monkeypatch.setattr(network, "recall", watched)
    rollout, _ = roll_out(network, take, 0, 2, network.blank(take.conditions[:, 0]), compute, backprop=backprop)
    rollout.image[:, 1].sum().backward()
    gradient = painted[0].grad  # of frame 1 with respect to frame 0
    assert (gradient is not None and bool(gradient.any())) is reaches


def test_likeness_of_structure_is_asked_of_the_first_takes_last_frame_and_all_else_of_every_frame(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    assert PHASE.matting is not None
    network = _players(PHASE, compute, None).network
    take = TakeSource(clip, taught, least=3).draw(PLAN, Turn((0,), 1), np.random.default_rng(0), compute)
    structure = replace(PHASE.matting, mask=0.0, foreground=0.0)
    first_takes_last = [[False, False, True], [False] * 3]
    for weights, asked in ((structure, first_takes_last), (replace(PHASE.matting, structure=0.0), [[True] * 3] * 2)):
        rollout, _ = roll_out(network, take, 1, 4, network.blank(take.conditions[:, 0]), compute)
        assert rollout.matte is not None and rollout.foreground is not None
        made = rollout.image, rollout.matte, rollout.foreground
        painted = [part.detach().clone().requires_grad_() for part in made]
        alone = replace(rollout, image=painted[0], matte=painted[1], foreground=painted[2])
        matting_of(alone, take, weights).backward()
        touched = sum(part.grad.abs().sum(dim=(2, 3, 4)) for part in painted if part.grad is not None)
        assert isinstance(touched, Tensor) and (touched > 0).tolist() == asked


def test_scenes_show_windows_as_soon_as_they_fit(clip: PreparedClip, taught: TaughtFlow, compute: Compute) -> None:
    players = _players(PHASE, compute, None)
    take = TakeSource(clip, taught, least=3).draw(PLAN, Turn((0,), 1), np.random.default_rng(0), compute)
    memory, painted = players.network.blank(take.conditions[:, 0]), []
    counts = []
    for first, stop in ((0, 2), (2, 4), (4, 5)):
        rollout, memory = roll_out(players.network, take, first, stop, memory, compute)
        scene = scene_of(take, rollout, painted, PHASE.judges, PHASE.seen_from)
        counts.append([None if found is None else len(found.real) for found in scene.motion])
        painted.extend(rollout.image.detach().unbind(1))
        assert torch.equal(scene.truth.frames, take.pictures[:, first:stop])
        if first:
            assert torch.equal(scene.truth.before[:, 0], take.pictures[:, first - 1])
            assert torch.equal(scene.painted.before[:, 0], painted[first - 1])
        assert len(scene.faces) == 1 and len(scene.hands) == 2
    assert counts == [[None, None], [2, None], [2, None]]  # two clips; scale 1 needs seven frames


def test_the_judges_learn_in_their_turn_and_not_before_their_time(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute
) -> None:
    take = TakeSource(clip, taught, least=3).draw(PLAN, Turn((0,), 1), np.random.default_rng(0), compute)
    for judged_from, learns in ((0.5, False), (0.0, True)):
        phase = replace(PHASE, judged_from=judged_from)
        players = _players(phase, compute, None)
        before = weights_of(players.judges)
        terms = list(_play(players, take, phase, 0.1, compute, None, 1, ALONE))
        assert same(weights_of(players.judges), before) is not learns
        assert bool(terms[-1].temporal_gan > 0) is learns


def test_judges_that_look_at_every_other_stretch_count_twice_there() -> None:
    phase = replace(PHASE, judged_from=0.5, judged_every=2)
    assert [phase.weights_now(0.9, stretch).gan for stretch in range(4)] == [0, 0.02, 0, 0.02]
    assert [phase.weights_now(0.9, stretch).l1 for stretch in range(4)] == [1, 1, 1, 1]
    assert phase.weights_now(0.4, 1).gan == phase.weights_now(0.4, 1).temporal_gan == 0


def test_the_coarse_scale_rests_while_the_finer_one_finds_its_feet(compute: Compute) -> None:
    phase = GROWING.phases[1]
    assert isinstance(phase, SequencePhase) and phase.coarse_fixed == 0.5
    players = _players(phase, compute, None)
    generator = players.network.generator

    def learning(part: nn.Module) -> bool:
        return all(weight.requires_grad for weight in part.parameters())

    _set_rates(players, phase, 0.4)
    assert not learning(generator.coarse) and learning(generator.finer[0])
    _set_rates(players, phase, 0.6)
    assert learning(generator.coarse) and learning(generator.finer[0])
    rates = [optimiser.param_groups[0]["lr"] for optimiser in (players.of_network, players.of_judges)]
    assert rates[1] == 4 * rates[0]  # TTUR: half and twice


def test_it_grows_in_space_and_gives_a_model(
    prepared: Path, clip: PreparedClip, blue_film: Path, compute: Compute, tmp_path: Path
) -> None:
    teach_flow(clip, GROWING.gaps, FlowTeacherConfig(), tmp_path / "flow")
    train_dance(
        prepared,
        FileRef.of(blue_film),
        sample_body(),
        GROWING,
        Budget(steps=4),
        compute,
        tmp_path / "model",
        flow=tmp_path / "flow",
    )
    facts = read_facts(tmp_path / "model")
    assert facts.network == "vid2vid" and facts.network_config["scales"] == 2
    assert facts.drift_limit is not None and facts.drift_limit > 0
    performer = load_model(tmp_path / "model", compute).performer
    assert isinstance(performer, SequentialPerformer)
    assert performer.generator.config == PyramidConfig(
        coarse=GROWING.phases[0].network.coarse,  # type: ignore[union-attr]
        scales=2,
        local_blocks=1,
    )


def test_ctrl_c_saves_and_the_same_training_goes_on(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute, tmp_path: Path
) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()

    def train(folder: Path, watch: Interrupting | None = None) -> dict[str, Tensor]:
        return train_sequences(
            clip, taught, PHASE, Budget(steps=5), compute, folder, name="phase", watch=watch
        ).state_dict()

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", Interrupting(2))
    assert same(train(tmp_path / "whole"), train(tmp_path / "stopped"))
    assert (tmp_path / "whole/phase.csv").read_text() == (tmp_path / "stopped/phase.csv").read_text()


def test_a_loss_that_is_no_number_is_named_and_the_state_stays_sound(
    clip: PreparedClip, taught: TaughtFlow, compute: Compute, tmp_path: Path
) -> None:
    budget, wild = Budget(steps=50), replace(PHASE, learning_rate=1e20)
    with pytest.raises(KeyboardInterrupt):
        train_sequences(clip, taught, PHASE, budget, compute, tmp_path, name="v", watch=Interrupting(2))
    saved = (tmp_path / "v.state.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"step \d: the loss '[a-z_0-9]+' is no finite number; .* --without"):
        train_sequences(clip, taught, wild, budget, compute, tmp_path, name="v")
    assert (tmp_path / "v.state.safetensors").read_bytes() == saved
    tensors, _ = read_tensors(tmp_path / "v.state.safetensors")
    assert all(bool(value.isfinite().all()) for value in tensors.values())


def test_several_processes_train_by_vid2vid_only(
    prepared: Path, blue_film: Path, compute: Compute, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError) as caught:
        train_dance(
            prepared,
            FileRef.of(blue_film),
            sample_body(),
            DRAFT,
            Budget(steps=1),
            compute,
            tmp_path / "model",
            processes=Processes(rank=1, count=2),
        )
    assert str(caught.value) == (
        "--processes 2: everybody-dance-now is trained by one process; expected --method vid2vid. "
        "Leave --processes out, or train with that method."
    )
    assert not (tmp_path / "model").exists()


def test_without_flow_vid2vid_is_refused(prepared: Path, blue_film: Path, compute: Compute, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give `flow`, see teach_flow"):
        train_dance(prepared, FileRef.of(blue_film), sample_body(), SEQUENCES, Budget(steps=1), compute, tmp_path)


def job_in(folder: Path, prepared: Path, taught_folder: Path, film: Path, **changes: object) -> TrainingJob:
    job = TrainingJob(
        prepared=prepared,
        flow=taught_folder,
        clip=FileRef.of(film),
        body=sample_body(),
        preset=SEQUENCES,
        budget=Budget(steps=3),
        perceptual=None,
        compute=Compute("cpu", "float32", 0),
        folder=folder,
    )
    return replace(job, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
def test_a_job_comes_back_from_its_file_as_it_was(
    method: str, prepared: Path, taught_folder: Path, blue_film: Path, tmp_path: Path
) -> None:
    for name in METHODS[method]:
        job = job_in(tmp_path, prepared, taught_folder, blue_film, preset=preset_named(name, method))
        write_job(job, tmp_path / "job.json")
        assert read_job(tmp_path / "job.json") == job


def test_two_processes_under_torchrun_train_one_likeness(
    prepared: Path, taught_folder: Path, blue_film: Path, tmp_path: Path
) -> None:
    """Through gloo on the processor. Both end with the same weights, the mean of what both saw, and one writes."""
    write_job(job_in(tmp_path / "together", prepared, taught_folder, blue_film), tmp_path / "job.json")
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, "-m", "flows.together", str(tmp_path / "job.json")],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "together/model.json").read_text())
    assert facts["preset"] == "tiny sequences"
    curve = (tmp_path / "together/training/phase0.csv").read_text().splitlines()
    assert [int(line.split(",")[0]) for line in curve] == [1, 2, 3]
