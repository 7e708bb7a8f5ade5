"""A training that was killed or interrupted, and started again, ends as though nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from killed_training import STEPS, train
from made_dances import DRAFT, WHOLE
from torch import Tensor

from pipeline.compute import Compute
from pipeline.errors import TrainingError
from stages.model_folder import read_facts
from stages.training.bricks import Report
from stages.training.clips import PreparedClip
from stages.training.phases import Budget, PairPhase
from stages.training.train_everybody_dance_now import train_phase

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C there"),
]

PATIENCE = 60.0  # seconds until the other process must have come as far as it is waited for
JUDGED = replace(WHOLE.phases[0], weights=WHOLE.phases[0].weights.without_perceptual())


def lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def kill_after(folder: Path, steps: int, prepared: Path, film: Path) -> None:
    """Start the training in a process of its own and kill it without warning after some steps and a saved state."""
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    command = [sys.executable, str(here / "killed_training.py"), str(prepared), str(film), str(folder)]
    with subprocess.Popen(command, env=environment) as process:
        deadline = time.monotonic() + PATIENCE
        work = folder / "training"
        while lines(work / "phase0.csv") < steps or not (work / "phase0.state.safetensors").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.002)
        process.kill()
    assert lines(work / "phase0.csv") < STEPS


def test_killed_and_started_again_it_learns_exactly_what_it_would_have_learnt(
    prepared: Path, blue_film: Path, tmp_path: Path
) -> None:
    train(prepared, blue_film, tmp_path / "whole")
    kill_after(tmp_path / "killed", 15, prepared, blue_film)
    train(prepared, blue_film, tmp_path / "killed")
    curves = [(tmp_path / name / "training/phase0.csv").read_text() for name in ("whole", "killed")]
    assert curves[0].count("\n") == STEPS
    assert curves[0] == curves[1]
    assert read_facts(tmp_path / "whole") == read_facts(tmp_path / "killed")  # with the hashes of all weights


class Interrupting:
    """Presses Ctrl-C after a step, and remembers what it was told."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.reports: list[Report] = []

    def __call__(self, report: Report) -> None:
        self.reports.append(report)
        if report.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def weights(phase: PairPhase, clip: PreparedClip, compute: Compute, folder: Path) -> dict[str, Tensor]:
    return train_phase(clip, phase, Budget(steps=8), compute, folder, name="phase").state_dict()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("phase", [DRAFT.phases[0], JUDGED], ids=["draft", "judged"])
def test_ctrl_c_saves_and_the_same_command_goes_on(
    clip: PreparedClip, tmp_path: Path, phase: PairPhase, precision: str
) -> None:
    compute = Compute("cpu", precision)  # type: ignore[arg-type]  # parametrized
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    stopping = Interrupting(3)
    with pytest.raises(KeyboardInterrupt):
        train_phase(clip, phase, Budget(steps=8), compute, tmp_path / "stopped", name="phase", watch=stopping)
    assert [report.step for report in stopping.reports] == [1, 2, 3]
    whole, stopped = (weights(phase, clip, compute, tmp_path / name) for name in ("whole", "stopped"))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    assert (tmp_path / "whole/phase.csv").read_text() == (tmp_path / "stopped/phase.csv").read_text()
    assert not (tmp_path / "stopped/phase.state.safetensors").exists()


def test_minutes_count_over_all_starts(clip: PreparedClip, compute: Compute, tmp_path: Path) -> None:
    budget, first, second = Budget(minutes=1.0), Interrupting(4), Interrupting(7)
    for watch in (first, second):
        with pytest.raises(KeyboardInterrupt):
            train_phase(clip, DRAFT.phases[0], budget, compute, tmp_path, name="phase", watch=watch)
    assert [report.step for report in second.reports] == [5, 6, 7]
    assert second.reports[0].done > first.reports[-1].done > 0


def test_the_state_of_another_training_is_refused_and_stays(
    clip: PreparedClip, compute: Compute, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_phase(clip, DRAFT.phases[0], Budget(steps=8), compute, tmp_path, name="phase", watch=Interrupting(1))
    saved = (tmp_path / "phase.state.safetensors").read_bytes()
    with pytest.raises(TrainingError, match="Go on with the settings it was started with, or start a new training"):
        train_phase(clip, JUDGED, Budget(steps=8), compute, tmp_path, name="phase")
    assert (tmp_path / "phase.state.safetensors").read_bytes() == saved
