"""bring: what a run has made, from the workspace to the paths that its job names on this machine."""

import json
from pathlib import Path

from prefect.client.schemas.objects import FlowRun, StateType
from pydantic import TypeAdapter

from flows.jobs.returning import bring_outputs
from flows.jobs.specs import ANY_JOB, Job
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import OperatingError, StorageError

_SENT: TypeAdapter[tuple[FileRef, ...]] = TypeAdapter(tuple[FileRef, ...])


def bring(run: FlowRun) -> bool:
    """Bring what a run that is over has made; where it failed, the film that it parked.

    Returns: False where there is nothing to bring, as the run's outputs went to their paths on its worker's machine,
        or it failed before it made any.

    Raises:
        OutputExists: something else lies there by now, and the job does not say `overwrite`.
        StorageError: what a completed run has made is not in the workspace any more, or cannot be written here.
    """
    if not run.parameters.get("to_workspace"):
        return False
    job = _job(run)
    workspace = Workspace.at(run.parameters["workspace"])
    found = bring_outputs(job, run.id, _SENT.validate_python(run.parameters.get("sent", ())), workspace)
    if not found and run.state is not None and run.state.type is StateType.COMPLETED:
        raise StorageError(
            job.output,
            f"what {run.name} has made is not in the workspace {workspace.address} any more",
            "what its worker has kept there",
            "Hand the job over again: finished chunks are not done again, where they are still there.",
        )
    return found


def fetch(run: FlowRun) -> tuple[Path, ...]:
    """As `bring`, for people: returns the paths of the outputs.

    Raises: as `bring`; OperatingError: the run is not over, or there is nothing to bring.
    """
    assert run.state is not None
    if not run.state.is_final():
        found = f"its state is {run.state.name}"
        raise OperatingError(f"job {run.name}", found, "a job that is over", "See `understudy jobs list`.")
    if not bring(run):
        raise OperatingError(
            f"job {run.name}",
            "nothing of it was kept in the workspace",
            "a job that `batch --pool` handed over with a workspace at a URL",
            "Look at the job's paths, on the machine that did it; `jobs show` says what came of it.",
        )
    return tuple(path for path in _job(run).outputs() if path.exists())


def _job(run: FlowRun) -> Job:
    return ANY_JOB.validate_json(json.dumps(run.parameters["job"]))  # as JSON, where lists stand for tuples
