"""perform: one job in this process, by the same flows and configs as its command, so that both share their work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.jobs import by_kind
from flows.jobs.configs import words_explained
from flows.jobs.records import is_done, job_folder, recorded
from flows.jobs.specs import EvaluateJob, Job
from flows.jobs.travelling import at_its_inputs
from flows.store.journal import keep_journal
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef

LOG = "log.jsonl"  # in `job_folder`

_KINDS: dict[str, Callable[[Any, Workspace], str]] = {
    "dance": by_kind.dance,
    "portrait": by_kind.portrait,
    "translate": by_kind.translate,
    "train": by_kind.train,
    "render": by_kind.render,
    "evaluate": by_kind.evaluate,
    "track": by_kind.track,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job."""

    outputs: tuple[Path, ...]  # the main one first
    summary: str  # one line
    reused: bool = False  # whether it was made before, and nothing was to do


def perform(job: Job, workspace: Workspace, sent: Sequence[FileRef] = ()) -> Outcome:
    """Do a job, in a process whose `Engine` is up; its journal is `log.jsonl` in `job_folder(job, workspace)`.

    A job that is done is not done again: its outputs are there, unchanged, and were made of the same. What an
    interrupted run of it left goes on where it stopped. Its own earlier outputs are replaced, any others only where the
    job says `overwrite`.

    Args:
        sent: what `send_inputs` has sent with the job; found in the workspace where it is not at its path here.

    Raises: UnderstudyError: whatever its command would say; StorageError: an input that was sent is nowhere.
    """
    from flows.cluster import fanned_out

    with keep_journal(job_folder(job, workspace) / LOG, job.name) as journal:
        job = at_its_inputs(job, sent, workspace)
        if is_done(job, workspace):
            journal.note("nothing to do: made before")
            return Outcome(job.outputs(), "made before", reused=True)
        with recorded(job, workspace), _threads(job.threads), words_explained(job), fanned_out(_cluster(job)):
            summary = _KINDS[job.kind](job, workspace)
        return Outcome(job.outputs(), summary)


def _cluster(job: Job) -> str | None:
    return None if isinstance(job, EvaluateJob) else job.fan_out


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Let networks use so many threads of the processor meanwhile."""
    if count is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
