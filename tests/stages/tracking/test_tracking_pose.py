"""Whole clips: true joints, one status a frame, gaps, cuts, one frame, nobody, several workers, masks."""

import logging
import pickle
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tracking_clips import as_frames, shifted

from pipeline.errors import TrackError
from pipeline.values import Status
from pipeline.video import read_video
from stages.tracking import spans
from stages.tracking.follow import Note, Sight, Trail
from stages.tracking.joints import pose_of
from stages.tracking.mask import body_region, person_masks
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.repair import RepairConfig
from stages.tracking.smooth import smooth
from stages.tracking.spans import WARM_UP, Span, Walk, report, spans_of

CLIPS = Path(__file__).parents[4] / "shared/clips"
CLOSE = 6.0  # pixels at 360x640: mean distance of shoulders, elbows, wrists, hips, knees, ankles from the truth
BODY = [11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]


def mean_error(points, joints):
    return float(np.hypot(*np.moveaxis(points[:, BODY] - joints[:, BODY], 2, 0)).mean())


def test_the_joints_found_are_the_true_ones_in_every_frame(film, red):
    done = []
    track = track_pose(film(red.images), progress=done.append)
    assert mean_error(track.points, red.joints) < CLOSE
    assert set(track.status) == {Status.TRACKED}
    assert done == list(range(1, 49))
    assert (track.width, track.height, len(track)) == (360, 640, 48)


def test_world_joints_are_metres_from_the_hips_with_y_down(film, red):
    world = track_pose(film(red.images[:4])).world
    hips, shoulders = world[:, [23, 24]].mean(axis=1), world[:, [11, 12]].mean(axis=1)
    assert np.abs(hips).max() < 0.05
    assert ((shoulders[:, 1] > -0.7) & (shoulders[:, 1] < -0.3)).all()


def test_smoothing_takes_the_shaking_away_and_not_the_dance(film, red):
    raw = track_pose(film(red.images), TrackerConfig(repair=RepairConfig(smoothing=0, limb_error=0)))
    paths = np.concatenate([raw.points, raw.world], axis=-1).astype(np.float64)
    seconds = np.array([float(time) for time in raw.times])
    smoothed = smooth(paths, raw.confidence, raw.status, raw.shot, seconds, RepairConfig().smoothing)
    shaking = [np.abs(np.diff(points[:, BODY], 2, axis=0)).mean() for points in (raw.points, smoothed[..., :2])]
    assert mean_error(smoothed[..., :2], red.joints) <= mean_error(raw.points, red.joints)
    assert shaking[1] < 0.8 * shaking[0]


def test_a_performer_who_is_away_for_a_while_has_a_status_in_every_frame(film, red, empty_stage):
    pictures = list(red.images)
    for away in (range(8), range(14, 20), range(26, 40), range(45, 48)):
        for index in away:
            pictures[index] = empty_stage
    track = track_pose(film(pictures), TrackerConfig(repair=RepairConfig(cut_distance=1)))
    expected = np.zeros(48, np.uint8)
    expected[:3], expected[3:8], expected[14:20], expected[26:40], expected[45:] = (
        Status.MISSING,
        Status.HELD,
        Status.INTERPOLATED,
        Status.MISSING,
        Status.HELD,
    )
    assert track.status.tolist() == expected.tolist()
    assert (track.confidence[track.status == Status.MISSING] == 0).all()


def test_after_a_cut_a_new_shot_begins_and_its_first_frame_is_already_right(film, red, blue):
    wide = [np.pad(image, ((0, 0), (180, 180), (0, 0))) for image in red.images[:12]]
    close = [np.pad(image[100:500], ((120, 120), (0, 360), (0, 0)), constant_values=255) for image in red.images[:12]]
    track = track_pose(film([*wide, *close]))
    assert track.shot.tolist() == [0] * 12 + [1] * 12
    assert mean_error(track.points[:12], shifted(red.joints[:12], 180)) < CLOSE
    trunk = [11, 12, 23, 24]
    assert np.abs(track.points[12, trunk] - shifted(red.joints[0, trunk], 0, 20)).mean() < 2 * CLOSE


def test_a_clip_of_one_frame_has_one_pose(film, red):
    track = track_pose(film(red.images[:1]))
    assert len(track) == 1
    assert mean_error(track.points, red.joints[:1]) < CLOSE


def test_a_clip_without_anybody_is_one_error(film, empty_stage):
    with pytest.raises(TrackError, match=r"clip.mp4: no person was found in any of the 3 frames; expected a person"):
        track_pose(film([empty_stage] * 3))


def test_followers_with_different_pasts_are_at_one_to_the_bit_before_the_warm_up_ends(film, red):
    walk = Walk(film(red.images), None, 1.0)
    whole = list(walk.over(0, None, Trail()))
    for start in (5, 17, 30):
        late = list(walk.over(start, start + WARM_UP + 2, Trail()))
        assert late[WARM_UP - 1].trail.meets(whole[start + WARM_UP - 1].trail)
        np.testing.assert_array_equal(late[WARM_UP + 1].reading.points, whole[start + WARM_UP + 1].reading.points)


def test_two_workers_give_the_track_of_one_to_the_bit(film, red, blue, monkeypatch):
    """The second begins where Blue stands beside Red and is larger, takes Blue, and must be put right."""
    monkeypatch.setattr(spans, "SHORTEST_SPAN", 20)
    monkeypatch.setattr(spans, "HEAD_START", 0)
    nobody = np.full_like(red.images[0], 120)
    beside = [nobody] * 5 + [np.ascontiguousarray(image[60:540, 45:315]) for image in blue.images[:35]]
    beside = [image if image is nobody else cv2.resize(image, (360, 640)) for image in beside]
    clip = film([np.concatenate(pair, axis=1) for pair in zip(red.images[:40], beside, strict=True)])
    one, two = (track_pose(clip, TrackerConfig(workers=workers)) for workers in (1, 2))
    for name in ("points", "confidence", "world", "status", "shot"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert mean_error(one.points, red.joints[:40]) < 2 * CLOSE
    alone = list(Walk(clip, None, 1.0).over(20 - WARM_UP, 20, Trail()))
    assert alone[-1].reading.points[:, 0].mean() > 360


def test_the_first_span_is_longer_the_others_are_equal_none_is_short_and_the_last_is_open():
    assert spans_of(143, 4) == [Span(0, None)]
    assert spans_of(None, 4) == [Span(0, None)]
    assert spans_of(288, 2) == [Span(0, 156), Span(156, None)]
    assert spans_of(150, 4) == [Span(0, 87), Span(87, None)]
    assert spans_of(324, 3) == [Span(0, 124), Span(124, 224), Span(224, None)]
    assert len(spans_of(18_000, 2)) == 12


def test_notes_are_logged_once_for_each_stretch(caplog):
    notes = [Note.CHOSEN, Note.NOTHING, Note.REFUSED, Note.REFUSED, Note.NOTHING]
    sights = [Sight(Fraction(0), None, 0.0, note, Trail()) for note in notes]
    with caplog.at_level(logging.WARNING):
        report(sights, Path("a/clip.mp4"))
    assert [message.split(": ")[0] for message in caplog.messages] == ["clip.mp4, frame 0", "clip.mp4, frames 2–3"]


def test_a_config_survives_pickling_and_says_what_is_impossible():
    config = TrackerConfig(workers=3, repair=RepairConfig(smoothing=0.1))
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(ValueError, match=r"TrackerConfig.workers is 0, expected 1 or more"):
        TrackerConfig(workers=0)


def test_masks_are_one_on_the_performer_and_zero_beside_with_a_track_and_without(film, red):
    track = track_pose(film(red.images[:8]))
    for given in (None, track):
        masks = list(person_masks(as_frames(red.images[:8]), given))
        assert [mask.shape for mask in masks] == [(640, 360)] * 8
        for mask, joints in zip(masks, red.joints[:8], strict=True):
            x, y = joints[[11, 12, 23, 24]].mean(axis=0).round().astype(int)
            assert mask[y - 20 : y + 20, x - 10 : x + 10].min() > 0.9
            assert mask[:, :20].max() < 0.2
            assert mask.min() >= 0 and mask.max() <= 1


def test_a_picture_without_anybody_has_an_empty_mask(empty_stage):
    assert [float(mask.max()) for mask in person_masks(as_frames([empty_stage] * 2))] == [0, 0]


def test_masks_of_another_clip_than_the_track_are_refused(film, red):
    track = track_pose(film(red.images[:2]))
    with pytest.raises(TrackError, match=r"frame 2: the track ends after 2 frames"):
        list(person_masks(as_frames(red.images[:3]), track))
    assert pose_of(track, as_frames(red.images[:2])[1]).index == 1


def test_the_region_around_known_joints_holds_them_all(red):
    region = body_region(red.joints[0].astype(np.float32))
    assert (np.hypot(*(red.joints[0] - [region.x, region.y]).T) <= region.radius).all()


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the folder of real clips is not here")
def test_a_real_dancer_is_tracked_in_every_frame(film):
    with read_video(CLIPS / "dance/meadow.mp4", start_index=60, stop_index=84) as video:
        clip = film([frame.image for frame in video])
    track = track_pose(clip)
    assert set(track.status) == {Status.TRACKED}
    assert track.confidence[:, BODY].mean() > 0.9
    assert track.confidence[:, BODY].min() > 0.3
