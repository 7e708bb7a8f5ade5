"""Scores a portrait against the truth: the head's likeness, re-tracked landmarks, gaze and lids, flicker."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.streams import in_step
from pipeline.values import FaceTrack, Status
from pipeline.video import read_video
from stages.evaluation.appearance import STILL as STILL_LOOKS
from stages.evaluation.appearance import LookBook, face_looks
from stages.evaluation.face_error import FaceError, face_error, head_box, landmark_errors
from stages.evaluation.film_meter import FilmMeter
from stages.evaluation.frame_scores import FrameScores
from stages.evaluation.jitter import face_jitter, ratio
from stages.evaluation.learned import LearnedMetrics
from stages.evaluation.measures import Column, frame_scores, or_none, table
from stages.evaluation.pairing import resized_like, said_sizes, times_of_both
from stages.evaluation.pose_error import missed_frames
from stages.evaluation.region_meter import mean_or_none
from stages.evaluation.regions import Patch
from stages.evaluation.span import Span, part_of
from stages.evaluation.weights import MetricWeights
from stages.tracking.face import FaceTrackerConfig, track_face

logger = logging.getLogger(__name__)

F64 = NDArray[np.float64]
Progress = Callable[[str, int], None]  # what is being done, frames done of it

HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceComparison:
    """How near a portrait is to the truth. None: the clips do not show what the number is about."""

    frames: int
    head_psnr_db: float | None  # of the squared error over the head's box in all frames; 100 for equal films
    head_ssim: float | None  # mean over frames with a head
    landmark_error_pct: float | None  # mean over 478 points and frames, % of the distance of the outer eye corners
    gaze_across_correlation: float | None  # of both eyes' mean, film against truth, -1 … 1
    gaze_up_correlation: float | None
    lids_correlation: float | None
    missed_faces: int  # frames with a face in the truth, in which none was found in the film
    warp_error_ratio: float | None  # flicker: 1 as steady as the truth, above 1 less; None for a single frame
    resized_from: tuple[int, int] | None  # the film's width and height where they are not the truth's
    psnr_db: float | None = None  # of the whole frame, as of the head
    ssim: float | None = None
    lpips: float | None = None  # mean over frames, of the whole frame; 0 for equal films
    head_lpips: float | None = None
    fid: float | None = None  # Fréchet Inception distance of all frames
    video_distance_r3d18: float | None = None  # Fréchet distance of what r3d_18 sees in clips of 16 frames
    identity_drift_de: float | None = None  # mean ΔE between how the face looks and usually looks in the film
    identity_drift_ratio: float | None = None  # over the truth's: 1 as steady as the truth, above 1 less
    jitter_pct: float | None = None  # mean second difference of landmarks, % of the distance of the eye corners
    jitter_ratio: float | None = None  # over the truth's
    not_measured: tuple[str, ...] = ()  # `metric: not measured: why` for each that lacks its weights

    def lines(self) -> tuple[str, ...]:
        """One line for each number, `name value`, for people; then what was not measured."""
        numbers = {
            "frames": f"{self.frames}",
            "psnr_db": or_none(self.psnr_db, ".2f"),
            "ssim": or_none(self.ssim, ".4f"),
            "lpips": or_none(self.lpips, ".4f"),
            "head_psnr_db": or_none(self.head_psnr_db, ".2f"),
            "head_ssim": or_none(self.head_ssim, ".4f"),
            "head_lpips": or_none(self.head_lpips, ".4f"),
            "fid": or_none(self.fid, ".1f"),
            "video_distance_r3d18": or_none(self.video_distance_r3d18, ".3f"),
            "landmark_error_pct": or_none(self.landmark_error_pct, ".2f"),
            "gaze_across_correlation": or_none(self.gaze_across_correlation, ".3f"),
            "gaze_up_correlation": or_none(self.gaze_up_correlation, ".3f"),
            "lids_correlation": or_none(self.lids_correlation, ".3f"),
            "missed_faces": f"{self.missed_faces}",
            "warp_error_ratio": or_none(self.warp_error_ratio, ".3f"),
            "identity_drift_de": or_none(self.identity_drift_de, ".2f"),
            "identity_drift_ratio": or_none(self.identity_drift_ratio, ".3f"),
            "jitter_pct": or_none(self.jitter_pct, ".3f"),
            "jitter_ratio": or_none(self.jitter_ratio, ".3f"),
        }
        return table(numbers, self.not_measured)


@dataclass(frozen=True, slots=True, eq=False)
class PortraitScores:
    """A portrait's numbers in total and per frame."""

    comparison: FaceComparison
    frames: FrameScores
    first: int = 0  # the number that the first of these frames has in the film


def compare_faces(
    film: Path, truth: Path, *, tracker: FaceTrackerConfig | None = None, progress: Progress | None = None
) -> FaceComparison:
    """Score a portrait against the truth in total, without the learned metrics: see `score_faces`."""
    return score_faces(film, truth, tracker=tracker, progress=progress).comparison


def score_faces(
    film: Path,
    truth: Path,
    *,
    tracker: FaceTrackerConfig | None = None,
    span: Span | None = None,
    weights: MetricWeights | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> PortraitScores:
    """Score a portrait against the truth. Frames are paired by index; neither film is ever held in memory.

    The head's box is laid around the truth's landmarks in every frame, hair included. A film of another size is resized
    to the truth's, and that is said. Nothing is drawn by chance: the same films give the same numbers.

    Args:
        film: what was made.
        truth: what should have come out: as many frames, at the same times.
        tracker: how both are tracked.
        span: the part that is scored; None: all of it.
        weights: of the learned metrics; None: they are not measured.
        device: where those run.
        progress: called with what is being done and the number of frames done.

    Raises:
        VideoError: a film cannot be read; they differ in length or in times; no frame lies in the span.
        TrackError: no face in the truth, or several and none was chosen.
    """
    times = times_of_both(film, truth)
    rows = (span or Span()).frames(times, film)
    true_track = track_face(truth, tracker, progress=progress and (lambda done: progress(f"tracking {truth}", done)))
    made_track = tracked_face(film, tracker, progress)
    learned = LearnedMetrics(weights, device)
    meter, made_looks, true_looks = FilmMeter(learned, (HEAD,)), LookBook(), LookBook()
    with (
        read_video(film, start_index=rows.start, stop_index=rows.stop) as made,
        read_video(truth, start_index=rows.start, stop_index=rows.stop) as true,
    ):
        resized = said_sizes(made.info, true.info)
        for done, (here, there) in enumerate(in_step(made, true, names=("the film", "the truth")), 1):
            meter.add(resized_like(here.image, there.image), there.image, (_head(true_track, there.index),))
            made_looks.add(face_looks(here.image, seen_face(made_track, here.index)))
            true_looks.add(face_looks(there.image, seen_face(true_track, there.index)))
            if progress:
                progress("comparing", done)
    motion = _Motion.of(made_track, true_track, rows, made_looks.drift(), true_looks.drift())
    seconds = np.array([float(time) for time in times[rows]])
    return PortraitScores(
        _comparison(len(seconds), meter, motion, learned, resized),
        frame_scores(seconds, (*meter.columns(), *motion.columns())),
        first=rows.start,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    faces: FaceError
    missed: F64  # (n,) each; NaN where not measured
    errors: F64
    jitter: F64
    true_jitter: F64
    drift: F64
    true_drift: F64

    @classmethod
    def of(cls, film: FaceTrack | None, truth: FaceTrack, rows: slice, drift: F64, true_drift: F64) -> "_Motion":
        """Of some frames of both tracks, and the drift of looks in these."""
        made, true = None if film is None else part_of(film, rows), part_of(truth, rows)
        jitter = np.full(len(true), np.nan) if made is None else face_jitter(made)
        errors, missed = landmark_errors(made, true), missed_frames(made, true)
        return cls(face_error(made, true), missed, errors, jitter, face_jitter(true), drift, true_drift)

    def columns(self) -> tuple[Column, ...]:
        """What there is of every frame."""
        return (
            Column("landmark_error_pct", self.errors),
            Column("missed", self.missed),
            Column("identity_drift_de", self.drift),
            Column("jitter_pct", self.jitter),
        )


def _comparison(
    frames: int, meter: FilmMeter, motion: _Motion, learned: LearnedMetrics, resized: tuple[int, int] | None
) -> FaceComparison:
    whole, head, faces = meter.whole, meter.region(HEAD), motion.faces
    return FaceComparison(
        frames=frames,
        head_psnr_db=head.psnr_db,
        head_ssim=head.ssim,
        landmark_error_pct=faces.landmark_error_pct,
        gaze_across_correlation=faces.gaze_across,
        gaze_up_correlation=faces.gaze_up,
        lids_correlation=faces.lids,
        missed_faces=faces.missed,
        warp_error_ratio=meter.warp_error_ratio,
        resized_from=resized,
        psnr_db=whole.psnr_db,
        ssim=whole.ssim,
        lpips=whole.lpips,
        head_lpips=head.lpips,
        fid=learned.fid,
        video_distance_r3d18=learned.video_distance,
        identity_drift_de=mean_or_none(motion.drift),
        identity_drift_ratio=ratio(motion.drift, motion.true_drift, STILL_LOOKS),
        jitter_pct=mean_or_none(motion.jitter),
        jitter_ratio=ratio(motion.jitter, motion.true_jitter),
        not_measured=learned.not_measured(frames),
    )


def seen_face(track: FaceTrack | None, index: int) -> NDArray[np.float32] | None:
    """The landmarks (478, 3) of one frame; None where there is no face."""
    return None if track is None or track.status[index] == Status.MISSING else track.points[index]


def tracked_face(path: Path, tracker: FaceTrackerConfig | None, progress: Progress | None) -> FaceTrack | None:
    """The film's face; None, and a warning, where none is found: that is a score, too."""
    try:
        return track_face(path, tracker, progress=progress and (lambda done: progress(f"tracking {path}", done)))
    except TrackError as error:
        logger.warning("%s", error)
        return None


def _head(track: FaceTrack, index: int) -> tuple[Patch, ...]:
    """Around the truth's head, where it shows one."""
    points = seen_face(track, index)
    box = None if points is None else head_box(points, track.width, track.height)
    return () if box is None else (Patch(box),)
