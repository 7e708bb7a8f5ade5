"""A batch goes on whatever fails, tells of every job, and the next run does what is missing or failed."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from flows.jobs.batch import End, Row, run_batch
from flows.jobs.estimates import Estimate
from flows.jobs.last_batch import failed_last_time, keep_rows
from flows.jobs.order import Step
from flows.jobs.perform import Outcome
from flows.jobs.plan import Planned
from flows.jobs.records import Standing
from flows.jobs.specs import Job, TrackJob
from flows.store.workspace import Workspace
from pipeline.errors import TrackError

NOTHING = Estimate(None, 0.0, 0.0, ())
NOBODY = TrackError("a.mp4", "no person was found", "a person", "Film one.")


def planned(
    name: str,
    *needs: int,
    standing: Standing = Standing.MISSING,
    is_to_do: bool = True,
    fault: TrackError | None = None,
) -> Planned:
    job = TrackJob(clip=Path("clip.mp4"), output=Path(f"{name}.npz"))
    return Planned(Step(job, needs), standing, is_to_do, fault, NOTHING)


def run(plan: list[Planned], failures: Mapping[str, Exception], tmp_path: Path) -> tuple[tuple[Row, ...], list[str]]:
    """The rows, and the names of the jobs that were begun."""
    begun = []

    def do(job: Job, workspace: Workspace) -> Outcome:
        begun.append(job.name)
        if job.name in failures:
            raise failures[job.name]
        return Outcome(job.outputs(), "found")

    return run_batch(plan, Workspace(tmp_path), do=do), begun


def test_one_failure_stops_nothing_but_what_needs_it(tmp_path: Path) -> None:
    plan = [planned("a"), planned("b", 0), planned("c", 1), planned("d"), planned("e", 3)]
    rows, begun = run(plan, {"a": NOBODY}, tmp_path)
    assert begun == ["a", "d", "e"]
    assert [(row.name, row.end, row.said) for row in rows] == [
        ("a", End.FAILED, "a.mp4: no person was found; expected a person. Film one."),
        ("b", End.NOT_RUN, "a failed"),
        ("c", End.NOT_RUN, "b not run"),
        ("d", End.DONE, "d.npz"),
        ("e", End.DONE, "e.npz"),
    ]


def test_a_librarys_exception_is_one_line_of_the_table(tmp_path: Path) -> None:
    rows, begun = run([planned("a"), planned("b")], {"a": RuntimeError("out of\nmemory")}, tmp_path)
    assert rows[0].said == "RuntimeError: out of memory"
    assert begun == ["a", "b"]


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_ends_the_batch(tmp_path: Path, ending: type[BaseException]) -> None:
    def do(job: Job, workspace: Workspace) -> Outcome:
        raise ending

    with pytest.raises(ending):
        run_batch([planned("a")], Workspace(tmp_path), do=do)


def test_what_is_done_or_was_not_asked_for_is_left_and_what_was_found_wrong_is_not_begun(tmp_path: Path) -> None:
    plan = [
        planned("a", standing=Standing.DONE, is_to_do=False),
        planned("b", is_to_do=False),
        planned("c", fault=NOBODY),
        planned("d", 2),
    ]
    rows, begun = run(plan, {}, tmp_path)
    assert begun == []
    assert [row.end for row in rows] == [End.REUSED, End.LEFT_OUT, End.FAILED, End.NOT_RUN]


def test_only_failures_are_done_again_where_that_is_asked(tmp_path: Path) -> None:
    rows, _ = run([planned("a"), planned("b"), planned("c", 0)], {"a": NOBODY}, tmp_path)
    file, workspace = tmp_path / "jobs.yaml", Workspace(tmp_path / "runs")
    assert failed_last_time(file, workspace) == ()
    keep_rows(file, workspace, rows)
    assert failed_last_time(file, workspace) == ("a", "c")
