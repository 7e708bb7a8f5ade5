"""One head does what another did: itself stays itself, parts stay apart, values stay in range, time goes to and fro."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_reenactments import BROWS_UP, JAW, SMILE, USUAL, made_model, made_performance, still, times_at

from pipeline.errors import TrackError, UnknownChoice
from pipeline.face_landmarks import CHIN, MOUTH_CORNERS
from pipeline.values import FacePerformance, Status
from stages.retargeting.edits_file import parse_edits
from stages.retargeting.face_limits import keep_within
from stages.retargeting.face_regions import lid_weights, mouth_weights, size_ratios
from stages.retargeting.gaze import lid_openings
from stages.retargeting.pendulum import to_and_fro
from stages.retargeting.reenact import PARTS, ReenactConfig, parse_parts, reenact

MODEL = made_model()
OTHER = made_model(width=1.1, turn=0.1, depth=-60.0)  # wider, its reference turned by 0.1 rad, farther away
MOVED = ("rotation", "translation", "expression", "gaze", "lids")
FIELDS = (*MOVED, "shoulders", "status", "shot")
QUICK = settings(max_examples=25, deadline=None)  # a busy machine is no fault
CLOSE = 1e-5  # cm, radians, parts: float32 at some ten


def assert_same(one: FacePerformance, other: FacePerformance, names: tuple[str, ...] = FIELDS) -> None:
    for name in names:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def wild(performance: FacePerformance) -> FacePerformance:
    """The same, with frames far outside any range, and one without a face."""
    made = replace(
        performance,
        rotation=2 * performance.rotation + np.float32(0.4),
        gaze=4 * performance.gaze,
        expression=3 * performance.expression,
    )
    made.status[3] = Status.MISSING
    made.status[4] = Status.HELD
    return made


def test_a_performance_laid_onto_itself_is_itself_bit_for_bit_even_outside_the_range_of_training():
    performance = wild(made_performance(MODEL))
    result = reenact(performance, MODEL, performance, MODEL, ReenactConfig(mode="absolute"))
    assert_same(result.performance, performance)
    assert result.performance.times == performance.times
    assert result.follows.tolist() == list(range(8))
    assert not result.clamped_frames.any()


def test_so_it_is_relative_to_the_same_reference_within_the_error_of_float():
    performance = made_performance(OTHER)
    result = reenact(performance, OTHER, performance, OTHER)
    for name in MOVED:
        np.testing.assert_allclose(getattr(result.performance, name), getattr(performance, name), atol=CLOSE)


def test_the_reference_pose_of_one_becomes_the_reference_pose_of_the_other():
    result = reenact(still(MODEL), MODEL, made_performance(OTHER), OTHER).performance
    np.testing.assert_allclose(result.rotation, np.tile(OTHER.reference_rotation, (4, 1)), atol=CLOSE)
    np.testing.assert_allclose(result.translation, np.tile(OTHER.reference_translation, (4, 1)), atol=CLOSE)
    np.testing.assert_allclose(result.gaze, np.tile(OTHER.gaze_mean, (4, 1)), atol=CLOSE)
    np.testing.assert_allclose(result.lids, np.tile(OTHER.lids_open, (4, 1)), atol=CLOSE)


def test_relative_motion_is_worked_out_by_hand():
    source = still(MODEL)
    source.rotation[1] += (0, 0.2, 0)
    source.translation[1] += (1, 2, -3)
    source.gaze[1] += 0.2
    source.lids[1] *= 0.5
    got = reenact(source, MODEL, still(OTHER), OTHER).performance
    np.testing.assert_allclose(got.rotation[1], (0, 0.1 + 0.2, 0), atol=CLOSE)
    np.testing.assert_allclose(got.translation[1], (0.5 + 1.2, 2.4, -60 - 3.6), atol=CLOSE)  # 60 cm away, not 50
    np.testing.assert_allclose(got.gaze[1], 0.11 + 0.2, atol=CLOSE)
    np.testing.assert_allclose(got.lids[1], 0.5 * 1.1 * USUAL, atol=CLOSE)


def test_absolute_motion_is_taken_as_it_is():
    source = made_performance(MODEL, seed=1)
    near = replace(OTHER, translation_low=MODEL.translation_low, translation_high=MODEL.translation_high)
    got = reenact(source, MODEL, made_performance(near), near, ReenactConfig(mode="absolute")).performance
    assert_same(got, source, ("rotation", "translation", "gaze", "lids"))


def test_motion_makes_pose_and_expression_larger_and_leaves_gaze_and_lids():
    source = still(MODEL)
    source.rotation[:] = (0, 0.1, 0)
    source.expression[:] = 0.3 * JAW
    source.gaze[:] += 0.1
    got = reenact(source, MODEL, still(MODEL), MODEL, ReenactConfig(motion=2.0)).performance
    np.testing.assert_allclose(got.rotation[0], (0, 0.2, 0), atol=CLOSE)
    np.testing.assert_allclose(got.expression[0], 0.6 * JAW, atol=CLOSE)
    np.testing.assert_allclose(got.gaze[0], 0.2, atol=CLOSE)


def test_expressions_grow_with_the_face_across_and_by_the_lips_at_the_mouth():
    ratios = size_ratios(MODEL.neutral, OTHER.neutral)
    np.testing.assert_allclose(ratios, np.tile((1.1, 1.0, 1.0), (468, 1)), atol=1e-6)
    lips = MODEL.neutral.copy()
    lips[list(MOUTH_CORNERS), 0] *= 1.2
    np.testing.assert_allclose(size_ratios(MODEL.neutral, lips)[CHIN], (1.2, 1.0, 1.0), atol=1e-6)
    assert np.array_equal(size_ratios(lips, lips), np.ones((468, 3)))


CHANGED_BY = {
    "pose": {"rotation", "translation"},
    "expression": {"expression"},
    "gaze": {"gaze"},
    "lids": {"lids", "expression"},
    "mouth": {"expression"},
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("mode", ["relative", "absolute"])
def test_each_part_alone_changes_only_that_part(part: str, mode: str):
    source, target = made_performance(MODEL, seed=1), made_performance(OTHER, seed=2)
    got = reenact(source, MODEL, target, OTHER, ReenactConfig(mode=mode, parts=(part,))).performance
    changed = {name for name in MOVED if not np.array_equal(getattr(got, name), getattr(target, name))}
    assert changed == CHANGED_BY[part]
    assert_same(got, target, ("shoulders",))


def test_dubbing_moves_lips_and_jaw_and_leaves_brows_and_lids_exactly():
    source = still(MODEL)
    source.expression[:] = 0.4 * JAW + 0.4 * BROWS_UP + 0.4 * SMILE
    target = made_performance(MODEL, frames=4)
    got = reenact(source, MODEL, target, MODEL, ReenactConfig(parts=("mouth",))).performance.expression
    mouth = mouth_weights(MODEL.neutral)
    np.testing.assert_allclose(got[:, mouth == 1], source.expression[:, mouth == 1], atol=CLOSE)
    assert np.array_equal(got[:, mouth == 0], target.expression[:, mouth == 0])


def test_the_expression_without_the_lids_leaves_the_lids_exactly():
    source, target = made_performance(MODEL, seed=1), made_performance(MODEL, seed=2)
    got = reenact(source, MODEL, target, MODEL, ReenactConfig(parts=("expression",))).performance.expression
    lids = lid_weights(MODEL.neutral) == 1
    assert lids.sum() >= 32 and np.array_equal(got[:, lids], target.expression[:, lids])


def test_a_blink_closes_the_mesh_as_far_as_the_numbers_say():
    source = still(MODEL)
    source.lids[2] = (0.1 * USUAL, 0.5 * USUAL)
    got = reenact(source, MODEL, still(MODEL), MODEL, ReenactConfig(parts=("lids",))).performance
    np.testing.assert_allclose(got.lids[2], (0.1 * USUAL, 0.5 * USUAL), atol=CLOSE)
    np.testing.assert_allclose(lid_openings(MODEL.neutral + got.expression), got.lids, atol=CLOSE)


def test_a_target_that_never_blinks_keeps_its_lids_in_the_mesh():
    stiff = replace(MODEL, sliders=replace(MODEL.sliders, lids=np.zeros((468, 3), np.float32)))
    source = still(MODEL)
    source.lids[:] = 0.1
    got = reenact(source, MODEL, still(stiff), stiff, ReenactConfig(parts=("lids",))).performance
    assert np.array_equal(got.expression, np.zeros((4, 468, 3)))


def test_a_clip_plays_to_and_fro_without_showing_its_ends_twice():
    assert to_and_fro(times_at(25, 10), times_at(25, 4)).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]


def test_it_goes_by_time_not_by_number():
    # At 50 frames a second every frame of a clip of 25 shows twice; 20 ms lie between two frames, the earlier counts.
    assert to_and_fro(times_at(50, 8), times_at(25, 3)).tolist() == [0, 0, 1, 1, 2, 1, 1, 0]
    uneven = tuple(Fraction(time, 10) for time in (0, 1, 5))
    assert to_and_fro(tuple(Fraction(time, 10) for time in (0, 2, 4, 6, 9)), uneven).tolist() == [0, 1, 2, 2, 1]


def test_a_clip_of_one_frame_stands_still():
    assert to_and_fro(times_at(25, 3), (Fraction(0),)).tolist() == [0, 0, 0]


@QUICK
@given(st.lists(st.integers(1, 90), min_size=1, max_size=30), st.integers(1, 30))
def test_equal_times_give_the_identity_at_any_rate_and_the_way_back_mirrors_it(steps: list[int], base: int):
    times = tuple(Fraction(sum(steps[:i]), 1000 * base) for i in range(len(steps) + 1))
    assert to_and_fro(times, times).tolist() == list(range(len(times)))
    back = [2 * times[-1] - time for time in times]
    assert to_and_fro(back, times).tolist() == list(range(len(times)))


def test_shoulders_and_what_is_not_borrowed_come_from_the_frame_behind():
    source, target = made_performance(MODEL, seed=1, frames=6), made_performance(OTHER, frames=3)
    got = reenact(source, MODEL, target, OTHER, ReenactConfig(parts=("gaze",)))
    assert got.follows.tolist() == [0, 1, 2, 1, 0, 1]
    for name in ("shoulders", "rotation", "expression", "lids"):
        assert np.array_equal(getattr(got.performance, name), getattr(target, name)[got.follows]), name
    assert got.lines == (
        "Borrowed from the source, relative: gaze; pose, expression, lids: the target's own.",
        "The target's clip plays to and fro behind a longer source (0.2 s against 0.1 s).",
    )


def test_a_frame_without_a_face_stays_missing_and_says_so_and_the_others_keep_their_status():
    source = wild(made_performance(MODEL, seed=1))
    got = reenact(source, MODEL, made_performance(MODEL), MODEL)
    assert got.performance.status.tolist() == source.status.tolist()
    assert not got.clamped_frames[3]
    assert "The source shows no face in 1 of 8 frames: there the target stays as filmed." in got.lines


def test_no_frame_of_the_target_without_a_face_lies_behind_one_with():
    target = made_performance(MODEL)
    target.status[:2] = Status.MISSING
    assert reenact(made_performance(MODEL), MODEL, target, MODEL).follows.tolist() == [2, 2, 2, 3, 4, 5, 6, 7]
    target.status[:] = Status.MISSING
    with pytest.raises(TrackError, match="the target's clip: no frame shows a face; expected the face of the person"):
        reenact(made_performance(MODEL), MODEL, target, MODEL)


def test_what_leaves_the_range_is_held_within_its_margin_and_reported_frame_by_frame():
    source = still(MODEL)
    source.rotation[1] = (0, 0.9, 0)
    source.expression[2] = 3 * JAW
    got = reenact(source, MODEL, still(MODEL), MODEL)
    assert got.clamped_frames.tolist() == [False, True, True, False]
    assert (got.clamped.pose, got.clamped.expression, got.clamped.gaze, got.clamped.lids) == (0.25, 0.25, 0, 0)
    assert 0.5 < got.performance.rotation[1, 1] <= 0.5 + np.radians(3) + CLOSE
    assert 1.0 < MODEL.project(got.performance.expression)[2, 0] <= 1.0 + 0.5 * 0.4 + CLOSE
    assert got.lines[1:] == (
        "Kept inside what the target shows in training: pose in 25.0% of the frames, yaw by up to 20 degrees.",
        "Kept inside what the target shows in training: expression in 25.0% of the frames, by up to 13 mm.",
    )


@QUICK
@given(st.lists(st.floats(-9, 9), min_size=2, max_size=20), st.floats(-9, 9))
def test_the_limit_is_the_identity_inside_rises_everywhere_and_ends_at_its_margin(values: list[float], own: float):
    wanted = np.sort(np.array(values))[:, None]
    got = keep_within(wanted, np.full_like(wanted, own), np.array([-1.0]), np.array([2.0]), 0.5)
    low, high = min(-1.0, own), max(2.0, own)
    inside = (wanted >= low) & (wanted <= high)
    assert np.array_equal(got[inside], wanted[inside])
    assert got.min() >= low - 0.5 and got.max() <= high + 0.5
    assert (np.diff(got[:, 0]) >= 0).all()


def test_edits_come_after_the_transfer():
    config = ReenactConfig(edits=parse_edits(yaw="5", gaze="0.1,0"))
    got = reenact(still(MODEL), MODEL, still(MODEL), MODEL, config).performance
    np.testing.assert_allclose(np.degrees(got.rotation), np.tile((0, 5, 0), (4, 1)), atol=1e-4)
    np.testing.assert_allclose(got.gaze, np.tile((0.2, 0.1, 0.2, 0.1), (4, 1)), atol=CLOSE)


def test_nothing_given_is_written_into():
    source, target = made_performance(MODEL, seed=1), made_performance(OTHER)
    reenact(source, MODEL, target, OTHER, ReenactConfig(edits=parse_edits(smile="1.5", lids="0.5", yaw="9")))
    assert_same(source, made_performance(MODEL, seed=1))
    assert_same(target, made_performance(OTHER))


def test_parts_are_read_from_a_word_in_one_order():
    assert parse_parts("gaze, pose") == ("pose", "gaze")
    with pytest.raises(
        UnknownChoice, match="--transfer: there is no 'nose'; expected one of expression, gaze, lids, mo"
    ):
        parse_parts("pose,nose")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"parts": ()}, "ReenactConfig.parts is empty, expected one or more"),
        ({"motion": -1.0}, "ReenactConfig.motion is -1.0 in relative mode, expected 0 or more"),
        (
            {"mode": "absolute", "motion": 2.0},
            "ReenactConfig.motion is 2.0 in absolute mode, expected 0 or more, and 1",
        ),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(said: dict[str, object], message: str):
    with pytest.raises(ValueError) as raised:
        ReenactConfig(**said)
    assert str(raised.value).startswith(message)


def test_a_mode_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(UnknownChoice, match="there is no 'mirrored'; expected one of absolute, relative"):
        ReenactConfig(mode="mirrored")
