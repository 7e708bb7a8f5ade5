"""The demo: Blue performs what Red did, dance or face, scored against the known answer."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

from prefect import flow

from flows.dance import Film, RenderSettings, TrainSettings, dance_flow
from flows.evaluate import evaluate_faces_flow, evaluate_flow
from flows.portrait import PortraitFilm, PortraitRendering, PortraitTraining, portrait_flow
from flows.progress import bar
from flows.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.delivery import side_by_side
from pipeline.errors import UnderstudyError
from stages.evaluation.compare import Comparison
from stages.evaluation.compare_faces import FaceComparison
from stages.provenance.consent import nobody

SAMPLES = Path(__file__).parents[1] / "sample_videos"
SOURCE, TARGET, TRUTH = "red_dance.mp4", "blue_dance.mp4", "blue_dances_as_red.mp4"
HEADS = ("red_portrait.mp4", "blue_portrait.mp4", "blue_portrait_as_red.mp4")
PANELS = ("source", "conditioning", "result", "truth")
PANEL_HEIGHT = 480

Score = TypeVar("Score", Comparison, FaceComparison)


@dataclass(frozen=True, slots=True)
class DemoResult(Generic[Score]):
    """The files to look at, and how good the film is."""

    film: Path
    side_by_side: Path
    scores: Path
    comparison: Score


@flow(name="demo")
def demo_flow(
    folder: Path,
    training: TrainSettings,
    rendering: RenderSettings,
    compute: Compute,
    workspace: Workspace,
    overwrite: bool = True,
) -> DemoResult[Comparison]:
    """Run the main job on the samples, set the film beside the truth, score it."""
    source, target, truth = (sample(name) for name in (SOURCE, TARGET, TRUTH))
    output = folder / "blue_dances_as_red.mp4"
    made: Film = dance_flow(
        source,
        target,
        output,
        training,
        rendering,
        compute,
        workspace,
        overwrite=overwrite,
        consent=nobody(),
    )
    films = [source.path, made.conditioning.path, output, truth.path]
    comparison: Comparison = evaluate_flow(made.film, truth, rendering.tracker, workspace)
    return _shown(folder, "", films, comparison)


@flow(name="portrait demo")
def portrait_demo_flow(
    folder: Path,
    training: PortraitTraining,
    rendering: PortraitRendering,
    compute: Compute,
    workspace: Workspace,
) -> DemoResult[FaceComparison]:
    """The same for heads."""
    source, target, truth = (sample(name) for name in HEADS)
    output = folder / HEADS[-1]
    made: PortraitFilm = portrait_flow(
        source,
        target,
        None,
        output,
        training,
        rendering,
        compute,
        workspace,
        overwrite=True,
        consent=nobody(),
    )
    films = [source.path, made.conditioning.path, output, truth.path]
    comparison: FaceComparison = evaluate_faces_flow(made.film, truth, rendering.tracker, workspace)
    return _shown(folder, "portrait_", films, comparison)


def _shown(folder: Path, name: str, films: list[Path], comparison: Score) -> DemoResult[Score]:
    """Set the films side by side and write the scores down."""
    panels, scores = folder / f"{name}side_by_side.mp4", folder / f"{name}scores.json"
    with bar("Side by side", None):
        side_by_side(films, panels, labels=PANELS, height=PANEL_HEIGHT, overwrite=True)
    scores.write_text(json.dumps(asdict(comparison), indent=2) + "\n")
    return DemoResult(films[2], panels, scores, comparison)


def sample(name: str) -> FileRef:
    """One of the clips that come with the project.

    Raises: UnderstudyError where they were not installed along.
    """
    path = SAMPLES / name
    if not path.is_file():
        raise UnderstudyError(path, "the sample is not there", "the project's sample clips", "Run the demo in a clone.")
    return FileRef.of(path)
