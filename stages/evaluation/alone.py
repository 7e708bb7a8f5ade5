"""Scores a film that has no truth: against its source and the performance it was told, and by its own steadiness."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.streams import in_step
from pipeline.values import FaceTrack, Frame, Track
from pipeline.video import read_video
from stages.evaluation.appearance import STILL as STILL_LOOKS
from stages.evaluation.appearance import LookBook, Looks, body_looks, face_looks
from stages.evaluation.compare import tracked
from stages.evaluation.compare_faces import seen_face, tracked_face
from stages.evaluation.flicker import own_warp_error
from stages.evaluation.frame_scores import FrameScores
from stages.evaluation.jitter import body_jitter, face_jitter, ratio
from stages.evaluation.measures import Column, frame_scores, or_none, table
from stages.evaluation.pairing import times_of_both
from stages.evaluation.pose_error import missed_frames, pose_errors
from stages.evaluation.region_meter import mean_or_none
from stages.evaluation.span import Span, part_of
from stages.optical_flow import Flow
from stages.tracking.face import FaceTrackerConfig
from stages.tracking.pose import TrackerConfig

F64 = NDArray[np.float64]
Progress = Callable[[str, int], None]  # what is being done, frames done of it
Looking = Callable[[Frame], Looks]

STILL_PICTURE = 0.01  # % of range: added to both sides of a ratio, so that a still source divides


@dataclass(frozen=True, slots=True, kw_only=True)
class AloneScores:
    """What can be said of a film without a truth. None: it does not show what the number is about."""

    frames: int
    missed_detections: int | None  # frames with a person in the source, in which none was found in the film
    pose_error_pct: float | None  # mean distance of re-tracked joints to the performance, % of the body height
    warp_error_pct: float | None  # flicker along the film's own motion: mean difference, % of the range
    warp_error_ratio: float | None  # over the source's along its own: 1 as steady as the source, above 1 less
    identity_drift_de: float | None  # mean ΔE between how the person looks and usually looks in the film
    identity_drift_ratio: float | None  # over the source's: 1 as steady as the source, above 1 less
    jitter_pct: float | None  # mean second difference of re-tracked points, % of body height or eye distance
    jitter_ratio: float | None  # over the source's

    def lines(self) -> tuple[str, ...]:
        """One line for each number, `name value`, for people."""
        numbers = {
            "frames": f"{self.frames}",
            "missed_detections": or_none(self.missed_detections, "d"),
            "pose_error_pct": or_none(self.pose_error_pct, ".2f"),
            "warp_error_pct": or_none(self.warp_error_pct, ".3f"),
            "warp_error_ratio": or_none(self.warp_error_ratio, ".3f"),
            "identity_drift_de": or_none(self.identity_drift_de, ".2f"),
            "identity_drift_ratio": or_none(self.identity_drift_ratio, ".3f"),
            "jitter_pct": or_none(self.jitter_pct, ".3f"),
            "jitter_ratio": or_none(self.jitter_ratio, ".3f"),
        }
        return table(numbers, ())


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """A film's numbers in total and per frame."""

    comparison: AloneScores
    frames: FrameScores
    first: int = 0  # the number that the first of these frames has in the film


def score_alone(
    film: Path,
    source: Path,
    *,
    performance: Track | None = None,
    known: Track | None = None,
    tracker: TrackerConfig | None = None,
    span: Span | None = None,
    pictures: bool = True,
    progress: Progress | None = None,
) -> Alone:
    """Score a film of a body by its source. Neither film is ever held in memory; nothing is drawn by chance.

    Args:
        film: what was made.
        source: whose performance it shows: as many frames, at the same times.
        performance: what the film was told to show (`retarget`); None: no pose error.
        known: the source's track, where it is there already; None: it is tracked.
        tracker: how both are tracked.
        span: the part that is scored; None: all of it.
        pictures: False: only the tracks are looked at, which takes a fifth of the time; no flicker, no drift.
        progress: called with what is being done and the number of frames done.

    Raises:
        VideoError: a film cannot be read; they differ in length or in times; no frame lies in the span.
        TrackError: the performance has another number of frames.
    """
    times = times_of_both(film, source)
    for track in (performance, known):
        _refuse_other(track, film, len(times))
    rows = (span or Span()).frames(times, film)
    there, made = known or tracked(source, tracker, progress), tracked(film, tracker, progress)
    due = performance or there
    seen = _Pictures.of(film, source, rows, _bodies(made), _bodies(there), progress) if pictures else None
    part = None if made is None else part_of(made, rows)
    nothing = np.full(len(times[rows]), np.nan)
    return _scored(
        times[rows],
        rows.start,
        seen or _Pictures(nothing, nothing, nothing, nothing),
        missed=nothing if due is None else missed_frames(part, part_of(due, rows)),
        poses=nothing if performance is None else pose_errors(part, part_of(performance, rows)),
        jitter=nothing if part is None else body_jitter(part),
        source_jitter=nothing if there is None else body_jitter(part_of(there, rows)),
    )


def score_face_alone(
    film: Path,
    source: Path,
    *,
    known: FaceTrack | None = None,
    tracker: FaceTrackerConfig | None = None,
    span: Span | None = None,
    pictures: bool = True,
    progress: Progress | None = None,
) -> Alone:
    """Score a portrait by its source; args and errors as of `score_alone`."""
    times = times_of_both(film, source)
    _refuse_other(known, film, len(times))
    rows = (span or Span()).frames(times, film)
    there, made = known or tracked_face(source, tracker, progress), tracked_face(film, tracker, progress)
    seen = _Pictures.of(film, source, rows, _faces(made), _faces(there), progress) if pictures else None
    part = None if made is None else part_of(made, rows)
    nothing = np.full(len(times[rows]), np.nan)
    return _scored(
        times[rows],
        rows.start,
        seen or _Pictures(nothing, nothing, nothing, nothing),
        missed=nothing if there is None else missed_frames(part, part_of(there, rows)),
        poses=nothing,
        jitter=nothing if part is None else face_jitter(part),
        source_jitter=nothing if there is None else face_jitter(part_of(there, rows)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    flicker: F64  # (n,) each: % of the range; NaN for the first
    source_flicker: F64
    drift: F64  # ΔE
    source_drift: F64

    @classmethod
    def of(
        cls, film: Path, source: Path, rows: slice, look: Looking, look_there: Looking, progress: Progress | None
    ) -> "_Pictures":
        """One pass over both films in step; two pictures of each are held."""
        own, other = _Steadiness(look), _Steadiness(look_there)
        with (
            read_video(film, start_index=rows.start, stop_index=rows.stop) as made,
            read_video(source, start_index=rows.start, stop_index=rows.stop) as there,
        ):
            for done, (one, two) in enumerate(in_step(made, there, names=("the film", "the source")), 1):
                own.add(one)
                other.add(two)
                if progress:
                    progress("comparing", done)
        return cls(own.flicker(), other.flicker(), own.looks.drift(), other.looks.drift())


class _Steadiness:
    """One film's flicker and looks."""

    def __init__(self, look: Looking) -> None:
        self._look, self.looks = look, LookBook()
        self._flow = Flow()
        self._before: NDArray[np.uint8] | None = None
        self._errors: list[float] = []

    def add(self, frame: Frame) -> None:
        before = self._before
        self._errors.append(np.nan if before is None else own_warp_error(self._flow, frame.image, before))
        self._before = frame.image
        self.looks.add(self._look(frame))

    def flicker(self) -> F64:
        return np.array(self._errors)


def _refuse_other(track: Track | FaceTrack | None, film: Path, frames: int) -> None:
    if track is not None and len(track) != frames:
        raise TrackError(
            "the track",
            f"it has {len(track)} frames, {film} has {frames}",
            "the track that the film was made from",
            "Give the track that this film was made from, or none.",
        )


def _bodies(track: Track | None) -> Looking:
    return lambda frame: body_looks(frame.image, None if track is None else track[frame.index])


def _faces(track: FaceTrack | None) -> Looking:
    return lambda frame: face_looks(frame.image, seen_face(track, frame.index))


def _scored(
    times: Sequence[Fraction],
    first: int,
    pictures: _Pictures,
    *,
    missed: F64,
    poses: F64,
    jitter: F64,
    source_jitter: F64,
) -> Alone:
    steady = (pictures.flicker + STILL_PICTURE) / (pictures.source_flicker + STILL_PICTURE)
    numbers = AloneScores(
        frames=len(times),
        missed_detections=None if np.isnan(missed).all() else int(np.nansum(missed)),
        pose_error_pct=mean_or_none(poses),
        warp_error_pct=mean_or_none(pictures.flicker),
        warp_error_ratio=ratio(pictures.flicker, pictures.source_flicker, STILL_PICTURE),
        identity_drift_de=mean_or_none(pictures.drift),
        identity_drift_ratio=ratio(pictures.drift, pictures.source_drift, STILL_LOOKS),
        jitter_pct=mean_or_none(jitter),
        jitter_ratio=ratio(jitter, source_jitter),
    )
    columns = (
        Column("pose_error_pct", poses),
        Column("missed", missed),
        Column("warp_error_pct", pictures.flicker),
        Column("warp_error_ratio", steady),
        Column("identity_drift_de", pictures.drift),
        Column("jitter_pct", jitter),
    )
    return Alone(numbers, frame_scores(np.array([float(time) for time in times]), columns), first=first)
