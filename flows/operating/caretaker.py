"""Caretaker: sees to it that each job ends exactly once, whatever died while it ran, and late ones run once only.

Prefect's own automations may lose what happens while its server is down; here the server is asked how things stand, so
that nothing depends on having been told.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry, Cancelled, Cancelling, Crashed

from flows.operating.holder import RESTARTS, Holder, last_seen, restarts
from flows.operating.job_process import RUN
from flows.operating.job_runs import log_of, runs_of
from flows.operating.run_states import Request, enter, utc_now
from flows.store.journal import Journal

PENDING_PATIENCE = timedelta(seconds=120)  # for a run's process to say who it is, where it cannot be looked for
UNDER_WAY = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
CANCEL_PATIENCE = timedelta(minutes=10)  # for a cancelled job to come to the end of its chunk
CLOCKS_DIFFER = 1.0  # seconds, between two machines
RESTARTS_AT_MOST = 5  # of one job, before it counts as failed for good


@dataclass(frozen=True, slots=True)
class Deed:
    """Something the caretaker did, for people to read."""

    run: UUID
    name: str
    said: str


def look_after(client: SyncPrefectClient, *, restarts_at_most: int = RESTARTS_AT_MOST) -> list[Deed]:
    """Go round once: give runs whose process died to a new one, and skip all but the newest late run of a schedule."""
    now = utc_now()
    deeds = [_skip(client, run) for run in missed(runs_of(client, StateType.SCHEDULED), now)]
    for run in runs_of(client, *UNDER_WAY):
        # Read again: a process sets the state of its run and then ends. What is still under way now, after it was seen
        # to be dead, is so for good.
        if is_dead(run, now) and is_dead(again := client.read_flow_run(run.id), now) and _kind(again) in UNDER_WAY:
            deeds.append(_bury(client, again))
        elif is_deaf(run, now):
            deeds.append(_force(client, run))
    for run in runs_of(client, StateType.CRASHED):
        again = client.read_flow_run(run.id)
        if restarts(again.labels) < restarts_at_most and _kind(again) == StateType.CRASHED:
            deeds.append(_restart(client, again, restarts_at_most))
    return deeds


def is_dead(run: FlowRun, now: datetime) -> bool:
    """Whether nobody does a run that counts as under way."""
    assert run.state is not None
    holder, seen, entered = Holder.of(run.labels), last_seen(run.labels), run.state.timestamp
    if run.state.is_pending() and (holder is None or seen < entered.timestamp() - CLOCKS_DIFFER):
        # Who is written on it held it before.
        return _worker_died(run) or (now - entered > PENDING_PATIENCE and not _is_starting(run))
    return holder is not None and holder.is_gone(seen, now.timestamp())


def _worker_died(run: FlowRun) -> bool:
    """Whether the worker that took a run is gone, on this machine, before the run's process said who it is."""
    assert run.state is not None
    worker, seen = Holder.of(run.labels, "worker"), last_seen(run.labels, "worker")
    since = seen >= run.state.timestamp.timestamp() - CLOCKS_DIFFER
    return worker is not None and since and worker.is_near() and worker.is_gone(seen, seen)


def _is_starting(run: FlowRun) -> bool:
    """Whether the worker that took a run, on this machine, has a process for it: a busy machine starts it slowly."""
    worker = Holder.of(run.labels, "worker")
    if worker is None or not worker.is_near() or worker.is_gone(0, 0):
        return False
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return any(_run_of(child) == str(run.id) for child in psutil.Process(worker.pid).children())
    return False


def _run_of(process: psutil.Process) -> str | None:
    """The run that a worker has started a process for."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        run: str | None = process.environ().get(RUN)
        return run
    return None


def is_deaf(run: FlowRun, now: datetime) -> bool:
    """Whether a job was asked to end and has not come to the end of a chunk for too long."""
    state = run.state
    return state is not None and state.name == Request.CANCEL and now - state.timestamp > CANCEL_PATIENCE


def missed(waiting: Iterable[FlowRun], now: datetime) -> list[FlowRun]:
    """Of the late runs that a schedule made, all but the newest of each schedule."""
    late: dict[UUID, list[FlowRun]] = defaultdict(list)
    for run in waiting:
        due = run.expected_start_time
        if run.auto_scheduled and run.run_count == 0 and run.deployment_id and due is not None and due <= now:
            late[run.deployment_id].append(run)
    return [run for runs in late.values() for run in sorted(runs, key=_due)[:-1]]


def _kind(run: FlowRun) -> StateType:
    assert run.state is not None
    return run.state.type


def _due(run: FlowRun) -> datetime:
    assert run.expected_start_time is not None
    return run.expected_start_time


def _skip(client: SyncPrefectClient, run: FlowRun) -> Deed:
    due = _due(run)
    said = f"skipped: due {due:%Y-%m-%d %H:%M} UTC, and a later run of its schedule makes up for it"
    enter(client, run.id, Cancelled(name="Skipped", message=said))
    return _told(run, said)


def _bury(client: SyncPrefectClient, run: FlowRun) -> Deed:
    assert run.state is not None
    holder = Holder.of(run.labels)
    who = "its process" if holder is None else f"its process {holder.pid} on {holder.host}"
    if run.state.type == StateType.CANCELLING or run.state.name == Request.CANCEL:
        enter(client, run.id, Cancelled(message=f"Cancelled; {who} is gone."))
        return _told(run, f"cancelled: {who} is gone")
    enter(client, run.id, Crashed(message=f"{who} is gone"))
    return _told(run, f"crashed: {who} is gone")


def _force(client: SyncPrefectClient, run: FlowRun) -> Deed:
    said = f"ended at once, as its chunk took longer than {CANCEL_PATIENCE.total_seconds() / 60:g} minutes"
    enter(client, run.id, Cancelling(message=said))
    return _told(run, said)


def _restart(client: SyncPrefectClient, run: FlowRun, at_most: int) -> Deed:
    count = restarts(run.labels) + 1
    said = f"started again, {count} of at most {at_most}"
    client.update_flow_run_labels(run.id, {RESTARTS: count})
    enter(client, run.id, AwaitingRetry(scheduled_time=utc_now(), message=said))
    return _told(run, said)


def _told(run: FlowRun, said: str) -> Deed:
    """A deed, which the job's journal tells as well, where that lies on this machine."""
    log = log_of(run)
    if log is not None:
        Journal(log, run.name).note(said)
    return Deed(run.id, run.name, said)
