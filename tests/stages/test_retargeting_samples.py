"""Retargeting against a known answer: Red's true joints laid onto Blue's body are Blue's joints dancing Red's dance."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.values import Status, Track
from stages.retargeting.body import measure_body
from stages.retargeting.retarget import RetargetConfig, Retargeted, retarget
from stages.retargeting.skeleton import LIMB_JOINTS, NOSE

SAMPLES = Path(__file__).parents[2] / "sample_videos"
JUDGED = [NOSE, *LIMB_JOINTS]

# Mean distance from the truth, % of the body height. One similarity a frame cannot change proportions.
BY_LIMBS, AS_A_WHOLE, FROM_NOISY_JOINTS = 1.0, 4.5, 2.5
TRACKER_NOISE = 3.0  # pixels, standard deviation of each coordinate: a mean error of 3.8


def true_track(name: str) -> Track:
    truth = json.loads((SAMPLES / f"{name}.json").read_text())
    points = np.array([joints for _, joints in truth["frames"]], np.float32)
    return Track(
        width=truth["width"],
        height=truth["height"],
        times=tuple(Fraction(time) for time, _ in truth["frames"]),
        points=points,
        confidence=np.ones(points.shape[:2], np.float32),
        world=np.zeros((*points.shape[:2], 3), np.float32),
        status=np.full(len(points), Status.TRACKED, np.uint8),
        shot=np.zeros(len(points), np.int32),
    )


def shaken(track: Track, seed: int) -> Track:
    noise = np.random.default_rng(seed).normal(0, TRACKER_NOISE, track.points.shape)
    return replace(track, points=(track.points + noise).astype(np.float32))


@pytest.fixture(scope="module")
def red() -> Track:
    return true_track("red_dance")


@pytest.fixture(scope="module")
def blue() -> Track:
    return true_track("blue_dance")


@pytest.fixture(scope="module")
def truth() -> Track:
    return true_track("blue_dances_as_red")


def error(result: Retargeted, truth: Track) -> float:
    """Mean distance of the judged joints, % of the true body's height."""
    height = measure_body(truth).body_height
    assert height is not None
    away = np.linalg.norm(result.track.points[:, JUDGED] - truth.points[:, JUDGED], axis=2)
    return float(100 * away.mean() / height)


@pytest.mark.parametrize(("mode", "tolerance"), [("limbs", BY_LIMBS), ("global", AS_A_WHOLE)])
def test_reds_dance_on_blues_body_is_the_truth(red, blue, truth, mode, tolerance):
    result = retarget(red, measure_body(red), measure_body(blue), RetargetConfig(mode=mode))
    assert error(result, truth) < tolerance
    assert (result.clamped, result.bridged, result.outside) == (0, 0, 0)
    assert result.track.times == truth.times


def test_red_and_blue_are_built_differently_so_limbs_are_chosen(red, blue):
    result = retarget(red, measure_body(red), measure_body(blue))
    assert result.mode == "limbs"
    assert result.reason.startswith("Retargeted limb by limb: the target's shoulders are ")


def test_a_trackers_noise_costs_no_more_than_it_brings(red, blue, truth):
    noisy_red, noisy_blue = shaken(red, 1), shaken(blue, 2)
    result = retarget(noisy_red, measure_body(noisy_red), measure_body(noisy_blue), RetargetConfig(mode="limbs"))
    assert error(result, truth) < FROM_NOISY_JOINTS


def test_blues_feet_stand_on_blues_floor(red, blue, truth):
    """The lower ankle is where the truth has it, but for the perspective of a foot that steps forward."""
    result = retarget(red, measure_body(red), measure_body(blue), RetargetConfig(mode="limbs"))
    off = np.abs(result.track.points[:, [27, 28], 1].max(axis=1) - truth.points[:, [27, 28], 1].max(axis=1))
    assert off.mean() < 1 and off.max() < 3
