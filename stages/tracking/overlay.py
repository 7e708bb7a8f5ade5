"""draw_overlay: the skeleton over the picture, coloured by side, with each frame's status named in a corner."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.values import Frame, Pose, Status, Track
from stages.tracking.joints import LEFT_JOINTS, NOSE, pose_of

LEFT, RIGHT, MIDDLE = (255, 140, 0), (0, 170, 255), (240, 240, 240)  # RGB: the performer's left, right, neither
STATUS_COLOURS = {
    Status.TRACKED: (60, 200, 90),
    Status.INTERPOLATED: (250, 200, 40),
    Status.HELD: (250, 140, 40),
    Status.MISSING: (230, 60, 60),
}
LEAST_CONFIDENCE = 0.3  # bones between less certain joints are not drawn
_FAINT = 0.6  # bones between joints below this are drawn thinner
_BITS = 3  # fractions of a pixel that OpenCV draws with

BONES = (
    *((11, 12), (11, 23), (12, 24), (23, 24)),  # torso
    *((11, 13), (13, 15), (15, 17), (15, 19), (15, 21), (17, 19)),  # left arm, hand
    *((12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20)),  # right arm, hand
    *((23, 25), (25, 27), (27, 29), (27, 31), (29, 31)),  # left leg, foot
    *((24, 26), (26, 28), (28, 30), (28, 32), (30, 32)),  # right leg, foot
    *((0, 2), (2, 7), (0, 5), (5, 8), (9, 10)),  # face
)


def draw_overlay(frames: Iterable[Frame], track: Track) -> Iterator[Frame]:
    """The same frames with their poses drawn over; the given pictures are not touched.

    Args:
        frames: of the clip that was tracked, any part of it in order.
        track: its track.

    Raises:
        TrackError: a frame is of another size than the track's clip, or lies beyond its end.
    """
    for frame in frames:
        pose = pose_of(track, frame)
        image = frame.image.copy()
        draw_pose(image, pose)
        _draw_status(image, pose)
        yield Frame(image=image, time=frame.time, index=frame.index)


def draw_pose(image: NDArray[np.uint8], pose: Pose) -> None:
    """Draw one skeleton into `image` (h, w, 3), lines as wide as a 200th of the shorter side."""
    unit = max(1, round(min(image.shape[:2]) / 200))
    sure = pose.confidence >= LEAST_CONFIDENCE
    for start, end in BONES:
        if sure[start] and sure[end]:
            faint = min(pose.confidence[start], pose.confidence[end]) < _FAINT
            thickness = max(1, unit // 2) if faint else unit
            ends = (_fixed(pose.points[start]), _fixed(pose.points[end]))
            cv2.line(image, *ends, side_colour(start, end), thickness, cv2.LINE_AA, _BITS)
    for joint in np.flatnonzero(sure):
        centre = _fixed(pose.points[joint])
        cv2.circle(image, centre, unit << _BITS, side_colour(joint, joint), -1, cv2.LINE_AA, _BITS)


def side_colour(start: int, end: int) -> tuple[int, int, int]:
    """Of a bone between two joints: the performer's left, right, or neither."""
    sides = {_side(start), _side(end)}
    return sides.pop() if len(sides) == 1 else MIDDLE


def _side(joint: int) -> tuple[int, int, int]:
    if joint == NOSE:
        return MIDDLE
    return LEFT if joint in LEFT_JOINTS else RIGHT


def _draw_status(image: NDArray[np.uint8], pose: Pose) -> None:
    """ "128 tracked", in the status' colour on black, at the lower left."""
    height, width = image.shape[:2]
    scale = max(0.3, min(height, width) / 720)
    text = f"{pose.index} {pose.status.name.lower()}"
    thickness = max(1, round(1.5 * scale))
    (across, up), down = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    margin = max(2, round(8 * scale))
    top = height - up - down - 2 * margin
    cv2.rectangle(image, (0, top), (across + 2 * margin, height), (0, 0, 0), -1)
    origin = (margin, height - margin - down)
    colour = STATUS_COLOURS[pose.status]
    cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)


def _fixed(point: NDArray[np.float32]) -> tuple[int, int]:
    """Pixels in OpenCV's fixed point; far outside the frame the line is clipped there, not here."""
    x, y = np.clip(point, -10_000, 30_000) * (1 << _BITS)
    return round(float(x)), round(float(y))
