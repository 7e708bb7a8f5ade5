"""Who works on which film: a lock that ends with its process, and a folder that the film is moved into in one step."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from flows.watching.names import candidates
from flows.watching.reports import Report, report_files, write_report

SLOT_DIGITS = 3  # of a key that name its lock: files of locks stay, so there are 4096 of them at most
MOVING_SECONDS = 60  # that another watcher may take to put a film away


@dataclass(frozen=True, slots=True)
class Claims:
    """The part of an inbox that belongs to its watchers: done/, failed/ and what is being worked on.

    A film is named by the key of its job. Whoever holds the key's lock may move the film into the key's folder and out
    of it; the system frees the lock when its process dies, however that happens.
    """

    inbox: Path

    @property
    def place(self) -> Path:
        """Hidden, in the inbox, so that a move into it is one step."""
        return self.inbox / ".working"

    @contextmanager
    def held(self, key: str) -> Iterator[bool]:
        """Hold a key's lock; gives False where another watcher has it, or one that shares its slot."""
        lock = _lock(self.place / "locks" / f"{key[:SLOT_DIGITS]}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def take(self, film: Path, key: str) -> Path | None:
        """Move a film into the key's folder; None where another watcher was quicker. The key's lock is held."""
        claimed = self._folder(key) / film.name
        claimed.parent.mkdir(parents=True, exist_ok=True)
        try:
            film.rename(claimed)
        except FileNotFoundError:
            return None
        return claimed

    def left(self) -> list[tuple[str, Path]]:
        """Films in claims, with their keys; those whose lock is free were left by a watcher that died."""
        return [(film.parent.name, film) for film in sorted(self.place.glob("films/*/*"))]

    def put_back(self, film: Path) -> Path:
        """Return a claimed film to the inbox; gives its place there. The key's lock is held."""
        with self._alone():
            place = film.rename(_free(self.inbox, film.name))
        _remove_empty(film.parent)
        return place

    def put_away(self, film: Path, report: Report) -> Path | None:
        """Move a film into done/ or failed/ with its report; nothing there is ever replaced.

        Returns the film's place; None where it was not there any more.

        Raises: StorageError.
        """
        folder = self.inbox / report.folder
        folder.mkdir(exist_ok=True)
        with self._alone():
            if not film.is_symlink() and not film.exists():
                return None
            place = _free(folder, film.name)
            write_report(report, place)
            film.rename(place)
        _remove_empty(film.parent)
        return place

    def begin(self, key: str) -> int:
        """Count that work on a key begins; returns how often it began before and did not end."""
        counter = self.place / "begun" / key
        counter.parent.mkdir(parents=True, exist_ok=True)
        with counter.open("ab") as file:  # one byte for each: an append is whole or not there
            before = file.tell()
            file.write(b".")
        return before

    def end(self, key: str) -> None:
        """Work on a key has ended, well or with a message: what comes next begins to count anew."""
        (self.place / "begun" / key).unlink(missing_ok=True)

    def _folder(self, key: str) -> Path:
        return self.place / "films" / key

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One watcher at a time looks for a free name and takes it."""
        with _lock(self.place / "locks" / "moving.lock").acquire(timeout=MOVING_SECONDS):
            yield


def _lock(path: Path) -> FileLock:
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def _free(folder: Path, name: str) -> Path:
    """A name in a folder that neither a film nor a report has."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  # other than Path's, right for names that end in a dot
    return next(
        place
        for place in candidates(folder, stem, suffix)
        if not any(os.path.lexists(path) for path in (place, *report_files(place)))
    )


def _remove_empty(folder: Path) -> None:
    """Remove a claim's folder when nothing is left in it; the inbox itself always holds something: .working."""
    with suppress(OSError):
        folder.rmdir()
