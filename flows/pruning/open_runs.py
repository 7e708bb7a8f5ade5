"""Since when a Prefect server knows of jobs that have not ended, on whatever machine they are done."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from flows.operating.job_runs import runs_of

OPEN = (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING)


def oldest_begun() -> float | None:
    """When the first of the jobs began that have begun and not ended: seconds since 1970; None: there is none."""
    with get_client(sync_client=True) as client:
        begun = [run.start_time for run in runs_of(client, *OPEN) if run.start_time is not None]
    return min(begun).timestamp() if begun else None
