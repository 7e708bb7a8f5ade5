"""What a shared workspace sends up and brings down: artifacts by kind and key, inputs by content."""

from pathlib import Path

from flows.store.storage import Remote
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import StorageError

INPUTS = "inputs"
PROBE = ".probe"  # a file that is never there


def share(refs: list[FileRef], workspace: Workspace) -> None:
    """Send the artifacts that files belong to; nothing where the workspace is a folder of this machine alone.

    Raises: StorageError.
    """
    if workspace.remote is None:
        return
    for name in _artifacts(refs, workspace):
        Remote(workspace.remote).send(workspace.root / name, name)


def refuse_unreachable(workspace: Workspace) -> None:
    """Look whether the shared folder answers. Prefect takes one that does not for one without records.

    Raises: StorageError.
    """
    if workspace.remote is not None:
        Remote(workspace.remote).read(PROBE)


def at_hand(refs: list[FileRef], workspace: Workspace) -> bool:
    """Whether all files are here and whole, after those that are not were looked for in the shared folder.

    Raises: StorageError.
    """
    missing = [ref for ref in refs if not ref.is_intact()]
    if workspace.remote is None or not missing:
        return not missing
    for name in _artifacts(missing, workspace):
        Remote(workspace.remote).fetch(name, workspace.root / name)
    return all(ref.is_intact() for ref in missing)


def store_input(ref: FileRef, workspace: Workspace) -> None:
    """Send an input up, for jobs that run on machines where it does not lie; nothing in a workspace without a URL.

    Raises: StorageError.
    """
    if workspace.remote is not None:
        Remote(workspace.remote).send(ref.path, input_place(ref))


def find_input(ref: FileRef, workspace: Workspace) -> FileRef:
    """An input where it lies on this machine: at its path, or brought down from where `store_input` put it.

    Raises: StorageError: it is nowhere, or has changed since the job was made.
    """
    if ref.path.exists() and ref.is_intact():
        return ref
    here = FileRef(workspace.root / input_place(ref), ref.sha256)
    if here.is_intact() or (workspace.remote is not None and _is_fetched(ref, here, workspace.remote)):
        return here
    found = "it has changed since the job was made" if ref.path.exists() else "it is not on this machine"
    raise StorageError(
        ref.path,
        f"{found}, and was not sent to the workspace",
        "the file that the job was made with",
        "Submit the job again, so that its inputs are sent along; or put the file back.",
    )


def _is_fetched(ref: FileRef, here: FileRef, remote: str) -> bool:
    """Bring an input down; False where it is not there, or not what was meant."""
    return Remote(remote).fetch(input_place(ref), here.path) and here.is_intact()


def input_place(ref: FileRef) -> str:
    """Where in a workspace `store_input` puts a file.

    In a folder named by content, under its own name: by that people, manifests and containers know it.
    """
    return f"{INPUTS}/{ref.sha256}/{ref.path.name}"


def _artifacts(refs: list[FileRef], workspace: Workspace) -> list[str]:
    """Their names, each once, in order."""
    names = (workspace.artifact(Path(ref.path)) for ref in refs)
    return list(dict.fromkeys(name for name in names if name is not None))
