"""Cuts, exchanged limbs, outliers, gaps and smoothing: rules on plain arrays, with values worked out by hand."""

from fractions import Fraction

import numpy as np
import pytest

from pipeline.values import JOINTS, Status
from stages.tracking.cuts import find_cuts, picture_signature, signature_distance
from stages.tracking.gaps import fill_gaps, limit_outside, reject_outliers
from stages.tracking.repair import RawTrack, RepairConfig, repair
from stages.tracking.smooth import smooth
from stages.tracking.swaps import guard_swaps

WRIST, OTHER_WRIST, KNEE = 15, 16, 25
EXACT = 1e-9


def standing(frames):
    """A body 100 px from shoulders to hips, every joint at its own place, still."""
    paths = np.zeros((frames, JOINTS, 5))
    paths[:, :, 0] = 200 + np.where(np.arange(JOINTS) % 2, 60, -60)
    paths[:, :, 1] = np.linspace(50, 450, JOINTS)
    paths[:, [11, 12], 1], paths[:, [23, 24], 1] = 100, 200
    return paths


def certain(frames):
    return np.full((frames, JOINTS), 1.0), np.ones(frames, dtype=bool), np.zeros(frames, dtype=np.int32)


def seconds(frames, rate=25):
    return np.arange(frames) / rate


def filled(paths, confidence, seen, shot):
    return fill_gaps(
        paths, confidence, seen, shot, seconds(len(seen)), least_confidence=0.3, longest_gap=10, longest_hold=5
    )


def test_pictures_without_a_colour_in_common_are_at_distance_one():
    black, white = np.zeros((90, 60, 3), np.uint8), np.full((90, 60, 3), 255, np.uint8)
    assert signature_distance(picture_signature(black), picture_signature(white)) == pytest.approx(1)
    assert signature_distance(picture_signature(black), picture_signature(black)) == 0


def test_light_that_rises_by_one_step_is_no_cut_even_at_the_edge_of_a_bin():
    below, above = np.full((90, 60, 3), 31, np.uint8), np.full((90, 60, 3), 32, np.uint8)
    assert signature_distance(picture_signature(below), picture_signature(above)) == pytest.approx(1 / 32, abs=1e-6)


def test_shots_are_counted_from_the_frames_that_differ_and_the_first_frame_is_never_a_cut():
    assert find_cuts([0.9, 0.1, 0.6, 0.0, 0.3], threshold=0.25).tolist() == [0, 0, 1, 1, 2]


def test_arms_exchanged_for_three_frames_are_exchanged_back_with_their_confidence():
    truth = standing(12)
    confidence, seen, shot = certain(12)
    confidence[:, WRIST], confidence[:, OTHER_WRIST] = 0.9, 0.5
    wrong, unsure = truth.copy(), confidence.copy()
    arms = list(range(13, 23))
    mirrored = [joint + 1 if joint % 2 else joint - 1 for joint in arms]
    wrong[4:7, arms], unsure[4:7, arms] = truth[4:7, mirrored], confidence[4:7, mirrored]
    paths, back = guard_swaps(wrong, unsure, seen, shot)
    np.testing.assert_array_equal(paths, truth)
    np.testing.assert_array_equal(back, confidence)


def test_an_exchange_that_is_never_undone_is_left_alone():
    wrong = standing(30)
    wrong[10:, 13:23] = wrong[10:, [14, 13, 16, 15, 18, 17, 20, 19, 22, 21]]
    confidence, seen, shot = certain(30)
    np.testing.assert_array_equal(guard_swaps(wrong, confidence, seen, shot)[0], wrong)


def test_an_exchange_between_two_cuts_is_left_alone():
    wrong = standing(12)
    wrong[4:7, 13:23] = wrong[4:7, [14, 13, 16, 15, 18, 17, 20, 19, 22, 21]]
    confidence, seen, _ = certain(12)
    shot = np.repeat([0, 1, 2], [4, 3, 5]).astype(np.int32)
    np.testing.assert_array_equal(guard_swaps(wrong, confidence, seen, shot)[0], wrong)


def test_a_joint_beyond_the_frame_has_little_confidence():
    paths = standing(1)
    paths[0, WRIST, :2], paths[0, KNEE, :2] = (-1, 20), (0, 0)
    confidence = limit_outside(paths, np.full((1, JOINTS), 0.9), 640, 480)
    assert (confidence[0, WRIST], confidence[0, KNEE]) == (0.2, 0.9)


def test_one_leap_of_a_joint_is_rejected_and_its_neighbours_are_kept():
    paths = standing(15)
    paths[7, WRIST, 0] += 40  # allowed: 4·0 + 2 px + a tenth of 100 px
    confidence, seen, shot = certain(15)
    kept = reject_outliers(paths, confidence, seen, shot)
    assert kept[7, WRIST] == 0
    assert (kept == 0).sum() == 1


def test_an_arm_that_swings_three_times_a_second_is_not_rejected():
    paths = standing(48)
    paths[:, WRIST, 0] += 100 * np.sin(2 * np.pi * 3 * seconds(48, rate=24))
    confidence, seen, shot = certain(48)
    assert (reject_outliers(paths, confidence, seen, shot) > 0).all()


def test_ten_lost_frames_are_interpolated_and_eleven_are_missing():
    paths = standing(40)
    paths[:, WRIST, 0] = np.arange(40)
    confidence, seen, shot = certain(40)
    seen[3:13] = seen[20:31] = False
    points, sure, status = filled(paths, confidence, seen, shot)
    assert set(status[3:13]) == {Status.INTERPOLATED}
    assert set(status[20:31]) == {Status.MISSING}
    np.testing.assert_allclose(points[3:13, WRIST, 0], np.arange(3, 13), atol=EXACT)
    np.testing.assert_allclose(sure[3:13], 0.9)
    assert (sure[20:31] == 0).all()
    assert (points[20:31] == 0).all()


def test_confidence_in_a_gap_runs_straight_from_side_to_side_times_nine_tenths():
    confidence, seen, shot = certain(5)
    confidence[4], seen[1:4] = 0.6, False
    _, sure, _ = filled(standing(5), confidence, seen, shot)
    np.testing.assert_allclose(sure[:, WRIST], [1, 0.9 * 0.9, 0.8 * 0.9, 0.7 * 0.9, 0.6])


def test_five_frames_before_the_first_sight_are_held_and_the_sixth_is_missing():
    paths = standing(14)
    paths[:, WRIST, 0] = np.arange(14)
    confidence, seen, shot = certain(14)
    seen[:6], seen[12:] = False, False
    points, _, status = filled(paths, confidence, seen, shot)
    assert status.tolist() == [Status.MISSING] + [Status.HELD] * 5 + [Status.TRACKED] * 6 + [Status.HELD] * 2
    assert points[1:6, WRIST, 0].tolist() == [6] * 5
    assert points[12:, WRIST, 0].tolist() == [11, 11]


def test_a_gap_is_never_filled_across_a_cut():
    paths = standing(12)
    paths[6:, WRIST, 0] = 1000
    confidence, seen, _ = certain(12)
    seen[4:8] = False
    shot = np.repeat([0, 1], 6).astype(np.int32)
    points, _, status = filled(paths, confidence, seen, shot)
    assert set(status[4:8]) == {Status.HELD}
    assert points[4:8, WRIST, 0].tolist() == [260, 260, 1000, 1000]


def test_a_shot_that_shows_nobody_is_missing_and_does_not_touch_the_others():
    confidence, seen, _ = certain(12)
    seen[4:8] = False
    shot = np.repeat([0, 1, 2], 4).astype(np.int32)
    _, _, status = filled(standing(12), confidence, seen, shot)
    assert status.tolist() == [Status.TRACKED] * 4 + [Status.MISSING] * 4 + [Status.TRACKED] * 4


def test_a_single_joint_that_is_hidden_for_a_moment_is_filled_and_its_frame_stays_tracked():
    paths = standing(9)
    paths[:, WRIST, 0] = np.arange(9)
    paths[3:6, WRIST, 0] = 700
    confidence, seen, shot = certain(9)
    confidence[3:6, WRIST] = 0.1
    points, sure, status = filled(paths, confidence, seen, shot)
    np.testing.assert_allclose(points[:, WRIST, 0], np.arange(9), atol=EXACT)
    np.testing.assert_allclose(sure[3:6, WRIST], 0.9)
    assert set(status) == {Status.TRACKED}


def test_a_joint_that_is_hidden_for_long_keeps_the_networks_guess_and_its_low_confidence():
    confidence, seen, shot = certain(20)
    confidence[4:16, WRIST] = 0.1
    points, sure, _ = filled(standing(20), confidence, seen, shot)
    np.testing.assert_array_equal(points, standing(20))
    assert (sure[4:16, WRIST] == 0.1).all()


def test_smoothing_keeps_a_parabola_as_it_is_also_at_its_ends_and_at_a_variable_rate():
    times = np.cumsum(np.tile([0.03, 0.05, 0.04], 8))
    paths = standing(24) + (3 * times**2 - times)[:, None, None]
    confidence, _, shot = certain(24)
    smoothed = smooth(paths, confidence, np.zeros(24, np.uint8), shot, times, 0.05)
    np.testing.assert_allclose(smoothed, paths, atol=1e-3)


def test_smoothing_moves_a_wave_neither_forward_nor_backward():
    wave = np.sin(2 * np.pi * seconds(100))
    paths = standing(100) + wave[:, None, None]
    confidence, _, shot = certain(100)
    smoothed = smooth(paths, confidence, np.zeros(100, np.uint8), shot, seconds(100), 0.05)[:, WRIST, 0] - 260
    lag = [np.sum(smoothed[10:90] * np.roll(wave, shift)[10:90]) for shift in (-1, 0, 1)]
    assert lag[1] > lag[0] and lag[1] > lag[2]
    assert smoothed.max() > 0.98


def test_smoothing_takes_most_of_white_noise_away():
    rng = np.random.default_rng(3)
    paths = standing(200) + rng.normal(size=(200, JOINTS, 5))
    confidence, _, shot = certain(200)
    smoothed = smooth(paths, confidence, np.zeros(200, np.uint8), shot, seconds(200), 0.05)
    assert (smoothed - standing(200)).std() < 0.75


def test_smoothing_does_not_mix_two_shots():
    paths = standing(20)
    paths[10:] += 500
    confidence, _, _ = certain(20)
    shot = np.repeat([0, 1], 10).astype(np.int32)
    smoothed = smooth(paths, confidence, np.zeros(20, np.uint8), shot, seconds(20), 0.05)
    np.testing.assert_allclose(smoothed, paths, atol=1e-3)


def test_smoothing_of_width_zero_changes_nothing():
    paths = np.random.default_rng(3).normal(size=(9, JOINTS, 5))
    confidence, _, shot = certain(9)
    np.testing.assert_array_equal(smooth(paths, confidence, np.zeros(9, np.uint8), shot, seconds(9), 0.0), paths)


def test_repair_of_a_single_frame_gives_the_frame():
    confidence, seen, _ = certain(1)
    raw = RawTrack((Fraction(0),), standing(1), confidence, seen, np.zeros(1))
    track = repair(raw, 640, 480, RepairConfig())
    np.testing.assert_allclose(track.points, standing(1)[..., :2], rtol=1e-6)
    assert track.status.tolist() == [Status.TRACKED]


def test_repair_says_which_setting_is_impossible():
    with pytest.raises(ValueError, match=r"RepairConfig.longest_gap is -1, expected 0 or more"):
        RepairConfig(longest_gap=-1)
