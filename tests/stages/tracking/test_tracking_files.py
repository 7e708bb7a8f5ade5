"""Track files, OpenPose folders and the overlay: what goes out comes back, and what does not fit is named."""

import json
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pipeline.errors import OutputExists, TrackError
from pipeline.values import JOINTS, Frame, Status, Track
from pipeline.video import probe
from stages.tracking.openpose import read_openpose_folder
from stages.tracking.overlay import LEFT, MIDDLE, RIGHT, draw_overlay, side_colour
from stages.tracking.track_file import load_source, load_track, save_track


@pytest.fixture
def track():
    rng = np.random.default_rng(1)
    return Track(
        width=64,
        height=48,
        times=(Fraction(0), Fraction(1001, 30000), Fraction(1, 7)),
        points=rng.uniform(5, 40, (3, JOINTS, 2)).astype(np.float32),
        confidence=rng.uniform(0.5, 1, (3, JOINTS)).astype(np.float32),
        world=rng.normal(size=(3, JOINTS, 3)).astype(np.float32),
        status=np.array([Status.TRACKED, Status.INTERPOLATED, Status.MISSING], np.uint8),
        shot=np.array([0, 0, 1], np.int32),
    )


def spoil(path, **changes):
    """Rewrite a track file with other fields; None takes one out."""
    with np.load(path) as archive:
        fields = {name: archive[name] for name in archive.files} | changes
    np.savez(path, **{name: value for name, value in fields.items() if value is not None})


def test_a_track_comes_back_as_it_was_saved_with_exact_times(track, tmp_path):
    save_track(track, tmp_path / "tracks.npz", source="red_dance.mp4")
    loaded = load_track(tmp_path / "tracks.npz")
    assert loaded.times == track.times
    assert (loaded.width, loaded.height) == (64, 48)
    for name in ("points", "confidence", "world", "status", "shot"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(track, name))
    assert load_source(tmp_path / "tracks.npz") == "red_dance.mp4"


def test_a_track_is_not_written_over_unless_that_is_wanted(track, tmp_path):
    save_track(track, tmp_path / "tracks.npz")
    with pytest.raises(OutputExists):
        save_track(track, tmp_path / "tracks.npz", overwrite=False)


SPOILT = [
    ({"world": None}, "'world' is missing; expected all fields of a body track"),
    ({"points": np.zeros((3, 17, 2), np.float32)}, "'points' is float32 (3, 17, 2); expected float32 (3, 33, 2)"),
    ({"status": np.zeros(2, np.uint8)}, "'status' is uint8 (2,); expected uint8 (3,)"),
    ({"status": np.full(3, 9, np.uint8)}, "'status' holds values out of range; expected finite numbers from 0 to 3"),
    (
        {"points": np.full((3, 33, 2), np.nan, np.float32)},
        "'points' holds values out of range; expected finite numbers",
    ),
    (
        {"confidence": np.full((3, 33), 2, np.float32)},
        "'confidence' holds values out of range; expected finite numbers from 0 to 1",
    ),
    (
        {"shot": np.array([1, 0, 0], np.int32)},
        "'shot' gives shot numbers that fall; expected numbers that never fall",
    ),
    ({"time_numerators": np.zeros(3, np.int64)}, "'time_numerators' gives times that do not rise; expected each frame"),
    (
        {"time_denominators": np.zeros(3, np.int64)},
        "'time_denominators' holds values out of range; expected finite numbers from 1 up",
    ),
    ({"version": np.array(99)}, "the file's version is 99; expected version 1"),
    ({"kind": np.array("something else")}, "this is no body track; expected a file of that kind. Track the clip again"),
]


@pytest.mark.parametrize(("changes", "message"), SPOILT)
def test_a_spoilt_track_file_is_refused_by_the_name_of_its_field(track, tmp_path, changes, message):
    path = tmp_path / "tracks.npz"
    save_track(track, path)
    spoil(path, **changes)
    with pytest.raises(TrackError, match=re.escape(message)):
        load_track(path)


def test_a_pickled_array_is_not_loaded(tmp_path):
    path = tmp_path / "tracks.npz"
    np.savez(path, kind=np.array([object()], dtype=object))
    with pytest.raises(TrackError, match=r"cannot be read \(Object arrays cannot be loaded"):
        load_track(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"plain text"])
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "tracks.npz").write_bytes(content)
    with pytest.raises(
        TrackError, match=r"tracks.npz: the file cannot be read .* expected a file that holds a body track \(.npz\)"
    ):
        load_track(tmp_path / "tracks.npz")


def test_a_path_without_a_file_is_said_to_be_one(tmp_path):
    with pytest.raises(TrackError, match=r"there is no such file; expected a file that holds a body track"):
        load_track(tmp_path / "nowhere.npz")


ANTI_ALIASED = 20  # 0..255: how much of the ground a thin line's middle may keep

BODY_25_JOINTS = {0: 0, 12: 2, 11: 5, 24: 9, 23: 12, 28: 11, 27: 14, 31: 19, 30: 24, 7: 18}  # ours: theirs
COCO_18_JOINTS = {0: 0, 12: 2, 11: 5, 24: 8, 23: 11, 28: 10, 27: 13, 7: 17}


def openpose_person(count, shift=0.0, size=1.0):
    """Joint number k of `count` at (100 + 2k, 50 + 5k) times size, moved right; certain."""
    joints = [(size * (100 + 2 * k) + shift, size * (50 + 5 * k), 1.0) for k in range(count)]
    return {"pose_keypoints_2d": [value for joint in joints for value in joint]}


def write_openpose(folder, frames):
    folder.mkdir()
    for index, people in enumerate(frames):
        name = f"clip_{index:012d}_keypoints.json"
        (folder / name).write_text(json.dumps({"version": 1.3, "people": people}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("count", "mapping"), [(25, BODY_25_JOINTS), (18, COCO_18_JOINTS)])
def test_openpose_joints_land_on_ours_and_what_it_lacks_has_no_confidence(tmp_path, film, red, count, mapping):
    info = probe(film(red.images[:3]))
    track = read_openpose_folder(write_openpose(tmp_path / "json", [[openpose_person(count)]] * 3), info)
    for ours, theirs in mapping.items():
        np.testing.assert_allclose(track.points[1, ours], (100 + 2 * theirs, 50 + 5 * theirs), rtol=1e-4)
        assert track.confidence[1, ours] == 1
    assert (track.confidence[:, [1, 3, 9, 10, 17, 22]] == 0).all()
    assert track.times == (Fraction(0), Fraction(1, 24), Fraction(2, 24))


def test_openpose_the_largest_person_is_kept_to_and_a_frame_without_is_interpolated(tmp_path, film, red):
    small, large = openpose_person(25, size=0.6), openpose_person(25, shift=100)
    frames = [[small, large], [large, small], [small], [large]]
    track = read_openpose_folder(write_openpose(tmp_path / "json", frames), probe(film(red.images[:4])))
    np.testing.assert_allclose(track.points[:, 0, 0], 200, atol=1e-3)
    assert track.status.tolist() == [Status.TRACKED, Status.TRACKED, Status.INTERPOLATED, Status.TRACKED]


def test_openpose_folders_that_do_not_fit_the_clip_are_refused(tmp_path, film, red):
    info = probe(film(red.images[:3]))
    short = write_openpose(tmp_path / "short", [[openpose_person(25)]] * 2)
    with pytest.raises(TrackError, match=r"2 files for the 3 frames of clip.mp4; expected one file a frame"):
        read_openpose_folder(short, info)
    nobody = write_openpose(tmp_path / "nobody", [[]] * 3)
    with pytest.raises(TrackError, match=r"nobody in any of the 3 files"):
        read_openpose_folder(nobody, info)
    strange = write_openpose(tmp_path / "strange", [[openpose_person(17)]] * 3)
    with pytest.raises(
        TrackError, match=r"_keypoints.json: a person has 17 joints; expected 25 \(BODY_25\) or 18 \(COCO\)"
    ):
        read_openpose_folder(strange, info)
    (strange / "clip_000000000000_keypoints.json").write_text("{", encoding="utf-8")
    with pytest.raises(TrackError, match=r"clip_000000000000_keypoints.json: cannot be read as OpenPose's"):
        read_openpose_folder(strange, info)
    with pytest.raises(TrackError, match=r"there is no .json file"):
        read_openpose_folder(tmp_path / "nowhere", info)


def plain(index=0, width=64, height=48):
    return Frame(np.full((height, width, 3), 90, np.uint8), Fraction(index, 24), index)


def test_the_overlay_draws_on_a_copy_in_the_colours_of_both_sides(track):
    points, confidence = np.zeros((3, JOINTS, 2), np.float32), np.zeros((3, JOINTS), np.float32)
    points[:, [11, 13]], points[:, [12, 14]] = [(40, 10), (40, 30)], [(20, 10), (20, 30)]  # shoulders, elbows
    confidence[:, [11, 12, 13, 14]] = 1
    frame = plain()
    drawn = next(draw_overlay([frame], replace(track, points=points, confidence=confidence)))
    assert (frame.image == 90).all()
    for (x, y), colour in {(40, 20): LEFT, (20, 20): RIGHT, (30, 10): MIDDLE}.items():
        np.testing.assert_allclose(drawn.image[y, x], colour, atol=ANTI_ALIASED)
    assert (drawn.index, drawn.time) == (frame.index, frame.time)


def test_the_overlay_draws_no_joint_of_a_missing_frame_but_names_its_status(track):
    missing = replace(track, confidence=np.zeros_like(track.confidence))
    drawn = next(draw_overlay([plain(2)], missing)).image
    assert (drawn[:24] == 90).all()
    assert (drawn[24:] != 90).any()


def test_a_bone_across_the_body_belongs_to_neither_side():
    assert (side_colour(13, 15), side_colour(14, 16), side_colour(11, 12), side_colour(0, 0)) == (
        LEFT,
        RIGHT,
        MIDDLE,
        MIDDLE,
    )


def test_the_overlay_refuses_frames_of_another_clip(track):
    with pytest.raises(TrackError, match=r"frame 0: the picture is 32x48, the track was made of 64x48"):
        next(draw_overlay([plain(width=32)], track))
    with pytest.raises(TrackError, match=r"frame 3: the track ends after 3 frames; expected a pose for every frame"):
        next(draw_overlay([plain(3)], track))
