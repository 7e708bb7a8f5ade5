"""A target is looked at before hours are spent on it: good clips pass, each fault is named with what to do about it."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_dances import NTSC, SAMPLE_HEIGHT, SAMPLE_WIDTH, SAMPLES, times_at, track_of
from numpy.typing import NDArray

from pipeline.values import Frame, Status, Track, VideoInfo
from pipeline.video import read_video, write_video
from stages.tracking.pose import track_pose
from stages.training.footage import Footage, Verdict, check_footage, judge_pictures, judge_poses
from stages.training.picture_faults import PictureFaults, sample_pairs, softness_of
from stages.training.pose_coverage import pose_coverage

CLIPS = Path(__file__).parents[2].parent / "shared/clips"
FRAMES = 60
U8 = NDArray[np.uint8]
Change = Callable[[U8, int], U8]


def joints(count: int) -> NDArray[np.float32]:
    rows = json.loads((SAMPLES / "blue_dance.json").read_text(encoding="utf-8"))["frames"][:count]
    return np.array([row[1] for row in rows], np.float32)


def sample_track(count: int = FRAMES, **changes: object) -> Track:
    return replace(track_of(joints(count), SAMPLE_WIDTH, SAMPLE_HEIGHT, times_at(count)), **changes)  # type: ignore[arg-type]


def film_of(path: Path, change: Change, count: int = FRAMES) -> Path:
    info = VideoInfo(path, SAMPLE_WIDTH, SAMPLE_HEIGHT, NTSC, Fraction(1, 30000))
    with read_video(SAMPLES / "blue_dance.mp4", stop_index=count) as video, write_video(path, info) as film:
        for frame in video:
            film.write(Frame(change(frame.image, frame.index), frame.time, frame.index))
    return path


def named(footage: Footage, name: str) -> tuple[Verdict, str, str]:
    finding = next(finding for finding in footage.findings if finding.name == name)
    return finding.verdict, finding.found, finding.advice


def panned(image: U8, index: int) -> U8:
    """The camera turns by two pixels a frame; what comes in from the side repeats what went out."""
    return np.roll(image, 2 * index, axis=1)


def panned_track() -> Track:
    points = joints(FRAMES)
    points[..., 0] += 2 * np.arange(FRAMES)[:, None]
    return track_of(points, SAMPLE_WIDTH, SAMPLE_HEIGHT, times_at(FRAMES))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Footage]]:
    """One clip each with a fault, checked once."""
    folder, done = tmp_path_factory.mktemp("footage"), dict[str, Footage]()
    made: dict[str, tuple[Change, Track]] = {
        "good": (lambda image, _: image, sample_track()),
        "blurred": (lambda image, _: np.asarray(cv2.GaussianBlur(image, (0, 0), 2.5), np.uint8), sample_track()),
        "panned": (panned, panned_track()),
        "overexposed": (lambda image, _: np.minimum(image * 3.0, 255).astype(np.uint8), sample_track()),
    }

    def check(name: str) -> Footage:
        if name not in done:
            change, track = made[name]
            done[name] = check_footage(film_of(folder / f"{name}.mp4", change), track)
        return done[name]

    yield check


def test_a_good_clip_is_warned_of_its_length_only_and_of_turns_its_track_does_not_know(checked):
    footage = checked("good")
    assert footage.trainable
    assert (footage.frames, round(footage.seconds, 3)) == (FRAMES, 2.002)
    assert {finding.name for finding in footage.warnings} <= {"length", "turns", "arms", "legs"}  # two seconds of dance
    assert named(footage, "length") == (
        Verdict.WARN,
        "60 frames with the person, 2.0 seconds",
        "Film for a minute or more, in one take.",
    )


def test_a_clip_out_of_focus_is_found_out_and_says_what_to_do(checked):
    verdict, found, advice = named(checked("blurred"), "sharpness")
    assert verdict is Verdict.WARN and found.startswith("softness 0.")
    assert advice == "Clean the lens, focus on the person and lock the focus."
    assert named(checked("good"), "sharpness")[0] is Verdict.OK


def test_a_camera_that_turns_is_found_out_with_its_speed(checked):
    verdict, _, advice = named(checked("panned"), "camera")
    speed = next(one.measured for one in checked("panned").findings if one.name == "camera")
    assert verdict is Verdict.WARN
    assert speed == pytest.approx(2 * float(NTSC) / SAMPLE_WIDTH, rel=0.05)  # pixels a second, of the width
    assert advice == "Put the camera on a tripod: the background is taken from it."
    assert named(checked("good"), "camera")[1:] == ("background moves by 0.0 % of the width a second, 0.0 % in all", "")


def test_a_person_without_shades_is_found_out(checked):
    assert named(checked("overexposed"), "light")[0] is Verdict.WARN
    assert named(checked("good"), "light")[0] is Verdict.OK


def test_a_clip_that_training_would_refuse_is_bad(tmp_path: Path):
    footage = check_footage(film_of(tmp_path / "short.mp4", lambda image, _: image, 30), sample_track(30))
    assert not footage.trainable
    assert named(footage, "length")[:2] == (Verdict.BAD, "30 frames with the person, 1.0 seconds")


def test_a_person_who_is_away_half_of_the_time_is_warned_of(tmp_path: Path):
    status = np.where(np.arange(100) % 20 < 10, Status.TRACKED, Status.MISSING).astype(np.uint8)
    film = film_of(tmp_path / "away.mp4", lambda image, _: image, 100)
    footage = check_footage(film, replace(sample_track(100), status=status))
    assert footage.trainable
    assert named(footage, "detection")[:2] == (Verdict.WARN, "50 % tracked, 0 % interpolated, 0 % held, 50 % missing")
    assert named(footage, "frames in a row")[0] is Verdict.WARN


def test_a_person_seen_only_in_single_frames_cannot_be_learnt_from(tmp_path: Path):
    status = np.where(np.arange(100) % 2 == 0, Status.TRACKED, Status.MISSING).astype(np.uint8)
    film = film_of(tmp_path / "flicker.mp4", lambda image, _: image, 100)
    footage = check_footage(film, replace(sample_track(100), status=status))
    assert named(footage, "frames in a row")[0] is Verdict.BAD
    assert not footage.trainable


def test_cuts_are_warned_of_and_no_pair_of_samples_lies_across_one(tmp_path: Path):
    shot = np.repeat([0, 1, 2], 20).astype(np.int32)
    track = sample_track(shot=shot)
    assert {int(shot[later] - shot[earlier]) for earlier, later in sample_pairs(track)} == {0}
    footage = check_footage(film_of(tmp_path / "cuts.mp4", lambda image, _: image), track)
    assert named(footage, "cuts") == (Verdict.WARN, "2", "Cut the clip to its longest take.")


def test_somebody_who_stands_still_shows_no_arms_and_no_legs():
    still = track_of(np.repeat(joints(1), FRAMES, axis=0), SAMPLE_WIDTH, SAMPLE_HEIGHT, times_at(FRAMES))
    seen = pose_coverage(still)
    assert (seen.arm_sectors, seen.leg_degrees, seen.turn_degrees) == (1, 0.0, 0.0)
    verdicts = {finding.name: finding.verdict for finding in judge_poses(seen)}
    assert verdicts["arms"] is verdicts["legs"] is verdicts["turns"] is Verdict.WARN
    assert verdicts["whole body"] is Verdict.OK


def swinging(end: int, degrees: Sequence[float], about: tuple[float, float] = (100.0, 100.0)) -> Track:
    """A body of sure joints on the spot, one joint on a circle about another; 0 hangs down, 90 points to the right."""
    points = np.full((len(degrees), 33, 2), 100.0, np.float32)
    points[:, [23, 24], 1] = 160  # hips, straight below the shoulders
    points[:, [15, 16, 27, 28]] = points[:, [11, 12, 23, 24]] + np.array([0, 50])
    turned = np.radians(degrees)
    points[:, end] = np.array(about) + 50 * np.stack([np.sin(turned), np.cos(turned)], axis=1)
    return track_of(points, 400, 400, times_at(len(degrees)))


def test_an_arm_is_seen_in_every_direction_that_it_held_for_three_frames():
    both = swinging(15, [5, 5, 5, 35, 35, 35, 65, 65])
    points = both.points.copy()
    points[:, 16] = points[:, 15]
    assert pose_coverage(replace(both, points=points)).arm_sectors == 2  # 65 degrees were held for two frames only
    assert pose_coverage(both).arm_sectors == 1  # the other arm hung all the time


def test_a_leg_that_swings_from_side_to_side_is_measured_from_side_to_side():
    swing = np.linspace(-30, 30, 101)  # without a twentieth at either end: 54 degrees
    assert pose_coverage(swinging(27, swing, about=(100.0, 160.0))).leg_degrees == pytest.approx(54, abs=0.5)


def test_a_limb_that_swings_across_the_straight_line_up_is_not_taken_for_a_full_circle():
    swing = np.linspace(170, 190, 101)
    assert pose_coverage(swinging(27, swing, about=(100.0, 160.0))).leg_degrees == pytest.approx(18, abs=0.5)


def test_turns_are_read_from_the_shoulders_and_backs_are_counted():
    track = sample_track()
    world = np.zeros((FRAMES, 33, 3), np.float32)
    turned = np.radians(np.linspace(0, 180, FRAMES))
    world[:, 11, 0], world[:, 11, 2] = np.cos(turned) / 5, np.sin(turned) / 5
    world[:, 12] = -world[:, 11]
    seen = pose_coverage(replace(track, world=world))
    assert seen.turn_degrees == pytest.approx(180 * 0.9, abs=1)  # a twentieth is left out at either end
    assert seen.behind_share == pytest.approx(0.5, abs=0.01)


def test_a_body_is_measured_whether_it_is_whole_or_not():
    track = sample_track()
    confidence = track.confidence.copy()
    confidence[: FRAMES // 2, [27, 28]] = 0.1
    assert pose_coverage(replace(track, confidence=confidence)).whole_share == 0.5


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_softness_rises_with_blur_and_not_with_contrast(sigma: float):
    with read_video(SAMPLES / "blue_dance.mp4", stop_index=1) as video:
        grey = np.asarray(cv2.cvtColor(next(iter(video)).image, cv2.COLOR_RGB2GRAY), np.uint8)
    person = np.zeros(grey.shape, bool)
    person[120:560, 100:260] = True
    sharp = softness_of(grey, person)
    assert softness_of(np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.uint8), person) > sharp + 0.1
    assert softness_of((grey // 2 + 60).astype(np.uint8), person) == pytest.approx(sharp, abs=0.03)


def test_one_colour_is_wholly_soft_and_nobody_is_not_told():
    flat = np.full((40, 40), 128, np.uint8)
    assert softness_of(flat, np.ones((40, 40), bool)) == 1.0
    assert math.isnan(softness_of(flat, np.zeros((40, 40), bool)))


def faults(**changes: float) -> PictureFaults:
    fine = {"softness": 0.3, "smeared_share": 0.0, "camera_speed": 0.0, "camera_drift": 0.0, "cut_off_share": 0.0}
    return PictureFaults(**{**fine, **changes})


@pytest.mark.parametrize(
    ("changes", "name", "found"),
    [
        ({"camera_speed": math.inf}, "camera", "another view from sample to sample"),
        ({"camera_drift": 0.012}, "camera", "background moves by 0.0 % of the width a second, 1.2 % in all"),
        ({"smeared_share": 0.5}, "motion blur", "50 % of the samples much softer than the sharpest"),
    ],
)
def test_a_fault_is_warned_of_in_words(changes: dict[str, float], name: str, found: str):
    findings = judge_pictures(faults(**changes))
    assert [(one.name, one.found) for one in findings if one.verdict is Verdict.WARN] == [(name, found)]


def test_what_cannot_be_told_is_no_fault_and_says_so():
    findings = judge_pictures(faults(camera_speed=math.nan, camera_drift=math.nan, softness=math.nan))
    assert {one.verdict for one in findings} == {Verdict.OK}
    told = {one.name: one.found for one in findings}
    assert told["camera"] == "cannot be told: the background is plain"
    assert told["sharpness"] == "cannot be told"


def test_samples_of_a_long_clip_are_as_many_as_of_a_short_one():
    points = np.zeros((20_000, 33, 2), np.float32)
    pairs = sample_pairs(track_of(points, 100, 100, times_at(20_000)))
    assert len(pairs) == 16
    assert (pairs[0][0], pairs[-1][1]) == (0, 19_999)
    assert {later - earlier for earlier, later in pairs} == {6}  # a fifth of a second


def test_a_hand_held_camera_of_a_real_clip_is_found_out(tmp_path: Path):
    whole, clip = CLIPS / "dance/taichi.mp4", tmp_path / "taichi.mp4"
    if not whole.exists():
        pytest.skip("the real clips are not on this machine")
    with read_video(whole, stop_index=96) as video, write_video(clip, video.info) as film:
        for frame in video:
            film.write(frame)
    footage = check_footage(clip, track_pose(clip))
    assert named(footage, "camera")[0] is Verdict.WARN
    assert named(footage, "sharpness")[0] is Verdict.OK
    assert footage.trainable
