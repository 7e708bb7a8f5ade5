"""A batch in the hands of workers: each job as soon as what it needs is made, whatever machine has room for it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from flows.jobs.batch import End, Row, settled
from flows.jobs.plan import Planned
from flows.jobs.specs import Job
from flows.jobs.trainings import Training, training_of

POLL_SECONDS = 3.0  # between two looks at the runs


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    is_good: bool
    said: str  # why, where it is not


class Workers(Protocol):
    """Who does jobs elsewhere."""

    def submit(self, job: Job) -> UUID:
        """Hand a job over, or find the run that does it already."""
        ...

    def ending(self, run: UUID) -> Ending | None:
        """How a run ended; None while it has not."""
        ...


def hand_out(
    plan: Sequence[Planned],
    workers: Workers,
    *,
    watch: Callable[[Row], None] = lambda row: None,
    wait: Callable[[float], None] = time.sleep,
) -> tuple[Row, ...]:
    """Let workers do the jobs of a plan, and wait until all are over.

    Of jobs that share a training the first goes ahead alone; the others follow when it is over, and find the model.

    Args:
        watch: hears of every job when it is over.
        wait: passes the time between two looks.

    Raises: what `workers` raise.
    """
    batch = _Batch(plan, workers)
    while len(batch.rows) < len(plan):
        over = [row for index in range(len(plan)) if (row := batch.look(index)) is not None]
        for row in over:
            watch(row)
        if not over:
            wait(POLL_SECONDS)
    return tuple(batch.rows[index] for index in range(len(plan)))


@dataclass(frozen=True, slots=True)
class _Running:
    run: UUID
    begun: float  # time.monotonic()
    training: Training | None


@dataclass(slots=True)
class _Batch:
    """Which jobs run and which are over."""

    plan: Sequence[Planned]
    workers: Workers
    rows: dict[int, Row] = field(default_factory=dict)
    running: dict[int, _Running] = field(default_factory=dict)
    trained: set[Training] = field(default_factory=set)  # whose models are there to be found

    def look(self, index: int) -> Row | None:
        """Hand a job over if its turn has come, see whether it is over; its row, once."""
        if index in self.rows:
            return None
        row = self._over(index) if index in self.running else self._begun(index)
        if row is not None:
            self.rows[index] = row
        return row

    def _begun(self, index: int) -> Row | None:
        step = self.plan[index].step
        if not all(need in self.rows for need in step.needs):
            return None
        row = settled(self.plan[index], [self.rows[need] for need in step.needs])
        training = training_of(step.job)
        if row is None and not self._is_being_learnt(training):
            self.running[index] = _Running(self.workers.submit(step.job), time.monotonic(), training)
        return row

    def _is_being_learnt(self, training: Training | None) -> bool:
        if training is None or training in self.trained:
            return False
        return any(training == other.training for other in self.running.values())

    def _over(self, index: int) -> Row | None:
        job, running = self.plan[index].step.job, self.running[index]
        ending = self.workers.ending(running.run)
        if ending is None:
            return None
        del self.running[index]
        if ending.is_good and running.training is not None:
            self.trained.add(running.training)
        end, said = (End.DONE, str(job.output)) if ending.is_good else (End.FAILED, ending.said)
        return Row(job.name, job.kind, end, time.monotonic() - running.begun, said)
