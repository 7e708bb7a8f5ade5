"""A job's inputs on their way to another machine: sent up with the job, found again by the process that does it."""

from collections.abc import Sequence
from pathlib import Path

from flows.jobs.specs import SIGNING, Job
from flows.store.sharing import find_input, store_input
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef


def send_inputs(job: Job, workspace: Workspace) -> tuple[FileRef, ...]:
    """Store what a job reads in the workspace that machines share, and say what it was.

    What is not here is left out: a path of the workers' own, or what another job of the batch makes there. A key to
    sign with never travels. Nothing is sent to a workspace that is a folder of this machine, or of a disk that all
    mount.

    Raises: StorageError: the shared folder cannot be written.
    """
    if workspace.remote is None:
        return ()
    paths = dict.fromkeys(path for field in job.READS if field not in SIGNING for path in job.paths(field))
    sent = tuple(FileRef.of(path) for path in paths if path.exists())
    for ref in sent:
        store_input(ref, workspace)
    return sent


def at_its_inputs(job: Job, sent: Sequence[FileRef], workspace: Workspace) -> Job:
    """The job with each input that was sent where it lies on this machine: at its own path, or in the workspace.

    Raises: StorageError: an input is neither here nor in the workspace.
    """
    found = {ref.path: find_input(ref, workspace).path for ref in sent}
    moved = {field: _moved(getattr(job, field), found) for field in job.READS}
    return job.model_copy(update={field: value for field, value in moved.items() if value != getattr(job, field)})


def _moved(value: object, found: dict[Path, Path]) -> object:
    """A field with the paths that it names replaced; words stay as they are."""
    if isinstance(value, tuple):
        return tuple(_moved(part, found) for part in value)
    return found.get(value, value) if isinstance(value, Path) else value
