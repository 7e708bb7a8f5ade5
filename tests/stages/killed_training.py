"""Trains the small draft until it is killed: run by `test_training_resume.py` as a program of its own."""

import sys
import time
from pathlib import Path

import torch
from made_dances import DRAFT, sample_body

from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from stages.training.bricks import Report, Watch
from stages.training.phases import Budget
from stages.training.train_dance import train_dance

STEPS = 40
SAVE_SECONDS = 0.1  # more than a step takes: a kill loses some steps, which are then computed again


def train(prepared: Path, film: Path, folder: Path, watch: Watch | None = None) -> None:
    train_dance(
        prepared,
        FileRef.of(film),
        sample_body(),
        DRAFT,
        Budget(steps=STEPS),
        Compute("cpu", "float32", 0),
        folder,
        watch=watch,
        save_seconds=SAVE_SECONDS,
    )


def slowly(report: Report) -> None:
    """Take time over every step, so that whoever kills this is not too late."""
    time.sleep(SAVE_SECONDS / 4)


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(*(Path(argument) for argument in sys.argv[1:4]), slowly)
