"""The report beside a finished film: gathers what a flow knows of it and writes the page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from flows.progress import bar
from flows.proof.parking import Gated, held_back, parked_place
from flows.proof.report_facts import (
    film_section,
    gates_section,
    machine_section,
    model_section,
    provenance_sections,
    stage_costs,
)
from flows.proof.report_films import reel
from flows.store.results import Face, Moved
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import FilmParked
from pipeline.video import frame_times, probe
from stages.evaluation.frame_scores import FrameScores
from stages.model_folder import DanceModel, read_facts
from stages.portrait_model import PortraitModel, read_portrait_facts
from stages.report.compare import report_beside
from stages.report.content import Lane, ReportPage
from stages.report.lanes import confidence_lane, flag_lane, score_lanes, tracking_lane
from stages.report.moments import with_thumbnails, worst_moments
from stages.report.page import write_report
from stages.report.training import curves_of, sheets_of
from stages.retargeting.body import measure_body
from stages.retargeting.performance_file import load_performance
from stages.retargeting.reenact import ReenactConfig
from stages.retargeting.retarget import RetargetConfig, retarget
from stages.tracking.face_track_file import load_face_track
from stages.tracking.track_file import load_track
from stages.translate_model import TranslateModel, read_translate_facts

COPIES = "report-films"  # folder beside the film for copies of what browsers do not play


@contextmanager
def reported(output: Path, report: Callable[[FileRef], Path]) -> Iterator[None]:
    """Report on the film that the block delivers to `output`, or on the one that it parks, before that is said.

    Raises: what the block raises; see `report_dance`.
    """
    try:
        yield
    except FilmParked:
        report(FileRef.of(parked_place(output)))
        raise
    report(FileRef.of(output))


def report_dance(
    source: FileRef,
    track: FileRef,
    model: FileRef,
    film: FileRef,
    conditioning: FileRef | None,
    retargeting: RetargetConfig,
    compute: Compute,
    *,
    scores: FrameScores | None = None,
    gated: Gated | None = None,
) -> Path:
    """Write the report of a dancer's film beside it; an older one is replaced.

    Args:
        source: the clip whose performance was borrowed.
        track: its joints, as they were found.
        model: model.json of the likeness.
        film: as it was delivered, its record beside it.
        conditioning: the stick figures as a film; None: not shown.
        retargeting: how the performance was laid onto the body.
        compute: where it was painted.
        scores: of every frame, where it was scored; None: those that its gates asked for.
        gated: what it had to pass, judged by now; None: nothing.

    Returns: the page.

    Raises: VideoError, TrackError, ModelError, ProvenanceError, StorageError.
    """
    joints, facts = load_track(track.path), read_facts(model.path.parent)
    moved = retarget(joints, measure_body(joints), facts.body, retargeting)
    lanes = (
        tracking_lane(joints.status),
        confidence_lane(joints.confidence),
        flag_lane("distance", moved.clamped_frames, good="in range", bad="held back"),
        flag_lane("place", moved.outside_frames, good="in the picture", bad="leaves the picture"),
    )
    films = _films(source, conditioning, film)
    return _write(films, model, facts, joints.times, lanes, compute, scores, gated)


def report_portrait(
    source: FileRef,
    track: FileRef,
    model: FileRef,
    film: FileRef,
    conditioning: FileRef | None,
    moved: Moved,
    heard: Face | None,
    target: Face,
    reenactment: ReenactConfig,
    compute: Compute,
    *,
    scores: FrameScores | None = None,
    gated: Gated | None = None,
) -> Path:
    """Write the report of a head's film beside it; an older one is replaced.

    Args:
        source: the clip whose time the film has.
        track: the face in it, as it was found.
        model: model.json of the likeness.
        film: as it was delivered, its record beside it.
        conditioning: what the network was told, as a film; None: not shown.
        moved: what the head was to do.
        heard: the face that it was borrowed from; None: the target's own motion was edited.
        target: the face that was trained.
        reenactment: what was borrowed and edited.
        compute: where it was painted.
        scores: of every frame, where it was scored; None: those that its gates asked for.
        gated: what it had to pass, judged by now; None: nothing.

    Returns: the page.

    Raises: VideoError, TrackError, ModelError, ProvenanceError, StorageError.
    """
    performance, face = load_performance(moved.performance.path), load_face_track(track.path)
    lanes = (
        tracking_lane(performance.status),
        confidence_lane(face.confidence),
        flag_lane("motion", held_back(heard, target, reenactment), good="in range", bad="held back"),
    )
    films, facts = _films(source, conditioning, film), read_portrait_facts(model.path.parent)
    return _write(films, model, facts, performance.times, lanes, compute, scores, gated)


def report_translate(
    clip: FileRef,
    model: FileRef,
    film: FileRef,
    compute: Compute,
    *,
    scores: FrameScores | None = None,
    gated: Gated | None = None,
) -> Path:
    """Write the report of a translated clip beside it; an older one is replaced. See `report_dance`."""
    facts = read_translate_facts(model.path.parent)
    return _write(_films(clip, None, film), model, facts, frame_times(film.path), (), compute, scores, gated)


def _films(source: FileRef, conditioning: FileRef | None, film: FileRef) -> tuple[tuple[str, FileRef], ...]:
    shown = (("source", source), ("conditioning", conditioning), ("result", film))
    return tuple((label, clip) for label, clip in shown if clip is not None)


def _write(
    films: Sequence[tuple[str, FileRef]],
    model: FileRef,
    facts: DanceModel | PortraitModel | TranslateModel,
    times: Iterable[Fraction],
    lanes: tuple[Lane, ...],
    compute: Compute,
    scores: FrameScores | None,
    gated: Gated | None,
) -> Path:
    (_, source), (_, film) = films[0], films[-1]
    info, seconds = probe(film.path), np.array([float(time) for time in times])
    judged = None if gated is None else gated.judged
    scores = judged.scores if scores is None and judged is not None else scores
    lanes = lanes if scores is None else (*lanes, *score_lanes(scores))
    training = model.path.parent / "training"
    with bar(f"Writing the report of {film.path.name}", None):
        page = ReportPage(
            title=film.path.name,
            videos=tuple(reel(label, clip, film.path.parent / COPIES) for label, clip in films),
            frame_rate=info.frame_rate,
            times=seconds,
            lanes=lanes,
            moments=with_thumbnails(worst_moments(lanes, seconds), film.path),
            curves=curves_of(training),
            sheets=sheets_of(training),
            facts=(
                film_section("Film", film, info),
                *gates_section(None if judged is None else judged.verdict),
                film_section("Source", source, probe(source.path)),
                model_section(model, facts),
                *provenance_sections(film.path),
                machine_section(compute),
            ),
            stages=stage_costs(),
        )
        return write_report(page, report_beside(film.path))
