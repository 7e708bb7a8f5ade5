"""A job's journal: one line for each thing that happened, with job, stage and frame; and the stages it went through."""

import json
import mmap
import threading
from pathlib import Path
from typing import Any

import pytest

from flows import progress
from flows.peak_memory import begin_anew, peak_mib
from flows.store.journal import StageRecord, journal, keep_journal
from pipeline.errors import StorageError, TrackError

MIB = 2**20


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_line_says_when_and_in_which_job_stage_and_frame(tmp_path: Path) -> None:
    with keep_journal(tmp_path / "log.jsonl", "blue") as kept, kept.stage("track"):
        kept.note("halfway", frame=12, confidence=0.5)
    (halfway,) = [line for line in lines(tmp_path / "log.jsonl") if line["message"] == "halfway"]
    assert halfway.pop("time").endswith("+00:00")
    assert halfway == {"job": "blue", "stage": "track", "frame": 12, "message": "halfway", "confidence": 0.5}


def test_a_job_that_is_run_again_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for _ in range(2):
        with keep_journal(tmp_path / "log.jsonl", "blue"):
            pass
    assert [line["message"] for line in lines(tmp_path / "log.jsonl")] == ["begun", "done"] * 2


def test_a_journal_within_a_journal_is_the_same(tmp_path: Path) -> None:
    with keep_journal(tmp_path / "log.jsonl", "batch") as outer, keep_journal(tmp_path / "other.jsonl", "job") as inner:
        assert inner is outer
        assert journal() is outer
    assert not (tmp_path / "other.jsonl").exists()


def test_where_no_journal_is_kept_notes_go_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    journal().note("unheard")
    assert list(tmp_path.iterdir()) == []


def test_without_a_file_the_stages_are_still_known() -> None:
    with keep_journal(None, "blue") as kept, kept.stage("track") as running:
        running.reused, running.artifacts = True, ("tracks/ab.npz",)
    (record,) = kept.stages
    assert record == StageRecord("track", record.seconds, record.peak_mib, True, ("tracks/ab.npz",))
    assert 0 <= record.seconds < 1
    assert record.peak_mib > 1


def test_a_stage_that_fails_leaves_the_four_parts_of_its_error_and_no_record(tmp_path: Path) -> None:
    def fail() -> None:
        with keep_journal(tmp_path / "log.jsonl", "blue") as kept, kept.stage("track"):
            raise TrackError("red.mp4", "no person", "one person", "Film one.")

    with pytest.raises(TrackError):
        fail()
    told = {"error": "TrackError", "where": "red.mp4", "found": "no person", "expected": "one person"}
    _, stage, job = lines(tmp_path / "log.jsonl")
    assert (stage["stage"], stage["message"]) == ("track", "track: failed")
    assert (job["stage"], job["message"]) == (None, "failed")
    assert told.items() <= stage.items()
    assert told.items() <= job.items()
    assert job["remedy"] == "Film one."


def test_an_interrupted_stage_is_stopped_and_not_failed(tmp_path: Path) -> None:
    def stop() -> None:
        with keep_journal(tmp_path / "log.jsonl", "blue") as kept, kept.stage("train"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert [line["message"] for line in lines(tmp_path / "log.jsonl")] == ["begun", "train: stopped", "stopped"]


def test_a_bar_notes_the_frame_it_is_at_but_not_each_one(tmp_path: Path) -> None:
    with keep_journal(tmp_path / "log.jsonl", "blue") as kept, kept.stage("render chunk"):
        with progress.bar("Rendering", 100, first=240) as advance:
            for done in range(1, 101):
                advance(done)
        progress.say("Painted without memory: 2 frames")
    first, bar_line, said, end = lines(tmp_path / "log.jsonl")[1:-1]
    assert (first["frame"], first["message"], first["done"]) == (240, "Rendering: 1 of 100", 1)
    assert bar_line["message"].startswith("Rendering: 100 frames, ")
    assert (said["message"], said["frame"]) == ("Painted without memory: 2 frames", 339)
    assert end["frame"] == 339


def test_a_bar_that_counts_no_frames_names_none(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with (
        keep_journal(log, "blue") as kept,
        kept.stage("teach flow"),
        progress.bar("Looking at the motion", 7, first=None) as advance,
    ):
        advance(3)
    assert {line["frame"] for line in lines(tmp_path / "log.jsonl")} == {None}


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    with keep_journal(tmp_path / "log.jsonl", "blue") as kept:

        def write() -> None:
            for number in range(50):
                kept.note("x" * 5000, number=number)

        threads = [threading.Thread(target=write) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(line["message"] == "x" * 5000 for line in lines(tmp_path / "log.jsonl")) == 400


def hold(mib: int) -> mmap.mmap:
    """Memory from the system and not from what this process has kept, every page of it written to."""
    held = mmap.mmap(-1, mib * MIB)
    for place in range(0, len(held), mmap.PAGESIZE):
        held[place] = 1
    return held


def test_the_memory_of_a_stage_is_its_own_and_not_that_of_the_one_before() -> None:
    with keep_journal(None, "blue") as kept:
        with kept.stage("large"):
            hold(300).close()
        with kept.stage("small"):
            pass
    large, small = kept.stages
    assert large.peak_mib - small.peak_mib > 250


def test_a_stage_holds_what_the_stages_within_it_hold() -> None:
    with keep_journal(None, "blue") as kept, kept.stage("outer"), kept.stage("inner"):
        hold(200).close()
    inner, outer = kept.stages
    assert outer.peak_mib >= inner.peak_mib


def test_the_peak_is_forgotten_when_a_stage_begins() -> None:
    held = hold(200)
    before = peak_mib()
    held.close()
    begin_anew()
    assert before - peak_mib() > 150


def test_a_journal_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="cannot write"), keep_journal(tmp_path / "jobs" / "log.jsonl", "blue"):
        pass
