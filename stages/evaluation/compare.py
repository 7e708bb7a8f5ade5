"""Scores a film against the truth, frame by frame: likeness, the person's likeness, pose, lost detections, flicker."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat, tee
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.values import Frame, Track
from pipeline.video import read_video
from stages.evaluation.flicker import WarpError, warp_error
from stages.evaluation.metrics import SquaredError, squared_error, ssim
from stages.evaluation.pairing import frames_in_both, resized_like
from stages.evaluation.pose_error import pose_error
from stages.optical_flow import Flow
from stages.tracking.mask import person_masks
from stages.tracking.pose import TrackerConfig, track_pose

logger = logging.getLogger(__name__)

Picture = NDArray[np.uint8]
Mask = NDArray[np.float32]
Progress = Callable[[str, int], None]  # what is being done, frames done of it

OUTLINE = 0.01  # of the picture's height: the person's region is wider than the mask by this, so that edges count


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How near a film is to the truth. None: the clip does not show what the number is about."""

    frames: int
    psnr_db: float  # of the squared error over the whole clip; 100 for equal films
    ssim: float  # mean over frames; 1 for equal films
    person_psnr_db: float | None  # likewise of the person's region in the truth; None where nobody is in it
    pose_error_pct: float | None  # mean distance of re-tracked joints, % of the body height
    missed_detections: int | None  # frames with a person in the truth, in which none was found in the film
    warp_error_ratio: float | None  # flicker: 1 as steady as the truth, above 1 less; None for a single frame
    resized_from: tuple[int, int] | None  # the film's width and height where they are not the truth's

    def lines(self) -> tuple[str, ...]:
        """One line for each number, `name value`, for people."""
        numbers = {
            "frames": f"{self.frames}",
            "psnr_db": f"{self.psnr_db:.2f}",
            "ssim": f"{self.ssim:.4f}",
            "person_psnr_db": or_none(self.person_psnr_db, ".2f"),
            "pose_error_pct": or_none(self.pose_error_pct, ".2f"),
            "missed_detections": or_none(self.missed_detections, "d"),
            "warp_error_ratio": or_none(self.warp_error_ratio, ".3f"),
        }
        return tuple(f"{name:<18} {number:>9}" for name, number in numbers.items())


def compare_films(
    film: Path, truth: Path, *, tracker: TrackerConfig | None = None, progress: Progress | None = None
) -> Comparison:
    """Score a film against the truth. Frames are paired by index; neither film is ever held in memory.

    The person's region is the tracker's mask of the truth, widened by 1 % of the height. A film of another size is
    resized to the truth's, and that is said.

    Args:
        film: what was made.
        truth: what should have come out: as many frames, at the same times.
        tracker: how both are tracked.
        progress: called with what is being done and the number of frames done.

    Raises:
        VideoError: a film cannot be read; they differ in length or in times.
    """
    frames = frames_in_both(film, truth)
    true_track = _track(truth, tracker, progress)
    made_track = None if true_track is None else _track(film, tracker, progress)
    poses = None if true_track is None else pose_error(made_track, true_track)
    with read_video(film) as made, read_video(truth) as true:
        sizes = [(one.info.width, one.info.height) for one in (made, true)]
        if sizes[0] != sizes[1]:
            logger.warning("%s is %dx%d, %s %dx%d: resized for the comparison.", film, *sizes[0], truth, *sizes[1])
        sums = _measure(made, true, true_track, progress)
    whole = sums.whole.psnr
    assert whole is not None  # a film has at least one frame
    return Comparison(
        frames=frames,
        psnr_db=whole,
        ssim=sums.similarity / frames,
        person_psnr_db=sums.person.psnr,
        pose_error_pct=None if poses is None else poses.error_pct,
        missed_detections=None if poses is None else poses.missed,
        warp_error_ratio=sums.flicker.ratio,
        resized_from=sizes[0] if sizes[0] != sizes[1] else None,
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    whole: SquaredError
    person: SquaredError
    similarity: float
    flicker: WarpError


def _measure(made: Iterable[Frame], true: Iterable[Frame], track: Track | None, progress: Progress | None) -> _Sums:
    """One pass over both films in step; two pictures of each are held."""
    whole, person, similarity, flicker = SquaredError(), SquaredError(), 0.0, WarpError()
    flow, before = Flow(), None
    for done, (film, truth, region) in enumerate(_in_step(made, true, track), 1):
        whole += squared_error(film, truth)
        if region is not None:
            person += squared_error(film, truth, region)
        similarity += ssim(film, truth)
        if before is not None:
            flicker += warp_error(flow, (truth, before[1]), (film, before[0]))
        before = film, truth
        if progress:
            progress("comparing", done)
    return _Sums(whole, person, similarity, flicker)


def _in_step(
    made: Iterable[Frame], true: Iterable[Frame], track: Track | None
) -> Iterator[tuple[Picture, Picture, Mask | None]]:
    """Film, truth and the person's region in the truth, picture by picture, in the truth's size."""
    compared, masked = tee(true)
    masks: Iterable[Mask | None] = repeat(None) if track is None else person_masks(masked, track)
    for film, truth, mask in zip(made, compared, masks, strict=False):  # the third has no end of its own
        yield resized_like(film.image, truth.image), truth.image, None if mask is None else _widened(mask)


def _track(path: Path, tracker: TrackerConfig | None, progress: Progress | None) -> Track | None:
    """The performer's track; None, and a warning, where nobody is found: landscapes can be compared too."""
    try:
        return track_pose(path, tracker, progress=progress and (lambda done: progress(f"tracking {path.name}", done)))
    except TrackError as error:
        logger.warning("%s", error)
        return None


def _widened(mask: Mask) -> Mask:
    reach = max(1, round(OUTLINE * mask.shape[0]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask, disc), np.float32)


def or_none(number: float | None, form: str) -> str:
    """A number for people, or that there is none."""
    return "none" if number is None else format(number, form)
