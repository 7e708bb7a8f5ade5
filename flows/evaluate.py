"""Score a film: against the truth, or by its source where there is none; in total and frame by frame."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from prefect import flow
from pydantic import TypeAdapter

from flows.progress import bar
from flows.store.caching import stage, whole
from flows.store.results import Scores
from flows.store.workspace import Workspace, content_key
from pipeline.artifacts import FileRef, atomic_file
from pipeline.video import probe
from stages.evaluation.alone import Alone, AloneScores, score_alone, score_face_alone
from stages.evaluation.compare import Comparison, FilmScores, Progress, score_films
from stages.evaluation.compare_faces import FaceComparison, PortraitScores, score_faces
from stages.evaluation.frame_scores import FrameScores
from stages.evaluation.score_file import read_scores, write_scores
from stages.evaluation.span import Span
from stages.evaluation.steadiness import Steadiness, SteadinessScores, score_steadiness
from stages.evaluation.weights import MetricWeights
from stages.tracking.face import FaceTrackerConfig
from stages.tracking.face_track_file import load_face_track
from stages.tracking.pose import TrackerConfig
from stages.tracking.track_file import load_track

EVALUATION, FACES, ALONE, STEADINESS = 3, 3, 2, 1  # raise one when the same films would be scored otherwise

_COMPARISON, _FACES, _ALONE = TypeAdapter(Comparison), TypeAdapter(FaceComparison), TypeAdapter(AloneScores)
_STEADINESS = TypeAdapter(Steadiness)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """What is measured."""

    span: Span = field(default_factory=Span)
    weights: MetricWeights | None = None  # of the learned metrics; None: they are left out
    device: str = "cpu"  # where those run
    pictures: bool = True  # without a truth; False: the tracks alone


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A film's numbers, and the files they lie in."""

    comparison: Comparison | FaceComparison | AloneScores
    frames: FrameScores
    files: Scores


@flow(name="evaluate")
def evaluate_flow(film: FileRef, truth: FileRef, tracker: TrackerConfig, workspace: Workspace) -> Comparison:
    """Compare frame by frame, re-track both, measure flicker; in total."""
    found = whole(evaluate, film, truth, tracker, EvaluationSettings(), workspace)
    return _COMPARISON.validate_json(found.numbers.path.read_bytes())


@flow(name="evaluate faces")
def evaluate_faces_flow(
    film: FileRef, truth: FileRef, tracker: FaceTrackerConfig, workspace: Workspace
) -> FaceComparison:
    """Compare heads frame by frame, re-track both, measure flicker; in total."""
    found = whole(evaluate_faces, film, truth, tracker, EvaluationSettings(), workspace)
    return _FACES.validate_json(found.numbers.path.read_bytes())


@flow(name="score")
def score_flow(
    film: FileRef,
    truth: FileRef,
    tracker: TrackerConfig | FaceTrackerConfig,
    settings: EvaluationSettings,
    workspace: Workspace,
) -> Evaluation:
    """Compare with the truth, in total and frame by frame; heads where the tracker is one of faces."""
    if isinstance(tracker, FaceTrackerConfig):
        files = whole(evaluate_faces, film, truth, tracker, settings, workspace)
        return _evaluation(files, _FACES)
    return _evaluation(whole(evaluate, film, truth, tracker, settings, workspace), _COMPARISON)


@flow(name="score alone")
def score_alone_flow(
    film: FileRef,
    source: FileRef,
    performance: FileRef | None,
    tracker: TrackerConfig | FaceTrackerConfig,
    settings: EvaluationSettings,
    workspace: Workspace,
) -> Evaluation:
    """Score a film that has no truth, by its source and, for bodies, the performance it was told."""
    return _evaluation(whole(evaluate_alone, film, source, performance, None, tracker, settings, workspace), _ALONE)


@stage("evaluate", version=EVALUATION)
def evaluate(
    film: FileRef, truth: FileRef, tracker: TrackerConfig, settings: EvaluationSettings, workspace: Workspace
) -> Scores:
    """See `score_films`."""
    key = content_key(EVALUATION, film, truth, tracker, settings)
    with _scoring(truth) as progress:
        return _kept(
            score_films(
                film.path,
                truth.path,
                tracker=tracker,
                span=settings.span,
                weights=settings.weights,
                device=settings.device,
                progress=progress,
            ),
            key,
            workspace,
        )


@stage("evaluate faces", version=FACES)
def evaluate_faces(
    film: FileRef, truth: FileRef, tracker: FaceTrackerConfig, settings: EvaluationSettings, workspace: Workspace
) -> Scores:
    """See `score_faces`."""
    key = content_key(FACES, film, truth, tracker, settings)
    with _scoring(truth) as progress:
        return _kept(
            score_faces(
                film.path,
                truth.path,
                tracker=tracker,
                span=settings.span,
                weights=settings.weights,
                device=settings.device,
                progress=progress,
            ),
            key,
            workspace,
        )


@stage("evaluate alone", version=ALONE)
def evaluate_alone(
    film: FileRef,
    source: FileRef,
    performance: FileRef | None,
    known: FileRef | None,
    tracker: TrackerConfig | FaceTrackerConfig,
    settings: EvaluationSettings,
    workspace: Workspace,
) -> Scores:
    """See `score_alone` and `score_face_alone`; `known` is the source's track, where it is there already."""
    key = content_key(ALONE, film, source, performance, known, tracker, settings)
    with _scoring(source) as progress:
        if isinstance(tracker, FaceTrackerConfig):
            found = score_face_alone(
                film.path,
                source.path,
                known=None if known is None else load_face_track(known.path),
                tracker=tracker,
                span=settings.span,
                pictures=settings.pictures,
                progress=progress,
            )
            return _kept(found, key, workspace)
        told, body = (None if track is None else load_track(track.path) for track in (performance, known))
        found = score_alone(
            film.path,
            source.path,
            performance=told,
            known=body,
            tracker=tracker,
            span=settings.span,
            pictures=settings.pictures,
            progress=progress,
        )
        return _kept(found, key, workspace)


@stage("evaluate steadiness", version=STEADINESS)
def evaluate_steadiness(film: FileRef, source: FileRef, workspace: Workspace) -> Scores:
    """See `score_steadiness`."""
    key = content_key(STEADINESS, "steadiness", film, source)
    with _scoring(source, passes=1) as progress:
        return _kept(score_steadiness(film.path, source.path, progress=progress), key, workspace)


def _kept(scores: FilmScores | PortraitScores | Alone | SteadinessScores, key: str, workspace: Workspace) -> Scores:
    numbers, frames = (workspace.place("scores", key, suffix) for suffix in (".json", ".csv"))
    with atomic_file(numbers) as beside:
        beside.write_text(json.dumps(asdict(scores.comparison), indent=2) + "\n")
    write_scores(scores.frames, frames, first=scores.first)
    return Scores(FileRef.of(numbers), FileRef.of(frames))


def frames_of(files: Scores) -> FrameScores:
    """What was measured in every frame.

    Raises: TrackError where the file is damaged.
    """
    return read_scores(files.frames.path)


def alone_numbers(files: Scores) -> AloneScores:
    """The numbers of a film without a truth."""
    return _ALONE.validate_json(files.numbers.path.read_bytes())


def steadiness_numbers(files: Scores) -> Steadiness:
    """The numbers of a film that moves as its source."""
    return _STEADINESS.validate_json(files.numbers.path.read_bytes())


def _evaluation(
    files: Scores, numbers: TypeAdapter[Comparison] | TypeAdapter[FaceComparison] | TypeAdapter[AloneScores]
) -> Evaluation:
    return Evaluation(numbers.validate_json(files.numbers.path.read_bytes()), frames_of(files), files)


@contextmanager
def _scoring(truth: FileRef, *, passes: int = 3) -> Iterator[Progress]:
    """A bar for passes over the films, three where both are tracked, then compared."""
    frames = probe(truth.path).frames
    with bar(f"Scoring against {truth.path.name}", passes * frames if frames else None) as advance:
        done: dict[str, int] = {}

        def progress(what: str, count: int) -> None:
            done[what] = count
            advance(sum(done.values()))

        yield progress
