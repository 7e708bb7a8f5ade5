"""What must stay, as jobs that have not ended or models speak of it; and which of Prefect's records name what."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.jobs.perform import LOG
from flows.pruning.artifacts import MODELS, Artifact
from flows.store.remembering import RESULTS
from flows.store.storage import Remote
from flows.store.workspace import Workspace

_OVER = ("done", "failed")  # last words of a job; after "begun" or "stopped" it may go on
_WORDS = (*_OVER, "begun", "stopped")
_NAMED = re.compile(r"workspace:/([^/\"\\]+/[^/\"\\]+)")  # kind and name of an artifact in a record
_HASH = re.compile(r"\b[0-9a-f]{20,64}\b")


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that has begun and not ended: it may run, wait, be paused, or have lost its process."""

    folder: str  # below jobs/
    artifacts: frozenset[str]  # places of what it used


def open_jobs(workspace: Workspace) -> list[OpenJob]:
    """Jobs of this machine that may go on, by what their journals say last."""
    found = []
    for log in sorted(workspace.root.glob(f"jobs/*/{LOG}")):
        lines = list(_lines(log))
        words = [line["message"] for line in lines if line.get("stage") is None and line["message"] in _WORDS]
        if words and words[-1] not in _OVER:
            used = frozenset(str(place) for line in lines for place in line.get("artifacts", ()))
            found.append(OpenJob(log.parent.name, used))
    return found


def ended_journals(workspace: Workspace, before: float, waiting: Iterable[OpenJob]) -> Iterator[Artifact]:
    """Journals of jobs that ended before a moment; what tells that they are done lies beside and stays."""
    going = {job.folder for job in waiting}
    for log in sorted(workspace.root.glob(f"jobs/*/{LOG}")):
        found = log.stat()
        if log.parent.name not in going and found.st_mtime < before:
            place = log.relative_to(workspace.root).as_posix()
            yield Artifact("journals", place, 1, found.st_size, found.st_mtime)


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    """A journal's lines; the last may be torn where the machine went down."""
    for text in log.read_text("utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict) and "message" in line:
                yield line


def named_by_models(workspace: Workspace) -> frozenset[str]:
    """Hashes and keys that the workspace's models speak of, such as the clip that one was trained on."""
    texts = (facts.read_text("utf-8", errors="replace") for facts in workspace.root.glob(f"{MODELS}/*/model.json"))
    return frozenset(word for text in texts for word in _HASH.findall(text))


def local_records(workspace: Workspace, before: float) -> Iterator[tuple[Path, frozenset[str]]]:
    """Prefect's records on this machine that were written before a moment, each with the artifacts it names."""
    folder = workspace.prefect / RESULTS
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.is_file() and path.stat().st_mtime < before:
            yield path, _artifacts_in(path.read_bytes())


def shared_records(remote: Remote, before: float) -> Iterator[tuple[str, frozenset[str]]]:
    """The same in a folder that machines share, by name.

    Raises: StorageError.
    """
    for stored in remote.listing(f".prefect/{RESULTS}"):
        if stored.written < before and (content := remote.read(stored.name)) is not None:
            yield stored.name, _artifacts_in(content)


def _artifacts_in(record: bytes) -> frozenset[str]:
    return frozenset(_NAMED.findall(record.decode("utf-8", "replace")))
