"""Files that are whole or not there: write beside, fsync, rename; known by the hash of their content."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import OutputExists, StorageError


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file by place and content: what Prefect tasks take and return."""

    path: Path
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "FileRef":
        """Hash a file (streamed) or a folder (its files' names and hashes, sorted)."""
        if not path.is_dir():
            return cls(path, _hash_file(path))
        listing = hashlib.sha256()
        for entry in sorted(item for item in path.rglob("*") if item.is_file()):
            listing.update(f"{entry.relative_to(path).as_posix()}\0{_hash_file(entry)}\n".encode())
        return cls(path, listing.hexdigest())

    def is_intact(self) -> bool:
        """Whether the file is there and still has the content it was known by."""
        return self.path.exists() and FileRef.of(self.path).sha256 == self.sha256


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise OutputExists where `path` is taken and may not be replaced."""
    if path.exists() and not overwrite:
        raise OutputExists(path, "the file is there already", "a new path", "Give another -o, or --overwrite.")


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it is flushed to disk and renamed, on failure removed.

    The temporary name keeps the suffix, so that muxers recognise the container.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    refuse_existing(path, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = _beside(path, f".part{path.suffix}")
        beside.touch(exist_ok=False)  # with the user's own permissions, which mkstemp would narrow
    except OSError as error:
        raise as_storage_error(path, error) from error
    try:
        yield beside
        _flush(beside)
        beside.replace(path)
        _flush(path.parent)
    except OSError as error:
        if not _concerns(beside, error):
            raise
        raise as_storage_error(path, error) from error
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """As `atomic_file`, for a folder: a reader sees the old one or the new one, never a mixture.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    refuse_existing(path, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = _beside(path, ".part")
        beside.mkdir()
    except OSError as error:
        raise as_storage_error(path, error) from error
    try:
        yield beside
        for entry in beside.rglob("*"):
            _flush(entry)
        _swap_in(beside, path)
    except OSError as error:
        if not _concerns(beside, error):
            raise
        raise as_storage_error(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _concerns(beside: Path, error: OSError) -> bool:
    """Whether an error raised while writing is about our file, not about another one that the block reads."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or str(beside) in str(error.filename)


def _swap_in(beside: Path, path: Path) -> None:
    """Rename over an existing folder: no file system replaces a full folder in one step, so the old one steps aside."""
    if path.exists():
        old = _beside(path, ".old")
        path.replace(old)
        beside.replace(path)
        shutil.rmtree(old, ignore_errors=True)
    else:
        beside.replace(path)
    _flush(path.parent)


def _beside(path: Path, suffix: str) -> Path:
    """A name of its own in the same folder, hidden."""
    return path.with_name(f".{path.stem}-{uuid.uuid4().hex[:12]}{suffix}")


def _flush(path: Path) -> None:
    """fsync, where the system lets folders and read-only files be opened for it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows does not open folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_storage_error(path: Path, error: OSError) -> StorageError:
    """Say a failed write in our words; a full disk is the case that everybody meets once."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            path, "the disk is full", "room for the output", "Free some space; the same command goes on."
        )
    return StorageError(
        path, f"cannot write ({error.strerror or error})", "a folder we may write to", "Give another -o."
    )
