"""Names for films that are made: each taken by one job before it begins, so that none is ever written over."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.watching.names import candidates
from pipeline.artifacts import as_storage_error

SUFFIX = ".mp4"  # holds the exact times of every source
SIGN = ".reserved"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A film's path that belongs to one job."""

    film: Path
    is_new: bool  # False: an earlier run of the job had it, so what lies there is the job's own


@dataclass(frozen=True, slots=True)
class Outbox:
    """The folder that finished films go to; several inboxes may share one."""

    folder: Path

    def reserve(self, stem: str, key: str) -> Reservation:
        """A path that belongs to one job until `release`: stem.mp4, stem-2.mp4, …

        The same job gets the same path again, also in another process after the first was killed.

        Raises: StorageError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for sign in self._signs(key):
                return Reservation(_signed(sign), is_new=False)
            free = next(film for film in candidates(self.folder, stem, SUFFIX) if _took(film, key))
        except OSError as error:
            raise as_storage_error(self.folder, error) from error
        return Reservation(free, is_new=True)

    def release(self, key: str) -> None:
        """The job has ended: its name is free again where no film has it."""
        for sign in self._signs(key):
            sign.unlink(missing_ok=True)

    def give_up(self, key: str) -> None:
        """The job was broken off: a film that was made nevertheless stays its own, for the next run to replace."""
        for sign in self._signs(key):
            if not _signed(sign).exists():
                sign.unlink(missing_ok=True)

    def _signs(self, key: str) -> Iterator[Path]:
        for sign in sorted(self.folder.glob(f".*{SIGN}")):
            with suppress(FileNotFoundError):  # released meanwhile
                if sign.read_text("utf-8") == key:
                    yield sign


def _signed(sign: Path) -> Path:
    """The film that a sign stands for."""
    return sign.with_name(sign.name[1:].removesuffix(SIGN))


def _took(film: Path, key: str) -> bool:
    """Put up a sign, unless there is one, or a film."""
    sign = film.with_name(f".{film.name}{SIGN}")
    try:
        with sign.open("x", encoding="utf-8") as file:
            file.write(key)
    except FileExistsError:
        return False
    if film.exists():  # asked behind the sign: nobody who follows these rules makes it from now on
        sign.unlink(missing_ok=True)
        return False
    return True
