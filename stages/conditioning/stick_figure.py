"""Draw the stick figure that a generator is told to follow: limbs, hands and face points of the confident joints.

Colours are ours: every joint has its own, a limb blends from one end's colour to the other's, so that the picture says
which part of the body lies where and which side it is. Drawn large and reduced by area, so edges are anti-aliased and
lie at fractions of a pixel; widths are fractions of the picture's height: the figure is the same at every resolution.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.values import JOINTS, Box, Condition, Pose

VERSION = 1  # of the drawing itself: raise it when the same pose would give another picture

# Colours by hue angle (degrees) along the body; the subject's left is drawn light, the right dark.
_HUES = {
    "nose": 55, "eye": 20, "ear": 85, "mouth": 0,
    "shoulder": 120, "elbow": 165, "wrist": 205, "finger": 235,
    "hip": 300, "knee": 335, "ankle": 260, "foot": 285,
}  # fmt: skip
_JOINT_KINDS = (
    "nose", *("eye",) * 6, *("ear",) * 2, *("mouth",) * 2, *("shoulder",) * 2, *("elbow",) * 2, *("wrist",) * 2,
    *("finger",) * 6, *("hip",) * 2, *("knee",) * 2, *("ankle",) * 2, *("foot",) * 4,
)  # fmt: skip
# Drawn in this order: what is usually in front comes last.
_LIMBS = (
    (11, 23), (12, 24), (23, 24), (11, 12),
    (23, 25), (24, 26), (25, 27), (26, 28), (27, 29), (28, 30), (29, 31), (30, 32), (27, 31), (28, 32),
    (11, 13), (12, 14), (13, 15), (14, 16),
    (15, 17), (16, 18), (15, 19), (16, 20), (15, 21), (16, 22), (17, 19), (18, 20),
)  # fmt: skip
_FINE_LIMBS = frozenset({(15, 17), (16, 18), (15, 19), (16, 20), (15, 21), (16, 22), (17, 19), (18, 20)})
_FACE_LIMBS = ((0, 2), (0, 5), (2, 7), (5, 8), (9, 10))
_FACE_POINTS = (0, 2, 5, 7, 8, 9, 10)
_TORSO = (11, 12, 24, 23)


def _is_left(joint: int) -> bool:
    return joint in (1, 2, 3) or (joint >= 7 and joint % 2 == 1)


def _joint_colour(joint: int) -> tuple[float, float, float]:
    light = 255 if _is_left(joint) or joint == 0 else 150
    hue = _HUES[_JOINT_KINDS[joint]] // 2  # OpenCV counts hue in steps of two degrees
    rgb = cv2.cvtColor(np.array([[[hue, 230, light]]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
    return (float(rgb[0]), float(rgb[1]), float(rgb[2]))


_COLOURS = tuple(_joint_colour(joint) for joint in range(JOINTS))


MOST_DRAWN = 4096  # pixels of the canvas's height


@dataclass(frozen=True, slots=True, kw_only=True)
class StickFigureFormat:
    """What the figure looks like; saved with a model, which refuses conditioning of another format."""

    version: int = VERSION
    limb_width: float = 0.022  # of the picture's height
    fine_width: float = 0.008  # fingers and face
    min_confidence: float = 0.35  # joints below are not drawn
    drawn_height: int = 768  # pixels, at least: the canvas before reduction

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ModelError(
                "conditioning", f"stick figure format {self.version}", f"format {VERSION}", "Train the model again."
            )
        if not (0 < self.limb_width < 1 and 0 < self.fine_width < 1 and 1 <= self.drawn_height <= MOST_DRAWN):
            raise ValueError(
                f"StickFigureFormat's widths are {self.limb_width:g} and {self.fine_width:g} on {self.drawn_height} "
                f"pixels, expected shares of the height from 0 to 1, and 1 to {MOST_DRAWN} pixels."
            )


def draw_stick_figures(
    poses: Iterable[Pose], window: Box, width: int, height: int, style: StickFigureFormat
) -> Iterator[Condition]:
    """Draw every pose; see `draw_stick_figure`. A missing person gives a black picture."""
    for pose in poses:
        yield Condition(draw_stick_figure(pose, window, width, height, style), pose.time, pose.index)


def draw_stick_figure(pose: Pose, window: Box, width: int, height: int, style: StickFigureFormat) -> NDArray[np.uint8]:
    """Draw one pose as seen through `window` of the full frame.

    Returns:
        (height, width, 3) uint8 RGB, figure on black.
    """
    enlarge = max(1, -(-style.drawn_height // height))
    scale = np.array([width / window.width, height / window.height]) * enlarge
    points = (pose.points - (window.left, window.top) + 0.5) * scale - 0.5
    seen = (pose.confidence >= style.min_confidence) & np.isfinite(points).all(axis=1)
    canvas = np.zeros((height * enlarge, width * enlarge, 3), np.uint8)
    limb = max(1, round(style.limb_width * height * enlarge))
    fine = max(1, round(style.fine_width * height * enlarge))
    _fill_torso(canvas, points, seen)
    for start, end in _LIMBS:
        if seen[start] and seen[end]:
            _draw_limb(canvas, points, start, end, fine if (start, end) in _FINE_LIMBS else limb)
    _draw_head(canvas, points, seen, fine)
    return np.ascontiguousarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA))


def _fill_torso(canvas: NDArray[np.uint8], points: NDArray[np.float64], seen: NDArray[np.bool_]) -> None:
    """A dim quadrilateral between shoulders and hips: which way the chest faces shows in its two halves."""
    if not seen[list(_TORSO)].all():
        return
    left_shoulder, right_shoulder, right_hip, left_hip = (points[joint] for joint in _TORSO)
    neck, pelvis = (left_shoulder + right_shoulder) / 2, (left_hip + right_hip) / 2
    _fill(canvas, (left_shoulder, neck, pelvis, left_hip), (70.0, 70.0, 40.0))
    _fill(canvas, (right_shoulder, neck, pelvis, right_hip), (30.0, 30.0, 75.0))


def _fill(
    canvas: NDArray[np.uint8], corners: tuple[NDArray[np.float64], ...], colour: tuple[float, float, float]
) -> None:
    cv2.fillConvexPoly(canvas, _fixed_point(np.stack(corners)), colour, cv2.LINE_AA, shift=4)


def _draw_limb(canvas: NDArray[np.uint8], points: NDArray[np.float64], start: int, end: int, width: int) -> None:
    """A line whose colour runs from one joint's to the other's in eight steps."""
    steps = np.linspace(0, 1, 9)[:, None]
    stops = _fixed_point(points[start] * (1 - steps) + points[end] * steps)
    for step in range(8):
        blend = (step + 0.5) / 8
        colour = tuple(a * (1 - blend) + b * blend for a, b in zip(_COLOURS[start], _COLOURS[end], strict=True))
        cv2.line(canvas, _pair(stops[step]), _pair(stops[step + 1]), colour, width, cv2.LINE_AA, shift=4)


def _draw_head(canvas: NDArray[np.uint8], points: NDArray[np.float64], seen: NDArray[np.bool_], width: int) -> None:
    for start, end in _FACE_LIMBS:
        if seen[start] and seen[end]:
            _draw_limb(canvas, points, start, end, width)
    for joint in _FACE_POINTS:
        if seen[joint]:
            centre = _pair(_fixed_point(points[joint]))
            cv2.circle(canvas, centre, width * 16, _COLOURS[joint], cv2.FILLED, cv2.LINE_AA, shift=4)


def _fixed_point(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """OpenCV draws at sixteenths of a pixel, given as integers; far-off points are pulled in to fit its 32 bits."""
    return np.asarray(np.round(np.clip(points, -8192, 8192) * 16), dtype=np.int32)


def _pair(point: NDArray[np.int32]) -> tuple[int, int]:
    return int(point[0]), int(point[1])
