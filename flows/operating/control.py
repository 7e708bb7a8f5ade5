"""pause, resume, cancel, retry: what people ask of a job, as far as the state it is in allows."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry, Cancelled, Cancelling, Scheduled, Suspended

from flows.operating.holder import BEGUN, RESTARTS
from flows.operating.run_states import Request, asking, enter, utc_now
from pipeline.errors import OperatingError


def pause(client: SyncPrefectClient, run: FlowRun) -> str:
    """Let a job stop where its next chunk or checkpoint ends, or not start; returns what will come of it.

    Raises: OperatingError: it has ended, is paused already, or is only just starting.
    """
    kind = _kind(run)
    if kind == StateType.RUNNING:
        enter(client, run.id, asking(Request.PAUSE))
        return "pauses at the end of the chunk, or with a checkpoint of the training"
    if kind == StateType.SCHEDULED:
        enter(client, run.id, Suspended(message="Paused before it began; `jobs resume` lets it begin."))
        return "paused before it began"
    raise _refused(run, "a job that waits or runs", "Jobs that only just start can be paused in a moment.")


def resume(client: SyncPrefectClient, run: FlowRun) -> str:
    """Let a paused job go on where it stopped.

    Raises: OperatingError: it is not paused.
    """
    if _kind(run) != StateType.PAUSED:
        raise _refused(run, "a paused job", "See `understudy jobs list`; `jobs retry` takes what failed.")
    enter(client, run.id, Scheduled(scheduled_time=utc_now(), message="Resumed."))
    return "goes on where it stopped, when a worker takes it"


def cancel(client: SyncPrefectClient, run: FlowRun, *, now: bool = False) -> str:
    """Let a job end for good: where its next chunk ends; at once with `now`, or where it has not begun.

    Raises: OperatingError: it has ended.
    """
    kind = _kind(run)
    if kind in (StateType.SCHEDULED, StateType.PAUSED, StateType.PENDING):
        enter(client, run.id, Cancelled(message="Cancelled while it did not run."))
        return "cancelled"
    if kind in (StateType.RUNNING, StateType.CANCELLING) and now:
        enter(client, run.id, Cancelling(message="Cancelled at once."))
        return "is ended now"
    if kind == StateType.RUNNING:
        enter(client, run.id, asking(Request.CANCEL))
        return "ends where the chunk, or the step, under way ends; --now ends it at once"
    raise _refused(run, "a job that has not ended", "Nothing is left to cancel.")


def retry(client: SyncPrefectClient, run: FlowRun) -> str:
    """Let a job that failed, crashed or was cancelled run again; finished chunks are not done again.

    Raises: OperatingError: it has not ended, or ended well.
    """
    if _kind(run) not in (StateType.FAILED, StateType.CRASHED, StateType.CANCELLED):
        raise _refused(run, "a job that failed, crashed or was cancelled", "See `understudy jobs list`.")
    client.update_flow_run_labels(run.id, {RESTARTS: 0, BEGUN: False})
    enter(client, run.id, AwaitingRetry(scheduled_time=utc_now(), message="Asked for again."))
    return "runs again when a worker takes it"


def _kind(run: FlowRun) -> StateType:
    assert run.state is not None
    return run.state.type


def _refused(run: FlowRun, expected: str, remedy: str) -> OperatingError:
    assert run.state is not None
    name = run.state.name or run.state.type.value.title()
    return OperatingError(f"job {run.name}", f"its state is {name}", expected, remedy)
