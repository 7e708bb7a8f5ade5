"""What people get of an evaluation: numbers as JSON, every frame as CSV, a picture of it over time, worst moments."""

import shutil
from pathlib import Path

from flows.evaluate import Evaluation
from flows.progress import say
from pipeline.artifacts import atomic_file
from pipeline.errors import WeightsMissing
from stages.evaluation.frame_scores import Moment
from stages.evaluation.measures import measure_named
from stages.evaluation.plots import plot_scores
from stages.evaluation.weights import MetricWeights, find_weights

MOMENTS, SECONDS = 5, 1.0  # how many worst moments are marked, and how long one is
PLOT = "scores.png"


def metric_weights(choice: str) -> MetricWeights | None:
    """What --weights means: a folder, `auto` for torchvision's place, or `none`.

    Raises: WeightsMissing: no such folder.
    """
    if choice == "none":
        return None
    if choice == "auto":
        return find_weights()
    folder = Path(choice)
    if not folder.is_dir():
        raise WeightsMissing(
            folder,
            "there is no such folder",
            "a folder with the weights of LPIPS, FID or the video distance",
            "Name one, or leave these metrics out: --weights none.",
        )
    return find_weights(folder.resolve())


def write_evaluation(
    found: Evaluation, title: str, *, json_file: Path | None, csv_file: Path | None, plots: Path | None
) -> None:
    """Write what was asked for, each file whole or not at all, and say where the film is worst.

    Args:
        plots: the folder for the picture; made where it is not there.

    Raises: StorageError.
    """
    for asked, there in ((json_file, found.files.numbers.path), (csv_file, found.files.frames.path)):
        if asked is not None:
            with atomic_file(asked) as beside:
                shutil.copyfile(there, beside)
    moments = found.frames.worst(MOMENTS, SECONDS)
    for line in worst_lines(moments):
        say(line)
    if plots is not None and found.frames.names:
        plot_scores(found.frames, plots / PLOT, title=title, moments=moments)


def worst_lines(moments: list[Moment]) -> tuple[str, ...]:
    """One line for each moment, the worst first."""
    return tuple(
        f"Worst moment {number}: {moment.start:.2f}–{moment.stop:.2f} s, "
        f"{measure_named(moment.name).words} {moment.value:.4g} ({moment.name})"
        for number, moment in enumerate(moments, 1)
    )
