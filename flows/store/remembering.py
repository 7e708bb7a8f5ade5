"""What Prefect remembers of a stage: a JSON record in the workspace, or in the folder that machines share."""

import json
from functools import lru_cache
from pathlib import Path

from prefect.filesystems import WritableFileSystem
from prefect.serializers import Serializer
from pydantic import Field

from flows.store.results import from_json, to_json
from flows.store.storage import Remote
from flows.store.workspace import Workspace
from pipeline.artifacts import atomic_file

RESULTS = "results"  # the folder below Prefect's


class PlainResults(Serializer):
    """Writes results of stages as JSON: a record from a shared folder can name nothing but files and words."""

    type: str = Field(default="understudy", frozen=True)

    def dumps(self, obj: object) -> bytes:
        """A result as JSON.

        Raises: TypeError.
        """
        return to_json(obj)

    def loads(self, blob: bytes) -> object:
        """The result again.

        Raises: ValueError.
        """
        return from_json(blob)


class Records(WritableFileSystem):
    """Keeps Prefect's records as files named by the key of the call. What we did not write counts as not there."""

    _block_type_name = "Understudy records"

    root: Path
    remote: str | None = None

    def _resolve_path(self, path: str) -> None:
        """Records are known by their keys alone: asked by Prefect, which else takes them for paths."""

    def read_path(self, path: str, *, _sync: bool = True) -> bytes:  # type: ignore[override]  # Prefect passes _sync
        """The record of a key.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it was not written by `PlainResults`: Prefect would read it with what it names, such as pickle.
            StorageError: the shared folder does not answer.
        """
        if self.remote is None:
            content = (self.root / path).read_bytes()
        else:
            found = Remote(self.remote).read(self._name(path))
            if found is None:
                raise FileNotFoundError(path)
            content = found
        if json.loads(content)["metadata"]["serializer"] != {"type": "understudy"}:
            raise ValueError(f"{path}: not a record of ours")
        return content

    def write_path(self, path: str, content: bytes, *, _sync: bool = True) -> None:  # type: ignore[override]
        """Keep a record.

        Raises: StorageError.
        """
        if self.remote is not None:
            Remote(self.remote).write(self._name(path), content)
            return
        with atomic_file(self.root / path) as beside:
            beside.write_bytes(content)

    def _name(self, key: str) -> str:
        return f".prefect/{RESULTS}/{key}"


@lru_cache(maxsize=8)
def records_of(workspace: Workspace) -> Records:
    """Where the records of a workspace lie."""
    return Records(root=workspace.prefect / RESULTS, remote=workspace.remote)
