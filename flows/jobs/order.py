"""Which job needs which: by paths alone; and what stands against a set of jobs before any of them starts."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from flows.jobs.expand import ALLOW, Written, allowed
from flows.jobs.specs import BaseJob, Job


@dataclass(frozen=True, slots=True)
class Step:
    """One job of a batch."""

    job: Job
    needs: tuple[int, ...]  # earlier steps whose outputs it takes, by their place in the batch


def in_order(written: Sequence[Written], roots: Sequence[Path] = ()) -> tuple[Step, ...]:
    """Put jobs behind those that they need, and else leave them as they stand.

    Args:
        roots: folders, links resolved, outside of which nothing is read or written; empty: anywhere.

    Raises: JobError: with the line: two jobs with one output, or one inside the other; an input that is not there and
        that no job makes; a circle; a path outside of the roots.
    """
    makers = _makers(written)
    needs = [_needs(one, index, written, makers) for index, one in enumerate(written)]
    for one in written:
        _confine(one, roots)
    order = _sorted(written, needs)
    place = {index: number for number, index in enumerate(order)}
    return tuple(Step(written[index].job, tuple(sorted(place[need] for need in needs[index]))) for index in order)


def _makers(written: Sequence[Written]) -> dict[Path, int]:
    """Which job makes an output."""
    makers: dict[Path, int] = {}
    for index, one in enumerate(written):
        for field, path in _paths(one.job, one.job.WRITES):
            other = makers.setdefault(path.resolve(), index)
            if other != index or sum(path == again for again in one.job.outputs()) > 1:
                found = f"{field} is {path}, which the job of line {written[other].entry.line} makes as well"
                raise one.entry.fault(field, found, "an output for each", "Put {source} or the like into it.")
    for path, index in makers.items():
        around = next((folder for folder in path.parents if folder in makers), None)
        if around is not None:
            found = f"{path} lies in {around}, which {written[makers[around]].job.name} makes"
            raise written[index].entry.fault("output", found, "outputs beside each other", "Give another folder.")
    return makers


def _paths(job: BaseJob, fields: Sequence[str]) -> list[tuple[str, Path]]:
    return [(field, path) for field in fields for path in job.paths(field)]


def _needs(one: Written, index: int, written: Sequence[Written], makers: Mapping[Path, int]) -> set[int]:
    """The jobs that make an input, the folder it lies in, or something in it."""
    needs = set()
    for field, path in _paths(one.job, one.job.READS):
        place = path.resolve()
        makes = {makers[around] for around in (place, *place.parents) if around in makers}
        makes |= {maker for made, maker in makers.items() if place in made.parents}
        if index in makes:
            raise one.entry.fault(field, f"{field} is {path}, which this job makes", "another output", "Rename one.")
        if not makes and not path.exists():
            found = f"{field}: there is no {path}, and no job makes it"
            raise one.entry.fault(field, found, "a file that is there", "Paths count from the jobs file's folder.")
        needs |= makes
    return needs


def _confine(one: Written, roots: Sequence[Path]) -> None:
    for field, path in _paths(one.job, (*one.job.READS, *one.job.WRITES)):
        if roots and not any(path.resolve().is_relative_to(root) for root in roots):
            raise one.entry.fault(field, f"{field} is {path.resolve()}", allowed(roots), ALLOW)


def _sorted(written: Sequence[Written], needs: Sequence[set[int]]) -> list[int]:
    sorter = TopologicalSorter(dict(enumerate(needs)))
    try:
        sorter.prepare()
    except CycleError as error:
        circle: list[int] = error.args[1][::-1]
        names = " needs ".join(written[index].job.name for index in circle)
        found = f"a circle: {names}"
        raise written[circle[0]].entry.fault("", found, "jobs that can run one after the other") from error
    order: list[int] = []
    ready: list[int] = []
    while sorter.is_active():
        for index in sorter.get_ready():
            heapq.heappush(ready, index)
        order.append(heapq.heappop(ready))
        sorter.done(order[-1])
    return order
