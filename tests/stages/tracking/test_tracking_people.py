"""Whose joints they are: performers by name and point, two people in the picture, one who walks before the other."""

import logging
import math

import cv2
import numpy as np
import pytest
from tracking_clips import as_frames, shifted

from pipeline.errors import TrackError, UnknownChoice
from pipeline.values import Status
from stages.tracking.mask import person_masks
from stages.tracking.networks import PoseNetworks
from stages.tracking.people import Performer, find_everybody, likeness, torso_looks
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.region import CROP, Region

NEAR = 12  # pixels: mean distance to the true joints that only the right person can have

SPEED = 10  # pixels a frame that Red walks to the right
TRUNK = [11, 12, 23, 24, 25, 26]  # shoulders, hips, knees


@pytest.fixture(scope="module")
def side_by_side(red, blue):
    return [np.concatenate(pair, axis=1) for pair in zip(red.images[:24], blue.images[:24], strict=True)]


def trunk_error(track, joints):
    return np.hypot(*np.moveaxis(track.points[:, TRUNK] - joints[:, TRUNK], 2, 0)).mean(axis=1)


def test_an_upright_region_maps_its_corners_to_the_square_around_its_centre():
    region = Region(x=100, y=200, side=512, angle=0)
    np.testing.assert_allclose(region.to_frame() @ [127.5, 127.5, 1], [100, 200])
    np.testing.assert_allclose(region.to_frame() @ [-0.5, -0.5, 1], [100 - 256, 200 - 256])


def test_a_region_around_a_body_that_leans_right_is_turned_clockwise():
    region = Region.around(np.array([50.0, 80.0]), np.array([80.0, 50.0]))
    assert region.angle == pytest.approx(math.pi / 4)
    assert region.side == pytest.approx(2.5 * 30 * math.sqrt(2))
    head = region.to_frame() @ [127.5, 0, 1]
    assert head[0] > 50 and head[1] < 80


def test_what_is_cut_out_lands_where_it_was_when_pasted_back():
    picture = np.zeros((300, 200, 3), np.uint8)
    picture[120:160, 80:100] = 255
    region = Region(x=95, y=140, side=200, angle=0.4)
    back = region.paste(region.cut(picture)[..., 0].astype(np.float32) / 255, 200, 300)
    assert back[130:150, 85:95].min() > 0.95
    assert back[60:110].max() < 0.05


def test_a_region_that_leaves_the_frame_is_black_there():
    crop = Region(x=0, y=150, side=100, angle=0).cut(np.full((300, 300, 3), 200, np.uint8))
    assert (crop[:, : CROP // 2 - 4] == 0).all()
    assert (crop[:, CROP // 2 + 4 :] == 200).all()
    assert (Region(x=-500, y=-500, side=100, angle=0).cut(np.full((9, 9, 3), 200, np.uint8)) == 0).all()


def test_nearly_equal_regions_snap_to_the_same():
    one, other = Region(500.0, 400.0, 300.0, 0.02), Region(500.4, 400.4, 300.4, 0.021)
    assert one.snapped() == other.snapped()
    assert one.snapped().snapped() == one.snapped()


def test_a_performer_is_named_or_given_by_a_point():
    assert Performer.parse("left") == Performer("left")
    assert Performer.parse("120,40.5") == Performer("point", 120, 40.5)
    with pytest.raises(
        UnknownChoice, match=r"performer: there is no 'tallest'; expected one of X,Y, largest, left, right"
    ):
        Performer.parse("tallest")


def test_everybody_is_found_once_the_largest_first(side_by_side):
    with PoseNetworks() as networks:
        people = find_everybody(networks, side_by_side[0], thorough=True)
    assert sorted(person.reading.region.x > 360 for person in people) == [False, True]
    sizes = [person.box.width * person.box.height for person in people]
    assert sizes == sorted(sizes, reverse=True)


def test_somebody_a_sixth_of_the_picture_high_is_found_by_looking_thoroughly(red):
    picture = np.full((720, 1280, 3), 128, np.uint8)
    height = np.ptp(red.joints[0][:, 1])
    small = cv2.resize(red.images[0], None, fx=120 / height, fy=120 / height, interpolation=cv2.INTER_AREA)
    picture[300 : 300 + len(small), 900 : 900 + small.shape[1]] = small
    with PoseNetworks() as networks:
        people = find_everybody(networks, picture, thorough=True)
    assert [abs(person.reading.region.x - (900 + small.shape[1] / 2)) < 40 for person in people] == [True]


def test_red_and_blue_do_not_look_alike_and_red_looks_like_red(red, blue):
    first, later = (torso_looks(red.images[k], red.joints[k].astype(np.float32)) for k in (0, 40))
    other = torso_looks(blue.images[0], blue.joints[0].astype(np.float32))
    assert likeness(first, later) > 0.7
    assert likeness(first, other) < 0.45
    assert likeness(first, first) == pytest.approx(1)


@pytest.mark.parametrize("performer", ["left", "180,350"])
def test_the_performer_on_the_left_is_followed(film, side_by_side, red, performer):
    track = track_pose(film(side_by_side), TrackerConfig(performer=Performer.parse(performer)))
    assert trunk_error(track, red.joints[:24]).max() < NEAR


def test_the_performer_on_the_right_is_followed(film, side_by_side, blue):
    track = track_pose(film(side_by_side), TrackerConfig(performer=Performer("right")))
    assert trunk_error(track, shifted(blue.joints[:24], 360)).max() < NEAR


def test_a_choice_among_several_that_nobody_made_is_said(film, side_by_side, caplog):
    with caplog.at_level(logging.WARNING):
        track_pose(film(side_by_side[:2]))
    expected = (
        "clip.mp4, frame 0: several people are in the picture and no performer was named: the largest is followed"
    )
    assert caplog.messages == [expected]


def test_a_point_on_nobody_is_refused_with_the_places_where_people_stand(film, side_by_side):
    config = TrackerConfig(performer=Performer("point", 5, 5))
    with pytest.raises(
        TrackError,
        match=r"clip.mp4, frame 0: nobody stands at 5,5; expected a point on one of the people seen \(x \d+–",
    ):
        track_pose(film(side_by_side[:1]), config)


def test_somebody_who_walks_before_the_performer_is_never_taken_for_him(film, red, blue, caplog):
    """Red passes in front of Blue, who stands in the middle and is followed."""
    masks = person_masks(as_frames(red.images[:36]))
    pictures = []
    for step, (front, back, mask) in enumerate(zip(red.images, blue.images, masks, strict=False)):
        wide = np.full((640, 720, 3), 120, np.uint8)
        wide[:, 180:540] = back
        left = SPEED * step
        opaque = np.clip((mask[..., None] - 0.3) / 0.4, 0, 1)
        wide[:, left : left + 360] = (opaque * front + (1 - opaque) * wide[:, left : left + 360]).astype(np.uint8)
        pictures.append(wide)
    with caplog.at_level(logging.WARNING):
        track = track_pose(film(pictures), TrackerConfig(performer=Performer("right")))
    shown = track.status == Status.TRACKED
    walked = np.stack([SPEED * np.arange(36), np.zeros(36)], axis=1)[:, None]
    to_blue = trunk_error(track, shifted(blue.joints[:36], 180))[shown]
    to_red = trunk_error(track, red.joints[:36] + walked)[shown]
    assert (to_blue < to_red).all()
    assert 5 < shown.sum() < 36
    assert "somebody else stood where the performer was expected; left as a gap" in caplog.text
