"""The 33 joints by name and side, the body's own measure, and the pose that belongs to a frame."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.values import Frame, Pose, Track

NOSE = 0
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 11, 12, 23, 24
ARMS = ((13, 14), (15, 16), (17, 18), (19, 20), (21, 22))  # left, right: elbows, wrists, three fingers
LEGS = ((25, 26), (27, 28), (29, 30), (31, 32))  # knees, ankles, heels, toes
LEFT_JOINTS = frozenset({1, 2, 3, *range(7, 33, 2)})
RIGHT_JOINTS = frozenset(range(1, 33)) - LEFT_JOINTS


def torso_length(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(…, 33, 2) → (…): pixels from between the shoulders to between the hips; at least 1."""
    shoulders = points[..., [LEFT_SHOULDER, RIGHT_SHOULDER], :].mean(axis=-2)
    hips = points[..., [LEFT_HIP, RIGHT_HIP], :].mean(axis=-2)
    return np.asarray(np.maximum(np.linalg.norm(shoulders - hips, axis=-1), 1.0), dtype=np.float64)


def pose_of(track: Track, frame: Frame) -> Pose:
    """The frame's own pose.

    Raises:
        TrackError: the frame is of another size than the track's clip, or lies beyond its end.
    """
    height, width = frame.image.shape[:2]
    if (width, height) != (track.width, track.height):
        raise TrackError(
            f"frame {frame.index}",
            f"the picture is {width}x{height}, the track was made of {track.width}x{track.height}",
            "the clip that was tracked",
            "Track this clip, or give the clip that the track belongs to.",
        )
    if frame.index >= len(track):
        raise TrackError(
            f"frame {frame.index}",
            f"the track ends after {len(track)} frames",
            "a pose for every frame",
            "Track the whole clip again.",
        )
    return track[frame.index]
