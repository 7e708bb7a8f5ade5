"""Whole clips: true joints, one status a frame, gaps, cuts, one frame, nobody, several processes, masks."""

import logging
import pickle
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import TrackError
from pipeline.values import Status
from stages.tracking.follow import Note, Sight, Trail
from stages.tracking.joints import pose_of
from stages.tracking.mask import body_region, person_masks
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.repair import RepairConfig
from stages.tracking.spans import Span, Walk, report, spans_of, track_spans
from conftest import as_frames  # isort: skip

CLIPS = Path(__file__).parents[4] / "shared/clips"
CLOSE = 6.0  # pixels at 360x640: mean distance of shoulders, elbows, wrists, hips, knees, ankles from the truth
BODY = [11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]


@pytest.fixture(scope="module")
def red_clip(red, tmp_path_factory):
    """Four seconds of Red: long enough for two spans."""
    from conftest import SAMPLES

    return SAMPLES / "red_dance.mp4"


def mean_error(points, joints):
    return float(np.hypot(*np.moveaxis(points[:, BODY] - joints[:, BODY], 2, 0)).mean())


def test_the_joints_found_are_the_true_ones_in_every_frame(film, red):
    done = []
    track = track_pose(film(red.images), progress=done.append)
    assert mean_error(track.points, red.joints) < CLOSE
    assert set(track.status) == {Status.TRACKED}
    assert done == list(range(1, 73))
    assert (track.width, track.height, len(track)) == (360, 640, 72)
    hips, shoulders = track.world[:, [23, 24]].mean(axis=1), track.world[:, [11, 12]].mean(axis=1)
    assert np.abs(hips).max() < 0.05
    assert (shoulders[:, 1] < -0.3).all()


def test_smoothing_brings_the_joints_nearer_to_the_truth_and_takes_their_shaking_away(film, red):
    clip = film(red.images)
    raw = track_pose(clip, TrackerConfig(repair=RepairConfig(smoothing=0)))
    smooth = track_pose(clip)
    shaking = [np.abs(np.diff(track.points[:, BODY], 2, axis=0)).mean() for track in (raw, smooth)]
    assert mean_error(smooth.points, red.joints) <= mean_error(raw.points, red.joints)
    assert shaking[1] < 0.8 * shaking[0]


def test_a_performer_who_is_away_for_a_while_has_a_status_in_every_frame(film, red, empty_stage):
    pictures = list(red.images[:60])
    for away in (range(8), range(20, 26), range(36, 50), range(57, 60)):
        for index in away:
            pictures[index] = empty_stage
    track = track_pose(film(pictures), TrackerConfig(repair=RepairConfig(cut_distance=1)))
    expected = np.zeros(60, np.uint8)
    expected[:3], expected[3:8], expected[20:26], expected[36:50], expected[57:] = (
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
    assert mean_error(track.points[:12], red.joints[:12] + [180, 0]) < CLOSE
    trunk = [11, 12, 23, 24]
    assert np.abs(track.points[12, trunk] - (red.joints[0, trunk] + [0, 20])).mean() < 2 * CLOSE


def test_a_clip_of_one_frame_has_one_pose(film, red):
    track = track_pose(film(red.images[:1]))
    assert len(track) == 1
    assert mean_error(track.points, red.joints[:1]) < CLOSE


def test_a_clip_without_anybody_is_one_error(film, empty_stage):
    with pytest.raises(TrackError, match=r"clip.mp4: no person was found in any of the 3 frames; expected a person"):
        track_pose(film([empty_stage] * 3))


def test_two_processes_give_the_track_of_one_to_the_bit(film, red):
    clip = film([*red.images, *red.images[::-1]])
    one, two = track_pose(clip), track_pose(clip, TrackerConfig(workers=2))
    for name in ("points", "confidence", "world", "status", "shot"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_a_span_that_began_with_somebody_else_is_walked_again(film, red, blue, monkeypatch):
    """Blue is larger in the second half; a process that starts there takes Blue, and must be corrected."""
    pictures = [np.concatenate([red.images[k], np.full_like(red.images[k], 120)], axis=1) for k in range(60)]
    pictures += [np.concatenate([red.images[60 + k % 12], blue.images[k]], axis=1) for k in range(60)]
    walk = Walk(film(pictures), None, 1.0)
    assert spans_of(120, 2) == [Span(0, 60), Span(60, None)]
    sights = track_spans(walk, 2)
    assert max(sight.reading.points[:, 0].mean() for sight in sights if sight.reading is not None) < 360


def test_spans_are_equal_none_is_short_and_the_last_is_open():
    assert spans_of(119, 4) == [Span(0, None)]
    assert spans_of(None, 4) == [Span(0, None)]
    assert spans_of(288, 2) == [Span(0, 144), Span(144, None)]
    assert spans_of(150, 4) == [Span(0, 75), Span(75, None)]
    assert len(spans_of(18_000, 2)) == 12


def test_notes_are_logged_once_for_each_stretch(caplog):
    notes = [Note.CHOSEN, Note.NOTHING, Note.REFUSED, Note.REFUSED, Note.NOTHING]
    sights = [Sight(None, 0.0, note, Trail()) if False else Sight(0, None, 0.0, note, Trail()) for note in notes]
    with caplog.at_level(logging.WARNING):
        report(sights, Path("a/clip.mp4"))
    assert [message.split(": ")[0] for message in caplog.messages] == ["clip.mp4, frame 0", "clip.mp4, frames 2–3"]


def test_a_config_survives_the_trip_to_a_process_and_says_what_is_impossible():
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
            assert 0 <= mask.min() and mask.max() <= 1


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
def test_a_real_dancer_is_tracked_in_every_frame():
    track = track_pose(CLIPS / "dance/meadow.mp4", TrackerConfig(workers=2))
    assert len(track) == 288
    assert set(track.status) == {Status.TRACKED}
    assert track.confidence[:, BODY].mean() > 0.9
