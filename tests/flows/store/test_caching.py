"""What is done once is not done again: remembered by content, in plain words, tried again where that may help."""

import base64
import json
import pickle
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.engine import Engine
from flows.pacing import paced
from flows.store.journal import StageRecord, keep_journal
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef, atomic_file
from pipeline.errors import TrackError

if TYPE_CHECKING:
    from prefect import Task

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@dataclass
class Scribe:
    """A stage that writes a word into a file; counts its tries, and fails as it is told to."""

    engine: Engine
    failures: list[BaseException] = field(default_factory=list)
    tries: int = 0
    stages: list[StageRecord] = field(default_factory=list)
    log: Path | None = None

    def write(self, word: str, workspace: Workspace) -> FileRef:
        from flows.store.caching import whole

        task = self._task()
        with keep_journal(self.log, "job") as kept:
            made = self.engine.run(lambda: whole(task, word, workspace))
        self.stages = kept.stages
        return made

    def _task(self) -> "Task[[str, Workspace], FileRef]":
        from flows.store.caching import stage

        @stage("write", version=1)
        def write(word: str, workspace: Workspace) -> FileRef:
            self.tries += 1
            if self.failures:
                raise self.failures.pop(0)
            path = workspace.place("words", word.encode().hex().ljust(20, "0"), ".txt")
            with atomic_file(path) as beside:
                beside.write_text(word)
            return FileRef.of(path)

        return write


@pytest.fixture
def scribe(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Scribe:
    from flows.store import caching

    monkeypatch.setattr(caching, "RETRY_AFTER", (0.0, 0.0))
    return Scribe(engine)


def record_of(workspace: Workspace) -> Path:
    (record,) = (workspace.prefect / "results").iterdir()
    return record


def test_the_second_time_nothing_is_done(scribe: Scribe, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs")
    first = scribe.write("blue", workspace)
    assert [stage.reused for stage in scribe.stages] == [False]
    assert scribe.write("blue", workspace) == first
    assert [(stage.name, stage.reused, stage.artifacts) for stage in scribe.stages] == [
        ("write", True, ("words/626c7565000000000000.txt",))
    ]
    assert scribe.tries == 1


def test_a_workspace_that_moved_is_still_good(scribe: Scribe, tmp_path: Path) -> None:
    scribe.write("blue", Workspace(tmp_path / "runs"))
    shutil.move(tmp_path / "runs", tmp_path / "moved")
    found = scribe.write("blue", Workspace(tmp_path / "moved"))
    assert scribe.tries == 1
    assert found.path.is_relative_to(tmp_path / "moved")


def test_two_workspaces_know_nothing_of_each_other(scribe: Scribe, tmp_path: Path) -> None:
    for name in ("one", "other"):
        assert scribe.write("blue", Workspace(tmp_path / name)).path.is_relative_to(tmp_path / name)
    assert scribe.tries == 2


@pytest.mark.parametrize("content", [None, "green"], ids=["lost", "changed"])
def test_a_file_that_was_lost_or_changed_is_made_again(scribe: Scribe, tmp_path: Path, content: str | None) -> None:
    workspace = Workspace(tmp_path / "runs")
    made = scribe.write("blue", workspace)
    made.path.unlink()
    if content is not None:
        made.path.write_text(content)
    assert scribe.write("blue", workspace).path.read_text() == "blue"
    assert [stage.reused for stage in scribe.stages] == [False]
    assert scribe.tries == 2


def test_a_stage_that_fails_twice_and_then_works_is_done(scribe: Scribe, tmp_path: Path) -> None:
    scribe.failures = [OSError("the disk was away"), RuntimeError("the decoder stumbled")]
    scribe.log = tmp_path / "log.jsonl"
    assert scribe.write("blue", Workspace(tmp_path / "runs")).path.read_text() == "blue"
    assert scribe.tries == 3
    told = [json.loads(line) for line in scribe.log.read_text().splitlines()]
    again = [(line["message"], line["error"], line["found"]) for line in told if "tried again" in line["message"]]
    assert again == [
        ("failed, is tried again (attempt 1)", "OSError", "the disk was away"),
        ("failed, is tried again (attempt 2)", "RuntimeError", "the decoder stumbled"),
    ]


def test_a_stage_that_fails_three_times_fails_with_what_was_wrong_last(scribe: Scribe, tmp_path: Path) -> None:
    scribe.failures = [OSError("first"), OSError("second"), OSError("third")]
    with pytest.raises(OSError, match="third"):
        scribe.write("blue", Workspace(tmp_path / "runs"))
    assert scribe.tries == 3


@pytest.mark.parametrize(
    "failure", [TrackError("red.mp4", "no person", "one person", "Film one."), KeyboardInterrupt()], ids=repr
)
def test_what_trying_cannot_mend_is_not_tried_again(scribe: Scribe, tmp_path: Path, failure: BaseException) -> None:
    scribe.failures = [failure]
    with pytest.raises(type(failure)):
        scribe.write("blue", Workspace(tmp_path / "runs"))
    assert scribe.tries == 1


class Paused(BaseException):
    """What ends a job that was paused."""


def test_a_pause_takes_effect_before_the_next_stage_begins(scribe: Scribe, tmp_path: Path) -> None:
    with paced(Paused), pytest.raises(Paused):
        scribe.write("blue", Workspace(tmp_path / "runs"))
    assert scribe.tries == 0
    assert not (tmp_path / "runs").exists()


def test_after_a_failure_the_lock_is_free(scribe: Scribe, tmp_path: Path) -> None:
    scribe.failures = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        scribe.write("blue", Workspace(tmp_path / "runs"))
    scribe.write("blue", Workspace(tmp_path / "runs"))
    assert scribe.tries == 2


class Payload:
    """What a pickle can do to who reads it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_a_pickled_record_is_not_read_but_done_again(scribe: Scribe, tmp_path: Path) -> None:
    workspace, trap = Workspace(tmp_path / "runs"), tmp_path / "trap"
    scribe.write("blue", workspace)
    record = record_of(workspace)
    written = json.loads(record.read_text())
    written["metadata"]["serializer"] = {"type": "pickle", "picklelib": "cloudpickle"}
    written["result"] = base64.encodebytes(pickle.dumps(Payload(trap))).decode()
    record.write_text(json.dumps(written))
    scribe.write("blue", workspace)
    assert scribe.tries == 2
    assert not trap.exists()


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "clips/red.mp4", "workspace:/../../clips/red.mp4"], ids=["absolute", "relative", "up"]
)
def test_a_record_that_names_files_outside_of_the_workspace_is_not_believed(
    scribe: Scribe, tmp_path: Path, path: str
) -> None:
    workspace = Workspace(tmp_path / "runs")
    scribe.write("blue", workspace)
    record = record_of(workspace)
    written = json.loads(record.read_text())
    written["result"] = json.dumps({"type": "FileRef", "value": {"path": path, "sha256": "00"}})
    record.write_text(json.dumps(written))
    assert scribe.write("blue", workspace).path.read_text() == "blue"
    assert scribe.tries == 2


def test_records_are_plain_words_that_hold_no_place_of_this_machine(scribe: Scribe, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs")
    scribe.write("blue", workspace)
    text = record_of(workspace).read_text()
    assert str(tmp_path) not in text
    result = json.loads(json.loads(text)["result"])
    assert result["value"]["path"] == "workspace:/words/626c7565000000000000.txt"


def test_every_result_of_a_stage_survives_json(tmp_path: Path) -> None:
    from flows.store import results as known
    from flows.store.results import Chunk, Face, Moved, Scores, Segment, Store, Stores

    ref = FileRef(tmp_path / "words" / "ab.txt", "00")
    store = Store(ref, ("one", "two"))
    results = [ref, Chunk(ref, ref), Face(ref, ref), Moved(ref, ref, ()), store, Stores(store, store), Scores(ref, ref)]
    results += [Segment(ref, None, True), Segment(ref, ref, False)]
    assert {type(result).__name__ for result in results} == set(known.RESULTS)
    for result in results:
        written = known.to_json(known.leaving(result, tmp_path))
        assert known.arriving(known.from_json(written), tmp_path) == result


def test_another_type_is_refused_before_it_is_written() -> None:
    from flows.store.results import to_json

    with pytest.raises(TypeError, match=r"a stage returned a dict; flows/store/results\.py knows FileRef, Chunk"):
        to_json({})
