"""Which frame of the target lies behind each frame of a performance: its clip plays to and fro, by time."""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.values import Status


def to_and_fro(times: Sequence[Fraction], clip: Sequence[Fraction]) -> NDArray[np.int32]:
    """The frame of a clip that is nearest at each time, the clip running forwards, backwards, forwards …, (n,).

    No frame is shown twice where it turns. Equal times give the identity, at whatever rate, also a variable one.

    Args:
        times: seconds since the first frame, 0 or more.
        clip: the clip's frame times, rising from 0.
    """
    length = clip[-1]
    return np.array([nearest(_reflected(time, length), clip) for time in times], np.int32)


def nearest(time: Fraction, clip: Sequence[Fraction]) -> int:
    """The index of the frame nearest in time; of two equally near the earlier."""
    after = min(bisect_left(clip, time), len(clip) - 1)
    return after - 1 if after and time - clip[after - 1] <= clip[after] - time else after


def frames_behind(
    times: Sequence[Fraction], status: NDArray[np.uint8], clip: Sequence[Fraction], clip_status: NDArray[np.uint8]
) -> NDArray[np.int32]:
    """As `to_and_fro`, and where a face is wanted the nearest frame of the clip that shows one, (n,).

    Args:
        times: of the performance's frames.
        status: (n,) of the performance.
        clip: frame times of the target's clip.
        clip_status: (m,) of the target in it.

    Raises:
        TrackError: the target's face is in no frame.
    """
    shown = np.flatnonzero(clip_status != Status.MISSING)
    if not shown.size:
        raise TrackError(
            "the target's clip", "no frame shows a face", "the face of the person to portray", "Film it from the front."
        )
    shown_times = [clip[index] for index in shown]
    instead = np.array([shown[nearest(time, shown_times)] for time in clip], np.int32)
    plain = to_and_fro(times, clip)
    return np.where(status == Status.MISSING, plain, instead[plain])


def _reflected(time: Fraction, length: Fraction) -> Fraction:
    """Where in a clip of that length a time lies when it is played to and fro without end."""
    if not length:
        return Fraction(0)
    lap = time % (2 * length)
    return min(lap, 2 * length - lap)
