"""The demo: Blue performs Red's dance, scored against the known answer."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from prefect import flow

from flows.dance import Film, RenderSettings, TrainSettings, dance_flow
from flows.evaluate import evaluate_flow
from flows.progress import bar
from flows.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.delivery import side_by_side
from pipeline.errors import UnderstudyError
from stages.evaluation.compare import Comparison

SAMPLES = Path(__file__).parents[1] / "sample_videos"
SOURCE, TARGET, TRUTH = "red_dance.mp4", "blue_dance.mp4", "blue_dances_as_red.mp4"
PANELS = ("source", "conditioning", "result", "truth")
PANEL_HEIGHT = 480


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The files to look at, and how good the film is."""

    film: Path
    side_by_side: Path
    scores: Path
    comparison: Comparison


@flow(name="demo")
def demo_flow(
    folder: Path,
    training: TrainSettings,
    rendering: RenderSettings,
    compute: Compute,
    workspace: Workspace,
    overwrite: bool = True,
) -> DemoResult:
    """Run the main job on the samples, set the film beside the truth, score it."""
    source, target, truth = (sample(name) for name in (SOURCE, TARGET, TRUTH))
    output = folder / "blue_dances_as_red.mp4"
    made: Film = dance_flow(
        source, target, output, training, rendering, compute, workspace, overwrite=overwrite, conditioning=True
    )
    assert made.conditioning is not None
    panels = folder / "side_by_side.mp4"
    with bar("Side by side", None):
        side_by_side(
            [source.path, made.conditioning.path, output, truth.path],
            panels,
            labels=PANELS,
            height=PANEL_HEIGHT,
            overwrite=True,
        )
    comparison: Comparison = evaluate_flow(made.film, truth, rendering.tracker, workspace)
    scores = folder / "scores.json"
    scores.write_text(json.dumps(asdict(comparison), indent=2) + "\n")
    return DemoResult(output, panels, scores, comparison)


def sample(name: str) -> FileRef:
    """One of the clips that come with the project.

    Raises: UnderstudyError where they were not installed along.
    """
    path = SAMPLES / name
    if not path.is_file():
        raise UnderstudyError(path, "the sample is not there", "the project's sample clips", "Run the demo in a clone.")
    return FileRef.of(path)
