"""What the tracker usually sees of a body beyond its bones: knees beside the leg, shoulders that follow arms."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from made_bodies import clip, still
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pipeline.values import Track
from stages.retargeting.body import BodyStatistics, measure_body
from stages.retargeting.retarget import RetargetConfig, retarget
from stages.retargeting.skeleton import Bone

SAME = 1e-3  # pixels: float32 at a thousand pixels


def knock_kneed(by: float, *, leg: float = 1.0) -> Track:
    """Somebody of height 200 whose knees the tracker sees nearer to each other, by a share of the height."""
    poses = still(200, 100, 500, leg=leg)
    poses[:, 25, 0] -= 200 * by
    poses[:, 26, 0] += 200 * by
    return clip(poses)


def beside_the_legs(track: Track) -> NDArray[np.float64]:
    """How far to the right of their legs' middles left and right knee lie, pixels."""
    x = track.points[..., 0].astype(float)
    return np.array([np.median(x[:, knee] - (x[:, knee - 2] + x[:, knee + 2]) / 2) for knee in (25, 26)])


def test_knees_lie_beside_the_leg_as_the_targets_do_and_feet_stay():
    source, straight = knock_kneed(0.01, leg=1.2), clip(still(200, 100, 500))
    stats, target = measure_body(source), measure_body(straight)
    assert target.knees == pytest.approx((0, 0), abs=SAME)
    moved = retarget(source, stats, target, RetargetConfig(mode="limbs")).track
    np.testing.assert_allclose(beside_the_legs(moved), 0, atol=SAME)
    unknown = replace(target, knees=(None, None))
    plain = retarget(source, stats, unknown, RetargetConfig(mode="limbs")).track
    assert beside_the_legs(plain)[1] == pytest.approx(2 / 1.2, abs=0.05)
    others = [joint for joint in range(33) if joint not in (25, 26)]
    np.testing.assert_allclose(moved.points[:, others], plain.points[:, others], atol=SAME)


def test_knees_far_from_the_leg_are_how_somebody_moves_and_stay_there():
    source, straight = knock_kneed(0.06, leg=1.2), clip(still(200, 100, 500))
    moved = retarget(source, measure_body(source), measure_body(straight), RetargetConfig(mode="limbs")).track
    assert beside_the_legs(moved)[1] == pytest.approx(12 / 1.2, abs=0.3)


def waving(follow: float, *, leg: float = 1.0, frames: int = 60) -> Track:
    """Both upper arms turn in the picture's plane, and pull their shoulders `follow` pixels along."""
    poses = still(200, 100, 500, frames=frames, leg=leg)
    turn = np.linspace(0, 2 * np.pi, frames, endpoint=False)
    for side, carried in ((1, (13, 15, 17, 19, 21)), (-1, (14, 16, 18, 20, 22))):
        shoulder = carried[0] - 2
        way = np.stack((side * np.cos(turn), np.sin(turn)), axis=1)
        poses[:, carried] += (poses[:, [shoulder]] + 32 * way[:, None]) - poses[:, [carried[0]]]
        poses[:, shoulder] += follow * way
    return clip(poses)


def test_how_far_shoulders_follow_their_arms_is_measured():
    assert measure_body(waving(0.0)).shoulders_follow == pytest.approx(0, abs=1e-3)
    follows = measure_body(waving(2.0))  # an arm of 32 pixels shows 30: its shoulder has come nearer
    assert follows.shoulders_follow == pytest.approx(2 * follows.bones[Bone.UPPER_ARM] / 30, rel=0.02)
    assert measure_body(clip(still(200, 100, 500))).shoulders_follow is None


def test_shoulders_follow_their_arms_as_far_as_the_targets_do():
    source, target = measure_body(waving(0.0, leg=1.2)), measure_body(waving(1.5))
    moved = retarget(waving(0.0, leg=1.2), source, target, RetargetConfig(mode="limbs")).track
    assert measure_body(moved).shoulders_follow == pytest.approx(target.shoulders_follow, rel=0.1)
    plain = retarget(
        waving(0.0, leg=1.2), source, replace(target, shoulders_follow=None), RetargetConfig(mode="limbs")
    ).track
    shoulders = [moved.points[:, 11] - plain.points[:, 11], moved.points[:, 12] - plain.points[:, 12]]
    assert np.abs(np.mean(shoulders, axis=(0, 1))).max() < 0.01  # about where they usually are
    np.testing.assert_allclose(moved.points[:, 13:], plain.points[:, 13:], atol=SAME)


def test_shoulders_that_move_far_with_their_arms_are_how_somebody_moves():
    source, target = measure_body(waving(0.0, leg=1.2)), measure_body(waving(6.0))
    moved = retarget(waving(0.0, leg=1.2), source, target, RetargetConfig(mode="limbs")).track
    assert measure_body(moved).shoulders_follow == pytest.approx(0, abs=0.1)


def test_statistics_of_models_that_know_neither_knees_nor_shoulders_are_read():
    stats = measure_body(waving(1.0))
    known = {name: value for name, value in asdict(stats).items() if name not in ("knees", "shoulders_follow")}
    read = TypeAdapter(BodyStatistics).validate_json(json.dumps(known))
    assert read == replace(stats, knees=(None, None), shoulders_follow=None)
