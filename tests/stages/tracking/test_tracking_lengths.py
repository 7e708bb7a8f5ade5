"""Limbs of one length: what is read along them is weighed against what a limb can show; nothing else moves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.values import JOINTS, Status
from stages.tracking.limb_lengths import LIMBS, hold_lengths
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.repair import RepairConfig

SAMPLES = Path(__file__).parents[3] / "sample_videos"
ERROR = 0.08
METRE = 300.0  # pixels
MOVED = [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 25, 26]
STAYING = [joint for joint in range(JOINTS) if joint not in MOVED]
LEFT_ELBOW, LEFT_WRIST, LEFT_HAND = 13, 15, [17, 19, 21]


def body(frames, *, out_of_the_picture, rng):
    """(n, 33, 5): arms and legs that point anywhere in the picture, and up to so many radians out of it."""
    places = np.zeros((frames, JOINTS, 3))
    for joint, at in {0: (0, -0.8), 11: (0.2, -0.5), 12: (-0.2, -0.5), 23: (0.12, 0), 24: (-0.12, 0)}.items():
        places[:, joint, :2] = at
    for start, end, length in ((11, 13, 0.28), (12, 14, 0.28), (13, 15, 0.25), (14, 16, 0.25), (23, 25, 0.4),
                               (24, 26, 0.4), (25, 27, 0.4), (26, 28, 0.4)):  # fmt: skip
        turn = rng.uniform(0, 2 * np.pi, frames)
        rise = rng.uniform(-out_of_the_picture, out_of_the_picture, frames) if out_of_the_picture else np.zeros(frames)
        way = np.stack((np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise)), axis=1)
        places[:, end] = places[:, start] + length * way
    for hand, wrist in ((hand, 15 if hand % 2 else 16) for hand in range(17, 23)):
        places[:, hand] = places[:, wrist] + (0.08, 0, 0)
    return np.concatenate((200 + METRE * places[..., :2], places), axis=2)


def misread(paths, rng, joints=(13, 14)):
    """The same with joints slid along their limbs by a normal error of ERROR."""
    wrong = paths.copy()
    for start, end, _ in (limb for sides in LIMBS for limb in sides if limb[1] in joints and limb[0] < limb[1]):
        slid = rng.normal(0, ERROR, len(paths))[:, None] * (paths[:, end, :2] - paths[:, start, :2])
        wrong[:, end, :2] += slid
    return wrong


def held(paths, error=ERROR, status=Status.TRACKED, seconds=None):
    frames = len(paths)
    return hold_lengths(
        paths,
        np.ones((frames, JOINTS)),
        np.full(frames, status, np.uint8),
        np.zeros(frames, np.int32),
        np.arange(frames) / 25 if seconds is None else seconds,
        error,
    )


def along(paths, start, end):
    return np.linalg.norm(paths[:, end, :2] - paths[:, start, :2], axis=1)


def unevenly(lengths, truth):
    """How far lengths are off, but for one factor."""
    ratio = lengths @ truth / (lengths @ lengths)
    return float((ratio * lengths - truth).std())


@pytest.mark.parametrize(("out_of_the_picture", "left"), [(0.0, 0.7), (0.3, 0.75), (np.pi / 2, 0.95)])
def test_lengths_come_nearer_to_the_truth_the_more_so_the_less_limbs_point_out_of_the_picture(out_of_the_picture, left):
    rng = np.random.default_rng(0)
    true = body(300, out_of_the_picture=out_of_the_picture, rng=rng)
    read = misread(true, rng)
    before = unevenly(along(read, 11, LEFT_ELBOW), along(true, 11, LEFT_ELBOW))
    after = unevenly(along(held(read), 11, LEFT_ELBOW), along(true, 11, LEFT_ELBOW))
    assert after < left * before


def test_joints_move_along_their_limbs_and_hands_go_with_their_wrists():
    rng = np.random.default_rng(1)
    read = misread(body(100, out_of_the_picture=0.3, rng=rng), rng)
    moved = held(read)
    move, limb = moved[:, LEFT_ELBOW] - read[:, LEFT_ELBOW], read[:, LEFT_ELBOW] - read[:, 11]
    aside = move[:, 0] * limb[:, 1] - move[:, 1] * limb[:, 0]
    assert np.abs(aside).max() < 1e-6 and np.abs(move[:, :2]).max() > 1
    for hand in LEFT_HAND:
        np.testing.assert_allclose(moved[:, hand] - moved[:, LEFT_WRIST], read[:, hand] - read[:, LEFT_WRIST])


def test_trunk_head_feet_and_world_coordinates_stay():
    rng = np.random.default_rng(2)
    read = misread(body(100, out_of_the_picture=0.3, rng=rng), rng)
    moved = held(read)
    np.testing.assert_array_equal(moved[:, STAYING], read[:, STAYING])
    np.testing.assert_array_equal(moved[..., 2:], read[..., 2:])


def test_somebody_who_comes_nearer_has_limbs_that_grow_with_the_rest():
    rng = np.random.default_rng(3)
    still = body(250, out_of_the_picture=0.0, rng=rng)
    nearer = still.copy()
    size = np.linspace(1, 1.5, 250)[:, None, None]
    nearer[..., :2] = 200 + size * (still[..., :2] - 200)
    grown = along(held(nearer), 11, LEFT_ELBOW) / along(held(still), 11, LEFT_ELBOW)
    np.testing.assert_allclose(grown, size[:, 0, 0], rtol=0.03)


def test_without_an_error_without_world_coordinates_and_where_nobody_is_nothing_moves():
    rng = np.random.default_rng(4)
    read = misread(body(60, out_of_the_picture=0.3, rng=rng), rng)
    np.testing.assert_array_equal(held(read, error=0), read)
    np.testing.assert_array_equal(held(read, status=Status.MISSING), read)
    flat = read.copy()
    flat[..., 2:] = 0
    np.testing.assert_array_equal(held(flat), flat)


def test_a_single_frame_tells_no_length_and_stays():
    one = body(1, out_of_the_picture=0.3, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(held(one), one)


def test_elbows_wrists_and_knees_of_the_sample_lie_nearer_to_where_they_are():
    """Unevenness alone: where on a knee the joint is said to be is the tracker's business, the same in every frame."""
    clip = SAMPLES / "red_dance.mp4"
    truth = np.array([joints for _, joints in json.loads(clip.with_suffix(".json").read_text())["frames"]])
    read = track_pose(clip, TrackerConfig(repair=RepairConfig(limb_error=0)))
    paths = np.concatenate((read.points, read.world), axis=2).astype(float)
    seconds = np.array([float(time) for time in read.times])
    moved = hold_lengths(paths, read.confidence.astype(float), read.status, read.shot, seconds, ERROR)
    for joints, share in (([13, 14], 0.87), ([15, 16], 0.9), ([25, 26], 0.85)):
        before, after = (_uneven(points[:, joints], truth[:, joints]) for points in (read.points, moved[..., :2]))
        assert after < share * before
    assert np.abs(moved[..., :2] - read.points).max() < 20


def _uneven(points, truth):
    off = points - truth
    return float(np.sqrt(np.square(off - off.mean(axis=0)).sum(axis=2).mean()))


def test_a_track_is_held_unless_it_is_told_not_to():
    assert RepairConfig().limb_error == ERROR
    with pytest.raises(ValueError, match="limb_error is -1"):
        replace(RepairConfig(), limb_error=-1)
