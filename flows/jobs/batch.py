"""A batch: every job of a plan in turn; what fails stops nothing but the jobs that need it."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from flows.jobs.job_file import read_jobs
from flows.jobs.perform import Outcome, perform
from flows.jobs.plan import Planned, make_plan, refuse_too_much
from flows.jobs.records import Standing
from flows.jobs.specs import Job
from flows.store.workspace import Workspace
from pipeline.errors import JobError, UnderstudyError

Perform = Callable[[Job, Workspace], Outcome]


class End(Enum):
    """How a job of a batch ended."""

    DONE = "done"
    REUSED = "done before"
    FAILED = "failed"
    NOT_RUN = "not run"  # what it needs was not made
    LEFT_OUT = "left out"  # not asked for


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one job."""

    name: str
    kind: str
    end: End
    seconds: float
    said: str  # the output, or why there is none; one line

    @property
    def is_failure(self) -> bool:
        """Whether the batch counts as failed by it."""
        return self.end in (End.FAILED, End.NOT_RUN)


def run_batch(
    plan: Sequence[Planned],
    workspace: Workspace,
    *,
    do: Perform = perform,
    watch: Callable[[Row], None] = lambda row: None,
) -> tuple[Row, ...]:
    """Do the jobs of a plan one after the other in this process, whose `Engine` is up.

    Args:
        do: does one job.
        watch: hears of every job when it is over.

    Raises: only what ends the whole process, or the run that the batch is part of.
    """
    rows: list[Row] = []
    for planned in plan:
        needs = [rows[need] for need in planned.step.needs]
        rows.append(settled(planned, needs) or _done(planned.step.job, workspace, do))
        watch(rows[-1])
    return tuple(rows)


def settled(planned: Planned, needs: Sequence[Row]) -> Row | None:
    """What comes of a job that is over before it begins; None where it is to be done."""
    job = planned.step.job
    if not planned.is_to_do:
        if planned.standing is Standing.DONE:
            return Row(job.name, job.kind, End.REUSED, 0.0, str(job.output))
        return Row(job.name, job.kind, End.LEFT_OUT, 0.0, "")
    lacking = next((need for need in needs if need.is_failure), None)
    if lacking is not None:
        return Row(job.name, job.kind, End.NOT_RUN, 0.0, f"{lacking.name} {lacking.end.value}")
    if planned.fault is not None:
        return Row(job.name, job.kind, End.FAILED, 0.0, str(planned.fault))
    return None


def _done(job: Job, workspace: Workspace, do: Perform) -> Row:
    """Do one job; whatever it raises is its own failure."""
    begun = time.monotonic()
    try:
        outcome = do(job, workspace)
    except UnderstudyError as error:
        return Row(job.name, job.kind, End.FAILED, time.monotonic() - begun, str(error))
    except Exception as error:  # of a library, or of ours: the other jobs go on, and --debug shows where it came from
        logging.getLogger(__name__).info("%s", job.name, exc_info=True)
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Row(job.name, job.kind, End.FAILED, time.monotonic() - begun, said)
    end = End.REUSED if outcome.reused else End.DONE
    return Row(job.name, job.kind, end, time.monotonic() - begun, str(job.output))


def do_batch(
    jobs_file: str | Path, workspace: Workspace, roots: Sequence[str | Path] = (), *, do: Perform = perform
) -> str:
    """Do a file of jobs, as a schedule does it; returns a line on what came of it.

    Args:
        do: does one job.

    Raises:
        JobError: the file cannot be read, or jobs failed: all others are done.
        StorageError: the disk has less room than the batch is estimated to take.
    """
    plan = make_plan(read_jobs(Path(jobs_file), [Path(root) for root in roots]), workspace)
    refuse_too_much(plan, workspace)
    rows = run_batch(plan, workspace, do=do)
    failed = [row for row in rows if row.is_failure]
    if failed:
        said = "; ".join(f"{row.name}: {row.said}" for row in failed)
        raise JobError(
            str(jobs_file),
            f"{len(failed)} of {len(rows)} jobs failed ({said})",
            "all done",
            "Run it again: only these are.",
        )
    return f"{len(rows)} jobs: {summary(rows)}"


def summary(rows: Sequence[Row]) -> str:
    """How many ended in which way."""
    counts = {end: sum(row.end is end for row in rows) for end in End}
    return ", ".join(f"{count} {end.value}" for end, count in counts.items() if count)
