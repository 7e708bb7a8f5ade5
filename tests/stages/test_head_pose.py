"""The metric camera, Procrustes and the head's pose: known motion in, the same motion out."""

import numpy as np
import pytest
from posed_heads import CAMERA, filmed, made_acting, made_head
from scipy.spatial.transform import Rotation

from pipeline.face_landmarks import INNER_CANTHI, MESH_POINTS, OUTER_CANTHI, RIGID_POINTS
from stages.retargeting.head_pose import PlacedHeads, pose_heads
from stages.retargeting.metric_camera import MetricCamera
from stages.retargeting.procrustes import fit_similarities

TRACKED = 1e-3  # cm and radians: pixels of a track are float32


def test_a_point_straight_ahead_falls_between_the_middle_pixels_and_its_depth_is_positive() -> None:
    np.testing.assert_allclose(MetricCamera(640, 480).project(np.array((0.0, 0.0, -50.0))), (319.5, 239.5, 50.0))


def test_the_upper_rim_of_the_picture_is_seen_at_half_of_63_degrees() -> None:
    camera = MetricCamera(640, 480)
    at_rim = np.array((0.0, np.tan(np.radians(31.5)) * 20, -20.0))
    np.testing.assert_allclose(camera.project(at_rim)[:2], (319.5, -0.5))
    assert camera.focal == pytest.approx(480 / 2 / np.tan(np.radians(31.5)))


def test_slopes_undo_the_projection() -> None:
    points = np.array(((1.0, 2.0, -30.0), (-4.0, 0.5, -55.0)))
    seen = CAMERA.project(points)
    np.testing.assert_allclose(CAMERA.slopes(seen[:, :2]), points[:, :2] / -points[:, 2:], atol=1e-12)


def test_a_quarter_turn_at_double_size_is_found_exactly() -> None:
    source = np.array(((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 3.0)))
    turned = 2 * source @ np.array(((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0))) + (5, 6, 7)  # x to y
    fit = fit_similarities(source, turned[None], np.ones(4))
    np.testing.assert_allclose(fit.rotation[0], ((0, -1, 0), (1, 0, 0), (0, 0, 1)), atol=1e-12)
    np.testing.assert_allclose((fit.scale[0], *fit.translation[0]), (2, 5, 6, 7), atol=1e-12)
    np.testing.assert_allclose(fit.undo(turned[None])[0], source, atol=1e-12)


def test_a_mirrored_shape_is_never_fitted_by_a_reflection() -> None:
    source = np.random.default_rng(3).normal(size=(9, 3))
    fit = fit_similarities(source, (source * (-1, 1, 1))[None], np.ones(9))
    assert np.linalg.det(fit.rotation[0]) == pytest.approx(1)


def test_a_point_of_no_weight_does_not_move_the_fit() -> None:
    source = np.random.default_rng(3).normal(size=(6, 3))
    target = source.copy()
    target[5] += 100
    fit = fit_similarities(source, target[None], np.array((1.0, 1, 1, 1, 1, 0)))
    np.testing.assert_allclose(fit.rotation[0], np.eye(3), atol=1e-12)
    np.testing.assert_allclose((fit.scale[0], *fit.translation[0]), (1, 0, 0, 0), atol=1e-12)


def test_the_pose_put_in_comes_out_though_mouth_and_lids_move() -> None:
    head, acting = made_head(), made_acting()
    poses = pose_heads(CAMERA.lift(filmed(head, acting).points), head)
    np.testing.assert_allclose(poses.rotation, Rotation.from_rotvec(acting.turns).as_matrix(), atol=TRACKED)
    np.testing.assert_allclose(poses.translation, acting.places, atol=20 * TRACKED)
    np.testing.assert_allclose(poses.local[:, :MESH_POINTS], head + acting.expressions, atol=TRACKED)


def test_pose_and_local_points_give_the_tracked_pixels_back_whatever_the_shape() -> None:
    head, acting = made_head(), made_acting()
    track = filmed(head, acting)
    stranger = head * (1.1, 0.9, 1.2)
    poses = pose_heads(CAMERA.lift(track.points), stranger)
    placed = np.einsum("nij,nvj->nvi", poses.rotation, poses.local) + poses.translation[:, None]
    np.testing.assert_allclose(CAMERA.project(placed)[..., :2], track.points[..., :2], atol=1e-3)


def test_a_head_put_where_it_is_anyway_keeps_the_points_that_rest() -> None:
    head, lifted = made_head(), CAMERA.lift(filmed(made_head(), made_acting()).points)
    own = pose_heads(lifted, head)
    again = pose_heads(lifted, head, PlacedHeads(own.rotation, own.translation))
    np.testing.assert_allclose(again.local[:, RIGID_POINTS], own.local[:, RIGID_POINTS], atol=TRACKED)


def test_a_head_put_elsewhere_shows_every_tracked_pixel_as_deep_as_the_shape_has_it() -> None:
    head, track = made_head(), filmed(made_head(), made_acting())
    own = pose_heads(CAMERA.lift(track.points), head)
    nod = Rotation.from_rotvec((0.1, 0, 0)).as_matrix()
    put = pose_heads(CAMERA.lift(track.points), head, PlacedHeads(nod @ own.rotation, own.translation))
    there = np.einsum("nij,nvj->nvi", put.rotation, put.local) + put.translation[:, None]
    np.testing.assert_allclose(CAMERA.project(there)[..., :2], track.points[..., :2], atol=1e-3)
    shape = np.einsum("nij,vj->nvi", put.rotation, head) + put.translation[:, None]
    np.testing.assert_allclose(there[:, :MESH_POINTS, 2], shape[..., 2], atol=1e-9)


def test_irises_of_a_placed_head_lie_as_deep_as_the_corners_of_their_eyes() -> None:
    head, lifted = made_head(), CAMERA.lift(filmed(made_head(), made_acting()).points)
    upright = PlacedHeads(np.tile(np.eye(3), (len(lifted), 1, 1)), np.tile((0.0, 0.0, -40.0), (len(lifted), 1)))
    local = pose_heads(lifted, head, upright).local
    corners = head[list(OUTER_CANTHI + INNER_CANTHI), 2]
    np.testing.assert_allclose(local[:, MESH_POINTS:, 2], corners.mean(), atol=1e-9)
