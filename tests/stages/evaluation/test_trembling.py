"""Steadiness by hand: second differences of joints, drift of colours, flicker along a film's own motion, spans."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import VideoError
from pipeline.values import FaceTrack, Pose, Status, Track
from stages.evaluation.appearance import body_looks, drift, face_looks
from stages.evaluation.flicker import own_warp_error
from stages.evaluation.jitter import body_jitter, face_jitter, ratio
from stages.evaluation.pose_error import missed_frames, pose_errors
from stages.evaluation.span import Span, part_of
from stages.optical_flow import Flow

NAN = math.nan


def person(frames: int = 6) -> Track:
    """Stands still, 400 pixels from nose to ankles."""
    points = np.zeros((frames, 33, 2), np.float32)
    points[..., 0], points[..., 1] = 180, 300
    points[:, 0, 1], points[:, 27:29, 1] = 100, 500
    points[:, 11], points[:, 12], points[:, 23], points[:, 24] = (210, 150), (150, 150), (200, 270), (160, 270)
    return Track(
        360,
        640,
        times=tuple(Fraction(i, 25) for i in range(frames)),
        points=points,
        confidence=np.ones((frames, 33), np.float32),
        world=np.zeros((frames, 33, 3), np.float32),
        status=np.zeros(frames, np.uint8),
        shot=np.zeros(frames, np.int32),
    )


def test_steady_motion_does_not_tremble_and_one_jump_counts_in_three_frames():
    walking = person()
    walking.points[..., 0] += 7 * np.arange(6)[:, None]
    np.testing.assert_allclose(body_jitter(walking), [NAN, 0, 0, 0, 0, NAN], atol=1e-5)
    walking.points[2] += (0, 4)  # 4 pixels of 400 are 1 %
    np.testing.assert_allclose(body_jitter(walking), [NAN, 1, 2, 1, 0, NAN], atol=1e-4)


def test_trembling_is_not_measured_across_gaps_and_cuts():
    track = person(8)
    track.points[4:] += 50
    track.shot[4:] = 1
    track.status[6] = Status.INTERPOLATED
    np.testing.assert_allclose(body_jitter(track), [NAN, 0, 0, NAN, NAN, NAN, NAN, NAN])
    track.confidence[:] = 0
    assert np.isnan(body_jitter(track)).all() and np.isnan(body_jitter(person(2))).all()


def test_a_faces_trembling_is_a_share_of_the_distance_of_the_eyes():
    points = np.zeros((4, 478, 3), np.float32)
    points[:, 263, 0] = 80  # between the outer corners
    points[2, ..., 1] += 8
    face = FaceTrack(
        100, 100, tuple(Fraction(i, 25) for i in range(4)), points, np.ones(4, np.float32),
        np.zeros((4, 2, 3), np.float32), np.zeros(4, np.uint8), np.zeros(4, np.int32),
    )  # fmt: skip
    np.testing.assert_allclose(face_jitter(face), [NAN, 10, 20, NAN], rtol=1e-5)
    assert np.isnan(face_jitter(replace(face, status=np.full(4, Status.MISSING, np.uint8)))).all()


def test_a_ratio_is_taken_over_the_frames_that_have_both():
    film, other = np.array([NAN, 3.0, 5.0, 100]), np.array([1.0, 1.0, 1.0, NAN])
    assert ratio(film, other, 0) == 4
    assert ratio(np.zeros(4), np.zeros(4)) == 1
    assert ratio(film, np.full(4, NAN)) is None


def test_every_frame_has_its_own_pose_error_and_says_whether_somebody_was_missed():
    truth, film = person(4), person(4)
    film.points[1, 15] += (12, 16)  # one joint of thirteen, 20 pixels of 400
    film.confidence[2] = 0
    film.status[2] = Status.MISSING
    truth.status[3] = Status.MISSING
    np.testing.assert_allclose(pose_errors(film, truth), [0, 100 * 20 / 400 / 13, NAN, 0], atol=1e-6)
    np.testing.assert_array_equal(missed_frames(film, truth), [0, 0, 1, NAN])
    np.testing.assert_array_equal(missed_frames(None, truth), [1, 1, 1, NAN])
    assert np.isnan(pose_errors(None, truth)).all()


def standing(shirt: tuple[int, int, int]) -> tuple[np.ndarray, Pose]:
    picture = np.full((640, 360, 3), 90, np.uint8)
    picture[150:271, 140:220] = shirt
    return picture, person(1)[0]


def test_who_looks_the_same_in_every_frame_does_not_drift_wherever_they_stand():
    picture, pose = standing((200, 40, 40))
    moved = np.roll(picture, (30, 40), axis=(0, 1))
    elsewhere = replace(pose, points=pose.points + np.float32((40, 30)))
    looks = np.stack([body_looks(picture, pose), body_looks(moved, elsewhere)])
    assert looks.shape == (2, 90, 3)
    np.testing.assert_allclose(drift(looks), 0, atol=0.5)


def test_drift_is_the_distance_in_lab_from_what_is_usual_over_the_parts_seen():
    usual, other = np.zeros((4, 3), np.float32), np.zeros((4, 3), np.float32)
    other[:2] = (3, 0, 4)  # ΔE 5 in half of the cells
    other[3] = NAN
    looks = np.stack([usual, usual, other, np.full((4, 3), NAN, np.float32)])
    np.testing.assert_allclose(drift(looks), [0, 0, 10 / 3, NAN], rtol=1e-6)


def test_a_shirt_that_changes_colour_shows_in_the_frame_where_it_does():
    red, blue = standing((200, 40, 40)), standing((40, 40, 200))
    drifts = drift(np.stack([body_looks(*red)] * 3 + [body_looks(*blue)]))
    assert drifts[:3].max() == 0 and drifts[3] > 20


def test_nobody_has_no_looks_and_an_unseen_part_none():
    picture, pose = standing((200, 40, 40))
    assert np.isnan(body_looks(picture, None)).all() and body_looks(picture, None).shape == (90, 3)
    hidden = replace(pose, confidence=np.where(np.arange(33) == 23, 0, pose.confidence).astype(np.float32))
    assert np.isnan(body_looks(picture, hidden)[9:18]).all()  # the trunk, whose left hip is unseen
    edge_on = replace(pose, points=np.full((33, 2), 50, np.float32))
    assert np.isnan(body_looks(picture, edge_on)).all()


def test_a_faces_looks_lie_between_brows_and_chin():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[40:80, 30:71] = (255, 255, 255)
    points = np.zeros((478, 3), np.float32)
    points[[33, 263, 152], :2] = (30.5, 40), (69.5, 40), (50, 79)
    assert face_looks(picture, points)[:, 0].min() > 95  # L of white is 100
    assert np.isnan(face_looks(picture, None)).all()


def test_flicker_along_a_films_own_motion_counts_what_a_change_of_brightness_does():
    noise = np.random.default_rng(3).uniform(0, 255, (120, 160, 3)).astype(np.float32)
    before = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 30, 200, cv2.NORM_MINMAX).astype(np.uint8)
    moved = np.roll(before, 3, axis=1)
    assert own_warp_error(Flow(), moved, before) < 1
    assert own_warp_error(Flow(), moved + np.uint8(51), before) == pytest.approx(20, abs=1.5)  # a fifth of the range


TIMES = tuple(Fraction(i, 10) for i in range(40))


@pytest.mark.parametrize(
    ("text", "first", "stop"),
    [("0-", 0, 40), ("1-2", 10, 20), ("1.05-", 11, 40), ("-0.35", 0, 4), ("3-99", 30, 40)],
)
def test_a_span_takes_the_frames_from_its_start_up_to_its_stop(text: str, first: int, stop: int):
    assert Span.parse(text).frames(TIMES, Path("a.mp4")) == slice(first, stop)


def test_the_held_out_span_is_the_last_fifteen_hundredths():
    assert Span(held_out=True).frames(TIMES, Path("a.mp4")) == slice(34, 40)


def test_spans_that_are_none_or_hold_nothing_are_refused():
    with pytest.raises(VideoError, match="--between: 'soon' is no span of time; expected START-STOP in seconds"):
        Span.parse("soon")
    with pytest.raises(VideoError, match="--between: '3-2' is no span of time"):
        Span.parse("3-2")
    with pytest.raises(VideoError, match=r"a\.mp4: none of its 40 frames lies in the span; expected one frame"):
        Span.parse("8-9").frames(TIMES, Path("a.mp4"))


def test_a_part_of_a_track_keeps_its_times():
    part = part_of(person(), slice(2, 4))
    assert part.times == (Fraction(2, 25), Fraction(3, 25))
    assert (len(part), part.points.shape, part.width) == (2, (2, 33, 2), 360)
