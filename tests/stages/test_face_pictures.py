"""Even pictures of heads: light gone, edges kept; and a batch of them fetched at once."""

import numpy as np
import pytest

from stages.retargeting.face_pictures import SIDE, HeadPictures, evened
from stages.retargeting.metric_camera import MetricCamera

MIDDLE = slice(20, -20)


def pictures(samples: np.ndarray) -> HeadPictures:
    count = len(samples)
    return HeadPictures(MetricCamera(256, 256), np.zeros((count, 2)), np.ones(count), samples)


def test_light_that_grows_evenly_leaves_nothing() -> None:
    slope = np.tile(np.linspace(40, 200, SIDE), (SIDE, 1)).astype(np.uint8)
    assert np.abs(evened(slope)[MIDDLE, MIDDLE].astype(int) - 128).max() <= 8  # a quarter of a usual contrast


def test_half_the_light_looks_the_same() -> None:
    checks = (np.indices((SIDE, SIDE)) // 8).sum(axis=0) % 2
    bright, dark = (evened((light * (1 + checks)).astype(np.uint8)) for light in (100, 50))
    assert np.abs(bright.astype(int) - dark)[MIDDLE, MIDDLE].max() <= 2


def test_noise_is_not_raised_to_a_texture() -> None:
    noise = np.random.default_rng(0).normal(120, 0.5, (SIDE, SIDE)).round().astype(np.uint8)
    assert evened(noise).astype(float).std() < 8


def test_each_place_is_fetched_from_its_own_picture() -> None:
    samples = np.full((3, SIDE, SIDE), 128, np.uint8)
    samples[2, 10, 20], samples[0, 10, 20] = 160, 96  # one usual contrast over, and under
    at = np.full((3, 1), 20, np.float32), np.full((3, 1), 10, np.float32)
    seen = pictures(samples).fetch(np.array((0, 1, 2)), *at)
    np.testing.assert_array_equal(seen, ((-1.0,), (0.0,), (1.0,)))


def test_a_place_outside_its_picture_shows_its_border_and_no_other_picture() -> None:
    samples = np.stack([np.full((SIDE, SIDE), value, np.uint8) for value in (128, 160)])
    seen = pictures(samples).fetch(
        np.array((0, 1)), np.array(((5,), (5,)), np.float32), np.array(((SIDE + 9,), (-9,)), np.float32)
    )
    assert seen[:, 0] == pytest.approx((0, 1))
