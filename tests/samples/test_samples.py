"""The rendered samples: what they promise to everybody who measures with them."""

import subprocess
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.delivery import ffmpeg_program
from pipeline.values import Frame, Status, Track
from pipeline.video import probe, read_video
from stages.tracking.pose import track_pose

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from sample_videos.figure import SHIN, THIGH, Side, pose_body  # noqa: E402
from sample_videos.motion import Dance  # noqa: E402
from sample_videos.paint import plain  # noqa: E402
from sample_videos.picture import Stage, render  # noqa: E402
from sample_videos.render import SAMPLES, Sample, truth  # noqa: E402
from sample_videos.round_cones import NEVER, Solid, View, cast  # noqa: E402
from sample_videos.truth import Truth, read_truth  # noqa: E402

FOLDER = ROOT / "sample_videos"
RED, BLUE, ANSWER = SAMPLES

LIMBS = np.array((11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28))  # shoulders … ankles, left before right
ANKLES = {"left": 27, "right": 28}
TRACKER_ERROR = 5.0  # pixels, mean over limbs and frames
WORST_FRAME = 10.0  # pixels, mean over limbs
CODEC_PSNR = 32.0  # dB between a rendered frame and the film's
FILM_BYTES, TRUTH_BYTES = 500_000, 250_000
SOUND_RATE = 48_000

every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
with_sound = pytest.mark.parametrize("sample", (RED, ANSWER), ids=lambda sample: sample.name)


def film_of(sample: Sample) -> Path:
    return FOLDER / f"{sample.name}.mp4"


@cache
def stored(sample: Sample) -> Truth:
    return read_truth(FOLDER / f"{sample.name}.json")


@cache
def tracked(sample: Sample) -> Track:
    return track_pose(film_of(sample))


def test_red_is_filmed_for_eight_seconds_at_24_frames_a_second():
    info = probe(film_of(RED))
    assert (info.width, info.height, info.frame_rate, info.frames) == (360, 640, Fraction(24), 192)


def test_blue_is_filmed_for_fifteen_seconds_at_30000_1001_frames_a_second():
    info = probe(film_of(BLUE))
    assert (info.width, info.height, info.frame_rate, info.frames) == (360, 640, Fraction(30000, 1001), 450)


def test_the_answer_has_a_frame_at_each_of_reds_times():
    with read_video(film_of(ANSWER)) as answer, read_video(film_of(RED)) as red:
        assert [frame.time for frame in answer] == [frame.time for frame in red]


@every_sample
def test_the_stored_times_are_those_of_the_film(sample):
    with read_video(film_of(sample)) as film:
        assert tuple(frame.time for frame in film) == stored(sample).times


@every_sample
def test_the_program_makes_exactly_the_stored_joints(sample):
    fresh, kept = truth(sample), stored(sample)
    np.testing.assert_array_equal(fresh.joints, kept.joints)
    assert (fresh.film, fresh.width, fresh.height, fresh.times, fresh.stamps) == (
        *(kept.film, kept.width, kept.height, kept.times, kept.stamps),
    )


@every_sample
def test_the_program_makes_the_films_frames_up_to_the_codec(sample):
    chosen = (0, sample.frames // 2)
    stances = sample.dance.stances(np.array([float(sample.times[index]) for index in chosen]))
    stage = Stage.of(sample.place)
    pictures = frames_at(film_of(sample), chosen)
    for stance, frame in zip(stances, pictures, strict=True):
        rendered = render(sample.performer, pose_body(sample.performer.body, stance), stage)
        found = psnr(rendered, frame.image)
        assert found >= CODEC_PSNR, f"{sample.name}, frame {frame.index}: {found:.1f} dB"


def frames_at(path: Path, indices: tuple[int, ...]) -> list[Frame]:
    with read_video(path) as film:
        return [frame for frame in film if frame.index in indices]


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


@every_sample
def test_the_tracker_finds_the_performer_in_every_frame(sample):
    missed = np.flatnonzero(tracked(sample).status != Status.TRACKED)
    assert not len(missed), f"{sample.name}: not seen in frames {missed.tolist()}"


@every_sample
def test_the_tracker_finds_the_limbs_where_they_are(sample):
    error = np.linalg.norm(tracked(sample).points[:, LIMBS] - stored(sample).joints[:, LIMBS], axis=2)
    by_joint = dict(zip(LIMBS.tolist(), error.mean(0).round(1).tolist(), strict=True))
    assert error.mean() < TRACKER_ERROR, f"{sample.name}: {error.mean():.2f} px; by joint {by_joint}"
    worst = int(error.mean(1).argmax())
    assert error.mean(1).max() < WORST_FRAME, f"{sample.name}: {error[worst].mean():.2f} px in frame {worst}"


@every_sample
def test_the_tracker_never_takes_left_for_right(sample):
    found, true = tracked(sample).points, stored(sample).joints
    for left, right in LIMBS.reshape(-1, 2).tolist():
        straight = np.linalg.norm(found[:, [left, right]] - true[:, [left, right]], axis=2).sum(1)
        crossed = np.linalg.norm(found[:, [left, right]] - true[:, [right, left]], axis=2).sum(1)
        apart = np.linalg.norm(true[:, left] - true[:, right], axis=1) > 2 * WORST_FRAME
        confused = np.flatnonzero(apart & (crossed < straight))
        assert not len(confused), f"{sample.name}: joints {left} and {right} in frames {confused.tolist()}"


@every_sample
def test_every_joint_stays_in_the_picture(sample):
    joints = stored(sample).joints
    assert joints.min() >= 0
    assert (joints.max((0, 1)) <= (359, 639)).all()


@every_sample
def test_a_foot_on_the_floor_does_not_slide(sample):
    """Between a landing and the next step an ankle's pixel moves by the rounding only."""
    beats = np.array([float(time) for time in sample.times]) * sample.dance.tempo / 60
    for side, ankle in ANKLES.items():
        path = stored(sample).joints[:, ankle]
        for first, last in standing(sample.dance, side):
            still = path[(beats >= first) & (beats <= last)]
            if len(still):
                assert np.ptp(still, axis=0).max() <= 0.1 + 1e-9, f"{side} foot from beat {first} to {last}"


def standing(dance: Dance, side: str) -> list[tuple[float, float]]:
    steps = [step for step in dance.steps if step.side == side]
    landed = [0.0, *(step.lands for step in steps)]
    return list(zip(landed, [*(step.lands - step.takes for step in steps), np.inf], strict=True))


def test_blue_dances_reds_dance_with_the_same_joint_rotations():
    """Every bone of arms and legs points the same way in space in both films, frame by frame."""
    for red, blue in zip(RED.bones(), ANSWER.bones(), strict=True):
        for one, other in ((red.left, blue.left), (red.right, blue.right)):
            np.testing.assert_allclose(directions(one), directions(other), atol=1e-6)


def directions(side: Side) -> NDArray[np.float64]:
    """Upper arm, forearm, thigh and shin as unit vectors (4, 3)."""
    begins = np.stack((side.shoulder, side.elbow, side.hip, side.knee))
    bones = np.stack((side.elbow, side.wrist, side.knee, side.ankle)) - begins
    return np.asarray(bones / np.linalg.norm(bones, axis=1, keepdims=True))


@every_sample
def test_bones_keep_their_lengths(sample):
    body = sample.performer.body
    expected = (body.upper_arm, body.forearm, THIGH * body.leg, SHIN * body.leg)
    for bones in sample.bones():
        for side in (bones.left, bones.right):
            joints = np.stack((side.shoulder, side.elbow, side.wrist)), np.stack((side.hip, side.knee, side.ankle))
            found = np.concatenate([np.linalg.norm(np.diff(chain, axis=0), axis=1) for chain in joints])
            np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_ray_meets_a_ball_at_its_front():
    """The middle pixel of a camera 5 m before a ball of 1 m sees it 4 m away, with the normal towards the camera."""
    view = View.looking(np.array((0.0, 0.0, 5.0)), np.zeros(3), focal=10.0, width=9, height=9)
    ball = Solid(np.zeros(3), np.zeros(3), 1.0, 1.0, plain((255, 0, 0)))
    hits = cast([ball], view)
    assert hits.depth[4, 4] == pytest.approx(4.0, abs=1e-5)
    np.testing.assert_allclose(hits.normal[4, 4], (0, 0, 1), atol=1e-5)
    np.testing.assert_allclose(hits.colour[4, 4], (1, 0, 0))
    assert hits.depth[0, 0] == NEVER


def test_a_ray_meets_a_cone_between_its_balls():
    """Half way between balls of 1.0 m and 0.5 m, 4 m apart, the hull's radius across its axis is 0.75 / cos a, where
    sin a = 0.5 / 4 is its slope; a ray along z through that place meets it there."""
    view = View.looking(np.array((0.0, 0.0, 50.0)), np.zeros(3), focal=10.0, width=9, height=9)
    cone = Solid(np.array((-2.0, 0.0, 0.0)), np.array((2.0, 0.0, 0.0)), 1.0, 0.5, plain((255, 255, 255)))
    assert cast([cone], view).depth[4, 4] == pytest.approx(50 - 0.75 / np.sqrt(1 - 0.125**2), abs=1e-3)


@with_sound
def test_a_stamping_foot_meets_the_floor_on_its_beat(sample):
    """Still in the air a frame before the beat, on the floor at it, at the same height a frame later."""
    for stamp in stored(sample).stamps:
        at = stored(sample).times.index(stamp.time)
        height = stored(sample).joints[at - 2 : at + 2, ANKLES[stamp.foot], 1]
        assert height[2] - height[0] > 1.5, f"{stamp}: ankle at rows {height}"
        assert height[2] - height[1] > 0.1, f"{stamp}: ankle at rows {height}"
        assert abs(height[3] - height[2]) <= 0.1 + 1e-9, f"{stamp}: ankle at rows {height}"


@with_sound
def test_the_sound_marks_every_stamp_within_a_frame(sample):
    sound = decoded_sound(film_of(sample))
    for stamp in stored(sample).stamps:
        heard = loudest_onset(sound, around=float(stamp.time))
        assert abs(heard - stamp.time) <= 1 / sample.rate, f"{stamp} is heard at {heard:.3f} s"


def decoded_sound(path: Path) -> NDArray[np.float32]:
    """Mono samples (n,) as a player hears them."""
    command = [ffmpeg_program(), "-v", "error", "-i", path, "-ar", str(SOUND_RATE), "-ac", "1"]
    decoded = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, check=True)
    return np.frombuffer(decoded.stdout, np.float32)


def loudest_onset(sound: NDArray[np.float32], around: float) -> float:
    """When, within a fifth of a second, the sound's energy in 5 ms windows grows most, seconds."""
    window = SOUND_RATE // 200
    first = int((around - 0.2) * 200)
    block = sound[first * window : (first + 80) * window].reshape(-1, window)
    energy = (block**2).mean(1)
    return (first + 1 + int(np.diff(energy).argmax())) / 200


def test_blue_is_silent():
    assert not probe(film_of(BLUE)).has_sound


@every_sample
def test_films_and_truths_are_small(sample):
    assert film_of(sample).stat().st_size < FILM_BYTES
    assert (FOLDER / f"{sample.name}.json").stat().st_size < TRUTH_BYTES
