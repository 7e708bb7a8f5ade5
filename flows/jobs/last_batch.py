"""What came of a batch, kept in the workspace after every job: for the morning after, and for `--retry-failed`."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from flows.jobs.batch import Row
from flows.store.workspace import Workspace
from pipeline.artifacts import atomic_file

_ROWS: TypeAdapter[tuple[Row, ...]] = TypeAdapter(tuple[Row, ...])
DIGITS = 10


def batch_record(jobs_file: Path, workspace: Workspace) -> Path:
    """Where it is kept: named after the jobs file, known by its place."""
    place = hashlib.sha256(str(jobs_file.resolve()).encode()).hexdigest()
    return workspace.root / "jobs" / f"{jobs_file.stem}-{place[:DIGITS]}.batch.json"


def keep_rows(jobs_file: Path, workspace: Workspace, rows: Sequence[Row]) -> None:
    """Write down what came of the jobs so far.

    Raises: StorageError.
    """
    with atomic_file(batch_record(jobs_file, workspace)) as beside:
        beside.write_bytes(_ROWS.dump_json(tuple(rows), indent=2))


def failed_last_time(jobs_file: Path, workspace: Workspace) -> tuple[str, ...]:
    """Names of the jobs that failed, or were not run for that, when the file was last run; none where it never was."""
    try:
        rows = _ROWS.validate_json(batch_record(jobs_file, workspace).read_bytes())
    except (FileNotFoundError, ValidationError):
        return ()
    return tuple(row.name for row in rows if row.is_failure)
