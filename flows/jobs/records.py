"""What a job has made and of what: a small record in the workspace, by which a job that is done is known as done."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from flows.jobs.specs import BaseJob
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef, atomic_file, refuse_existing
from stages.model_parts import FACTS

RECORD = "record.json"
SLUG, DIGITS = 60, 10  # letters of the name, and digits of what tells jobs of one name apart, in a folder's name
WITHOUT_EFFECT = {"name", "output", "overwrite", "threads", "workers", "fan_out"}  # fields that leave the content alone


class Standing(Enum):
    """How a job's outputs stand before it runs."""

    MISSING = "to do"
    DONE = "done"  # there, unchanged, made of the same
    OUTDATED = "to do again"  # made by this job, of something else, or not all of them are there any more
    INTERRUPTED = "to go on"  # a run of this job ended in the middle
    TAKEN = "taken"  # something is there that this job has not made


@dataclass(frozen=True, slots=True)
class Record:
    """What a job's folder says."""

    made_of: str  # `fingerprint` of the job
    outputs: tuple[FileRef, ...]  # empty while the job runs


_RECORD: TypeAdapter[Record] = TypeAdapter(Record)


def job_folder(job: BaseJob, workspace: Workspace) -> Path:
    """Where a job's journal and record lie: named after the job, known by its main output."""
    place = hashlib.sha256(str(job.output.absolute()).encode()).hexdigest()
    slug = re.sub(r"[^\w.-]+", "-", job.name)[:SLUG]
    return workspace.root / "jobs" / f"{slug}-{place[:DIGITS]}"


def fingerprint(job: BaseJob) -> str | None:
    """A hash of all that decides on what a job's outputs hold, inputs by their content; None while one is missing."""
    if not all(path.exists() for path in job.inputs()):
        return None
    said = job.model_dump(mode="json", exclude=WITHOUT_EFFECT)
    for field in (*job.READS, *job.WRITES):
        said.pop(field, None)
    read = {field: [_content(path) for path in job.paths(field)] for field in job.READS}
    extra = [field for field in job.WRITES if job.paths(field)]
    text = json.dumps([job.kind, said, read, extra], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def standing(job: BaseJob, workspace: Workspace) -> Standing:
    """How a job stands; every input and output is read through for its hash."""
    record = _read(job, workspace)
    there = [path for path in job.outputs() if path.exists()]
    if record is None:
        return Standing.TAKEN if there else Standing.MISSING
    if not record.outputs:
        return Standing.INTERRUPTED
    if not there:
        return Standing.MISSING
    ours = {ref.path: ref for ref in record.outputs}
    if any(path.absolute() not in ours or not ours[path.absolute()].is_intact() for path in there):
        return Standing.TAKEN
    same = len(there) == len(job.outputs()) and record.made_of == fingerprint(job)
    return Standing.DONE if same else Standing.OUTDATED


def is_done(job: BaseJob, workspace: Workspace) -> bool:
    """Whether nothing is left to do."""
    return standing(job, workspace) is Standing.DONE


@contextmanager
def recorded(job: BaseJob, workspace: Workspace) -> Iterator[None]:
    """Write down that a job runs, and, when the block is over, what it made.

    A process that is killed leaves the word that the job runs; so its next run knows the outputs there as its own.

    Raises:
        OutputExists: something else is there, and the job does not say `overwrite`.
        StorageError: the workspace cannot be written.
    """
    if standing(job, workspace) is Standing.TAKEN:
        for path in job.outputs():
            refuse_existing(path, overwrite=job.overwrite)
    made_of = fingerprint(job) or ""
    _write(job, workspace, Record(made_of, ()))
    try:
        yield
    except BaseException:
        if not any(path.exists() for path in job.outputs()):
            (job_folder(job, workspace) / RECORD).unlink(missing_ok=True)
        raise
    _write(job, workspace, Record(made_of, tuple(FileRef.of(path.absolute()) for path in job.outputs())))


def _content(path: Path) -> str:
    """A file's hash; a model is known by its model.json, which vouches for its parts."""
    facts = path / FACTS
    return FileRef.of(facts if facts.is_file() else path).sha256


def _read(job: BaseJob, workspace: Workspace) -> Record | None:
    try:
        return _RECORD.validate_json((job_folder(job, workspace) / RECORD).read_bytes())
    except (FileNotFoundError, ValidationError):  # none yet, or not ours: what is there is then treated with care
        return None


def _write(job: BaseJob, workspace: Workspace, record: Record) -> None:
    with atomic_file(job_folder(job, workspace) / RECORD) as beside:
        beside.write_bytes(_RECORD.dump_json(record, indent=2))
