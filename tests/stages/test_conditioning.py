"""The stick figure says where every sure joint lies, which side it is, and looks the same at every resolution."""

from fractions import Fraction

import numpy as np
import pytest
from made_dances import HEIGHT, WIDTH, sample_track, track_of
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.image import resize
from pipeline.values import Box, Pose, Status
from stages.conditioning.stick_figure import StickFigureFormat, draw_stick_figure, draw_stick_figures

STYLE = StickFigureFormat()
WHOLE = Box(0, 0, WIDTH, HEIGHT)
NOSE, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = 0, 13, 14, 15, 16


def pose_with(joints: dict[int, tuple[float, float]]) -> Pose:
    """Only these joints are sure; the others lie far outside."""
    points, confidence = np.full((33, 2), -1000, np.float32), np.zeros(33, np.float32)
    for joint, place in joints.items():
        points[joint], confidence[joint] = place, 1
    return Pose(points, confidence, np.zeros((33, 3), np.float32), Status.TRACKED, Fraction(0), 0)


def draw(pose: Pose, window: Box = WHOLE, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    return draw_stick_figure(pose, window, width, height, STYLE)


def middle_of(image: NDArray[np.uint8]) -> tuple[float, float]:
    """Where what is drawn has its centre of mass, (x, y)."""
    weight = image.sum(axis=2, dtype=np.float64)
    rows, columns = np.indices(weight.shape)
    return float((columns * weight).sum() / weight.sum()), float((rows * weight).sum() / weight.sum())


def test_a_joint_is_drawn_at_its_fraction_of_a_pixel() -> None:
    drawn = draw(pose_with({NOSE: (40.3, 70.6)}))
    assert middle_of(drawn) == pytest.approx((40.3, 70.6), abs=0.05)


def test_the_window_moves_and_scales_the_figure() -> None:
    # The centre of pixel 40 lies at 40.5 of the frame, 20.5 of the window, 41 of twice its size: pixel 40.5.
    drawn = draw(pose_with({NOSE: (40, 70)}), Box(20, 50, 65, 130), 2 * 45, 2 * 80)
    assert middle_of(drawn) == pytest.approx((40.5, 40.5), abs=0.05)


def test_the_figure_looks_the_same_at_twice_the_resolution() -> None:
    pose = sample_track(count=1)[0]
    small, large = draw(pose), draw(pose, WHOLE, 2 * WIDTH, 2 * HEIGHT)
    difference = np.abs(resize(large, WIDTH, HEIGHT).astype(int) - small)
    assert difference.mean() < 1.0  # of 255: rounding of widths, anti-aliasing


def test_a_missing_person_is_a_black_picture() -> None:
    track = track_of(np.full((1, 33, 2), 50, np.float32), status=[Status.MISSING])
    assert not draw(track[0]).any()


def test_joints_that_are_not_sure_are_left_out() -> None:
    pose = pose_with({LEFT_ELBOW: (30, 60), LEFT_WRIST: (30, 90)})
    assert draw(pose).any()
    pose.confidence[LEFT_WRIST] = 0.34
    assert not draw(pose).any()


def test_joints_without_a_place_are_left_out() -> None:
    assert not draw(pose_with({LEFT_ELBOW: (30, 60), LEFT_WRIST: (float("nan"), 90)})).any()


def test_joints_far_outside_do_no_harm() -> None:
    drawn = draw(pose_with({LEFT_ELBOW: (45, 80), LEFT_WRIST: (1e9, 80)}))
    assert drawn[80, 60].any()


def test_the_left_arm_is_lighter_than_the_right() -> None:
    left = draw(pose_with({LEFT_ELBOW: (30, 60), LEFT_WRIST: (30, 90)}))
    right = draw(pose_with({RIGHT_ELBOW: (30, 60), RIGHT_WRIST: (30, 90)}))
    assert np.array_equal(left.any(axis=2), right.any(axis=2))
    assert left.sum() > 1.5 * right.sum()


def test_every_joint_kind_has_its_colour_so_an_arm_held_upside_down_looks_different() -> None:
    up = draw(pose_with({LEFT_ELBOW: (30, 60), LEFT_WRIST: (30, 90)}))
    down = draw(pose_with({LEFT_ELBOW: (30, 90), LEFT_WRIST: (30, 60)}))
    assert not np.array_equal(up, down)


def test_poses_come_out_one_for_one_with_their_times_and_unchanged() -> None:
    track = sample_track(count=3)
    before = track.points.copy()
    figures = list(draw_stick_figures(track, WHOLE, WIDTH, HEIGHT, STYLE))
    assert [(figure.index, figure.time) for figure in figures] == [(0, 0), (1, track.times[1]), (2, track.times[2])]
    assert np.array_equal(track.points, before)


def test_another_format_of_the_drawing_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        StickFigureFormat(version=2)
    assert str(caught.value) == "conditioning: stick figure format 2; expected format 1. Train the model again."
