"""register_heads: what pictures say of a head's pose, held against the known answer; and where they are not asked."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.errors import TrackError
from pipeline.values import FaceTrack, Frame, Status
from pipeline.video import read_video, write_video
from sample_videos.face_truth import FaceTruth, read_face_truth
from stages.retargeting.face_identity import measure_identity
from stages.retargeting.head_pose import PlacedHeads, pose_heads
from stages.retargeting.measure_face import measure_face
from stages.retargeting.metric_camera import MetricCamera
from stages.retargeting.register_heads import register_heads
from stages.tracking.face import track_face
from stages.tracking.face_triangles import face_triangles

SAMPLES = Path(__file__).parents[2] / "sample_videos"
CLIP, TRUTH = SAMPLES / "blue_portrait_as_red.mp4", SAMPLES / "blue_portrait_as_red.json"
TRIANGLES = face_triangles(filled=True)
COVERED = slice(60, 75)
PITCH, YAW, ROLL = range(3)


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return track_face(CLIP)


@pytest.fixture(scope="module")
def truth() -> FaceTruth:
    return read_face_truth(TRUTH)


@pytest.fixture(scope="module")
def tracked(track: FaceTrack) -> PlacedHeads:
    camera = MetricCamera(track.width, track.height)
    lifted = camera.lift(track.points)
    poses = pose_heads(lifted, measure_identity(lifted).astype(np.float32))
    return PlacedHeads(poses.rotation, poses.translation)


@pytest.fixture(scope="module")
def placed(track: FaceTrack) -> PlacedHeads:
    return register_heads(CLIP, track, TRIANGLES)


def turns(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees from the mean pose: (n, 3) about x, y, z."""
    heads = Rotation.from_matrix(rotation)
    return np.asarray(np.degrees((heads * heads.mean().inv()).as_rotvec()))


def true_turns(truth: FaceTruth) -> NDArray[np.float64]:
    return turns(Rotation.from_rotvec(truth.rotation).as_matrix())


def seen_share(heads: PlacedHeads, truth: FaceTruth, axis: int) -> float:
    """How much of a true turn is found: 1 is all of it."""
    return float(np.polyfit(true_turns(truth)[:, axis], turns(heads.rotation)[:, axis], 1)[0])


def likeness(heads: PlacedHeads, truth: FaceTruth, axis: int) -> float:
    return float(np.corrcoef(true_turns(truth)[:, axis], turns(heads.rotation)[:, axis])[0, 1])


def apart(one: PlacedHeads, other: PlacedHeads) -> NDArray[np.float64]:
    """Degrees between the poses, (n,)."""
    between = Rotation.from_matrix(one.rotation @ other.rotation.transpose(0, 2, 1))
    return np.asarray(np.degrees(between.magnitude()))


def test_a_turn_of_which_the_tracker_sees_four_fifths_is_seen_whole(placed, tracked, truth) -> None:
    assert seen_share(tracked, truth, YAW) < 0.83
    assert seen_share(placed, truth, YAW) == pytest.approx(1, abs=0.08)


def test_a_nod_is_told_from_a_grimace(placed, tracked, truth) -> None:
    assert likeness(tracked, truth, PITCH) < 0.93
    assert likeness(placed, truth, PITCH) > 0.97


def test_the_hair_of_a_placed_head_trembles_half_as_much_in_the_picture(placed, tracked, truth) -> None:
    hairline = np.array((0.0, 8.0, 5.0))  # cm, head frame
    camera = MetricCamera(truth.width, truth.height)
    true = Rotation.from_rotvec(truth.rotation).apply(hairline) + truth.translation

    def trembling(heads: PlacedHeads) -> float:
        off = camera.project(heads.rotation @ hairline + heads.translation) - camera.project(true)
        return float(np.abs(np.diff(off[:, :2], n=2, axis=0)).mean())

    assert trembling(placed) < 0.5 * trembling(tracked)


def test_gaze_upwards_is_read_against_the_skull(track, placed, truth) -> None:
    awake = truth.lids.min(axis=1) > 0.15

    def agreement(heads: PlacedHeads | None) -> float:
        _, performance = measure_face(track, TRIANGLES, placed=heads)
        up = performance.gaze.reshape(-1, 2, 2)[:, :, 1].mean(axis=1)
        return float(np.corrcoef(up[awake], truth.gaze[awake, 1])[0, 1])

    assert agreement(placed) > max(0.93, agreement(None))


def test_on_average_heads_have_the_tracker_s_axes_and_place(placed, tracked) -> None:
    assert turns(placed.rotation @ tracked.rotation.transpose(0, 2, 1)).mean() == pytest.approx(0, abs=0.5)
    np.testing.assert_allclose(np.median(placed.translation - tracked.translation, axis=0), 0, atol=0.2)


def test_covered_frames_follow_the_tracker_as_their_neighbours_do(track, placed, tracked, tmp_path) -> None:
    covered = tmp_path / "covered.mp4"
    with read_video(CLIP) as video, write_video(covered, replace(video.info, path=covered)) as film:
        for frame in video:
            film.write(_covered(frame) if COVERED.start <= frame.index < COVERED.stop else frame)
    heads = register_heads(covered, track, TRIANGLES)
    assert apart(heads, placed)[COVERED].max() < 4
    moved = Rotation.from_matrix(heads.rotation @ tracked.rotation.transpose(0, 2, 1)).as_rotvec()
    there = moved[COVERED]
    np.testing.assert_allclose(np.diff(there, n=2, axis=0), 0, atol=1e-6)  # what neighbours move by, evenly between


def test_frames_without_a_face_teach_nothing_and_get_a_pose(track, placed) -> None:
    status, points = track.status.copy(), track.points.copy()
    status[COVERED], points[COVERED] = Status.MISSING, 0
    heads = register_heads(CLIP, replace(track, status=status, points=points), TRIANGLES)
    assert np.isfinite(heads.rotation).all() and np.isfinite(heads.translation).all()
    there = np.flatnonzero(status == Status.TRACKED)
    assert np.median(apart(heads.at(there), placed.at(there))) < 0.5


def test_frames_kept_for_testing_find_their_poses_and_change_no_other(track) -> None:
    heads = register_heads(CLIP, track, TRIANGLES, trained=150)
    points = track.points.copy()
    points[170:] += (2.0, 0, 0)  # pixels: by so much more the tracker is wrong
    again = register_heads(CLIP, replace(track, points=points), TRIANGLES, trained=150)
    np.testing.assert_array_equal(heads.rotation[:150], again.rotation[:150])
    assert np.abs(heads.translation - again.translation)[170:].max() < 0.1  # 2 pixels are 0.3 cm


def test_pictures_that_tell_nothing_leave_the_tracker_s_poses(track, tracked, truth, tmp_path, caplog) -> None:
    blank = tmp_path / "blank.mp4"
    with read_video(CLIP) as video, write_video(blank, replace(video.info, path=blank)) as film:
        for frame in video:
            film.write(replace(frame, image=np.full_like(frame.image, 120)))
    with caplog.at_level(logging.INFO):
        heads = register_heads(blank, track, TRIANGLES)
    np.testing.assert_array_equal(heads.rotation, tracked.rotation)
    _, performance = measure_face(track, TRIANGLES, placed=heads)
    across, awake = performance.gaze[:, ::2].mean(axis=1), truth.lids.min(axis=1) > 0.15
    assert np.corrcoef(across[awake], truth.gaze[awake, 0])[0, 1] > 0.98  # the origin is found all the same
    assert "blank.mp4: its pictures do not tell better where the head is; the tracker's poses are kept" in caplog.text


def test_a_clip_shorter_than_its_track_is_refused(track, tmp_path) -> None:
    short = tmp_path / "short.mp4"
    with (
        read_video(CLIP, stop_index=30) as video,
        write_video(short, replace(video.info, path=short)) as film,
    ):
        for frame in video:
            film.write(frame)
    with pytest.raises(TrackError, match=r"short\.mp4: 30 frames; expected the track's 192"):
        register_heads(short, track, TRIANGLES)


def test_a_clip_longer_than_its_track_is_refused(track) -> None:
    rows = ("times", "points", "confidence", "shoulders", "status", "shot")
    first = replace(track, **{name: getattr(track, name)[:60] for name in rows})
    with pytest.raises(TrackError, match=r"blue_portrait_as_red\.mp4: more than 60 frames; expected the track's 60"):
        register_heads(CLIP, first, TRIANGLES)


def _covered(frame: Frame) -> Frame:
    image = frame.image.copy()
    image[20:230, 20:236] = (90, 120, 90)
    return replace(frame, image=image)
