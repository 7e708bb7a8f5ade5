"""One of several processes that train a likeness together: `torchrun … -m flows.together JOB` starts it with a job.

`understudy train dance --processes N` writes the job and starts torchrun on this machine. For several machines start
torchrun on each by hand, with the same job on a disk that all of them see.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from flows.progress import training_bar
from models.perceptual import load_perceptual
from pipeline.artifacts import FileRef, atomic_file
from pipeline.compute import Compute, keep_memory
from pipeline.errors import TrainingError, UnderstudyError
from stages.retargeting.body import BodyStatistics
from stages.training.bricks import Report, Watch
from stages.training.phases import Budget, DancePreset
from stages.training.processes import joined
from stages.training.train_dance import train_dance


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """All that `train_dance` is given, as a file."""

    prepared: Path
    flow: Path | None
    clip: FileRef
    body: BodyStatistics
    preset: DancePreset
    budget: Budget
    perceptual: Path | None
    compute: Compute
    folder: Path


_JOB: TypeAdapter[TrainingJob] = TypeAdapter(TrainingJob)


def write_job(job: TrainingJob, path: Path) -> None:
    """Write a job for `python -m flows.together`.

    Raises: StorageError.
    """
    with atomic_file(path) as beside:
        beside.write_bytes(_JOB.dump_json(job, indent=2))


def read_job(path: Path) -> TrainingJob:
    """Read a job back: equal to what was written."""
    return _JOB.validate_json(path.read_bytes())


def train_together(job: TrainingJob, processes: int) -> None:
    """Train with so many processes of this machine; returns when the model is written.

    Raises:
        TrainingError: one of them failed; it has said why.
        KeyboardInterrupt: on Ctrl-C, which each of them gets as well: the state is saved.
    """
    path = job.folder / "training" / "job.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_job(job, path)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    code = subprocess.run([*torchrun, "-m", "flows.together", str(path)], check=False).returncode
    if code:
        raise TrainingError(
            f"training with {processes} processes",
            f"it ended with status {code}",
            "status 0",
            "See what the process said above; the same command goes on from the state saved last.",
        )


def run(job: TrainingJob, watch: Watch | None = None) -> None:
    """Take part in a job, as torchrun's environment says; only the book-keeper calls `watch`."""
    keep_memory()
    with joined(job.compute) as processes:
        train_dance(
            job.prepared,
            job.clip,
            job.body,
            job.preset,
            job.budget,
            job.compute,
            job.folder,
            flow=job.flow,
            perceptual=None if job.perceptual is None else load_perceptual(job.perceptual).to(job.compute.device),
            watch=watch,
            processes=processes,
        )


def told(report: Report) -> str:
    """A step in a few words, beside the progress bar."""
    return f"{report.phase} step {report.step} loss {report.loss:.3f}"


def main() -> None:
    """Read the job named on the command line and take part in it."""
    try:
        job = read_job(Path(sys.argv[1]))
        if os.environ.get("RANK", "0") != "0":
            run(job)  # one bar is enough
            return
        with training_bar("Training together") as show:
            run(job, lambda report: show(report.done, report.seconds_left, told(report)))
    except UnderstudyError as error:
        sys.exit(f"understudy: {error}")


if __name__ == "__main__":
    main()
