"""Scores a film against the truth, frame by frame: likeness by regions, pose, lost detections, flicker, steadiness."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat, tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.values import Frame, Track
from pipeline.video import read_video
from stages.evaluation.appearance import STILL as STILL_LOOKS
from stages.evaluation.appearance import LookBook, body_looks
from stages.evaluation.film_meter import FilmMeter
from stages.evaluation.frame_scores import FrameScores
from stages.evaluation.jitter import body_jitter, ratio
from stages.evaluation.learned import LearnedMetrics
from stages.evaluation.measures import Column, frame_scores, or_none, table
from stages.evaluation.pairing import resized_like, said_sizes, times_of_both
from stages.evaluation.pose_error import PoseError, missed_frames, pose_error, pose_errors
from stages.evaluation.region_meter import mean_or_none
from stages.evaluation.regions import Regions, regions_of
from stages.evaluation.span import Span, part_of
from stages.evaluation.weights import MetricWeights
from stages.tracking.joints import pose_of
from stages.tracking.mask import person_masks
from stages.tracking.pose import TrackerConfig, track_pose

logger = logging.getLogger(__name__)

F64 = NDArray[np.float64]
Mask = NDArray[np.float32]
Progress = Callable[[str, int], None]  # what is being done, frames done of it

REGIONS = ("person", "face", "hands")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How near a film is to the truth. None: the clip does not show what the number is about, or it was left out."""

    frames: int
    psnr_db: float  # of the squared error over the whole clip; 100 for equal films
    ssim: float  # mean over frames; 1 for equal films
    person_psnr_db: float | None  # likewise of the person's region in the truth; None where nobody is in it
    pose_error_pct: float | None  # mean distance of re-tracked joints, % of the body height
    missed_detections: int | None  # frames with a person in the truth, in which none was found in the film
    warp_error_ratio: float | None  # flicker: 1 as steady as the truth, above 1 less; None for a single frame
    resized_from: tuple[int, int] | None  # the film's width and height where they are not the truth's
    person_ssim: float | None = None  # mean over the person's pixels and the frames that have any
    face_psnr_db: float | None = None  # of a square around the face, where the truth shows it
    face_ssim: float | None = None
    hands_psnr_db: float | None = None  # of squares around both hands, likewise
    hands_ssim: float | None = None
    lpips: float | None = None  # mean over frames; 0 for equal films
    person_lpips: float | None = None  # of the box around the person
    face_lpips: float | None = None
    hands_lpips: float | None = None
    fid: float | None = None  # Fréchet Inception distance of all frames
    video_distance_r3d18: float | None = None  # Fréchet distance of what r3d_18 sees in clips of 16 frames
    identity_drift_de: float | None = None  # mean ΔE between how the person looks and usually looks in the film
    identity_drift_ratio: float | None = None  # over the truth's: 1 as steady as the truth, above 1 less
    jitter_pct: float | None = None  # mean second difference of re-tracked joints, % of the body height
    jitter_ratio: float | None = None  # over the truth's
    not_measured: tuple[str, ...] = ()  # `metric: not measured: why` for each that lacks its weights

    def lines(self) -> tuple[str, ...]:
        """One line for each number, `name value`, for people; then what was not measured."""
        numbers = {
            "frames": f"{self.frames}",
            "psnr_db": f"{self.psnr_db:.2f}",
            "ssim": f"{self.ssim:.4f}",
            "lpips": or_none(self.lpips, ".4f"),
            "person_psnr_db": or_none(self.person_psnr_db, ".2f"),
            "person_ssim": or_none(self.person_ssim, ".4f"),
            "person_lpips": or_none(self.person_lpips, ".4f"),
            "face_psnr_db": or_none(self.face_psnr_db, ".2f"),
            "face_ssim": or_none(self.face_ssim, ".4f"),
            "face_lpips": or_none(self.face_lpips, ".4f"),
            "hands_psnr_db": or_none(self.hands_psnr_db, ".2f"),
            "hands_ssim": or_none(self.hands_ssim, ".4f"),
            "hands_lpips": or_none(self.hands_lpips, ".4f"),
            "fid": or_none(self.fid, ".1f"),
            "video_distance_r3d18": or_none(self.video_distance_r3d18, ".3f"),
            "pose_error_pct": or_none(self.pose_error_pct, ".2f"),
            "missed_detections": or_none(self.missed_detections, "d"),
            "warp_error_ratio": or_none(self.warp_error_ratio, ".3f"),
            "identity_drift_de": or_none(self.identity_drift_de, ".2f"),
            "identity_drift_ratio": or_none(self.identity_drift_ratio, ".3f"),
            "jitter_pct": or_none(self.jitter_pct, ".3f"),
            "jitter_ratio": or_none(self.jitter_ratio, ".3f"),
        }
        return table(numbers, self.not_measured)


@dataclass(frozen=True, slots=True, eq=False)
class FilmScores:
    """A film's numbers in total and per frame."""

    comparison: Comparison
    frames: FrameScores
    first: int = 0  # the number that the first of these frames has in the film


def compare_films(
    film: Path, truth: Path, *, tracker: TrackerConfig | None = None, progress: Progress | None = None
) -> Comparison:
    """Score a film against the truth in total, without the learned metrics: see `score_films`."""
    return score_films(film, truth, tracker=tracker, progress=progress).comparison


def score_films(
    film: Path,
    truth: Path,
    *,
    tracker: TrackerConfig | None = None,
    span: Span | None = None,
    weights: MetricWeights | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FilmScores:
    """Score a film against the truth. Frames are paired by index; neither film is ever held in memory.

    The person's region is the tracker's mask of the truth, widened by 1 % of the height; face and hands are squares
    around the truth's joints. A film of another size is resized to the truth's, and that is said. Nothing is drawn by
    chance: the same films give the same numbers.

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
    """
    times = times_of_both(film, truth)
    rows = (span or Span()).frames(times, film)
    true_track = tracked(truth, tracker, progress)
    made_track = None if true_track is None else tracked(film, tracker, progress)
    learned = LearnedMetrics(weights, device)
    meter, made_looks, true_looks = FilmMeter(learned, REGIONS), LookBook(), LookBook()
    with (
        read_video(film, start_index=rows.start, stop_index=rows.stop) as made,
        read_video(truth, start_index=rows.start, stop_index=rows.stop) as true,
    ):
        resized = said_sizes(made.info, true.info)
        for done, (here, there, regions) in enumerate(_in_step(made, true, true_track), 1):
            meter.add(resized_like(here.image, there.image), there.image, (regions.person, regions.face, regions.hands))
            made_looks.add(body_looks(here.image, None if made_track is None else made_track[here.index]))
            true_looks.add(body_looks(there.image, None if true_track is None else true_track[there.index]))
            if progress:
                progress("comparing", done)
    motion = Motion.of(made_track, true_track, rows, made_looks.drift(), true_looks.drift())
    seconds = np.array([float(time) for time in times[rows]])
    return FilmScores(
        _comparison(len(seconds), meter, motion, learned, resized),
        frame_scores(seconds, (*meter.columns(), *motion.columns())),
        first=rows.start,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What was measured along the tracks: poses, lost detections, jitter, drift of looks."""

    poses: PoseError | None  # None: the truth shows nobody
    missed: F64  # (n,) each; NaN where not measured
    pose_errors: F64
    jitter: F64
    true_jitter: F64
    drift: F64
    true_drift: F64

    @classmethod
    def of(cls, film: Track | None, truth: Track | None, rows: slice, drift: F64, true_drift: F64) -> "Motion":
        """Of some frames of both tracks, and the drift of looks in these."""
        nothing = np.full(rows.stop - rows.start, np.nan)
        if truth is None:
            return cls(None, nothing, nothing, nothing, nothing, nothing, nothing)
        made, true = None if film is None else part_of(film, rows), part_of(truth, rows)
        jitter = nothing if made is None else body_jitter(made)
        errors = pose_errors(made, true)
        return cls(
            pose_error(made, true), missed_frames(made, true), errors, jitter, body_jitter(true), drift, true_drift
        )

    def columns(self) -> tuple[Column, ...]:
        """What there is of every frame."""
        return (
            Column("pose_error_pct", self.pose_errors),
            Column("missed", self.missed),
            Column("identity_drift_de", self.drift),
            Column("jitter_pct", self.jitter),
        )


def _comparison(
    frames: int, meter: FilmMeter, motion: Motion, learned: LearnedMetrics, resized: tuple[int, int] | None
) -> Comparison:
    whole, (person, face, hands) = meter.whole, (meter.region(name) for name in REGIONS)
    assert whole.psnr_db is not None and whole.ssim is not None  # a film has at least one frame
    return Comparison(
        frames=frames,
        psnr_db=whole.psnr_db,
        ssim=whole.ssim,
        person_psnr_db=person.psnr_db,
        pose_error_pct=None if motion.poses is None else motion.poses.error_pct,
        missed_detections=None if motion.poses is None else motion.poses.missed,
        warp_error_ratio=meter.warp_error_ratio,
        resized_from=resized,
        person_ssim=person.ssim,
        face_psnr_db=face.psnr_db,
        face_ssim=face.ssim,
        hands_psnr_db=hands.psnr_db,
        hands_ssim=hands.ssim,
        lpips=whole.lpips,
        person_lpips=person.lpips,
        face_lpips=face.lpips,
        hands_lpips=hands.lpips,
        fid=learned.fid,
        video_distance_r3d18=learned.video_distance,
        identity_drift_de=mean_or_none(motion.drift),
        identity_drift_ratio=ratio(motion.drift, motion.true_drift, STILL_LOOKS),
        jitter_pct=mean_or_none(motion.jitter),
        jitter_ratio=ratio(motion.jitter, motion.true_jitter),
        not_measured=learned.not_measured(frames),
    )


def _in_step(
    made: Iterable[Frame], true: Iterable[Frame], track: Track | None
) -> Iterator[tuple[Frame, Frame, Regions]]:
    """Film, truth and what the truth's pictures show, frame by frame."""
    compared, masked = tee(true)
    masks: Iterable[Mask | None] = repeat(None) if track is None else person_masks(masked, track)
    for film, truth, mask in zip(made, compared, masks, strict=False):  # the third has no end of its own
        regions = Regions() if mask is None or track is None else regions_of(pose_of(track, truth), mask)
        yield film, truth, regions


def tracked(path: Path, tracker: TrackerConfig | None, progress: Progress | None) -> Track | None:
    """The performer's track; None, and a warning, where nobody is found: landscapes can be compared too."""
    try:
        return track_pose(path, tracker, progress=progress and (lambda done: progress(f"tracking {path.name}", done)))
    except TrackError as error:
        logger.warning("%s", error)
        return None
