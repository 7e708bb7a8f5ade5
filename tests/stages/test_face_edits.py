"""Sliders of a portrait: what they add and which way, over time, and how a file or a word that is wrong is answered."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_reenactments import BROWS_UP, JAW, SMILE, USUAL, made_model, made_performance, still
from scipy.spatial.transform import Rotation

from pipeline.errors import EditError
from stages.retargeting.edit_curve import Curve, Key
from stages.retargeting.edits_file import load_edits, parse_edits
from stages.retargeting.face_edits import FaceEdits, Slider, turn_head
from stages.retargeting.gaze import lid_openings
from stages.retargeting.reenact import edit_only

MODEL = made_model()
STILL = still(MODEL)
QUICK = settings(max_examples=25, deadline=None)  # a busy machine is no fault
CLOSE = 1e-5  # cm, radians, parts: float32 at some ten
SECONDS = tuple(Fraction(second, 2) for second in range(9))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "edits.yaml"
    path.write_text(text, "utf-8")
    return path


def nose_of(rotation: np.ndarray) -> np.ndarray:
    """Where a nose that points at the camera goes, (3,): x to the right of the picture, y up."""
    return np.asarray(Rotation.from_rotvec(rotation).apply((0.0, 0.0, 1.0)))


def test_a_line_between_two_keys_is_straight_and_holds_before_and_after():
    curve = Curve((Key(1.0, 0.0), Key(3.0, 10.0)))
    assert curve.at(SECONDS).tolist() == [0, 0, 0, 2.5, 5, 7.5, 10, 10, 10]


def test_a_smooth_way_eases_in_and_out_as_3s2_minus_2s3():
    curve = Curve((Key(1.0, 0.0), Key(3.0, 10.0, smooth=True)))
    np.testing.assert_allclose(curve.at(SECONDS), [0, 0, 0, 1.5625, 5, 8.4375, 10, 10, 10], atol=1e-12)


def test_each_key_says_itself_how_it_is_reached():
    curve = Curve((Key(0.0, 0.0), Key(1.0, 4.0), Key(2.0, 4.0, smooth=True), Key(3.0, 8.0)))
    assert curve.at(SECONDS)[[1, 3, 5]].tolist() == [2.0, 4.0, 6.0]


@QUICK
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
def test_no_curve_leaves_the_range_of_its_keys_and_every_key_is_met(values: list[float], smooth: list[bool]):
    curve = Curve(tuple(Key(float(i), value, smooth[i]) for i, value in enumerate(values)))
    found = curve.at([Fraction(i, 7) for i in range(7 * len(values))])
    assert min(values) - 1e-9 <= found.min() and found.max() <= max(values) + 1e-9
    np.testing.assert_allclose(found[::7], values, atol=1e-9)


def test_keys_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match=r"Curve has a key at 1\.0 s after one at 2\.0 s, expected rising times"):
        Curve((Key(2.0, 0.0), Key(1.0, 0.0)))


def test_yaw_goes_to_the_right_pitch_up_and_roll_clockwise_in_the_picture():
    frontal, now = np.zeros((1, 3)), (Fraction(0),)
    right = turn_head(frontal, parse_edits(yaw="+10"), now)[0]
    np.testing.assert_allclose(nose_of(right), (np.sin(np.radians(10)), 0, np.cos(np.radians(10))), atol=1e-12)
    up = turn_head(frontal, parse_edits(pitch="10"), now)[0]
    np.testing.assert_allclose(nose_of(up), (0, np.sin(np.radians(10)), np.cos(np.radians(10))), atol=1e-12)
    np.testing.assert_allclose(turn_head(frontal, parse_edits(roll="10"), now)[0], (0, 0, -np.radians(10)), atol=1e-12)


def test_yaw_is_added_about_the_upright_axis_of_the_camera_whatever_the_pitch():
    down = np.array([[np.radians(20), 0, 0]])
    turned = turn_head(down, parse_edits(yaw="15"), (Fraction(0),))[0]
    np.testing.assert_allclose(nose_of(turned)[1], nose_of(down[0])[1], atol=1e-12)


def test_a_turn_and_its_reverse_leave_the_head_where_it_was():
    there = turn_head(STILL.rotation.astype(np.float64) + 0.1, parse_edits(yaw="10", pitch="5", roll="-7"), STILL.times)
    back = turn_head(there, parse_edits(yaw="-10", pitch="-5", roll="7"), STILL.times)
    np.testing.assert_allclose(back, STILL.rotation + 0.1, atol=1e-9)


@pytest.mark.parametrize(("name", "direction"), [("jaw", JAW), ("smile", SMILE), ("brows", BROWS_UP)])
def test_a_positive_offset_moves_along_its_direction_by_its_share_of_the_range_and_touches_nothing_else(
    name: str, direction: np.ndarray
):
    edited = edit_only(STILL, MODEL, parse_edits(**{name: "+0.25"})).performance
    np.testing.assert_allclose(edited.expression[0], 0.5 * direction, atol=CLOSE)  # the range goes from -1 to 1 cm
    for untouched in ("rotation", "translation", "gaze", "lids", "shoulders"):
        assert np.array_equal(getattr(edited, untouched), getattr(STILL, untouched)), untouched


def test_a_gain_multiplies_the_part_along_its_direction_alone():
    performance = made_performance(MODEL)
    edited = edit_only(performance, MODEL, parse_edits(smile="1.3")).performance
    parts = [np.tensordot(each.expression, SMILE, 2) for each in (performance, edited)]
    np.testing.assert_allclose(parts[1], 1.3 * parts[0], atol=CLOSE)
    rest = [
        each.expression - np.tensordot(np.tensordot(each.expression, SMILE, 2), SMILE, 0)
        for each in (performance, edited)
    ]
    np.testing.assert_allclose(rest[1], rest[0], atol=CLOSE)


def test_a_gain_of_nothing_takes_the_smile_away():
    edited = edit_only(made_performance(MODEL), MODEL, parse_edits(smile="0")).performance
    np.testing.assert_allclose(np.tensordot(edited.expression, SMILE, 2), 0, atol=CLOSE)


def test_lids_open_and_close_in_the_numbers_and_in_the_mesh():
    edited = edit_only(STILL, MODEL, parse_edits(lids="0.5")).performance
    np.testing.assert_allclose(edited.lids, 0.5 * USUAL, atol=CLOSE)
    np.testing.assert_allclose(lid_openings(MODEL.neutral + edited.expression), 0.5 * USUAL, atol=CLOSE)
    wide = edit_only(STILL, MODEL, parse_edits(lids="+0.2")).performance
    np.testing.assert_allclose(wide.lids, 1.2 * USUAL, atol=CLOSE)


def test_gaze_goes_to_the_right_and_up_in_both_eyes():
    edited = edit_only(STILL, MODEL, parse_edits(gaze="0.2,-0.1")).performance
    np.testing.assert_allclose(edited.gaze - STILL.gaze, np.tile((0.2, -0.1, 0.2, -0.1), (4, 1)), atol=CLOSE)


def test_key_frames_act_at_their_time():
    edits = FaceEdits(yaw=Curve((Key(0.04, 0.0), Key(0.12, 10.0))))
    turned = edit_only(STILL, MODEL, edits).performance.rotation
    np.testing.assert_allclose(np.degrees(turned[:, 1]), [0, 0, 5, 10], atol=1e-4)


def test_no_edits_leave_the_targets_performance_as_it_is_bit_for_bit():
    performance = made_performance(MODEL)
    edited = edit_only(performance, MODEL, FaceEdits())
    for name in ("rotation", "translation", "expression", "gaze", "lids", "shoulders", "status", "shot"):
        assert np.array_equal(getattr(edited.performance, name), getattr(performance, name)), name
    assert edited.follows.tolist() == list(range(8)) and edited.lines == ()


def test_an_edit_beyond_what_was_seen_is_held_back_and_reported():
    edited = edit_only(STILL, MODEL, parse_edits(yaw="60"))
    assert np.degrees(edited.performance.rotation[:, 1]) == pytest.approx(np.degrees(0.5) + 3, abs=0.01)
    assert edited.clamped.pose == 1.0 and edited.clamped.expression == 0.0 and edited.clamped_frames.all()
    assert edited.lines == (
        "Kept inside what the target shows in training: pose in 100.0% of the frames, yaw by up to 28 degrees.",
    )


def test_a_file_says_constants_key_frames_gains_and_offsets(tmp_path: Path):
    text = """
yaw:
  - {time: 0, value: 0}
  - {time: 2.5, value: 15, smooth: true}
pitch: -5
smile: 1.3
brows: +0.3
lids: {gain: 0.5, offset: [{time: 1, value: 0}, {time: 2, value: 0.5}]}
gaze: [{time: 0, value: [0.2, 0]}, {time: 1, value: [0, -0.1]}]
"""
    assert load_edits(written(tmp_path, text)) == FaceEdits(
        yaw=Curve((Key(0, 0), Key(2.5, 15, smooth=True))),
        pitch=Curve.constant(-5),
        smile=Slider(gain=Curve.constant(1.3)),
        brows=Slider(offset=Curve.constant(0.3)),
        lids=Slider(gain=Curve.constant(0.5), offset=Curve((Key(1, 0), Key(2, 0.5)))),
        gaze_right=Curve((Key(0, 0.2), Key(1, 0))),
        gaze_up=Curve((Key(0, 0), Key(1, -0.1))),
    )


@pytest.mark.parametrize("word", ["1.3", "+0.3", "-0.3", "0"])
def test_a_number_means_the_same_in_a_file_and_on_the_command_line(tmp_path: Path, word: str):
    assert load_edits(written(tmp_path, f"smile: {word}")) == parse_edits(smile=word)


def test_words_are_degrees_gains_offsets_and_a_pair():
    assert parse_edits(yaw="+10", smile="1.3", jaw="+0.2", gaze="0.2,0") == FaceEdits(
        yaw=Curve.constant(10),
        smile=Slider(gain=Curve.constant(1.3)),
        jaw=Slider(offset=Curve.constant(0.2)),
        gaze_right=Curve.constant(0.2),
    )
    assert parse_edits() == FaceEdits()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": no slider in it; expected one or more of yaw, pitch, roll, smile, jaw, brows, lids, gaze"),
        ("yaw: 1\nyawn: 3", ", line 2: there is no 'yawn'; expected one of yaw, pitch, roll, smile"),
        ("\nyaw: left", ", line 2: yaw is 'left'; expected a valid number. Write degrees, or keys"),
        ("yaw: 100", ", line 1: yaw is 100; expected at most 90"),
        ("yaw:\n  - {time: 0}", ", line 2: yaw[0] has no 'value'; expected time and value"),
        ("yaw:\n - {time: 0, value: 1, smoth: true}", ", line 2: there is no 'yaw[0].smoth'; expected one of time, "),
        ("yaw:\n - {time: -1, value: 1}", ", line 2: yaw[0].time is -1; expected at least 0"),
        (
            "yaw:\n - {time: 1, value: 0}\n - {time: 0.5, value: 3}",
            ", line 2: a key at 0.5 s after one at 1 s; expected keys at rising times",
        ),
        ("yaw: 3\nyaw: 4", ", line 2: 'yaw' for the second time; expected every key once"),
        ("yaw: .inf", ", line 1: yaw is inf; expected a finite number"),
        ("yaw: yes", ", line 1: yaw is True; expected a valid number"),
        ("yaw: [", ", line 1: no YAML (expected the node content, but found '<stream end>'); expected YAML"),
        ("yaw: &again [*again]", ": something in it holds itself; expected plain values. Write it without & and *."),
        ("yaw:\n - {time: 0, value: 1}\n - 5", ", line 3: yaw[1] is 5; expected a key such as {time: 0, value: 0}"),
        ("1: 2", ", line 1: [1] is 1; expected a word"),
        ("smile: {gain: -1}", ", line 1: smile.gain is -1; expected at least 0. Write a gain such as 1.3, an offset"),
        ("smile: {gian: 1}", ", line 1: there is no 'smile.gian'; expected one of gain, offset"),
        (
            "smile:\n - {time: 0, value: +0.3}",
            ", line 2: smile[0].value is +0.3 in a list of gains; expected a gain without a sign. For offsets over",
        ),
        ("gaze: 3", ", line 1: gaze is 3; expected two numbers. Write two numbers, to the right and up"),
        ("gaze: [1, 2, 3]", ", line 1: gaze is [1, 2, 3]; expected two numbers"),
        ("gaze:\n - {time: 0, value: [0, 5]}", ", line 2: gaze[0].value[1] is 5; expected at most 2"),
        ("yaw: !!python/object/apply:print ['x']", ", line 1: no YAML (could not determine a constructor for the tag"),
    ],
)
def test_a_file_that_is_wrong_is_answered_with_line_key_and_what_was_expected(tmp_path: Path, text: str, message: str):
    path = written(tmp_path, text)
    with pytest.raises(EditError) as raised:
        load_edits(path)
    assert str(raised.value).startswith(f"{path}{message}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(
        EditError, match=r"none\.yaml: it cannot be read \(No such file or directory\); expected a YAML"
    ):
        load_edits(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("option", "word", "message"),
    [
        ("yaw", "left", "--yaw: yaw is 'left'; expected a valid number. Write degrees"),
        ("smile", "+x", "--smile: smile is '+x'; expected a valid number. Write a gain such as 1.3"),
        ("smile", "nan", "--smile: smile is nan; expected a finite number"),
        ("gaze", "0.2", "--gaze: gaze is [0.2]; expected two numbers. Write two numbers, to the right and up"),
        ("gaze", "0.2,up", "--gaze: gaze is 'up'; expected a valid number"),
    ],
)
def test_a_word_that_is_wrong_is_answered_with_its_option(option: str, word: str, message: str):
    with pytest.raises(EditError) as raised:
        parse_edits(**{option: word})
    assert str(raised.value).startswith(message)


def test_a_gain_below_nothing_is_refused():
    with pytest.raises(ValueError, match=r"expected 0 or more\. To go down use an offset"):
        Slider(gain=Curve.constant(-1))
