"""place_points: points seen along rays of a head that turns are found where they are."""

import numpy as np
from numpy.typing import NDArray
from posed_heads import CAMERA
from scipy.spatial.transform import Rotation

from stages.retargeting.head_pose import PlacedHeads
from stages.retargeting.triangulation import place_points

POINTS = np.array(((0.0, -3.4, 6.0), (4.45, 2.6, 3.2), (-2.0, 1.0, 5.0)))
DEEPER = POINTS + np.array((0.2, -0.1, 1.0))  # what is guessed


def turning(degrees: float, frames: int = 60) -> PlacedHeads:
    """A head that turns to and fro by so much, and nods by half of it."""
    phase = np.arange(frames) * 0.4
    turns = np.radians(degrees) * np.stack((0.5 * np.cos(0.7 * phase), np.sin(phase), 0 * phase), axis=1)
    places = np.stack((np.cos(phase), 0 * phase, -40 + 0 * phase), axis=1)
    return PlacedHeads(Rotation.from_rotvec(turns).as_matrix(), places)


def seen(heads: PlacedHeads) -> NDArray[np.float64]:
    there = np.einsum("nij,kj->nki", heads.rotation, POINTS) + heads.translation[:, None]
    return CAMERA.slopes(CAMERA.project(there)[..., :2])


def test_a_head_that_turns_shows_where_its_points_are() -> None:
    heads = turning(40)
    found = place_points(heads, seen(heads), DEEPER, np.ones(60))
    np.testing.assert_allclose(found, POINTS, atol=0.15)  # a tenth of a guess that is a centimetre off
    np.testing.assert_allclose(place_points(heads, seen(heads), POINTS, np.ones(60)), POINTS, atol=1e-9)


def test_how_deep_points_of_a_still_head_lie_stays_as_guessed() -> None:
    heads = turning(0)
    found = place_points(heads, seen(heads), DEEPER, np.ones(60))
    np.testing.assert_allclose(found[:, 2], DEEPER[:, 2], atol=0.1)
    there = np.einsum("nij,kj->nki", heads.rotation, found) + heads.translation[:, None]
    np.testing.assert_allclose(CAMERA.slopes(CAMERA.project(there)[..., :2]), seen(heads), atol=3e-3)  # a tenth of a cm


def test_frames_of_no_weight_say_nothing() -> None:
    heads, weight = turning(40), np.ones(60)
    rays = seen(heads)
    clean = place_points(heads, rays, DEEPER, weight)
    weight[::2] = 0
    known = place_points(heads.at(weight > 0), rays[weight > 0], DEEPER, weight[weight > 0])
    rays[::2] += 0.3
    np.testing.assert_allclose(place_points(heads, rays, DEEPER, weight), known, atol=0.02)
    np.testing.assert_allclose(known, clean, atol=0.1)


def test_a_few_frames_that_are_far_off_hardly_count() -> None:
    heads = turning(40)
    rays = seen(heads) + np.random.default_rng(1).normal(0, 1e-3, (60, 3, 2))
    clean = place_points(heads, rays, POINTS, np.ones(60))
    rays[10:14] += 0.05  # 2 cm
    np.testing.assert_allclose(place_points(heads, rays, POINTS, np.ones(60)), clean, atol=0.05)


def test_many_points_are_placed_as_each_would_be_alone() -> None:
    heads = turning(30)
    rays = np.tile(seen(heads), (1, 40, 1))
    together = place_points(heads, rays, np.tile(DEEPER, (40, 1)), np.ones(60))
    alone = place_points(heads, seen(heads), DEEPER, np.ones(60))
    np.testing.assert_allclose(together, np.tile(alone, (40, 1)), atol=1e-9)
