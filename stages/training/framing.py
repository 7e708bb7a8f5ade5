"""Which part of the frame a model paints, and at what size: the window that the performer ever reaches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrainingError
from pipeline.limits import limits
from pipeline.values import Box, Status, Track

MARGIN = 0.07  # of the performer's height, on every side: fingers, shoes and skirts lie beyond joints
HEADROOM = 0.1  # of the height, above the face, on top of the margin: landmarks end at the eyes, heads do not
STANCE = (0.05, 0.95)  # quantiles between which the shoulders usually are: from there arms may reach anywhere
SEEN = 0.5  # joints less sure than this say nothing about reach
FACE = list(range(11))
ARMS = ([11, 13, 15, 19], [12, 14, 16, 20])  # shoulder, elbow, wrist, index finger
LEAST = 2  # strides in either side: the networks' norms need more than one pixel at their coarsest

Reach = tuple[float, float, float, float]  # left, top, right, bottom in the full frame, pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """The window of the full frame that the network sees and paints, and the size it is scaled to."""

    frame_width: int  # of the target's clip, pixels
    frame_height: int
    window: Box  # in the full frame; may leave it a little, where the border is repeated
    width: int  # of the network's picture: a multiple of its stride
    height: int

    def __post_init__(self) -> None:
        """Refuse what no clip can be framed by: it may come from a stranger's model.json."""
        sizes = {"frame": (self.frame_width, self.frame_height), "picture": (self.width, self.height)}
        sizes["window"] = self.window.width, self.window.height
        for name, (width, height) in sizes.items():
            if min(width, height) < 1 or limits().excess_of(width, height) is not None:
                raise ValueError(f"Framing's {name} is {width}x{height}, expected a picture within the limits")
        left, top, right, bottom = self.window.left, self.window.top, self.window.right, self.window.bottom
        if left >= self.frame_width or top >= self.frame_height or right <= 0 or bottom <= 0:
            raise ValueError(f"Framing's window is {self.window}, expected one that shares a pixel with the frame")

    def in_picture(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where points (…, 2) of the full frame lie in the network's picture, pixels, pixel centres at integers."""
        scale = np.array([self.width / self.window.width, self.height / self.window.height])
        return np.asarray((points - (self.window.left, self.window.top) + 0.5) * scale - 0.5, dtype=np.float32)


def frame_performer(track: Track, *, pixels: int, stride: int, size: tuple[int, int] | None = None) -> Framing:
    """Lay the window around all that the performer reaches, and choose the network's size.

    Args:
        track: of the target.
        pixels: about how many the network's picture has.
        stride: both its sides are multiples of this.
        size: (width, height) to use instead, rounded up to the stride: the window then holds the whole frame, and what
            its shape lacks is filled by repeating the border.

    Raises:
        TrainingError: the person is never seen well enough to say where.
    """
    if size is not None:
        whole = (0.0, 0.0, float(track.width), float(track.height))
        return laid_around(whole, track.width, track.height, size=rounded_up(size, stride, LEAST))
    reach = _reach(track)
    return laid_around(reach, track.width, track.height, size=scaled(reach, pixels=pixels, stride=stride, least=LEAST))


def share_outside(track: Track, framing: Framing, windows: Sequence[Box] | None = None) -> float:
    """In which share of the frames a sure joint lies in the frame and outside the window, where nothing is painted.

    Args:
        track: of a performance in the target's frame.
        windows: of every frame, where they move; None: the framing's own throughout.
    """
    present, sure = track.status != Status.MISSING, track.confidence >= SEEN
    boxes = [framing.window] * len(track) if windows is None else windows
    window = np.array([((box.left, box.top), (box.right, box.bottom)) for box in boxes]) - 0.5
    frame = np.array([((0, 0), (framing.frame_width, framing.frame_height))]) - 0.5
    in_frame, in_window = (
        ((box[:, :1] <= track.points) & (track.points <= box[:, 1:])).all(axis=2) for box in (frame, window)
    )
    return float((in_frame & ~in_window & sure).any(axis=1)[present].mean()) if present.any() else 0.0


def scaled(reach: Reach, *, pixels: int, stride: int, least: int) -> tuple[int, int]:
    """Width and height of a picture of what is reached: about so many pixels, whole strides, `least` in either side."""
    left, top, right, bottom = reach
    scale = math.sqrt(pixels / ((right - left) * (bottom - top)))
    scale = min(scale, 1.0)  # more pixels than were filmed teach nothing
    width, height = (max(least, round(side * scale / stride)) * stride for side in (right - left, bottom - top))
    return width, height


def rounded_up(size: tuple[int, int], stride: int, least: int) -> tuple[int, int]:
    """The next larger size whose sides are whole strides, at least `least`."""
    width, height = (max(least, math.ceil(side / stride)) * stride for side in size)
    return width, height


def laid_around(reach: Reach, frame_width: int, frame_height: int, *, size: tuple[int, int]) -> Framing:
    """Frame what is reached in pictures of `size`: a window of their shape that holds it and leaves the frame least."""
    (left, top, right, bottom), (width, height) = reach, size
    window = _of_shape((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, width / height)
    return Framing(
        frame_width=frame_width,
        frame_height=frame_height,
        window=_inwards(window, frame_width, frame_height),
        width=width,
        height=height,
    )


def _reach(track: Track) -> Reach:
    """All sure joints, where arms could be stretched to, and a margin, within the frame."""
    present = track.status != Status.MISSING
    points = track.points[present]
    sure = track.confidence[present] >= SEEN
    if not (sure.sum(axis=1) > 1).any():
        raise TrainingError(
            "the target's track",
            "no two joints are ever sure in one frame",
            f"joints of confidence {SEEN} or more",
            "Film the whole person from the front, in good light.",
        )
    tall, points = _tallest(points, sure), np.clip(points, 0, (track.width, track.height))
    reached = np.concatenate([points[sure], _above_the_face(points, sure, tall), _arms_stretched(points, sure)])
    low = np.maximum(reached.min(axis=0) - MARGIN * tall, 0)
    high = np.minimum(reached.max(axis=0) + MARGIN * tall, (track.width, track.height))
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _above_the_face(points: NDArray[np.float32], sure: NDArray[np.bool_], tall: float) -> NDArray[np.float32]:
    """The crown of the head in every frame: (k, 2)."""
    return np.asarray(points[:, FACE][sure[:, FACE]] - np.array((0, HEADROOM * tall), np.float32))


def _arms_stretched(points: NDArray[np.float32], sure: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Where hands come to up and to the sides of the usual places of the shoulders: (k, 2), none if no arm is seen.

    Another's performance may raise arms that this performer kept down; how long they are, she showed.
    """
    lengths = [
        np.linalg.norm(np.diff(points[:, arm], axis=1), axis=2).sum(axis=1)[sure[:, arm].all(axis=1)] for arm in ARMS
    ]
    seen = np.concatenate(lengths)
    if not seen.size:
        return np.empty((0, 2), np.float32)
    arm = float(np.quantile(seen, STANCE[1]))
    shoulders = np.concatenate([points[:, chain[0]][sure[:, chain].all(axis=1)] for chain in ARMS])
    low, high = np.quantile(shoulders, STANCE, axis=0)
    return np.array([low - arm, (high[0] + arm, high[1])], np.float32)


def _tallest(points: NDArray[np.float32], sure: NDArray[np.bool_]) -> float:
    """From the highest to the lowest sure joint, upright: nearly the largest over the frames; 1 pixel at least."""
    seen = sure.sum(axis=1) > 1
    rows = np.where(sure, points[..., 1], np.nan)[seen]
    return max(1.0, float(np.quantile(np.nanmax(rows, axis=1) - np.nanmin(rows, axis=1), 0.95)))


def _of_shape(x: float, y: float, width: float, height: float, aspect: float) -> Box:
    """A box around a centre that holds width x height and has exactly the network picture's shape, up to rounding."""
    width, height = max(width, height * aspect), max(height, width / aspect)
    left, top = round(x - width / 2), round(y - height / 2)
    return Box(left, top, left + round(width), top + round(height))


def _inwards(window: Box, width: int, height: int) -> Box:
    """The window moved so that it leaves the frame as little as may be: filmed pixels teach more than repeated ones."""
    left = _within(window.left, window.width, width)
    top = _within(window.top, window.height, height)
    return Box(left, top, left + window.width, top + window.height)


def _within(first: int, length: int, frame: int) -> int:
    return min(max(first, 0), frame - length) if length <= frame else (frame - length) // 2
