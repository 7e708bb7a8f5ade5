"""Retargeting: a clip onto itself is itself; onto another body it keeps the dance and takes its size and floor."""

import json
import logging
from dataclasses import asdict, replace

import numpy as np
import pytest
from made_bodies import clip, standing, still
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pipeline.errors import TrackError, UnknownChoice
from pipeline.values import Status, Track
from stages.retargeting.body import BodyStatistics, measure_body
from stages.retargeting.retarget import RetargetConfig, retarget
from stages.retargeting.skeleton import Bone, bone_samples

SAME = 1e-3  # pixels: float32 at a thousand pixels
MODES = ("auto", "global", "limbs")


def walker(far: float, close: float, small: float, large: float, frames: int = 300) -> NDArray[np.float64]:
    """From far to close and back, twice in twelve seconds."""
    depth = 0.5 - 0.5 * np.cos(np.linspace(0, 4 * np.pi, frames))
    size, floor = small + depth * (large - small), far + depth * (close - far)
    place = np.stack((np.full(frames, 180.0), floor), axis=1)
    return size[:, None, None] * standing() + place[:, None]


def dancer(frames: int = 60) -> NDArray[np.float64]:
    """Waves both arms, sways, jumps twice: something of everything."""
    poses = still(300.0, 170.0, 560.0, frames)
    phase = np.linspace(0, 4 * np.pi, frames)
    poses[:, 13:23, 1] += 20 * np.sin(phase)[:, None]
    poses[:, :25, 0] += 8 * np.sin(phase)[:, None]
    poses[20:24, :, 1] -= 40
    poses[40:45, :, 1] -= 60
    return poses


def upper_body() -> Track:
    """The dancer, filmed from the hips upwards."""
    track = clip(dancer())
    track.confidence[:, 23:] = 0.0
    return track


def with_holes() -> Track:
    """Two shots, nobody in some frames, an elbow and an ankle unseen for a while."""
    track = clip(dancer())
    track.shot[30:] = 1
    track.status[5:9] = Status.MISSING
    track.confidence[5:9] = 0.0
    track.points[5:9] = 0.0
    track.confidence[12:16, 13] = track.confidence[33:39, 27] = 0.0
    return track


WALK = clip(walker(400, 600, 200, 320))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("track", [clip(dancer()), WALK, upper_body(), with_holes()], ids=lambda t: f"{len(t)} frames")
def test_a_clip_laid_onto_itself_stays_what_it_is(track, mode):
    body = measure_body(track)
    result = retarget(track, body, body, RetargetConfig(mode=mode)).track
    np.testing.assert_allclose(result.points, track.points, rtol=0, atol=SAME)
    np.testing.assert_allclose(result.world, track.world, rtol=0, atol=1e-6)
    assert (result.times, result.width, result.height) == (track.times, track.width, track.height)
    np.testing.assert_array_equal(result.confidence, track.confidence)
    np.testing.assert_array_equal(result.status, track.status)


def test_a_standing_person_measures_what_it_was_drawn_with():
    body = measure_body(clip(still(300.0, 170.0, 560.0)))
    assert body.body_height == pytest.approx(300)
    assert body.floor is not None and body.floor.flat and body.floor.usual == pytest.approx(560)
    assert (body.centre_x, body.shoulder_x) == pytest.approx((170, 170))
    assert body.shoulder_y == pytest.approx(560 - 0.85 * 300)
    expected = {Bone.HIPS: 48, Bone.TORSO: 120, Bone.SHOULDERS: 72, Bone.UPPER_ARM: 48, Bone.FOREARM: 42}
    for bone, length in (expected | {Bone.THIGH: 67.5, Bone.SHIN: 67.5, Bone.NECK: 45, Bone.HEAD: 36}).items():
        assert body.bones[bone] == pytest.approx(length, abs=0.01), bone.name


def test_a_bone_is_as_long_as_it_shows_on_average_in_its_longer_half_but_for_the_longest_twentieth():
    """Shoulders 50, 51 … 70 pixels wide: the median is 60, the 95 % quantile 69, the mean between them 64.5."""
    poses = still(300.0, 170.0, 560.0, frames=21)
    poses[:, 11, 0], poses[:, 12, 0] = 170 + np.arange(50, 71) / 2, 170 - np.arange(50, 71) / 2
    assert measure_body(clip(poses)).bones[Bone.SHOULDERS] == pytest.approx(64.5, abs=0.01)


def test_a_walker_is_measured_near_and_far_and_its_bones_at_the_usual_distance():
    body = measure_body(WALK)
    assert body.floor is not None and not body.floor.flat
    assert body.floor.close == pytest.approx(600, abs=2)
    assert body.floor.usual == pytest.approx(500, abs=2)
    assert body.floor.far == pytest.approx(430, abs=4)  # alpha 0.7: of the way that close is before the median
    assert body.floor.h_close == pytest.approx(320, abs=3)
    assert body.floor.h_far == pytest.approx(224, abs=3)  # the tallest within 5 % of the range, 8 pixels nearer
    assert body.body_height == pytest.approx(260, rel=0.02)
    assert body.bones[Bone.TORSO] == pytest.approx(0.4 * 260, rel=0.02)


def test_statistics_survive_json():
    for track in (WALK, upper_body()):
        body = measure_body(track)
        assert TypeAdapter(BodyStatistics).validate_python(json.loads(json.dumps(asdict(body)))) == body


def test_a_body_without_shoulders_cannot_be_measured():
    track = clip(dancer())
    track.confidence[:, 11:13] = 0.2
    with pytest.raises(TrackError) as error:
        measure_body(track)
    assert str(error.value) == (
        "the clip's track: shoulders are seen in 0 of 60 frames; expected at least 30% of the tracked frames. "
        "Film the person so that shoulders and head are in view."
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_larger_person_elsewhere_in_a_larger_frame_dances_the_same_dance_scaled(mode):
    source = clip(dancer())
    expected = 2 * (source.points - (170.0, 560.0)) + (900.0, 1000.0)
    target = measure_body(clip(expected, width=1920, height=1080))
    result = retarget(source, measure_body(source), target, RetargetConfig(mode=mode))
    np.testing.assert_allclose(result.track.points, expected, rtol=0, atol=SAME)
    assert (result.track.width, result.track.height) == (1920, 1080)


@pytest.mark.parametrize("mode", ["global", "limbs"])
def test_near_lands_near_and_far_lands_far_on_the_targets_floor(mode):
    target = measure_body(clip(walker(300, 400, 130, 200)))
    result = retarget(WALK, measure_body(WALK), target, RetargetConfig(mode=mode, smoothing=0)).track
    ankles, heights = result.points[:, 27, 1], result.points[:, 27, 1] - result.points[:, 0, 1]
    nearest, farthest = int(np.argmax(WALK.points[:, 27, 1])), 0
    assert ankles[nearest] == pytest.approx(400, abs=2) and heights[nearest] == pytest.approx(200, abs=2)
    assert ankles[farthest] == pytest.approx(300, abs=6) and heights[farthest] == pytest.approx(130, abs=6)


def test_a_source_that_moves_less_than_the_target_stays_in_the_middle_of_the_targets_floor():
    source = clip(walker(480, 520, 245, 265))
    wide = measure_body(clip(walker(350, 650, 200, 300)))
    ankles = retarget(source, measure_body(source), wide, RetargetConfig(mode="global")).track.points[:, 27, 1]
    assert wide.floor is not None
    middle = (wide.floor.close + wide.floor.far) / 2
    assert abs(ankles - middle).max() < 40  # of the 225 pixels the target walks through


def test_a_jump_leaves_the_targets_floor_by_its_own_height_scaled():
    source = clip(dancer())
    target = measure_body(clip(still(150.0, 100.0, 300.0)))
    for mode in ("global", "limbs"):
        result = retarget(source, measure_body(source), target, RetargetConfig(mode=mode))
        ankles = result.track.points[:, 27, 1]
        np.testing.assert_allclose(ankles[[0, 10, 30, 50, 59]], 300, atol=0.5)
        np.testing.assert_allclose(ankles[20:24], 300 - 40 / 2, atol=0.5)
        np.testing.assert_allclose(ankles[40:45], 300 - 60 / 2, atol=0.5)
        assert result.bridged == pytest.approx(9 / 60)


def test_walking_away_is_no_jump():
    away = walker(300, 600, 150, 300, frames=100)[25:51][::-1]  # as fast as a jump, but nobody lands
    source = clip(away)
    assert retarget(source, measure_body(source), measure_body(source)).bridged == 0


def test_limbs_take_the_targets_lengths_and_keep_their_direction_and_foreshortening():
    poses = dancer()
    poses[30:, 15] = 0.5 * poses[30:, 13] + 0.5 * poses[30:, 15]  # the left forearm points half to the camera
    source, target = clip(poses), measure_body(clip(still(300.0, 170.0, 560.0, arm=1.3, leg=0.8)))
    result = retarget(source, measure_body(source), target, RetargetConfig(mode="limbs")).track
    before, _ = bone_samples(source.points, source.confidence, Bone.FOREARM)
    after, _ = bone_samples(result.points, result.confidence, Bone.FOREARM)
    np.testing.assert_allclose(after, 1.3 * before, rtol=1e-3)
    before, after = (t.points[:, 15] - t.points[:, 13] for t in (source, result))
    np.testing.assert_allclose(before[:, 0] * after[:, 1], before[:, 1] * after[:, 0], atol=0.1)
    for bone in (Bone.THIGH, Bone.SHIN):
        np.testing.assert_allclose(bone_samples(result.points, result.confidence, bone)[0], 0.8 * 67.5, rtol=0.01)


def test_a_standing_foot_does_not_slide_when_the_hips_sway_over_shorter_legs():
    poses = still(300.0, 170.0, 560.0)
    sway = 15 * np.sin(np.linspace(0, 6, 50))
    poses[:, :25, 0] += sway[:, None]
    poses[:, 25:27, 0] += 0.5 * sway[:, None]
    source, target = clip(poses), measure_body(clip(still(300.0, 170.0, 560.0, leg=0.7)))
    result = retarget(source, measure_body(source), target, RetargetConfig(mode="limbs")).track
    feet = result.points[:, 27:]
    assert np.ptp(feet, axis=0).max() < 0.2
    assert np.ptp(result.points[:, 23, 0]) > 15
    np.testing.assert_allclose(feet[:, :2, 1], 560, atol=0.01)


def test_bodies_of_one_build_are_retargeted_as_a_whole_and_the_log_says_why(caplog):
    source = clip(dancer())
    target = measure_body(clip(still(150.0, 100.0, 300.0, arm=1.05)))
    with caplog.at_level(logging.INFO):
        result = retarget(source, measure_body(source), target)
    assert result.mode == "global"
    assert result.reason == (
        "Retargeted as a whole: the proportions agree within 8% (the target's forearms are 5% longer)."
    )
    assert result.reason in caplog.messages


def test_bodies_of_different_build_are_retargeted_limb_by_limb():
    source = clip(dancer())
    result = retarget(source, measure_body(source), measure_body(clip(still(150.0, 100.0, 300.0, arm=1.3))))
    assert (result.mode, result.anchor) == ("limbs", "floor")
    assert result.reason == "Retargeted limb by limb: the target's forearms are 30% longer for its size."


def test_a_person_seen_from_the_side_is_retargeted_as_a_whole():
    poses = dancer()
    poses[20:, :, 0] = 170 + 0.2 * (poses[20:, :, 0] - 170)
    source = clip(poses)
    result = retarget(source, replace(measure_body(source), bones=measure_body(clip(dancer())).bones), _long_armed())
    assert result.mode == "global"
    assert result.reason.endswith("but only 33% of the frames face the camera or turn their back to it.")


def test_a_badly_seen_person_is_retargeted_as_a_whole():
    source = clip(dancer())
    source.confidence[:, [14, 16, 25, 26]] = 0.3
    result = retarget(source, measure_body(source), _long_armed())
    assert result.mode == "global" and result.reason.endswith("but only 67% of the joints are clearly seen.")


def test_clips_without_feet_are_placed_by_the_shoulders_and_scaled_by_the_torso():
    source = upper_body()
    source.confidence[:, 23:25] = 1.0
    target = measure_body(clip(still(600.0, 500.0, 900.0), width=1080, height=1080))
    result = retarget(source, measure_body(source), target, RetargetConfig(mode="global"))
    assert (result.anchor, result.bridged) == ("shoulders", 1.0)
    assert result.reason == (
        "Retargeted as a whole, as asked; placed by the shoulders and scaled by the torso: "
        "the feet are not seen in the source."
    )
    shoulders = result.track.points[0, 11:13].mean(axis=0)
    np.testing.assert_allclose(shoulders, (500, 900 - 0.85 * 600), atol=2)
    assert result.track.points[0, 11, 0] - result.track.points[0, 12, 0] == pytest.approx(2 * 72, abs=0.1)


def test_a_performance_that_leaves_the_targets_frame_is_reported(caplog):
    poses = still(300.0, 170.0, 560.0, 40)
    poses[30:, :, 0] += 400  # farther than the picture is wide
    source = clip(poses, width=800)
    result = retarget(source, measure_body(source), measure_body(clip(still(300.0, 170.0, 560.0), width=340)))
    assert result.outside == pytest.approx(0.25)
    assert "leaves the target's frame in 25.0 % of the frames" in caplog.text


def test_a_source_beyond_its_statistics_is_reported_and_keeps_the_size_of_the_end(caplog):
    body = measure_body(WALK)
    nearer = clip(walker(600, 900, 320, 320))
    result = retarget(nearer, body, body, RetargetConfig(mode="global"))
    assert result.clamped > 0.5
    assert "the source is nearer or farther than its statistics say" in caplog.text
    np.testing.assert_allclose(result.track.points, nearer.points, atol=SAME)


def test_missing_poses_stay_missing_and_nothing_crosses_a_cut():
    track = with_holes()
    other = replace(track, points=track.points.copy())
    other.points[30:, :, 1] -= 100
    body, target = measure_body(track), measure_body(clip(still(150.0, 100.0, 300.0, arm=1.3)))
    for mode in ("global", "limbs"):
        first, second = (retarget(t, body, target, RetargetConfig(mode=mode)).track for t in (track, other))
        np.testing.assert_array_equal(first.points[:30], second.points[:30])
        np.testing.assert_array_equal(first.points[5:9], track.points[5:9])
        assert (first.status[5:9] == Status.MISSING).all() and (first.confidence[5:9] == 0).all()


def test_an_unseen_elbow_does_not_throw_the_hand_away():
    track = clip(dancer())
    broken = replace(track, points=track.points.copy(), confidence=track.confidence.copy())
    broken.points[12:16, 13], broken.confidence[12:16, 13] = 0.0, 0.0
    results = [retarget(t, measure_body(track), _long_armed(), RetargetConfig(mode="limbs")) for t in (track, broken)]
    off = np.linalg.norm(results[0].track.points[:, 15] - results[1].track.points[:, 15], axis=1)
    assert off.max() < 1.0


def test_an_unknown_mode_is_named_with_what_there_is():
    with pytest.raises(UnknownChoice, match="there is no 'magic'; expected one of auto, global, limbs"):
        RetargetConfig(mode="magic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"RetargetConfig has tolerance -1 and smoothing 0.15, expected 0 or more"):
        RetargetConfig(tolerance=-1)


def _long_armed() -> BodyStatistics:
    return measure_body(clip(still(300.0, 170.0, 560.0, arm=1.3)))


@pytest.mark.parametrize("mode", MODES)
def test_a_performance_beyond_the_edge_is_moved_back_as_a_whole_and_that_is_said(mode: str) -> None:
    source, target = clip(dancer()), measure_body(clip(still(240.0, 180.0, 560.0)))
    at_the_edge = replace(target, centre_x=350.0, shoulder_x=350.0)
    config = RetargetConfig(mode=mode)
    here, moved = (retarget(source, measure_body(source), body, config) for body in (target, at_the_edge))
    assert "to stay in the picture" not in here.reason
    assert "pixels to the left to stay in the picture." in moved.reason
    steps = moved.track.points[..., 0] - here.track.points[..., 0]
    assert np.ptp(steps) < 0.01  # one distance for all joints and frames
    assert moved.outside == 0


def test_of_a_performance_wider_than_the_picture_the_larger_part_is_in_it() -> None:
    poses = still(240.0, 180.0, 560.0, 100)
    poses[70:, :, 0] += 500
    source = clip(poses, width=1800)
    at_the_edge = replace(measure_body(clip(still(240.0, 180.0, 560.0))), centre_x=350.0, shoulder_x=350.0)
    assert retarget(source, measure_body(source), at_the_edge, RetargetConfig(mode="global")).outside == 0.3
