"""What is planned fits: the most ambitious preset for film, memory and time, with its price and why nothing larger."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_dances import SAMPLES, SEQUENCES, track_of

from pipeline.compute import Compute
from pipeline.errors import TrainingError, UnknownChoice
from pipeline.values import Track
from stages.training.machine import GIB, Machine, Speed, card_of, measured_speed, this_machine
from stages.training.plan import Plan, choose_plan, in_words, lighter_presets, out_of_memory
from stages.training.presets import METHODS

DANCE = "everybody-dance-now"
FAST = Speed(slow=1e15, fast=1e15, start=(0.0, 0.0), source="made up: 1000 TFLOP/s")


def machine_of(gib: float | None, speed: Speed = FAST) -> Machine:
    """A GPU that is not here."""
    memory = None if gib is None else round(gib * GIB)
    return Machine(name="a made-up GPU", compute=Compute("cuda", "bfloat16"), memory=memory, speed=speed, here=False)


@pytest.fixture(scope="module")
def blue() -> Track:
    """Blue's whole dance as it was filmed: 450 frames of 360x640."""
    rows = json.loads((SAMPLES / "blue_dance.json").read_text(encoding="utf-8"))["frames"]
    return track_of(np.array([row[1] for row in rows]), 360, 640)


@pytest.fixture(scope="module")
def plan_8(blue: Track) -> Plan:
    return choose_plan(blue, machine_of(8), method=DANCE)


def test_eight_gib_train_the_standard_preset_and_say_why_not_hd(plan_8: Plan):
    assert (plan_8.preset.name, plan_8.width, plan_8.height) == ("standard", 320, 400)
    assert (plan_8.batch, plan_8.clip_frames, plan_8.precision, plan_8.checkpointing) == (1, 2, "bfloat16", False)
    assert plan_8.passed == ("hd: the performer reaches over only 352x448 pixels of the film",)
    assert plan_8.size is None


def test_a_plan_fits_into_the_memory_with_its_slack(plan_8: Plan):
    assert plan_8.device_bytes == 8 * GIB
    assert 1.15 * plan_8.step_bytes < plan_8.memory_bytes < 8 * GIB


def test_time_follows_from_steps_arithmetic_and_speed(plan_8: Plan):
    least, most = plan_8.seconds_per_step
    assert least == most
    assert plan_8.steps == 40_000  # 80,000 frames, two a step
    assert plan_8.minutes[0] == pytest.approx(40_000 * least / 0.85 / 60)  # the face residual gets the rest of the time
    assert "made up: 1000 TFLOP/s" in plan_8.sentence()


def test_disk_holds_the_prepared_clip_two_states_and_the_model(plan_8: Plan):
    network, judge = 4 * 182_452_675, 4 * 2 * 2_773_953
    plates = 26  # 382 frames are learnt from, one plate for every 15 frames
    clip = 320 * 400 * (450 * 7 + 3 * plates) + 360 * 640 * 3
    assert plan_8.disk_bytes == clip + 2 * (3 * (network + judge) + network) + network


def test_the_options_train_what_was_planned(plan_8: Plan):
    assert plan_8.options() == ["--method", DANCE, "--preset", "standard", "--minutes", "2"]
    assert plan_8.preset == METHODS[DANCE]["standard"]


def test_a_small_card_gets_the_draft_and_is_told_what_the_others_need(blue: Track):
    plan = choose_plan(blue, machine_of(3), method=DANCE)
    assert plan.preset.name == "draft"
    assert plan.passed[1].startswith("standard: its weights alone need 3.4 GiB, 2.0 GiB are left")


def test_a_card_between_two_presets_gets_a_smaller_picture(blue: Track, plan_8: Plan):
    room = 0.97 * plan_8.step_bytes
    plan = choose_plan(blue, machine_of(0.75 + 1.15 * room / GIB), method=DANCE)
    assert plan.preset.name == "standard"
    assert plan.size is not None and plan.width * plan.height < plan_8.width * plan_8.height
    assert (plan.width % 16, plan.height % 16) == (0, 0)
    assert plan.step_bytes <= room
    assert f"--size {plan.size[0]}x{plan.size[1]}" in " ".join(plan.options())


def test_a_preset_that_takes_longer_than_a_night_is_not_planned(blue: Track):
    slow = Speed(slow=1e11, fast=1e11, start=(0.0, 0.0), source="made up: 0.1 TFLOP/s")
    plan = choose_plan(blue, machine_of(80, slow), method=DANCE)
    assert plan.preset.name == "draft"
    assert plan.passed[1].startswith("standard: takes ") and plan.passed[1].endswith(" hours at the least")
    assert plan.is_enough and plan.budget == plan.minutes[1]


def test_a_budget_too_short_for_anything_gets_the_draft_and_is_not_enough(blue: Track):
    slow = Speed(slow=1e11, fast=1e11, start=(0.0, 0.0), source="made up: 0.1 TFLOP/s")
    plan = choose_plan(blue, machine_of(80, slow), method=DANCE, minutes=1.0)
    assert (plan.preset.name, plan.budget, plan.is_enough) == ("draft", 1.0, False)


def test_where_nothing_fits_the_error_says_what_is_needed_and_what_is_left(blue: Track):
    with pytest.raises(TrainingError, match=r"a made-up GPU: .*draft: a step needs 0\.\d GiB, 0\.0 GiB are left"):
        choose_plan(blue, machine_of(0.8), method=DANCE)


def test_an_unknown_method_is_refused_with_those_there_are(blue: Track):
    with pytest.raises(UnknownChoice, match="expected one of everybody-dance-now, vid2vid"):
        choose_plan(blue, machine_of(8), method="pix2pix")


def test_running_out_of_memory_names_a_plan_that_asks_for_less(blue: Track):
    draft = METHODS[DANCE]["standard"]
    error = out_of_memory(blue, machine_of(8), draft, None, method=DANCE)
    assert error.found == "out of memory while training standard at 320x400"
    assert error.remedy.startswith("This would fit: everybody-dance-now draft at 176x224")
    assert "Give --method everybody-dance-now --preset draft --minutes " in error.remedy


def test_vid2vid_is_planned_from_its_own_step(blue: Track):
    plan = choose_plan(blue, machine_of(2), method="vid2vid")
    assert (plan.preset.name, plan.clip_frames) == ("draft", 4)
    assert plan.steps == 750  # 6,000 frames, eight a take
    assert plan.preset == METHODS["vid2vid"]["draft"]


def test_lighter_presets_hold_one_clip_paint_anew_and_take_shorter_stretches():
    found = [
        (phase.batch, phase.checkpointing, phase.chunk)
        for preset in lighter_presets(replace(SEQUENCES, phases=(replace(SEQUENCES.phases[0], chunk=4),)))
        for phase in preset.phases
    ]
    assert found == [(2, False, 4), (1, False, 4), (1, True, 4), (1, True, 2)]
    pairs = [preset.phases[0].batch for preset in lighter_presets(METHODS[DANCE]["draft"])]
    assert pairs == [2, 1]


def test_this_machine_is_measured_and_another_is_assumed_aloud(one_thread: None):
    here, there = this_machine(Compute("cpu", "float32")), card_of(8)
    assert here.here and here.speed.source.startswith("measured: a convolution reaches ")
    assert here.speed.fast == 2 * here.speed.slow > 0
    assert not there.here and there.memory == 8 * GIB
    assert there.speed.source == "not measured on this machine; assumed: 4 to 40 TFLOP/s"


def test_speed_is_of_the_precision_that_is_meant(one_thread: None):
    assert measured_speed(Compute("cpu", "float32")).fast > 1e8  # operations a second: any processor


def test_a_step_of_many_small_operators_takes_the_time_to_start_them():
    speed = Speed(slow=1e12, fast=2e12, start=(1e-6, 1e-5), source="made up")
    assert speed.seconds(2e12, 0) == (1.0, 2.0)
    assert speed.seconds(0, 1000) == (0.001, 0.01)


def test_without_a_known_memory_nothing_is_ruled_out():
    assert machine_of(None).room is None
    assert machine_of(0.5).room == 0


@pytest.mark.parametrize(
    ("minutes", "words"),
    [((3.2, 3.2), "3.2 minutes"), ((14.6, 90.0), "15 to 90 minutes"), ((30.0, 300.0), "0.5 to 5.0 hours")],
)
def test_spans_of_time_are_said_in_fitting_units(minutes: tuple[float, float], words: str):
    assert in_words(minutes) == words
