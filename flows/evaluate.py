"""Score a film against the truth."""

from prefect import flow, task

from flows.caching import ByContent
from flows.progress import bar
from flows.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.video import probe
from stages.evaluation.compare import Comparison, compare_films
from stages.tracking.pose import TrackerConfig

EVALUATION = 1  # raise it when the same films would be scored otherwise


@flow(name="evaluate")
def evaluate_flow(film: FileRef, truth: FileRef, tracker: TrackerConfig, workspace: Workspace) -> Comparison:
    """Compare frame by frame, re-track both, measure flicker."""
    return evaluate(film, truth, tracker, workspace)


@task(name="evaluate", persist_result=True, cache_policy=ByContent(version=EVALUATION))
def evaluate(film: FileRef, truth: FileRef, tracker: TrackerConfig, workspace: Workspace) -> Comparison:
    """See `compare_films`."""
    del workspace
    frames = probe(truth.path).frames
    with bar(f"Scoring {film.path.name} against {truth.path.name}", 3 * frames if frames else None) as advance:
        done: dict[str, int] = {}

        def progress(what: str, count: int) -> None:
            done[what] = count
            advance(sum(done.values()))

        return compare_films(film.path, truth.path, tracker=tracker, progress=progress)
