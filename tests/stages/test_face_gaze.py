"""Gaze and lids, worked out by hand on eyes that lie flat."""

import numpy as np
from posed_heads import made_head

from stages.retargeting.gaze import eye_frames, hold_while_closed, iris_centres, lid_openings, read_gaze

HEAD = made_head()
HEAD[[33, 133]], HEAD[[362, 263]] = ((-4, 2, 3), (-2, 2, 3)), ((2, 2, 3), (4, 2, 3))
HEAD[[160, 144, 158, 153]] = (-3.5, 2.3, 3), (-3.5, 1.7, 3), (-2.5, 2.2, 3), (-2.5, 1.8, 3)
ALWAYS = np.ones(4, np.bool_)


def test_an_eye_lies_between_its_corners_with_right_to_the_pictures_right() -> None:
    eyes = eye_frames(HEAD)
    np.testing.assert_allclose(eyes.middle, ((-3, 2, 3), (3, 2, 3)))
    np.testing.assert_allclose(eyes.half, (1, 1))
    np.testing.assert_allclose(eyes.right, ((1, 0, 0), (1, 0, 0)))
    np.testing.assert_allclose(eyes.up, ((0, 1, 0), (0, 1, 0)))


def test_an_iris_lies_its_gaze_in_half_eye_widths_from_the_middle_and_before_it() -> None:
    centres = iris_centres(HEAD, np.array((0.5, 0.25, -0.5, 0.0)))
    np.testing.assert_allclose(centres, ((-2.5, 2.25, 3.473), (2.5, 2, 3.473)))


def test_lids_open_by_their_mean_gap_over_the_eyes_width() -> None:
    assert np.isclose(lid_openings(HEAD)[0], (0.6 + 0.4) / (2 * 2))


def test_the_gaze_read_from_a_ray_is_where_it_meets_the_irises_plane() -> None:
    place = np.array(((1.0, -1.0, -43.473),))  # irises at depth 40
    right, left = np.array((-2.5 + 1, 2.25 - 1)) / 40, np.array((2.5 + 1, 2.0 - 1)) / 40
    slopes = np.stack((right, left))[None, :, None]
    found = read_gaze(HEAD, slopes, np.eye(3)[None], place)
    np.testing.assert_allclose(found[0, :, 0], ((0.5, 0.25), (-0.5, 0.0)), atol=1e-12)


def test_each_eye_keeps_its_last_gaze_while_its_own_lids_are_closed() -> None:
    gaze = np.array(((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16)), float)
    lids = np.array(((0.3, 0.05), (0.05, 0.3), (0.3, 0.3), (0.3, 0.3)))
    held = hold_while_closed(gaze, lids, ALWAYS)
    np.testing.assert_array_equal(held[:, :2], ((1, 2), (1, 2), (9, 10), (13, 14)))
    np.testing.assert_array_equal(held[:, 2:], ((7, 8), (7, 8), (11, 12), (15, 16)))  # the first sight, before it


def test_gaze_of_frames_without_a_face_is_held_too() -> None:
    gaze, lids = np.arange(16.0).reshape(4, 4), np.full((4, 2), 0.3)
    held = hold_while_closed(gaze, lids, np.array((True, True, False, True)))
    np.testing.assert_array_equal(held[2], gaze[1])


def test_narrow_eyes_count_as_open() -> None:
    gaze = np.arange(16.0).reshape(4, 4)
    np.testing.assert_array_equal(hold_while_closed(gaze, np.full((4, 2), 0.11), ALWAYS), gaze)


def test_eyes_that_never_open_look_ahead() -> None:
    held = hold_while_closed(np.ones((4, 4)), np.zeros((4, 2)), np.zeros(4, np.bool_))
    np.testing.assert_array_equal(held, np.zeros((4, 4)))
