"""The rendered portraits: what they promise to everybody who measures with them."""

import subprocess
import sys
from dataclasses import fields
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.delivery import ffmpeg_program
from pipeline.face_landmarks import FACE_POINTS, INNER_CANTHI, IRIS_CENTRES, OUTER_CANTHI
from pipeline.values import FaceTrack, Status
from pipeline.video import probe, read_video
from stages.tracking.face import track_face

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from sample_videos.depth_buffer import find_seen  # noqa: E402
from sample_videos.expression import Moment, moved  # noqa: E402
from sample_videos.face_truth import FaceTruth, read_face_truth  # noqa: E402
from sample_videos.head_shape import build_head  # noqa: E402
from sample_videos.likeness import BLUE as BLUES_LIKENESS  # noqa: E402
from sample_videos.portrait import PORTRAITS, Portrait, lid_opening  # noqa: E402
from sample_videos.portrait_picture import Sitter, render_portrait  # noqa: E402
from sample_videos.speech import mouth_opening  # noqa: E402

FOLDER = ROOT / "sample_videos"
RED, BLUE, ANSWER = PORTRAITS

CODEC_PSNR = 34.0  # dB between a rendered frame and the film's
LANDMARK_ERROR = 0.06  # of the distance between the outer eye corners, mean over frames and landmarks
# Of what the tracker sees with the truth. Its irises follow a glance up or down weakly, its lips a small opening.
GAZE_CORRELATION = (0.93, 0.70)  # across, up and down
LID_CORRELATION, MOUTH_CORRELATION = 0.93, 0.88
FILM_BYTES, TRUTH_BYTES = 600_000, 200_000
SOUND_RATE = 8_000
PEAK = 0.002  # how far a frame may be from the peak of a curve
TRUE_MARKS = (33, 133, 362, 263, 61, 291)  # the mesh's numbers of the true landmarks but nose and chin

every_portrait = pytest.mark.parametrize("portrait", PORTRAITS, ids=lambda portrait: portrait.name)
with_sound = pytest.mark.parametrize("portrait", (RED, ANSWER), ids=lambda portrait: portrait.name)


def film_of(portrait: Portrait) -> Path:
    return FOLDER / f"{portrait.name}.mp4"


@cache
def stored(portrait: Portrait) -> FaceTruth:
    return read_face_truth(FOLDER / f"{portrait.name}.json")


@cache
def tracked(portrait: Portrait) -> FaceTrack:
    return track_face(film_of(portrait))


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def test_red_is_filmed_for_eight_seconds_at_24_frames_a_second():
    info = probe(film_of(RED))
    assert (info.width, info.height, info.frame_rate, info.frames) == (256, 256, Fraction(24), 192)


def test_blue_is_filmed_for_fourteen_seconds_at_30000_1001_frames_a_second():
    info = probe(film_of(BLUE))
    assert (info.width, info.height, info.frame_rate, info.frames) == (256, 256, Fraction(30000, 1001), 420)


@every_portrait
def test_the_truth_has_a_row_for_each_frame_at_its_time(portrait):
    with read_video(film_of(portrait)) as film:
        assert tuple(frame.time for frame in film) == stored(portrait).times
    assert {len(getattr(stored(portrait), name)) for name in ("rotation", "gaze", "lids", "landmarks")} == {
        portrait.frames
    }


@every_portrait
def test_the_program_makes_exactly_the_stored_truth(portrait):
    fresh, kept = portrait.truth(), stored(portrait)
    for name, tolerance in (("rotation", 1e-5), ("translation", 1e-3), ("gaze", 1e-4), ("lids", 1e-4), ("jaw", 1e-4)):
        np.testing.assert_allclose(getattr(fresh, name), getattr(kept, name), rtol=0, atol=tolerance)
    np.testing.assert_allclose(fresh.landmarks, kept.landmarks, rtol=0, atol=0.01)


@every_portrait
def test_the_program_makes_the_films_frames_up_to_the_codec(portrait):
    chosen = (0, portrait.frames // 2)
    sitter, moments = Sitter.of(portrait.person), portrait.moments()
    with read_video(film_of(portrait)) as film:
        shown = {frame.index: frame.image for frame in film if frame.index in chosen}
    for index in chosen:
        error = np.mean((render_portrait(sitter, moments[index]).astype(float) - shown[index]) ** 2)
        assert 10 * np.log10(255**2 / error) >= CODEC_PSNR, f"{portrait.name}, frame {index}"


@every_portrait
def test_the_tracker_finds_all_points_in_every_frame(portrait):
    track = tracked(portrait)
    missed = np.flatnonzero(track.status != Status.TRACKED)
    assert not len(missed), f"{portrait.name}: not seen in frames {missed.tolist()}"
    assert track.points.shape == (portrait.frames, FACE_POINTS, 3)
    assert np.isfinite(track.points).all()
    assert track.points[..., :2].min() >= 0
    assert track.points[..., :2].max() <= 255


@every_portrait
def test_the_tracker_finds_eyes_and_mouth_where_they_are(portrait):
    true = stored(portrait).landmarks
    apart = np.linalg.norm(true[:, 0] - true[:, 3], axis=1)
    error = np.linalg.norm(tracked(portrait).points[:, TRUE_MARKS, :2] - true[:, : len(TRUE_MARKS)], axis=2)
    assert (error / apart[:, None]).mean() < LANDMARK_ERROR


@every_portrait
def test_what_the_tracker_sees_of_the_gaze_follows_the_truth(portrait):
    """The irises' middle between the eyes' corners, where both eyes are open; what the head's turn adds is taken out.

    An iris lies before the line between its eye's corners, so that it seems to look aside when the head turns.
    """
    points, true = tracked(portrait).points[..., :2], stored(portrait)
    forward = Rotation.from_rotvec(true.rotation).as_matrix()[:, :2, 2]
    open_eyes = true.lids.min(1) > 0.15
    seen = np.mean([iris_offset(points, eye) for eye in (0, 1)], axis=0)
    for axis, least in enumerate(GAZE_CORRELATION):
        factors = np.column_stack((seen, forward, np.ones(len(seen))))[open_eyes]
        wanted = true.gaze[open_eyes, axis]
        fitted = factors @ np.linalg.lstsq(factors, wanted, rcond=None)[0]
        assert correlation(fitted, wanted) > least, f"{portrait.name}: {'uv'[axis]}"


def iris_offset(points: NDArray[np.float32], eye: int) -> NDArray[np.float64]:
    """The iris of eye 0 (right) or 1 from the middle of its corners, along and across their line, half widths."""
    corners = points[:, OUTER_CANTHI[eye]].astype(float), points[:, INNER_CANTHI[eye]].astype(float)
    first, last = corners if eye == 0 else corners[::-1]
    along = (last - first) / 2
    offset = points[:, IRIS_CENTRES[eye]] - (first + last) / 2
    across = np.stack((along[:, 1], -along[:, 0]), axis=1)
    return np.stack([(offset * axis).sum(1) for axis in (along, across)], axis=1) / (along**2).sum(1)[:, None]


@every_portrait
def test_what_the_tracker_sees_of_lids_and_mouth_follows_the_truth(portrait):
    points, true = tracked(portrait).points, stored(portrait)

    def apart(one: int, other: int) -> NDArray[np.float64]:
        return np.linalg.norm(points[:, one] - points[:, other], axis=1).astype(float)

    right = (apart(160, 144) + apart(158, 153)) / apart(33, 133)
    left = (apart(385, 380) + apart(387, 373)) / apart(362, 263)
    assert correlation(right + left, true.lids.sum(1)) > LID_CORRELATION
    assert correlation(apart(13, 14) / apart(33, 263), true.jaw) > MOUTH_CORRELATION


@every_portrait
def test_the_head_stays_in_the_picture(portrait):
    assert stored(portrait).landmarks.min() > 20
    assert stored(portrait).landmarks.max() < 235


def test_blue_covers_all_that_red_does_in_the_part_that_is_not_held_out():
    """Every parameter of Red's lies between the least and the greatest of the first 85 % of Blue's clip."""
    red, blue = RED.moments(), BLUE.moments()[: int(0.85 * BLUE.frames)]
    for name in (field.name for field in fields(Moment)):
        asked, known = ([getattr(moment, name) for moment in moments] for moments in (red, blue))
        assert min(known) <= min(asked) + PEAK, name
        assert max(asked) <= max(known) + PEAK, name


def test_the_answer_does_what_red_does():
    red, answer = stored(RED), stored(ANSWER)
    assert answer.times == red.times
    for name in ("jaw", "smile", "brows", "gaze"):
        np.testing.assert_array_equal(getattr(answer, name), getattr(red, name))


def test_the_answer_turns_and_shifts_from_blues_rest_as_red_does_from_reds():
    """Methods 12.6: R' = R_red · R_blue at rest; t' = t_blue at rest + (distance ratio) · (t_red - t_red at rest)."""
    red, blue, answer = stored(RED), stored(BLUE), stored(ANSWER)
    turned = Rotation.from_rotvec(red.rotation) * Rotation.from_rotvec(blue.rotation[0])
    np.testing.assert_allclose((turned.inv() * Rotation.from_rotvec(answer.rotation)).magnitude(), 0, atol=1e-4)
    ratio = blue.translation[0, 2] / red.translation[0, 2]
    expected = blue.translation[0] + ratio * (red.translation - red.translation[0])
    np.testing.assert_allclose(answer.translation, expected, atol=3e-3)


@with_sound
def test_the_sound_is_as_long_as_the_film_and_as_loud_as_the_mouth_is_wide(portrait):
    command = [ffmpeg_program(), "-v", "error", "-i", film_of(portrait), "-ar", str(SOUND_RATE), "-ac", "1"]
    decoded = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, check=True)
    sound = np.frombuffer(decoded.stdout, np.float32)
    assert len(sound) / SOUND_RATE == pytest.approx(portrait.frames / portrait.rate, abs=0.03)
    windows = len(sound) // 200  # 25 ms
    loud = np.sqrt((sound[: windows * 200].reshape(-1, 200) ** 2).mean(1))
    wide = mouth_opening(portrait.acting.talk, (np.arange(windows) + 0.5) / 40)
    assert correlation(loud, wide) > 0.95


def test_blues_portrait_is_silent():
    assert not probe(film_of(BLUE)).has_sound


@every_portrait
def test_portraits_and_truths_are_small(portrait):
    assert film_of(portrait).stat().st_size < FILM_BYTES
    assert (FOLDER / f"{portrait.name}.json").stat().st_size < TRUTH_BYTES


def test_shut_lids_leave_no_opening_and_open_ones_about_a_third_of_the_eyes_width():
    shape = BLUES_LIKENESS.shape
    assert lid_opening(shape, Moment(lid_right=0.0), -1) == 0
    assert 0.28 < lid_opening(shape, Moment(), -1) < 0.40


def test_a_closed_mouths_face_is_the_resting_one_and_an_open_ones_chin_lies_lower():
    shape = BLUES_LIKENESS.shape
    rest = build_head(shape).rest
    np.testing.assert_allclose(moved(rest, shape, Moment()), rest, atol=1e-12)
    chin = np.array((0.0, shape.mouth_y - 4.0, 4.5))
    brow = np.array((3.0, shape.brow_y, 5.0))
    assert moved(chin, shape, Moment(jaw=1.0))[1] < chin[1] - 1.5
    np.testing.assert_allclose(moved(brow, shape, Moment(jaw=1.0)), brow, atol=1e-12)


def test_of_two_triangles_a_pixel_shows_the_nearer_and_none_that_turns_its_back():
    """Both cover pixel (1, 1) of 4 x 4, at depths 5 and 3; the third, nearest, is clockwise."""
    corners = np.array(((0.0, 0.0), (0.0, 3.0), (3.0, 0.0)))
    points = np.concatenate([np.column_stack((corners, np.full(3, depth))) for depth in (5.0, 3.0, 1.0)])
    triangles = np.array(((0, 1, 2), (3, 4, 5), (6, 8, 7)), np.int32)
    seen = find_seen(points, triangles, 4, 4)
    assert seen.triangle[seen.pixels == 5].tolist() == [1]
    np.testing.assert_allclose(seen.weights[seen.pixels == 5][0], (1 / 3, 1 / 3, 1 / 3), atol=1e-6)
    assert len(seen.pixels) == 10
