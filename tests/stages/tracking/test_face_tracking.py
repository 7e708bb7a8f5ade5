"""track_face on real faces: nothing dropped, nobody mixed up, nothing flattened."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from face_clips import FACE, placed, portrait, room, scaled
from numpy.typing import NDArray
from tracking_clips import as_frames

from pipeline.errors import TrackError, UnknownChoice
from pipeline.face_landmarks import IRIS_CENTRES, LEFT_EYE, RIGHT_EYE
from pipeline.values import FaceTrack, Status
from stages.tracking.face import FaceRepairConfig, FaceTrackerConfig, parse_face_choice, track_face
from stages.tracking.silhouette import person_silhouettes

Film = Callable[..., Path]
UNSMOOTHED = FaceRepairConfig(smoothing=0, quick_smoothing=0, shoulder_smoothing=0)
BLINK = slice(212, 236)  # frames of grimaces.mp4; the lids are shut in five of them


def middles(track: FaceTrack) -> NDArray[np.float32]:
    return track.points[:, :468, :2].mean(axis=1)


def lid_openings(track: FaceTrack) -> NDArray[np.float64]:
    """(n,): the right eye's height over its width."""
    upper, lower, outer, inner = (track.points[:, point, :2] for point in (159, 145, 33, 133))
    return np.asarray(np.hypot(*(upper - lower).T) / np.hypot(*(outer - inner).T))


def choosing(word: str) -> FaceTrackerConfig:
    return FaceTrackerConfig(face=parse_face_choice(word))


@pytest.fixture(scope="module")
def side_by_side() -> list[NDArray[np.uint8]]:
    """Two people about as large as each other, 8 frames; their faces are near x 250 and 750."""
    pairs = zip(portrait("grimaces", 0, 8), portrait("glasses", 0, 8), strict=True)
    return [placed(placed(room(1000, 512), one, 0, 0), other, 512, 16) for one, other in pairs]


def test_a_blink_is_as_deep_after_smoothing_as_before_and_every_frame_has_all_points(film: Film):
    clip = film(portrait("grimaces", BLINK.start, BLINK.stop))
    raw, smooth = (track_face(clip, FaceTrackerConfig(repair=how)) for how in (UNSMOOTHED, FaceRepairConfig()))
    assert smooth.points.shape == (24, 478, 3) and np.isfinite(smooth.points).all()
    assert (smooth.status == Status.TRACKED).all() and (smooth.confidence > 0.9).all()
    assert lid_openings(raw).min() < 0.1 < 0.25 < lid_openings(raw)[0]
    assert lid_openings(smooth).min() < lid_openings(raw).min() + 0.01
    assert (np.argmin(lid_openings(smooth)), len(smooth.times)) == (np.argmin(lid_openings(raw)), 24)


def test_irises_lie_between_the_corners_of_their_eyes(film: Film):
    track = track_face(film(portrait("glasses", 0, 6)))
    for centre, eye in zip(IRIS_CENTRES, (RIGHT_EYE, LEFT_EYE), strict=True):
        corners = np.sort(track.points[:, [eye[0], eye[8]], 0], axis=1)
        assert (corners[:, 0] < track.points[:, centre, 0]).all() and (track.points[:, centre, 0] < corners[:, 1]).all()
    assert track.points[0, IRIS_CENTRES[0], 0] < track.points[0, IRIS_CENTRES[1], 0]  # unmirrored: right on the left


def test_a_head_60_pixels_high_is_found_and_followed_through_a_large_frame(film: Film):
    scale = 60 / FACE
    images = portrait("grimaces", 0, 10)
    small = film([placed(room(), scaled(image, scale), 900 - 12 * i, 400) for i, image in enumerate(images)], "s.mp4")
    far, near = track_face(small), track_face(film(images))
    assert (far.status == Status.TRACKED).all()
    offset = np.stack([900 - 12 * np.arange(10), np.full(10, 400)], axis=-1)[:, None]
    expected = (near.points[..., :2] + 0.5) * scale - 0.5 + offset
    assert np.hypot(*np.moveaxis(far.points[..., :2] - expected, -1, 0)).mean() < 1.5  # pixels; 1.0 measured


def test_a_head_too_small_for_the_whole_picture_is_found_in_tiles(film: Film):
    scale = 32 / FACE
    images = [placed(room(), scaled(image, scale), 600, 300) for image in portrait("glasses", 0, 3)]
    track = track_face(film(images))
    assert (track.status == Status.TRACKED).all()
    assert np.abs(middles(track) - (600 + 246 * scale, 300 + 272 * scale)).max() < 3


def test_two_faces_of_about_one_size_are_refused_without_a_choice(film: Film, side_by_side):
    with pytest.raises(TrackError, match=r"frame 0: 2 faces were seen, 2 of them about as large as") as error:
        track_face(film(side_by_side))
    assert error.value.remedy == (
        "Say which by --face (a target's by --target-face, in `understudy track` by --performer): largest, left, "
        "right, or a number from 0 (the leftmost) to 1."
    )


@pytest.mark.parametrize(("word", "x"), [("left", 250), ("1", 757)])
def test_the_chosen_face_is_followed_through_the_clip(film: Film, side_by_side, word: str, x: int):
    track = track_face(film(side_by_side), choosing(word))
    assert (track.status == Status.TRACKED).all()
    assert np.abs(middles(track)[:, 0] - x).max() < 30


def test_an_index_beyond_the_faces_is_refused_with_their_number(film: Film, side_by_side):
    with pytest.raises(TrackError, match=r"there is no face 2: 2 faces were seen; .* from 0 \(the leftmost\) to 1"):
        track_face(film(side_by_side[:1]), choosing("2"))


def test_a_face_that_is_clearly_the_largest_is_followed_with_a_warning(film: Film, caplog: pytest.LogCaptureFixture):
    small = scaled(portrait("glasses", 0, 1)[0], 0.4)
    images = [placed(placed(room(900, 512), image, 0, 0), small, 600, 200) for image in portrait("grimaces", 0, 3)]
    track = track_face(film(images))
    assert np.abs(middles(track)[:, 0] - 250).max() < 30
    assert caplog.messages == [
        "clip.mp4, frame 0: several faces are in the picture and none was named: the largest is followed"
    ]


def test_gaps_are_filled_held_or_left_and_no_frame_is_dropped(film: Film):
    images = portrait("grimaces", 0, 34)
    empty = np.full_like(images[0], 150)
    for hidden in (*range(0, 6), *range(12, 15), *range(20, 31)):
        images[hidden] = np.where(np.arange(512)[:, None, None] < 440, empty, images[hidden])
    track = track_face(film(images), FaceTrackerConfig(repair=FaceRepairConfig(cut_distance=1)))
    want = [3] + [2] * 5 + [0] * 6 + [1] * 3 + [0] * 5 + [3] * 11 + [0] * 3
    assert track.status.tolist() == want
    assert (track.points[track.status == Status.MISSING] == 0).all()
    assert (track.confidence[track.status == Status.MISSING] == 0).all()
    assert (track.shoulders[track.status == Status.MISSING] == 0).all()


def test_another_person_is_never_taken_for_the_one_who_left(film: Film, caplog: pytest.LogCaptureFixture):
    stage = room(1400, 512)
    mine = [placed(stage, image, 0, 0) for image in portrait("grimaces", 0, 4)]
    theirs = [placed(stage, image, 900, 16) for image in portrait("glasses", 0, 6)]
    track = track_face(film(mine + theirs), FaceTrackerConfig(repair=FaceRepairConfig(cut_distance=1)))
    assert track.status.tolist() == [Status.TRACKED] * 4 + [Status.HELD] * 5 + [Status.MISSING]
    assert np.abs(middles(track)[:9, 0] - 250).max() < 30
    assert "left as a gap" in caplog.text


def test_a_cut_begins_a_shot_that_is_not_bridged_and_whose_stranger_is_not_followed(film: Film):
    mine, theirs = portrait("grimaces", 0, 12), portrait("glasses", 0, 3)
    clip = film(mine[:5] + [np.pad(image, ((16, 16), (16, 16), (0, 0))) for image in theirs] + mine[8:])
    track = track_face(clip)
    assert track.shot.tolist() == [0] * 5 + [1] * 3 + [2] * 4
    assert track.status.tolist() == [Status.TRACKED] * 5 + [Status.MISSING] * 3 + [Status.TRACKED] * 4


def test_a_clip_without_a_face_is_refused(film: Film):
    with pytest.raises(
        TrackError, match=r"no face was found in any of the 2 frames; expected a face that looks towards"
    ):
        track_face(film([room(), room()]))


def test_an_unknown_word_for_a_face_is_refused():
    with pytest.raises(UnknownChoice, match=r"there is no 'tallest'; expected one of INDEX .*, largest, left, right"):
        parse_face_choice("tallest")


def test_the_silhouette_holds_face_and_hair_and_leaves_out_the_wall(film: Film):
    image = portrait("grimaces", 120, 121)[0]
    (mask,) = person_silhouettes(as_frames([image]))
    assert mask.shape == (512, 512) and mask.dtype == np.float32 and mask.min() >= 0 and mask.max() <= 1
    assert mask[200:440, 180:340].min() > 0.9  # face
    assert mask[300:420, 110:140].min() > 0.8  # hair
    assert mask[:120, :60].max() < 0.05 and mask[:120, -60:].max() < 0.05
