"""A face's track on disk and on film: read back as written, refused by the name of what is wrong, drawn in words."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from face_clips import room
from numpy.typing import NDArray

from pipeline.errors import OutputExists, TrackError
from pipeline.values import FaceTrack, Frame, Status, Track
from pipeline.video import probe, read_video
from stages.tracking.face_overlay import draw_face_overlay, face_overlay
from stages.tracking.face_track_file import load_face_track, save_face_track
from stages.tracking.track_file import save_track


@pytest.fixture
def track() -> FaceTrack:
    rng = np.random.default_rng(5)
    return FaceTrack(
        width=320,
        height=240,
        times=tuple(Fraction(1001 * index, 30000) for index in range(4)),
        points=rng.uniform(60, 180, (4, 478, 3)).astype(np.float32),
        confidence=np.array([1, 0.9, 0, 1], dtype=np.float32),
        shoulders=np.tile(np.float32([[40, 200, 0.9], [220, 200, 0.2]]), (4, 1, 1)),
        status=np.array([0, 1, 3, 0], dtype=np.uint8),
        shot=np.array([0, 0, 0, 1], dtype=np.int32),
    )


def rewritten(path: Path, **changes: Any) -> Path:
    """The same file with fields changed, or left out where None."""
    with np.load(path) as archive:
        arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_a_track_is_read_back_as_it_was_written(tmp_path: Path, track: FaceTrack):
    save_face_track(track, tmp_path / "face.npz", source="clip.mp4")
    again = load_face_track(tmp_path / "face.npz")
    assert (again.width, again.height, again.times) == (320, 240, track.times)
    for name in ("points", "confidence", "shoulders", "status", "shot"):
        np.testing.assert_array_equal(getattr(again, name), getattr(track, name), strict=True)


def test_a_taken_path_is_kept_unless_overwriting_is_allowed(tmp_path: Path, track: FaceTrack):
    save_face_track(track, tmp_path / "face.npz")
    with pytest.raises(OutputExists):
        save_face_track(track, tmp_path / "face.npz", overwrite=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": np.array(99)}, "the file's version is 99; expected version 1"),
        ({"shoulders": None}, "field 'shoulders' is missing"),
        ({"points": np.zeros((4, 468, 3), np.float32)}, r"field 'points' is float32 \(4, 468, 3\)"),
        ({"confidence": np.full(4, 2, np.float32)}, "field 'confidence' holds values out of range"),
        ({"status": np.full(4, 9, np.uint8)}, "expected finite numbers from 0 to 3"),
        ({"shoulders": np.full((4, 2, 3), 2, np.float32)}, "field 'shoulders' holds confidences out of range"),
        ({"time_numerators": np.zeros(4, np.int64)}, "times that do not rise"),
        ({"points": np.full((4, 478, 3), np.nan, np.float32)}, "expected finite numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_the_name_of_its_field(
    tmp_path: Path, track: FaceTrack, changes: dict[str, Any], message: str
):
    save_face_track(track, tmp_path / "face.npz")
    with pytest.raises(TrackError, match=message):
        load_face_track(rewritten(tmp_path / "face.npz", **changes))


def test_a_body_track_is_no_face_track(tmp_path: Path):
    zeros = np.zeros((1, 33, 3), dtype=np.float32)
    body = Track(
        8, 8, (Fraction(0),), zeros[..., :2], zeros[..., 0], zeros, np.zeros(1, np.uint8), np.zeros(1, np.int32)
    )
    save_track(body, tmp_path / "body.npz")
    with pytest.raises(TrackError, match="this is no face track"):
        load_face_track(tmp_path / "body.npz")


def test_what_is_no_archive_or_not_there_is_refused(tmp_path: Path):
    (tmp_path / "words.npz").write_text("words")
    with pytest.raises(TrackError, match="the file cannot be read"):
        load_face_track(tmp_path / "words.npz")
    with pytest.raises(TrackError, match="there is no such file"):
        load_face_track(tmp_path / "none.npz")


def test_the_overlay_film_has_the_clip_s_frames_and_times(tmp_path: Path, track: FaceTrack, film: Callable[..., Path]):
    clip = film([room(320, 240)] * 4)
    draw_face_overlay(clip, track, tmp_path / "overlay.mp4")
    info = probe(tmp_path / "overlay.mp4")
    assert (info.width, info.height, info.frames) == (320, 240, 4)
    with read_video(clip) as before, read_video(tmp_path / "overlay.mp4") as after:
        assert [frame.time for frame in before] == [frame.time for frame in after]


def test_an_overlay_of_a_longer_clip_is_refused_and_leaves_no_file(
    tmp_path: Path, track: FaceTrack, film: Callable[..., Path]
):
    with pytest.raises(TrackError, match="frame 4: the track ends after 4 frames"):
        draw_face_overlay(film([room(320, 240)] * 5), track, tmp_path / "overlay.mp4")
    assert not (tmp_path / "overlay.mp4").exists()


def test_an_overlay_draws_the_face_and_says_missing_without_one(track: FaceTrack):
    image = room(320, 240)
    tracked = face_overlay(Frame(image, Fraction(0), 0), track)
    missing = face_overlay(Frame(image, track.times[2], 2), track)
    assert (tracked[60:180, 60:180] != image[60:180, 60:180]).any()
    np.testing.assert_array_equal(missing[:200], image[:200])
    assert (missing[200:] != image[200:]).any()
    np.testing.assert_array_equal(image, room(320, 240))  # the given picture is not drawn into


def test_a_picture_of_another_size_is_refused(track: FaceTrack):
    with pytest.raises(TrackError, match="the picture is 64x48, the track was made of 320x240"):
        face_overlay(Frame(room(64, 48), Fraction(0), 0), replace(track, status=np.full(4, Status.TRACKED, np.uint8)))
