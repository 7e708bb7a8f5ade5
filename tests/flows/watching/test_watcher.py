"""A watched film is made once, whatever ends in between, and put away with a report."""

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dropped_films import SAMPLES, Place, other

from flows.jobs.perform import Outcome
from flows.jobs.specs import Job, TranslateJob
from flows.watching.making import Making
from flows.watching.outbox import Outbox
from flows.watching.reports import Report
from flows.watching.watcher import ATTEMPTS, REST_SECONDS, Watcher
from pipeline.artifacts import FileRef
from pipeline.errors import OperatingError, StorageError, TrackError
from pipeline.video import probe

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


# What becomes of them


def test_a_film_that_is_made_lies_in_done_with_a_report_for_people_and_one_for_programs(place: Place):
    place.drop("a.mov")
    (report,) = place.drain()
    made = place.outbox / "a.mp4"
    assert made.exists()
    assert place.names("done") == ["a.mov", "a.mov.json", "a.mov.txt"]
    said = json.loads((place.inbox / "done/a.mov.json").read_text())
    assert said["state"] == "done" and said["output"] == str(made) and said["fault"] is None
    assert said["sha256"] == FileRef.of(SAMPLES / "street_day.mp4").sha256
    assert (place.inbox / "done/a.mov.txt").read_text().splitlines()[:3] == [
        "a.mov: done",
        "  film   a.mov",
        f"  made   {made}",
    ]
    assert list(place.outbox.glob(".*")) == []
    assert report.seconds == 0.0  # by this clock, which only waiting moves


def test_a_film_that_fails_lies_in_failed_with_the_four_parts_of_the_message(place: Place):
    film = place.drop("a.mp4")
    claimed = place.inbox / ".working/films" / place.watcher().making.key(FileRef.of(film)) / "a.mp4"
    place.make.raises.append(TrackError(claimed, "no person was found", "one person", "Film again."))
    (report,) = place.drain()
    assert report.state == "failed" and report.output == ""
    assert place.names("failed") == ["a.mp4", "a.mp4.json", "a.mp4.txt"]
    assert (place.inbox / "failed/a.mp4.txt").read_text().splitlines()[-4:] == [
        "  where       a.mp4",
        "  found       no person was found",
        "  expected    one person",
        "  what to do  Film again.",
    ]
    assert list(place.outbox.iterdir()) == []


def test_a_failed_film_is_tried_again_when_it_is_dropped_again(place: Place):
    place.make.raises.append(TrackError("a.mp4", "no person was found", "one person", "Film again."))
    place.drop("a.mp4")
    place.drain()
    place.drop("a.mp4")
    assert [report.state for report in place.drain()] == ["done"]


def test_the_same_film_under_another_name_is_said_and_not_made_again(place: Place):
    place.drop("a.mp4")
    place.drain()
    place.drop("b.mp4")
    (report,) = place.drain()
    assert report.state == "made before"
    assert report.summary == "the same as a.mp4; to make it again, watch with --again"
    assert report.output == str(place.outbox / "a.mp4")
    assert place.names("done") == ["a.mp4", "a.mp4.json", "a.mp4.txt", "b.mp4", "b.mp4.json", "b.mp4.txt"]
    assert len(place.make.jobs) == 1


def test_with_again_it_is_made_under_a_name_of_its_own(place: Place):
    place.drop("a.mp4")
    place.drain()
    place.drop("a.mp4")
    assert [report.output for report in place.drain(again=True)] == [str(place.outbox / "a-2.mp4")]


def test_another_model_makes_another_film(place: Place, tmp_path: Path):
    place.drop("a.mp4")
    place.drain()
    shutil.copytree(place.model, tmp_path / "dawn")
    facts = json.loads((tmp_path / "dawn/model.json").read_text())
    (tmp_path / "dawn/model.json").write_text(json.dumps({**facts, "preset": "standard"}))
    place.model = tmp_path / "dawn"
    place.drop("a.mp4")
    assert [report.state for report in place.drain()] == ["done"]


def test_names_that_are_taken_get_a_number_and_nothing_is_written_over(place: Place):
    place.outbox.mkdir()
    (place.outbox / "a.mp4").write_bytes(b"somebody else's")
    for number in range(3):
        other(place, "a.mp4", number)
        place.drain()
    assert sorted(path.name for path in place.outbox.iterdir()) == ["a-2.mp4", "a-3.mp4", "a-4.mp4", "a.mp4"]
    assert (place.outbox / "a.mp4").read_bytes() == b"somebody else's"
    assert [name for name in place.names("done") if name.endswith(".mp4")] == ["a-2.mp4", "a-3.mp4", "a.mp4"]


def test_a_name_as_long_as_a_file_system_allows_is_no_obstacle(place: Place):
    place.drop(f"{'ä' * 125}.mp4")
    (report,) = place.drain()
    assert report.state == "done"
    assert len(Path(report.output).name.encode()) == 204


def test_a_name_that_is_no_text_is_refused(place: Place):
    try:
        place.drop(os.fsdecode(b"a\xff.mp4"))
    except OSError:
        pytest.skip("this file system only takes names that are text")
    (report,) = place.drain()
    assert report.fault is not None and report.fault.found == "its name is no text in UTF-8"


# What ends in between


def test_ctrl_c_puts_the_film_back_and_the_next_run_makes_it(place: Place):
    film = place.drop("a.mp4")
    place.make.raises.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        place.drain()
    assert film.exists()
    assert list(place.outbox.iterdir()) == []
    assert [report.output for report in place.drain()] == [str(place.outbox / "a.mp4")]


def test_a_full_disk_ends_the_watcher_and_the_film_is_back_in_the_inbox(place: Place):
    film = place.drop("a.mp4")
    place.make.raises.append(StorageError(place.outbox, "the disk is full", "room", "Free some space."))
    with pytest.raises(StorageError, match="the disk is full"):
        place.drain()
    assert film.exists()


def test_what_fails_for_no_reason_of_the_film_s_is_tried_again_later_and_later(place: Place):
    place.make.raises += [ConnectionError("no server")] * 2
    watcher, film = place.watcher(settle=1), place.drop("a.mp4")

    def tried_after(seconds: float) -> int:
        place.clock.wait(seconds)
        watcher.step()
        return len(place.make.jobs)

    assert tried_after(0) == 0
    assert tried_after(1) == 1 and film.exists()
    assert tried_after(REST_SECONDS - 1) == 1
    assert tried_after(1) == 2 and film.exists()
    assert tried_after(4 * REST_SECONDS - 1) == 2
    assert tried_after(1) == 3 and not film.exists()


def test_a_watcher_that_fails_three_times_in_a_row_ends_as_it_is_not_the_films_that_are_at_fault(place: Place):
    films = [other(place, f"{number}.mp4", number) for number in range(3)]
    place.make.raises += [ConnectionError("no server")] * 3
    with pytest.raises(OperatingError, match="3 attempts in a row failed for no reason of the films"):
        place.drain()
    assert [film for film in films if not film.exists()] == []
    assert [report.state for report in place.drain()] == ["done"] * 3


def test_a_film_that_another_watcher_has_is_not_read_again_and_again(place: Place, monkeypatch: pytest.MonkeyPatch):
    film, watcher = place.drop("a.mp4"), place.watcher(settle=1)
    read: list[Path] = []
    of = FileRef.of
    monkeypatch.setattr(FileRef, "of", lambda path: read.append(path) or of(path))
    with place.watcher().claims.held(watcher.making.key(of(film))):
        for _ in range(4):
            watcher.step()
            place.clock.wait(1)
    assert read.count(film) == 1


def test_a_film_that_brings_the_program_down_every_time_is_given_up(place: Place):
    film = place.drop("a.mp4")
    watcher = place.watcher()
    key = watcher.making.key(FileRef.of(film))
    assert [watcher.claims.begin(key) for _ in range(ATTEMPTS)] == [0, 1, 2, 3, 4]
    (report,) = watcher.drain()
    assert report.fault is not None
    assert report.fault.found == "5 times the watcher ended in the middle of it, without a message"
    assert place.make.jobs == []


def abandon(place: Place, film: Path, *, made: bool) -> None:
    """What a watcher leaves that is killed before, or after, it has made a film."""
    watcher = place.watcher()
    key = watcher.making.key(FileRef.of(film))
    claimed = watcher.claims.take(film, key)
    assert claimed is not None
    output = watcher.outbox.reserve(film.stem, key).film
    if made:
        place.make(watcher.making.job(claimed, output))
        report = Report(
            film=film.name,
            sha256="",
            state="done",
            kind="translate",
            model=str(place.model),
            output=str(output),
            summary="copied",
            taken="2026-11-20T22:00:00+00:00",
            seconds=1.0,
        )
        watcher.memory.keep(key, report)


def test_a_film_that_a_killed_watcher_had_not_made_is_made_by_the_next_under_the_same_name(place: Place):
    abandon(place, place.drop("a.mp4"), made=False)
    assert [report.output for report in place.drain()] == [str(place.outbox / "a.mp4")]
    assert list(place.outbox.glob(".*")) == []


def test_a_killed_watcher_s_unfinished_output_is_the_next_one_s_to_replace(place: Place):
    abandon(place, place.drop("a.mp4"), made=False)
    (place.outbox / "a.mp4").write_bytes(b"delivered, but not yet written down")
    (report,) = place.drain()
    assert report.output == str(place.outbox / "a.mp4")
    assert probe(place.outbox / "a.mp4").frames == probe(SAMPLES / "street_day.mp4").frames


def test_a_film_that_a_killed_watcher_had_made_is_only_put_away(place: Place):
    abandon(place, place.drop("a.mp4"), made=True)
    place.drain()
    assert len(place.make.jobs) == 1
    assert place.names("done") == ["a.mp4", "a.mp4.json", "a.mp4.txt"]
    assert json.loads((place.inbox / "done/a.mp4.json").read_text())["state"] == "done"


def test_a_film_that_another_watcher_works_on_is_left_to_it(place: Place):
    film, watcher = place.drop("a.mp4"), place.watcher()
    with watcher.claims.held(watcher.making.key(FileRef.of(film))):
        assert place.drain() == []
    assert len(place.drain()) == 1


def watcher_of_its_own(place: Place, log: Path) -> Watcher:
    """A watcher by the real clock that writes down what it makes, and takes for ever over a film called slow."""

    def make(job: Job) -> Outcome:
        assert isinstance(job, TranslateJob)
        with log.open("a") as file:
            file.write(f"{job.clip.name} {os.getpid()}\n")
        time.sleep(600 if job.clip.stem == "slow" else 0.05)
        shutil.copy(job.clip, job.output)
        return Outcome((job.output,), "copied")

    return Watcher(place.inbox, Outbox(place.outbox), Making.chosen(place.model, "auto", []), make, settle=0.1)


def watch_for_ever(place: Place, log: Path, ready: Path) -> None:
    watcher = watcher_of_its_own(place, log)
    ready.touch()
    for _ in watcher.watch():
        pass


def until(true: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_two_processes_never_make_the_same_film_twice_and_the_second_follows_a_first_that_is_killed(
    place: Place, tmp_path: Path
):
    log, ready = tmp_path / "log", tmp_path / "ready"
    elsewhere = multiprocessing.get_context("spawn").Process(target=watch_for_ever, args=(place, log, ready))
    elsewhere.start()
    try:
        until(ready.exists)
        for number in range(8):
            other(place, f"film-{number}.mp4", number)
            other(place, f"copy-{number}.mp4", number)
        here = watcher_of_its_own(place, log)
        until(lambda: here.step() is None and len(list(place.inbox.glob("done/*.mp4"))) == 16)
        other(place, "slow.mp4", 99)
        until(lambda: "slow.mp4" in log.read_text())
    finally:
        elsewhere.kill()
        elsewhere.join()
    slow = place.make  # which does not take for ever
    here.perform = slow
    until(lambda: here.step() is not None)
    made = [line.split() for line in log.read_text().splitlines()]
    assert len(made) == 8 + 1  # of each film and its copy one, and the slow one
    assert {pid for _, pid in made} == {str(os.getpid()), str(elsewhere.pid)}
    assert [job.clip.name for job in slow.jobs] == ["slow.mp4"]
    assert len(list(place.outbox.glob("*.mp4"))) == 9
    assert list(place.outbox.glob(".*")) == [] and list(place.inbox.glob(".working/films/*")) == []
