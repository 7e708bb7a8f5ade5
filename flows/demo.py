"""The demo: Blue performs what Red did, dance or face, scored against the known answer."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

from prefect import flow

from flows.dance import Film, RenderSettings, TrainSettings, dance_flow
from flows.evaluate import EvaluationSettings, score_flow
from flows.portrait import PortraitFilm, PortraitRendering, PortraitTraining, portrait_flow, report_scene
from flows.progress import bar
from flows.proof.report import report_dance
from flows.store.workspace import Workspace
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
    page: Path  # the report, with every frame's scores
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
    found = score_flow(made.film, truth, rendering.tracker, EvaluationSettings(), workspace)
    told = made.conditioning
    page = report_dance(
        source, made.heard, made.model, made.film, told, rendering.retargeting, compute, scores=found.frames
    )
    assert isinstance(found.comparison, Comparison)
    return _shown(folder, "", [source.path, told.path, output, truth.path], found.comparison, page)


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
    found = score_flow(made.film, truth, rendering.tracker, EvaluationSettings(), workspace)
    page = report_scene(made.scene, made.model, made.film, rendering, compute, scores=found.frames)
    assert isinstance(found.comparison, FaceComparison)
    films = [source.path, made.scene.told.path, output, truth.path]
    return _shown(folder, "portrait_", films, found.comparison, page)


def _shown(folder: Path, name: str, films: list[Path], comparison: Score, page: Path) -> DemoResult[Score]:
    """Set the films side by side and write the scores down."""
    panels, scores = folder / f"{name}side_by_side.mp4", folder / f"{name}scores.json"
    with bar("Side by side", None):
        side_by_side(films, panels, labels=PANELS, height=PANEL_HEIGHT, overwrite=True)
    scores.write_text(json.dumps(asdict(comparison), indent=2) + "\n")
    return DemoResult(films[2], panels, scores, page, comparison)


def sample(name: str) -> FileRef:
    """One of the clips that come with the project.

    Raises: UnderstudyError where they were not installed along.
    """
    path = SAMPLES / name
    if not path.is_file():
        raise UnderstudyError(path, "the sample is not there", "the project's sample clips", "Run the demo in a clone.")
    return FileRef.of(path)
