"""What is wrong with a clip's pictures: blur of the person, a camera that moves, brightness cut off; from samples.

Some pairs of frames all over the clip are looked at, however long it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.values import Frame, Status, Track
from pipeline.video import read_video
from stages.tracking.mask import person_masks

PAIRS = 16  # that are looked at: the decoder and the person network take about a second for them
PAIR_SECONDS = 0.2  # between the frames of a pair: a pan has moved by then, and corners are found again
ONE_PASS = 1500  # frames: shorter clips are read through, in longer ones every pair is sought
SIDE = 640  # pixels of the longer side at which the camera's motion is looked for
BODY = 256  # pixels: a taller person is reduced to this height first, as the networks see no finer
CORNERS, LEAST_CORNERS = 200, 12  # sought; fewer say nothing of the camera
CORNER_QUALITY, CORNER_SPACING = 0.01, 7  # of the best corner; pixels
FOUND_AGAIN = 1.0  # pixels: a corner followed there and back is off by no more
DARK, BRIGHT = 2, 253  # levels: brightness at or beyond these is cut off
ROUNDING = 20 / 12  # energy that the Laplacian (its squares sum to 20) has of 8-bit rounding alone (variance 1/12)
MUCH_SOFTER = 1.5  # times as soft as the clip's sharpest tenth; in four sharp dances no sample was
PERSON = 0.5  # of the mask: pixels above belong to the person
AWAY = 0.1  # of the mask: pixels below, at a margin, belong to the background
MARGIN = 15  # pixels around the person in which no corner is sought

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFaults:
    """Measured on samples; NaN where the samples do not tell."""

    softness: float  # 0 as sharp as pixels can be … 1 wholly blurred: of the person, in the middle one of the samples
    smeared_share: float  # samples in which the person is much softer than in the clip's sharpest: blurred by motion
    camera_speed: float  # of the picture's width a second, in nearly the fastest pair
    camera_drift: float  # of the picture's width, from the middle of the clip to nearly the farthest sample
    cut_off_share: float  # of the person's pixels, black or white without any shade, in the middle one of the samples


def picture_faults(video: Path, track: Track) -> PictureFaults:
    """Look at samples of a clip.

    Args:
        track: of this clip.

    Raises:
        VideoError: the clip cannot be read.
        TrackError: the track is not its own.
    """
    pairs = sample_pairs(track)
    looks = _looks(video, track, pairs)
    softness = np.array([look.softness for look in looks.values()])
    speeds = [
        _moved(looks[first], looks[second]) / float(track.times[second] - track.times[first]) for first, second in pairs
    ]
    firsts = [first for first, _ in pairs]
    middle = looks[firsts[len(firsts) // 2]]
    shot = track.shot[firsts[len(firsts) // 2]]
    drifts = [_moved(middle, looks[first]) for first in firsts if track.shot[first] == shot]
    return PictureFaults(
        softness=_middle(softness, 50),
        smeared_share=_smeared(softness),
        camera_speed=_middle(np.array(speeds), 90),
        camera_drift=_middle(np.array(drifts), 90),
        cut_off_share=_middle(np.array([look.cut_off for look in looks.values()]), 50),
    )


def sample_pairs(track: Track) -> list[tuple[int, int]]:
    """Pairs of frames of one shot that show the person, spread over the clip; each about a fifth of a second apart."""
    length = float(track.times[-1] - track.times[0]) / max(len(track) - 1, 1)
    gap = max(1, round(PAIR_SECONDS / length)) if length else 1
    first = np.arange(len(track) - gap)
    seen = track.status != Status.MISSING
    usable = first[(track.shot[first] == track.shot[first + gap]) & seen[first] & seen[first + gap]]
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, min(PAIRS, len(usable))).round().astype(np.int64))]
    return [(int(index), int(index) + gap) for index in chosen]


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What is kept of a sample."""

    grey: U8  # (h, w), reduced: for the camera's motion
    background: U8  # (h, w): 255 where corners may be sought
    softness: float
    cut_off: float


def _looks(video: Path, track: Track, pairs: Sequence[tuple[int, int]]) -> dict[int, _Look]:
    wanted = sorted({index for pair in pairs for index in pair})
    kept: list[Frame] = []

    def passing() -> Iterator[Frame]:
        for frame in _frames(video, wanted, len(track)):
            kept.append(frame)
            yield frame

    looks = {}
    with closing(person_masks(passing(), track)) as masks:  # type: ignore[type-var]  # a generator, which closes
        for mask in masks:
            frame = kept.pop()
            looks[frame.index] = _look(frame.image, mask)
    return looks


def _frames(video: Path, wanted: Sequence[int], total: int) -> Iterator[Frame]:
    """The frames wanted, in order."""
    if total <= ONE_PASS:
        with read_video(video, stop_index=wanted[-1] + 1) as reader:
            yield from (frame for frame in reader if frame.index in wanted)
        return
    for first, last in zip(wanted[::2], wanted[1::2], strict=True):
        with read_video(video, start_index=first, stop_index=last + 1) as reader:
            yield from (frame for frame in reader if frame.index in (first, last))


def _look(image: U8, mask: F32) -> _Look:
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    scale = min(1.0, SIDE / max(grey.shape))
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    near = cv2.dilate(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.ones((2 * MARGIN + 1,) * 2, np.uint8))
    person = mask > PERSON
    cut_off = float(((grey <= DARK) | (grey >= BRIGHT))[person].mean()) if person.any() else np.nan
    background = np.where(near < AWAY, 255, 0).astype(np.uint8)
    return _Look(small, background, softness_of(grey, person), cut_off)


def softness_of(grey: U8, person: NDArray[np.bool_]) -> float:
    """How blurred the person is, 0 … 1: how little of the finest detail is lost by blurring the picture once more.

    A sharp picture loses nearly all of it, a blurred one had none. It compares a picture with itself, so contrast and
    clothes matter little.
    Source: after Crete et al. 2007, "The blur effect: perception and estimation with a new no-reference perceptual
    blur metric"; with the energy of the Laplacian for its sums of differences.

    Args:
        grey: (h, w). person: (h, w), True on the person.
    Returns: NaN where nobody is seen.
    """
    rows, columns = np.nonzero(person)
    if not len(rows):
        return float("nan")
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    scale = min(1.0, BODY / (rows.max() + 1 - rows.min()))
    size = tuple(max(3, round(side * scale)) for side in grey[box].shape[::-1])
    body = cv2.resize(grey[box], size, interpolation=cv2.INTER_AREA).astype(np.float32)
    inside = cv2.resize(person[box].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    before = cv2.Laplacian(body, cv2.CV_32F)
    after = cv2.Laplacian(cv2.GaussianBlur(body, (5, 5), 1.0), cv2.CV_32F)
    detail, left = (float(np.square(picture[inside]).mean()) for picture in (before, after))
    detail -= ROUNDING * scale**2  # which would pass for detail where there is none other
    return min(1.0, float(np.sqrt(left / detail))) if detail > 0 else 1.0


def _smeared(softness: NDArray[np.float64]) -> float:
    """The share of samples that are much softer than the sharpest."""
    known = softness[~np.isnan(softness)]
    if not len(known):
        return float("nan")
    return float((known > MUCH_SOFTER * np.percentile(known, 10)).mean())


def _moved(one: _Look, other: _Look) -> float:
    """How far the background lies from one sample to another, of the width: the middle one of corners found in both.

    Infinite where next to no corner is found again: another view. NaN where there are next to no corners.
    """
    if one is other:
        return 0.0
    free = one.background & other.background
    corners = cv2.goodFeaturesToTrack(one.grey, CORNERS, CORNER_QUALITY, CORNER_SPACING, mask=free)
    if corners is None or len(corners) < LEAST_CORNERS:
        return float("nan")
    there, found = _followed(one.grey, other.grey, np.asarray(corners, np.float32))
    back, found_back = _followed(other.grey, one.grey, there)
    again = found & found_back & (np.linalg.norm(back - corners, axis=2)[:, 0] < FOUND_AGAIN)
    if again.sum() < LEAST_CORNERS / 2:
        return float("inf")
    return float(np.median(np.linalg.norm(there - corners, axis=2)[again]) / one.grey.shape[1])


def _followed(before: U8, after: U8, corners: F32) -> tuple[F32, NDArray[np.bool_]]:
    """Where corners (n, 1, 2) of one picture lie in another, and whether they were found (n,)."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)  # type: ignore[call-overload]
    return np.asarray(there, np.float32), np.asarray(found)[:, 0].astype(bool)


def _middle(values: NDArray[np.float64], per_cent: float) -> float:
    """A percentile of what is known, the nearest value there is: infinities cannot be averaged."""
    known = values[~np.isnan(values)]
    return float(np.percentile(known, per_cent, method="nearest")) if len(known) else float("nan")
