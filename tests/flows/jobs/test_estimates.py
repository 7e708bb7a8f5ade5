"""What a batch may take: counted by hand from frames and budgets; shared work counts once, done work not at all."""

from pathlib import Path

import pytest

from flows.jobs.estimates import Clip, Estimate, estimate, works_of
from flows.jobs.order import Step
from flows.jobs.plan import Planned, refuse_too_much
from flows.jobs.records import Standing
from flows.jobs.specs import ANY_JOB, Job
from flows.store.workspace import Workspace
from pipeline.errors import StorageError

SAMPLES = Path(__file__).parents[3] / "sample_videos"
RED, BLUE = SAMPLES / "red_dance.mp4", SAMPLES / "blue_dance.mp4"
MINUTE = Clip(1500, 1000)  # frames, pixels


def job(kind: str, **said: object) -> Job:
    return ANY_JOB.validate_python({"kind": kind, "output": "made.mp4", **said})


def minutes(kind: str, **said: object) -> dict[str, float]:
    return {work.title: round(work.minutes, 2) for work in works_of(job(kind, **said), lambda path: MINUTE)}


def test_a_dance_is_tracking_training_and_rendering() -> None:
    assert minutes("dance", source="a.mp4", target="b.mp4", minutes=30.0) == {
        "tracking of a.mp4": 0.29,  # 1500 frames, 85 a second
        "tracking of b.mp4": 0.29,
        "training on b.mp4": 30.56,  # and 1500 prepared, 45 a second
        "rendering": 0.81,  # 31 a second
    }


def test_a_draft_takes_the_commands_budget_and_steps_count() -> None:
    assert minutes("train", what="translate", a=["a.mp4"], b=["b.mp4"])["training on a.mp4, b.mp4"] == 6.0
    assert minutes("train", what="dance", target="b.mp4", preset="draft", steps=1000)["training on b.mp4"] == 2.89


def test_a_training_that_names_no_preset_may_take_a_night() -> None:
    assert minutes("train", what="dance", target="b.mp4")["training on b.mp4"] > 720


def test_a_translation_goes_by_its_pixels() -> None:
    large = {
        work.title: work.minutes for work in works_of(job("translate", clip="a.mp4", model="m"), lambda path: MINUTE)
    }
    assert large["rendering"] == pytest.approx(1500 * 1000 / 0.58e6 / 60)


def test_what_an_earlier_job_does_is_not_counted_again() -> None:
    films = [
        job("dance", source=str(source), target=str(BLUE), consent="self", output=f"{source.stem}.mp4")
        for source in (RED, BLUE)
    ]
    first, second = estimate([Step(film, ()) for film in films], {0, 1})
    assert first.shared == ()
    assert second.shared == ("tracking of blue_dance.mp4", "training on blue_dance.mp4")
    assert (first.frames, second.frames) == (192, 450)
    assert second.minutes == pytest.approx(450 / 31 / 60)  # rendering alone


def test_what_is_done_takes_nothing_and_its_film_is_known_to_others() -> None:
    dusk = job("translate", clip=str(RED), model="m")
    again = job("translate", clip="made.mp4", model="m").model_copy(update={"output": Path("again.mp4")})
    assert [one.frames for one in estimate([Step(dusk, ()), Step(again, (0,))], {0, 1})] == [192, 192]
    assert estimate([Step(dusk, ())], set()) == (Estimate(None, 0.0, 0.0, ()),)


def test_what_is_no_film_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a walk at dusk")
    look = job("train", what="translate", a=[str(tmp_path / "notes.txt")], b=[str(SAMPLES)], steps=10)
    assert estimate([Step(look, ())], {0})[0].frames is None


def test_a_batch_larger_than_the_disk_does_not_start(tmp_path: Path) -> None:
    huge = Planned(Step(job("track", clip="a.mp4"), ()), Standing.MISSING, True, None, Estimate(None, 1.0, 1e12, ()))
    with pytest.raises(
        StorageError, match=r"\d+ MiB of its disk are free; expected 1000000000000 MiB, as the batch is"
    ):
        refuse_too_much([huge], Workspace(tmp_path / "not" / "there"))
