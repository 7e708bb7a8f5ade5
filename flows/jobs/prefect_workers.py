"""Workers of a Prefect pool, as a batch sees them: a job becomes a run of its kind's deployment."""

import time
from dataclasses import dataclass, field
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType

from flows.jobs.hand_out import Ending
from flows.jobs.specs import Job
from flows.operating.bringing import bring
from flows.operating.deploying import deployment_id, submit
from flows.store.workspace import Workspace
from pipeline.errors import OperatingError, UnderstudyError

UNDER_WAY = (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING)
ENDED_BADLY = (StateType.FAILED, StateType.CANCELLED)
CRASH_PATIENCE = 180.0  # seconds that a run stays crashed before nobody is expected to start it again


@dataclass(frozen=True, slots=True)
class PrefectWorkers:
    """The deployments of one pool."""

    pool: str
    workspace: Workspace
    crashed: dict[UUID, float] = field(default_factory=dict)  # run → time.monotonic() when it was first seen so

    def check(self, kinds: set[str]) -> None:
        """See that every kind of job is registered to the pool.

        Raises: OperatingError.
        """
        with get_client(sync_client=True) as client:
            for kind in sorted(kinds):
                pool = client.read_deployment(deployment_id(kind)).work_pool_name
                if pool != self.pool:
                    raise OperatingError(
                        f"--pool {self.pool}",
                        f"{kind} jobs are registered to {pool}",
                        "the same pool",
                        f"Give --pool {pool}, or run `understudy deploy --pool {self.pool}`.",
                    )

    def submit(self, job: Job) -> UUID:
        """Hand a job over; one that an earlier batch has handed over and that is not over goes on.

        Raises: OperatingError: its kind is not registered.
        """
        with get_client(sync_client=True) as client:
            known = self._under_way(client, job)
        return known or submit(job, self.workspace, to_workspace=self._is_apart)

    def ending(self, run: UUID) -> Ending | None:
        """How a run ended; None while it has not, or may be started again. What it has made is brought here first."""
        with get_client(sync_client=True) as client:
            found = client.read_flow_run(run)
        state = found.state
        if state is None:
            return None
        if state.type is not StateType.CRASHED:
            self.crashed.pop(run, None)
        over = state.type is StateType.COMPLETED or state.type in ENDED_BADLY
        if not over and not (state.type is StateType.CRASHED and self._given_up(run)):
            return None
        try:
            bring(found)
        except UnderstudyError as error:
            return Ending(False, str(error))
        return Ending(state.type is StateType.COMPLETED, _reason(state))

    @property
    def _is_apart(self) -> bool:
        """Whether workers may have no disk in common with this machine, so that what they make has to be brought."""
        return self.workspace.remote is not None

    def _given_up(self, run: UUID) -> bool:
        since = self.crashed.setdefault(run, time.monotonic())
        return time.monotonic() - since > CRASH_PATIENCE

    def _under_way(self, client: SyncPrefectClient, job: Job) -> UUID | None:
        """The run that makes the same output of the same, where there is one."""
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id(job.kind)])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(UNDER_WAY)))),
        )
        asked = (job.model_dump(mode="json"), self._is_apart)
        return next((run.id for run in runs if _asked(run) == asked), None)


def _asked(run: FlowRun) -> tuple[object, object]:
    """The job of a run, and whether what it makes is brought."""
    return run.parameters.get("job"), run.parameters.get("to_workspace", False)


def _reason(state: State[object]) -> str:
    """Why a run ended badly, in one line."""
    return " ".join((state.message or state.name or str(state.type)).split())
