"""Deployments: each kind of job registered with Prefect, so that any machine that has this package can do it."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.types.entrypoint import EntrypointType

from flows.jobs.deployed import FLOWS, batch_job
from flows.jobs.specs import Job
from flows.jobs.travelling import send_inputs
from flows.operating.job_runs import TAG
from flows.store.workspace import Workspace
from pipeline.errors import OperatingError

NAME = "understudy"  # of the deployment of each kind: "translate job/understudy"
KIND = "process"  # of work pool: workers start a process for each run
JOB_PROCESS = "flows.operating.job_process"  # the module that a run's process is
IN_A_PROCESS: dict[str, Any] = {"command": f"python -m {JOB_PROCESS}", "stream_output": False}


def deploy(pool: str, queue: str | None = None) -> tuple[str, ...]:
    """Make the pool where it is missing and register every kind of job there; returns the deployments' names.

    Raises: OperatingError: a pool of that name takes no processes.
    """
    make_pool(pool)
    made = [deployment(flow, NAME, pool, queue=queue) for flow in (*FLOWS.values(), batch_job)]
    for each in made:
        each.apply()
    return tuple(each.full_name for each in made)


def deployment(
    flow: Flow[Any, Any], name: str, pool: str, *, queue: str | None = None, **more: Any
) -> RunnerDeployment:
    """A flow as a deployment that is found by the path of its module, wherever this package is installed."""
    return RunnerDeployment.from_flow(
        flow,
        name=name,
        tags=[TAG, flow.name.removesuffix(" job"), *more.pop("tags", ())],
        work_pool_name=pool,
        work_queue_name=queue,
        job_variables=IN_A_PROCESS,
        entrypoint_type=EntrypointType.MODULE_PATH,
        description=(flow.fn.__doc__ or "").strip(),
        **more,
    )


def make_pool(pool: str) -> None:
    """Make a work pool of processes, where it is missing.

    Raises: OperatingError: one of another kind has that name.
    """
    with get_client(sync_client=True) as client:
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(WorkPoolCreate(name=pool, type=KIND))
        kind = client.read_work_pool(pool).type
    if kind != KIND:
        raise OperatingError(f"work pool {pool}", f"its type is {kind}", KIND, "Choose another --pool.")


def deployment_id(kind: str) -> UUID:
    """The deployment that does a kind of job.

    Raises: OperatingError: it is not registered.
    """
    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(f"{FLOWS[kind].name}/{NAME}").id
        except ObjectNotFound as error:
            raise OperatingError(
                f"deployment {FLOWS[kind].name}/{NAME}",
                "it is not there",
                "one for each kind of job",
                "Run `understudy deploy`.",
            ) from error


def submit(job: Job, workspace: Workspace, between: str | None = None, *, to_workspace: bool = False) -> UUID:
    """Hand a job to the workers, with its inputs where the workspace is at a URL; returns the id of its run.

    Args:
        between: hours in which it may run, as `Hours.parse` takes them; None: any.
        to_workspace: keep what it makes in the workspace, for `bring_outputs`; else it goes to the job's paths on the
            machine of whoever does it.

    Raises: OperatingError: its kind is not registered. StorageError: the workspace cannot be written.
    """
    parameters = {
        "job": job.model_dump(mode="json"),
        "workspace": workspace.address,
        "between": between,
        "to_workspace": to_workspace,
        "sent": [{"path": str(ref.path), "sha256": ref.sha256} for ref in send_inputs(job, workspace)],
    }
    with get_client(sync_client=True) as client:
        made = client.create_flow_run_from_deployment(deployment_id(job.kind), parameters=parameters, name=job.name)
    return made.id
