"""What a running job can be asked, and how it answers: states of Prefect's, with names of their own while it answers.

A request is written over the run's Running state as another name of it, so that every page and list shows it. The job
reads it between two chunks, or after a training step, and only then enters the state that was asked for.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from prefect import State
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Scheduled, Suspended

from flows.operating.hours import Hours

BREATH = timedelta(seconds=2)  # before a job that was handed back is taken again


class Request(StrEnum):
    """What is asked of a running job, as the name of its state meanwhile."""

    PAUSE = "Pausing"
    CANCEL = "Cancelling after this chunk"
    HAND_BACK = "Handing back"


def asking(request: Request) -> State[Any]:
    """The state that asks a running job."""
    return State(type=StateType.RUNNING, name=request.value)


def answer(state: State[Any], hours: Hours | None, now: datetime) -> State[Any] | None:
    """The state that a running job enters now; None: it goes on.

    Args:
        state: what Prefect says of the run.
        hours: in which it may run; None: always.
    """
    if state.name == Request.PAUSE:
        return Suspended(message="Paused where a chunk or a step ended; `jobs resume` goes on there.")
    if state.name == Request.CANCEL or state.type == StateType.CANCELLING:
        return Cancelled(message="Cancelled where a chunk or a step ended.")
    if state.name == Request.HAND_BACK:
        return Scheduled(scheduled_time=now + BREATH, message="Handed back by a worker that ended.")
    if state.type == StateType.RUNNING and hours is not None and not hours.is_open(now):
        return Scheduled(scheduled_time=hours.next_opening(now), message=f"Outside its hours, {hours}.")
    return None


def enter(client: SyncPrefectClient, run: UUID, state: State[Any]) -> State[Any]:
    """Put a run into a state, whatever Prefect's rules for the ways between states say; returns it as it was kept."""
    client.set_flow_run_state(run, state, force=True)
    kept = client.read_flow_run(run).state
    assert kept is not None
    return kept


def is_over_here(state: State[Any]) -> bool:
    """Whether somebody else has ended, stopped or rescheduled the run that is done here."""
    return state.type != StateType.RUNNING and state.type != StateType.PENDING


def utc_now() -> datetime:
    """Now, aware of its zone."""
    return datetime.now(UTC)
