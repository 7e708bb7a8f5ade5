"""repair_face on made-up faces: gaps, outliers, what moves quickly, what shoulders do between two looks."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.face_landmarks import CHIN, INNER_LIPS, IRIS_CENTRES, NOSE_TIP, RIGHT_EYE
from pipeline.values import FaceTrack, Status
from stages.tracking.face_repair import FaceRepairConfig, RawFaceTrack, face_outliers, quick_share, repair_face
from stages.tracking.face_shoulders import body_below

RATE = 30


def still(frames: int) -> RawFaceTrack:
    """A face of 100 x 100 pixels that does not move, its shoulders looked at in every sixth frame."""
    face = np.random.default_rng(7).uniform((200, 100, -50), (300, 200, 50), (478, 3))
    shoulders = np.full((frames, 2, 3), np.nan)
    shoulders[::6] = [[180, 260, 0.9], [320, 262, 0.8]]
    return RawFaceTrack(
        times=tuple(Fraction(index, RATE) for index in range(frames)),
        points=np.repeat(face[None], frames, axis=0),
        confidence=np.ones(frames),
        seen=np.ones(frames, dtype=np.bool_),
        distances=np.zeros(frames),
        shoulders=shoulders,
    )


def unseen(raw: RawFaceTrack, *frames: int) -> RawFaceTrack:
    seen = raw.seen.copy()
    seen[list(frames)] = False
    return replace(
        raw,
        seen=seen,
        points=np.where(seen[:, None, None], raw.points, 0.0),
        confidence=np.where(seen, raw.confidence, 0.0),
    )


def moved(raw: RawFaceTrack, way: NDArray[np.float64]) -> RawFaceTrack:
    """All points carried along x by `way` (n,), pixels."""
    return replace(raw, points=raw.points + np.stack([way, 0 * way, 0 * way], axis=-1)[:, None])


def repaired(raw: RawFaceTrack, **config: float) -> FaceTrack:
    return repair_face(raw, 640, 480, FaceRepairConfig(**config))  # type: ignore[arg-type]


def test_a_face_that_does_not_move_stays_where_it_was():
    raw = still(20)
    track = repaired(raw)
    np.testing.assert_allclose(track.points, raw.points, atol=1e-3)
    assert (track.status == Status.TRACKED).all() and (track.confidence == 1).all()


def test_a_frame_whose_whole_face_jumps_is_interpolated():
    way = np.zeros(20)
    way[10] = 30
    raw = moved(still(20), way)
    assert np.flatnonzero(face_outliers(raw.points, raw.seen, np.zeros(20, dtype=np.int32))).tolist() == [10]
    track = repaired(raw)
    assert track.status[10] == Status.INTERPOLATED
    np.testing.assert_allclose(track.points, still(20).points, atol=1e-3)
    assert track.confidence[10] == pytest.approx(0.9)


def test_lids_that_shut_for_two_frames_are_no_outlier():
    raw = still(20)
    points = raw.points.copy()
    points[10:12, RIGHT_EYE, 1] += 12
    assert not face_outliers(points, raw.seen, np.zeros(20, dtype=np.int32)).any()


def test_a_gap_between_two_sights_is_a_straight_way_where_the_face_moved_evenly():
    raw = moved(still(20), 3.0 * np.arange(20))
    track = repaired(unseen(raw, *range(8, 12)))
    assert track.status[8:12].tolist() == [Status.INTERPOLATED] * 4
    np.testing.assert_allclose(track.points[:, NOSE_TIP], raw.points[:, NOSE_TIP], atol=0.02)


def test_an_eleventh_frame_makes_a_gap_too_long():
    assert repaired(unseen(still(30), *range(8, 18))).status[12] == Status.INTERPOLATED
    assert repaired(unseen(still(30), *range(8, 19))).status[12] == Status.MISSING


def test_a_gap_at_a_cut_is_held_from_its_own_side_and_never_bridged():
    raw = moved(still(20), np.where(np.arange(20) < 10, 0.0, 200.0))
    raw = replace(unseen(raw, 9, 10), distances=np.where(np.arange(20) == 10, 0.8, 0.0))
    track = repaired(raw)
    assert track.shot.tolist() == [0] * 10 + [1] * 10
    assert track.status[[9, 10]].tolist() == [Status.HELD, Status.HELD]
    np.testing.assert_allclose(track.points[9], track.points[8], atol=1e-3)
    np.testing.assert_allclose(track.points[10], track.points[11], atol=1e-3)


def test_smoothing_does_not_lag():
    way = 20 * np.sin(2 * np.pi * np.arange(90) / 45)  # a slow shake of the head, 0.67 a second
    raw = moved(still(90), way)
    track = repaired(raw)
    np.testing.assert_allclose(track.points[5:-5, CHIN, 0], raw.points[5:-5, CHIN, 0], atol=0.05)


def test_a_wink_of_three_frames_keeps_nine_tenths_of_its_depth_while_noise_of_the_skin_shrinks():
    rng = np.random.default_rng(3)
    raw = still(60)
    points = raw.points + rng.normal(0, 0.5, raw.points.shape)
    points[30:33, list(RIGHT_EYE), 1] += 10
    track = repaired(replace(raw, points=points))
    depth = (track.points[31] - raw.points[31])[list(RIGHT_EYE), 1].mean()
    assert depth > 9
    skin = quick_share() == 0
    assert np.abs(track.points - raw.points)[5:-5, skin].mean() < 0.8 * np.abs(points - raw.points)[5:-5, skin].mean()


def test_lids_lips_and_irises_move_quickly_and_the_forehead_and_the_chin_do_not():
    share = quick_share()
    assert (share[[*RIGHT_EYE, *INNER_LIPS, *IRIS_CENTRES]] == 1).all()
    assert share[[10, 151, CHIN, NOSE_TIP]].max() == 0
    assert set(np.unique(share).tolist()) == {0.0, 0.5, 1.0}


def test_shoulders_between_two_looks_lie_between_them():
    raw = still(13)
    shoulders = raw.shoulders.copy()
    shoulders[6, :, 0] += 6
    shoulders[12, :, 0] += 12
    track = repaired(replace(raw, shoulders=shoulders))
    np.testing.assert_allclose(track.shoulders[:, 0, 0], 180 + np.arange(13), atol=0.1)
    np.testing.assert_allclose(track.shoulders[:, :, 2], np.tile([0.9, 0.8], (13, 1)), atol=1e-6)


def test_a_missing_face_has_no_shoulders():
    track = repaired(unseen(still(30), *range(5, 25)))
    assert (track.shoulders[10] == 0).all() and track.shoulders[0, 0, 2] == pytest.approx(0.9)


def test_the_body_is_looked_for_upright_below_the_face():
    face = np.zeros((478, 3))
    face[10], face[CHIN] = (300, 100, 0), (300, 200, 0)
    region = body_below(face)
    assert (region.x, region.y, region.angle) == (300, 510, 0)  # 3.6 lengths below the face's middle
    assert region.radius == pytest.approx(460)


def test_negative_settings_are_refused():
    with pytest.raises(ValueError, match=r"FaceRepairConfig.smoothing is -1, expected 0 or more"):
        FaceRepairConfig(smoothing=-1)
