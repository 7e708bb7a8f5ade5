"""A painted head goes back softly, shoulders meet at the seam, and what lies outside the window is never touched."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pipeline.errors import TrackError
from pipeline.face_landmarks import MESH_POINTS
from pipeline.values import Box, FacePerformance, Status
from stages.rendering.generate import Painted
from stages.rendering.head_compositor import LOWER_SEAM, SEAM, OtherFrame, OwnFrame
from stages.rendering.head_places import Place, place_heads
from stages.retargeting.face_model import FaceModel, Sliders

GREY = np.full((100, 150, 3), 100, np.uint8)


def painted(width: int, height: int, value: int, mask: float | None) -> Painted:
    image = np.full((height, width, 3), value, np.uint8)
    if mask is None:
        return Painted(image, None, None, person=True, index=0)
    return Painted(image, image, np.full((height, width), mask, np.float32), person=True, index=0)


def test_outside_the_window_every_pixel_is_the_frames_own() -> None:
    frame = np.random.default_rng(3).integers(0, 256, (100, 150, 3), np.uint8)
    result = OwnFrame(GREY, Box(50, 20, 110, 80)).paste(painted(30, 30, 200, None), frame)
    outside = np.ones((100, 150), bool)
    outside[20:80, 50:110] = False
    assert np.array_equal(result[outside], frame[outside])
    assert (result[40:60, 70:90] == 200).all()


def test_the_seam_is_soft_and_wider_below_where_cloth_crosses_it() -> None:
    """A window of 100 x 100: six columns at the sides, sixteen rows below, both ends without a kink."""
    behind = np.zeros((200, 300, 3), np.uint8)
    result = OwnFrame(behind, Box(100, 50, 200, 150)).paste(painted(100, 100, 200, None), behind)
    row, column = result[90, 100:200, 0].astype(int), result[50:150, 150, 0].astype(int)
    assert (np.flatnonzero(row == 200)[0], np.flatnonzero(column == 200)[-1]) == (6, 83)
    assert (np.diff(row[:7]) >= 0).all() and (np.diff(column[83:]) <= 0).all()
    assert row[0] <= 5 and column[-1] <= 1  # smoothstep(1/12) is 0.02, smoothstep(1/32) is 0.003
    assert np.diff(row).max() < 200 * 1.5 / (SEAM * 100) + 1  # its steepest slope is 1.5 over the seam
    assert -np.diff(column).min() < 200 * 1.5 / (LOWER_SEAM * 100) + 1


def test_behind_the_head_the_window_shows_the_sharp_plate_and_not_the_heads_in_the_frame() -> None:
    """The frame's own head is white: none of it may be left inside the window."""
    plate, behind = GREY.copy(), GREY.copy()
    plate[:, ::2] = 60  # finer than the network's picture could be
    behind[40:60, 60:80] = 255
    result = OwnFrame(plate, Box(40, 10, 120, 90)).paste(painted(20, 20, 0, 0.0), behind)
    assert np.array_equal(result[30:70, 50:100], plate[30:70, 50:100])


def test_a_window_that_fills_the_frame_needs_nothing_behind_it() -> None:
    whole = OwnFrame(GREY, Box(-5, 0, 150, 104))
    assert whole.fills_frame
    assert (whole.paste(painted(31, 26, 77, None), None) == 77).all()
    assert not OwnFrame(GREY, Box(1, 0, 150, 100)).fills_frame


def test_the_frame_behind_is_not_written_into() -> None:
    behind = GREY.copy()
    OwnFrame(GREY, Box(40, 10, 120, 90)).paste(painted(20, 20, 0, None), behind)
    assert np.array_equal(behind, GREY)


def test_a_head_in_another_frame_lies_at_its_place_in_its_size() -> None:
    """Window 40 x 40 at (10, 10), a square at its middle: scaled by 2 and moved by (5, -10) it is at (65, 50)."""
    image, mask = np.full((40, 40, 3), 250, np.uint8), np.zeros((40, 40), np.float32)
    mask[15:25, 15:25] = 1.0
    head = Painted(image, image, mask, person=True, index=0)
    place = Place(scale=2.0, x=5.0, y=-10.0, column=29.5, chin=60.0, face_height=20.0)
    result = OtherFrame(Box(10, 10, 50, 50), 40, 40).paste(head, np.zeros((120, 160, 3), np.uint8), place)
    rows, columns = np.nonzero(result[..., 0] > 120)
    assert (columns.mean(), rows.mean()) == pytest.approx((2 * 29.5 + 5, 2 * 29.5 - 10), abs=0.6)
    assert result[49, :, 0].sum() / 250 == pytest.approx(20, abs=0.3)
    assert result[:, 64, 0].sum() / 250 == pytest.approx(20, abs=0.3)


def test_below_the_chin_a_head_fades_into_the_other_neck() -> None:
    head = painted(40, 80, 200, 1.0)
    place = Place(scale=1.0, x=0.0, y=0.0, column=20.0, chin=40.0, face_height=40.0)
    result = OtherFrame(Box(0, 0, 40, 80), 40, 80).paste(head, np.zeros((80, 40, 3), np.uint8), place)
    column = result[:, 20, 0].astype(int)
    assert (column[5:40] == 200).all()
    assert (np.diff(column[40:]) <= 0).all()
    assert (column[40 + 11 :] == 0).all()  # 0.25 of 40 pixels is 10
    beside = result[:, 4, 0].astype(int)  # a whole face's half width aside: the line is 0.2 of 40 pixels higher
    assert beside[32 - 1] == 200 and beside[40] < 100 and (beside[32 + 11 :] == 0).all()


def test_without_a_mask_an_oval_of_the_window_is_taken() -> None:
    place = Place(scale=1.0, x=0.0, y=0.0, column=30.0, chin=100.0, face_height=40.0)
    result = OtherFrame(Box(0, 0, 60, 60), 60, 60).paste(painted(60, 60, 200, None), GREY[:60, :60], place)
    assert (result[30, 30] == 200).all() and (result[0, 0] == 100).all() and (result[59, 59] == 100).all()


def a_face(size: float) -> FaceModel:
    """A ball of points; only its size and camera matter here."""
    points = np.random.default_rng(5).normal(size=(MESH_POINTS, 3)).astype(np.float32) * size
    zeros, none = np.zeros(4, np.float32), np.zeros((MESH_POINTS, 3), np.float32)
    return FaceModel(
        width=400,
        height=300,
        neutral=points,
        triangles=np.zeros((1, 3), np.int32),
        expression_mean=none,
        expression_basis=none[None],
        expression_low=zeros[:1],
        expression_high=zeros[:1],
        expression_scale=zeros[:1],
        rotation_low=zeros[:3],
        rotation_high=zeros[:3],
        translation_low=zeros[:3],
        translation_high=zeros[:3],
        gaze_low=zeros,
        gaze_high=zeros,
        gaze_mean=zeros,
        lids_low=zeros[:2],
        lids_high=zeros[:2],
        lids_open=zeros[:2],
        mouth_low=0.0,
        mouth_high=1.0,
        iris_radius=0.4,
        reference=0,
        reference_rotation=zeros[:3],
        reference_translation=zeros[:3],
        sliders=Sliders(jaw=none, smile=none, brows=none, lids=none, low=zeros, high=zeros),
        albedo=none,
        light=np.zeros((9, 3), np.float32),
    )


def heads_at(*places: tuple[float, float, float]) -> FacePerformance:
    count = len(places)
    return FacePerformance(
        width=400,
        height=300,
        times=tuple(Fraction(index, 25) for index in range(count)),
        rotation=np.zeros((count, 3), np.float32),
        translation=np.array(places, np.float32),
        expression=np.zeros((count, MESH_POINTS, 3), np.float32),
        gaze=np.zeros((count, 4), np.float32),
        lids=np.zeros((count, 2), np.float32),
        shoulders=np.zeros((count, 2, 3), np.float32),
        status=np.full(count, Status.TRACKED, np.uint8),
        shot=np.zeros(count, np.int32),
    )


def test_a_head_is_laid_over_the_other_as_large_as_that_one_is() -> None:
    """Same face, half as far: twice as large; the middle of the one goes to the middle of the other."""
    near, far = heads_at((5, 0, -40), (0, 0, -40)), heads_at((0, 0, -80), (0, 0, -40))
    first, second = place_heads(far, a_face(1.0), near, a_face(1.0))
    assert first.scale == pytest.approx(2.0, rel=0.02)
    assert second.scale == pytest.approx(1.0) and (second.x, second.y) == pytest.approx((0, 0), abs=1e-6)
    focal = 300 / (2 * np.tan(np.radians(31.5)))
    middle = 400 / 2 - 0.5
    assert first.scale * middle + first.x == pytest.approx(middle + focal * 5 / 40, abs=1.5)


def test_a_smaller_face_is_made_larger_where_the_other_is() -> None:
    (place,) = place_heads(heads_at((0, 0, -60)), a_face(1.0), heads_at((0, 0, -60)), a_face(1.5))
    assert place.scale == pytest.approx(1.5, rel=0.02)


def test_performances_of_different_lengths_are_refused() -> None:
    one, other = heads_at((0, 0, -60)), heads_at((0, 0, -60), (0, 0, -60))
    with pytest.raises(TrackError, match="2 frames, 1 are painted"):
        place_heads(one, a_face(1.0), other, a_face(1.0))
    assert len(place_heads(replace(one), a_face(1.0), one, a_face(1.0))) == 1
