"""What a batch is about to do: what is done already, what cannot be done, what the rest may take."""

import fnmatch
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flows.jobs.configs import check
from flows.jobs.estimates import Estimate, estimate
from flows.jobs.order import Step
from flows.jobs.records import Standing, standing
from flows.store.workspace import Workspace
from pipeline.artifacts import refuse_existing
from pipeline.errors import JobError, StorageError, UnderstudyError
from pipeline.video import probe

FILMS = ("source", "target", "clip", "film", "against")  # fields that name films
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Planned:
    """One job of a batch before it starts."""

    step: Step
    standing: Standing
    is_to_do: bool  # now; else it is done, or not asked for
    fault: UnderstudyError | None  # why it cannot be done
    estimate: Estimate


def make_plan(
    steps: Sequence[Step], workspace: Workspace, *, only: Collection[str] = (), words_here: bool = True
) -> tuple[Planned, ...]:
    """Look at every job of a batch: its outputs, its films, its words.

    Args:
        only: names of jobs, or patterns of names such as `*-as-blue`; with what they need. Empty: all.
        words_here: whether the jobs run on this machine, whose devices and weights their words must fit.

    Raises: JobError: no job has a name of `only`.
    """
    wanted = _wanted(steps, only)
    standings = [standing(step.job, workspace) for step in steps]
    to_do: set[int] = set()
    faults: dict[int, UnderstudyError] = {}
    for index, step in enumerate(steps):
        if not to_do.isdisjoint(step.needs) and standings[index] is Standing.DONE:
            standings[index] = Standing.OUTDATED  # what it takes is about to be made again
        if index in wanted and standings[index] is not Standing.DONE:
            to_do.add(index)
            fault = _fault(step, standings[index], words_here)
            if fault is not None:
                faults[index] = fault
    estimates = estimate(steps, to_do - faults.keys())
    return tuple(
        Planned(step, standings[index], index in to_do, faults.get(index), estimates[index])
        for index, step in enumerate(steps)
    )


def _wanted(steps: Sequence[Step], only: Collection[str]) -> set[int]:
    """The places of the jobs that are asked for, and of those that they need."""
    names = [step.job.name for step in steps]
    for word in only:
        if word not in names and not fnmatch.filter(names, word):
            raise JobError(f"--only {word}", "no job is called so", f"one of {', '.join(names)}", "See --dry-run.")
    wanted = {
        index
        for index, name in enumerate(names)
        if not only or any(name == word or fnmatch.fnmatchcase(name, word) for word in only)
    }
    for index in range(len(steps) - 1, -1, -1):  # every job stands behind those that it needs
        if index in wanted:
            wanted |= set(steps[index].needs)
    return wanted


def _fault(step: Step, stands: Standing, words_here: bool) -> UnderstudyError | None:
    """What would end the job at once."""
    job = step.job
    try:
        if stands is Standing.TAKEN:
            for path in job.outputs():
                refuse_existing(path, overwrite=job.overwrite)
        for path in (path for field in FILMS if field in job.READS for path in job.paths(field)):
            if path.exists():
                probe(path)
        if words_here:
            check(job)
    except UnderstudyError as error:
        return error
    return None


def refuse_too_much(plan: Sequence[Planned], workspace: Workspace) -> None:
    """See that the workspace's disk has room for what a batch may take.

    Raises: StorageError.
    """
    needed = sum(planned.estimate.mib for planned in plan)
    place = next(folder for folder in (workspace.root, *workspace.root.parents) if folder.exists())
    free = shutil.disk_usage(place).free / MIB
    if free < needed:
        raise StorageError(
            workspace.root,
            f"{free:.0f} MiB of its disk are free",
            f"{needed:.0f} MiB, as the batch is estimated",
            "Free some space, give another --workspace, or do a part with --only.",
        )
