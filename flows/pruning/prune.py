"""Housekeeping: what was of no use for long goes, and what Prefect remembers of it; models and what jobs need stay."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flows.pruning.artifacts import Artifact, artifacts, half_written, shared_artifacts
from flows.pruning.references import ended_journals, local_records, named_by_models, open_jobs, shared_records
from flows.store.storage import Remote
from flows.store.workspace import Workspace
from pipeline.artifacts import as_storage_error

HALF_WRITTEN_AGE = timedelta(days=1)  # longer than anything takes to be written


@dataclass(frozen=True, slots=True)
class Pruning:
    """What was removed, or would be."""

    local: tuple[Artifact, ...]  # in this machine's folder, half-written ones and journals among them
    shared: tuple[Artifact, ...]  # in the folder that machines share
    records: int  # of Prefect's, that named some of it
    waiting: tuple[str, ...]  # folders of jobs that have not ended, and so keep what they used

    def rows(self) -> list[tuple[str, int, int]]:
        """(kind, files, bytes) of each kind, by name; what is shared stands apart."""
        sums: dict[str, tuple[int, int]] = {}
        for kind, one in (
            *((one.kind, one) for one in self.local),
            *((f"{one.kind} (shared)", one) for one in self.shared),
        ):
            files, size = sums.get(kind, (0, 0))
            sums[kind] = files + one.files, size + one.bytes
        return [(kind, *sums[kind]) for kind in sorted(sums)]


def prune(
    workspace: Workspace, older: timedelta, *, now: float, since: float | None = None, dry_run: bool = False
) -> Pruning:
    """Remove what was of no use for as long as `older`: artifacts, journals of jobs that ended; and half-written files.

    Those are left by a killed process, and go when they are a day old.

    What a job that has not ended has used is kept, however long ago that was; so is what a model speaks of.

    Args:
        now: seconds since 1970.
        since: a moment as well; what was of use after it is kept, too. A server may know of jobs on other machines.
        dry_run: remove nothing.

    Raises: StorageError: something cannot be removed, or the shared folder does not answer.
    """
    before = now - older.total_seconds()
    waiting = open_jobs(workspace)
    rule = _Rule(
        before if since is None else min(before, since),
        frozenset[str]().union(*(job.artifacts for job in waiting)),
        named_by_models(workspace),
    )
    here = list(artifacts(workspace.root))
    local = [one for one in here if rule.lets_go(one)]
    halves = [one for one in half_written(workspace.root) if one.used < now - HALF_WRITTEN_AGE.total_seconds()]
    left = [*ended_journals(workspace, rule.before, waiting), *halves]
    if not dry_run:
        _remove(workspace.root / one.place for one in (*local, *left))
    shared: list[Artifact] = []
    if workspace.remote is None:
        records = _forget(workspace, local, rule, dry_run=dry_run)
    else:
        in_use = {one.place for one in here} - {one.place for one in local}
        shared, records = _prune_shared(Remote(workspace.remote), rule, in_use, dry_run=dry_run)
    names = tuple(job.folder for job in waiting if job.artifacts)
    return Pruning((*local, *left), tuple(shared), records, names)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What may go."""

    before: float  # seconds since 1970: what was of use later stays
    kept: frozenset[str]  # places of artifacts that jobs need
    hashes: frozenset[str]  # that models speak of

    def lets_go(self, one: Artifact) -> bool:
        return one.used < self.before and one.place not in self.kept and one.key not in self.hashes


def _prune_shared(remote: Remote, rule: _Rule, in_use: set[str], *, dry_run: bool) -> tuple[list[Artifact], int]:
    """Remove from the folder that machines share, but for what is of use on this one; records as many as named it."""
    gone = [one for one in shared_artifacts(remote) if rule.lets_go(one) and one.place not in in_use]
    places = {one.place for one in gone}
    records = [name for name, named in shared_records(remote, rule.before) if named & places]
    for name in () if dry_run else (*records, *sorted(places)):
        remote.remove(name)
    return gone, len(records)


def _forget(workspace: Workspace, gone: Iterable[Artifact], rule: _Rule, *, dry_run: bool) -> int:
    """Remove Prefect's records that name what is gone; returns how many there are."""
    places = {one.place for one in gone}
    records = [path for path, named in local_records(workspace, rule.before) if named & places]
    if not dry_run:
        _remove(records)
    return len(records)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise as_storage_error(path, error) from error
