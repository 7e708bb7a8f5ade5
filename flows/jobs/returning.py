"""A job's outputs on their way back: kept in the workspace by who makes them, brought to the paths that the job names.

A run that works so has a folder of its own in the workspace, with a folder in it for each field that names an output;
what lies beside an output there, such as a film's sidecar and report, belongs to it and comes along.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

from flows.jobs.records import recorded
from flows.jobs.specs import Job
from flows.jobs.travelling import at_its_inputs
from flows.store.sharing import input_place
from flows.store.storage import Remote
from flows.store.workspace import Workspace, content_key
from pipeline.artifacts import FileRef, atomic_file, atomic_folder
from pipeline.errors import FilmParked, UnderstudyError
from stages.report.place import address_of

OUTPUTS = "outputs"
NAMES = 1  # raise it when the folder of a run is laid out in another way


def into_workspace(job: Job, run: UUID, workspace: Workspace) -> Job:
    """The job with each output at a place of this run in the workspace; the names of files stay."""
    place = _folder(run, workspace)
    return job.model_copy(update={field: place / field / path.name for field, path in _outputs(job)})


@contextmanager
def outputs_kept(run: UUID, workspace: Workspace) -> Iterator[None]:
    """Send up what the block, which does the job of a run, has made; or what it has parked.

    Raises: what the block raises; StorageError.
    """
    try:
        yield
    except FilmParked:
        keep_outputs(run, workspace)
        raise
    keep_outputs(run, workspace)


def keep_outputs(run: UUID, workspace: Workspace) -> None:
    """Send up what a run has made; nothing where the workspace is a folder, as it lies there already.

    Raises: StorageError.
    """
    place = _folder(run, workspace)
    if workspace.remote is not None and place.exists():
        Remote(workspace.remote).send(place, place.relative_to(workspace.root).as_posix())


def bring_outputs(job: Job, run: UUID, sent: Sequence[FileRef], workspace: Workspace) -> bool:
    """Bring what a run has made to the paths that its job names; every file is whole or not there, the outputs last.

    The job then counts as done here. Of a film that did not pass its gates comes what was parked.

    Args:
        sent: the inputs that travelled with the job.

    Returns: False where the workspace has nothing of this run.

    Raises:
        OutputExists: something else is there by now, and the job does not say `overwrite`.
        StorageError: a path cannot be written, or the workspace does not answer.
    """
    with _fetched(run, workspace) as made:
        if made is None:
            return False
        asked = at_its_inputs(job, sent, workspace)  # known by what was sent, though a file has changed meanwhile
        is_whole = all((made / field / path.name).exists() for field, path in _outputs(job))
        with recorded(asked, workspace) if is_whole else nullcontext():
            for field, path in reversed([each for each in _outputs(job) if (made / each[0]).is_dir()]):
                page = _Page(_folder(run, workspace) / field, _films(sent, workspace))
                _put(made / field, path, page)
    return True


@contextmanager
def paths_as_asked(asked: Job, moved: Job) -> Iterator[None]:
    """Say of paths in the workspace, in the messages of errors, what the job calls them.

    Raises: what the block raises, in these words.
    """
    try:
        yield
    except UnderstudyError as error:
        parts = (error.where, error.found, error.expected, error.remedy)
        raise type(error)(*(as_asked(part, asked, moved) for part in parts)) from error


def as_asked(text: str, asked: Job, moved: Job) -> str:
    """A text in which paths in the workspace have the names that the job gives them."""
    for (_, wanted), (_, made) in zip(_outputs(asked), _outputs(moved), strict=True):
        text = text.replace(str(made.parent), str(wanted.parent))
    return text


def _outputs(job: Job) -> list[tuple[str, Path]]:
    """Each field that names an output, with its path; the main one first."""
    return [(field, path) for field in job.WRITES for path in job.paths(field)]


def _folder(run: UUID, workspace: Workspace) -> Path:
    return workspace.place(OUTPUTS, content_key(NAMES, str(run)))


@contextmanager
def _fetched(run: UUID, workspace: Workspace) -> Iterator[Path | None]:
    """The folder of a run; of a workspace at a URL a copy, which is gone afterwards. None where there is none."""
    place = _folder(run, workspace)
    if workspace.remote is None:
        yield place if place.exists() else None
        return
    copy = workspace.root / f".{OUTPUTS}-{uuid4().hex[:12]}.part"  # so `prune` knows what a kill leaves
    try:
        yield copy if Remote(workspace.remote).fetch(place.relative_to(workspace.root).as_posix(), copy) else None
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _put(made: Path, wanted: Path, page: "_Page") -> None:
    """Put an output to its place, after all that lies beside it."""
    for path in sorted(made.iterdir(), key=lambda each: (each.name == wanted.name, each.name)):
        target = wanted.parent / path.name
        if path.is_dir() and path.name == wanted.name:
            with atomic_folder(target) as beside:
                shutil.copytree(path, beside, dirs_exist_ok=True)
        elif path.is_dir():
            for part in sorted(each for each in path.rglob("*") if each.is_file()):
                inside = part.relative_to(path)
                _copy(part, target / inside, replace(page, folder=(page.folder / path.name / inside).parent))
        else:
            _copy(path, target, page)


def _copy(made: Path, target: Path, page: "_Page") -> None:
    with atomic_file(target) as beside:
        if made.suffix == ".html":
            beside.write_text(page.readdressed(made.read_text("utf-8"), target.parent), "utf-8", newline="\n")
        else:
            shutil.copyfile(made, beside)


@dataclass(frozen=True, slots=True)
class _Page:
    """A report that names films from where it lies: brought elsewhere, it names those of this machine."""

    folder: Path  # where it was written
    films: tuple[tuple[Path, Path], ...]  # where the worker may have had an input, and where it lies here

    def readdressed(self, text: str, folder: Path) -> str:
        for there, here in self.films:
            text = text.replace(address_of(there, self.folder), address_of(here, folder))
        return text


def _films(sent: Sequence[FileRef], workspace: Workspace) -> tuple[tuple[Path, Path], ...]:
    """Workers of this workspace had an input that was sent in the workspace, or at its own path."""
    return tuple((there, ref.path) for ref in sent for there in (workspace.root / input_place(ref), ref.path))
