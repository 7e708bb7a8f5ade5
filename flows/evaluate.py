"""Score a film against the truth."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect import flow, task

from flows.caching import ByContent
from flows.progress import bar
from flows.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.video import probe
from stages.evaluation.compare import Comparison, Progress, compare_films
from stages.evaluation.compare_faces import FaceComparison, compare_faces
from stages.tracking.face import FaceTrackerConfig
from stages.tracking.pose import TrackerConfig

EVALUATION, FACES = 1, 1  # raise one when the same films would be scored otherwise


@flow(name="evaluate")
def evaluate_flow(film: FileRef, truth: FileRef, tracker: TrackerConfig, workspace: Workspace) -> Comparison:
    """Compare frame by frame, re-track both, measure flicker."""
    return evaluate(film, truth, tracker, workspace)


@flow(name="evaluate faces")
def evaluate_faces_flow(
    film: FileRef, truth: FileRef, tracker: FaceTrackerConfig, workspace: Workspace
) -> FaceComparison:
    """Compare heads frame by frame, re-track both, measure flicker."""
    return evaluate_faces(film, truth, tracker, workspace)


@task(name="evaluate", persist_result=True, cache_policy=ByContent(version=EVALUATION))
def evaluate(film: FileRef, truth: FileRef, tracker: TrackerConfig, workspace: Workspace) -> Comparison:
    """See `compare_films`."""
    del workspace
    with _scoring(film, truth) as progress:
        return compare_films(film.path, truth.path, tracker=tracker, progress=progress)


@task(name="evaluate faces", persist_result=True, cache_policy=ByContent(version=FACES))
def evaluate_faces(film: FileRef, truth: FileRef, tracker: FaceTrackerConfig, workspace: Workspace) -> FaceComparison:
    """See `compare_faces`."""
    del workspace
    with _scoring(film, truth) as progress:
        return compare_faces(film.path, truth.path, tracker=tracker, progress=progress)


@contextmanager
def _scoring(film: FileRef, truth: FileRef) -> Iterator[Progress]:
    """A bar for three passes over the films: both are tracked, then compared."""
    frames = probe(truth.path).frames
    with bar(f"Scoring {film.path.name} against {truth.path.name}", 3 * frames if frames else None) as advance:
        done: dict[str, int] = {}

        def progress(what: str, count: int) -> None:
            done[what] = count
            advance(sum(done.values()))

        yield progress
