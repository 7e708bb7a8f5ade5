"""Scores a portrait against the truth: the head's likeness, re-tracked landmarks, gaze and lids, flicker."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import TrackError
from pipeline.image import crop
from pipeline.streams import in_step
from pipeline.values import FaceTrack, Status
from pipeline.video import VideoReader, read_video
from stages.evaluation.compare import or_none
from stages.evaluation.face_error import face_error, head_box
from stages.evaluation.flicker import WarpError, warp_error
from stages.evaluation.metrics import SquaredError, squared_error, ssim
from stages.evaluation.pairing import frames_in_both, resized_like
from stages.optical_flow import Flow
from stages.tracking.face import FaceTrackerConfig, track_face

logger = logging.getLogger(__name__)

Progress = Callable[[str, int], None]  # what is being done, frames done of it


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

    def lines(self) -> tuple[str, ...]:
        """One line for each number, `name value`, for people."""
        numbers = {
            "frames": f"{self.frames}",
            "head_psnr_db": or_none(self.head_psnr_db, ".2f"),
            "head_ssim": or_none(self.head_ssim, ".4f"),
            "landmark_error_pct": or_none(self.landmark_error_pct, ".2f"),
            "gaze_across_correlation": or_none(self.gaze_across_correlation, ".3f"),
            "gaze_up_correlation": or_none(self.gaze_up_correlation, ".3f"),
            "lids_correlation": or_none(self.lids_correlation, ".3f"),
            "missed_faces": f"{self.missed_faces}",
            "warp_error_ratio": or_none(self.warp_error_ratio, ".3f"),
        }
        return tuple(f"{name:<24} {number:>9}" for name, number in numbers.items())


def compare_faces(
    film: Path, truth: Path, *, tracker: FaceTrackerConfig | None = None, progress: Progress | None = None
) -> FaceComparison:
    """Score a portrait against the truth. Frames are paired by index; neither film is ever held in memory.

    The head's box is laid around the truth's landmarks in every frame, hair included. A film of another size is resized
    to the truth's, and that is said.

    Args:
        film: what was made.
        truth: what should have come out: as many frames, at the same times.
        tracker: how both are tracked.
        progress: called with what is being done and the number of frames done.

    Raises:
        VideoError: a film cannot be read; they differ in length or in times.
        TrackError: no face in the truth, or several and none was chosen.
    """
    frames = frames_in_both(film, truth)
    true_track = track_face(truth, tracker, progress=progress and (lambda done: progress(f"tracking {truth}", done)))
    made_track = _track(film, tracker, progress)
    faces = face_error(made_track, true_track)
    with read_video(film) as made, read_video(truth) as true:
        sizes = [(one.info.width, one.info.height) for one in (made, true)]
        if sizes[0] != sizes[1]:
            logger.warning("%s is %dx%d, %s %dx%d: resized for the comparison.", film, *sizes[0], truth, *sizes[1])
        sums = _measure(made, true, true_track, progress)
    return FaceComparison(
        frames=frames,
        head_psnr_db=sums.head.psnr,
        head_ssim=sums.similarity / sums.heads if sums.heads else None,
        landmark_error_pct=faces.landmark_error_pct,
        gaze_across_correlation=faces.gaze_across,
        gaze_up_correlation=faces.gaze_up,
        lids_correlation=faces.lids,
        missed_faces=faces.missed,
        warp_error_ratio=sums.flicker.ratio,
        resized_from=sizes[0] if sizes[0] != sizes[1] else None,
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    head: SquaredError
    similarity: float
    heads: int  # frames that have one
    flicker: WarpError


def _measure(made: VideoReader, true: VideoReader, track: FaceTrack, progress: Progress | None) -> _Sums:
    """One pass over both films in step; two pictures of each are held."""
    head, similarity, heads, flicker = SquaredError(), 0.0, 0, WarpError()
    flow, before = Flow(), None
    for done, (film, truth) in enumerate(in_step(made, true, names=("the film", "the truth")), 1):
        picture = resized_like(film.image, truth.image)
        seen = track.status[truth.index] != Status.MISSING
        box = head_box(track.points[truth.index], track.width, track.height) if seen else None
        if box is not None:
            pair = crop(picture, box), crop(truth.image, box)
            head += squared_error(*pair)
            similarity += ssim(*pair)
            heads += 1
        if before is not None:
            flicker += warp_error(flow, (truth.image, before[1]), (picture, before[0]))
        before = picture, truth.image
        if progress:
            progress("comparing", done)
    return _Sums(head, similarity, heads, flicker)


def _track(path: Path, tracker: FaceTrackerConfig | None, progress: Progress | None) -> FaceTrack | None:
    """The film's face; None, and a warning, where none is found: that is a score, too."""
    try:
        return track_face(path, tracker, progress=progress and (lambda done: progress(f"tracking {path}", done)))
    except TrackError as error:
        logger.warning("%s", error)
        return None
