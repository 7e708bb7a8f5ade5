"""A folder that several machines share, at any URL that fsspec knows: artifacts go up whole and come down whole."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline.artifacts import FileRef, atomic_file, atomic_folder
from pipeline.errors import StorageError

R = TypeVar("R")

MANIFEST = ".manifest.json"  # beside an artifact; written last, so what has one is whole
TRIES_AFTER = (1.0, 4.0)  # seconds: a network that fails for a moment is asked again
_EXTRAS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an artifact."""

    path: str  # from the artifact, with slashes; empty: the artifact is this file
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        pure = PurePosixPath(self.path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in self.path:
            raise ValueError(f"{self.path!r} leads out of the artifact")


_PARTS: TypeAdapter[tuple[Part, ...]] = TypeAdapter(tuple[Part, ...])


@dataclass(frozen=True, slots=True)
class Remote:
    """The shared folder.

    Names are paths from its root with slashes. Options of a protocol come from its own environment variables, such as
    AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL, or from fsspec's FSSPEC_S3_….
    """

    url: str

    def check(self) -> None:
        """Write, read and remove a small file, so that what does not work is found out before anything starts.

        Raises: StorageError: no such protocol, library, bucket or right; no network.
        """
        probe = f".probe-{uuid.uuid4().hex[:12]}"
        try:
            files, root = _opened(self.url)
            files.pipe_file(f"{root}/{probe}", b"?")
            files.cat_file(f"{root}/{probe}")
            files.rm_file(f"{root}/{probe}")
            with suppress(FileNotFoundError):  # without the right to list, a missing file looks like a forbidden one
                files.cat_file(f"{root}/{probe}")
        except ImportError as error:
            package = _EXTRAS.get(self.url.partition(":")[0], "the library of this protocol")
            raise StorageError(
                self.url, f"cannot be opened ({error})", "an installed library for it", f"Install {package}."
            ) from error
        except Exception as error:  # every protocol has its own
            raise self._refused(error) from error

    def write(self, name: str, content: bytes) -> None:
        """Write a small file.

        Raises: StorageError.
        """
        files, root = _opened(self.url)
        self._write(lambda: files.pipe_file(f"{root}/{name}", content))

    def read(self, name: str) -> bytes | None:
        """Read a small file; None where there is none.

        Raises: StorageError.
        """
        files, root = _opened(self.url)
        found: bytes | None = self._look(lambda: files.cat_file(f"{root}/{name}"))
        return found

    def create(self, name: str, content: bytes) -> bool:
        """Write a small file where there is none; False: another is there. Not every store can refuse to write over it.

        Raises: StorageError.
        """
        files, root = _opened(self.url)
        with suppress(Exception):  # a refusal has another name in every protocol: what lies there then decides
            files.pipe_file(f"{root}/{name}", content, mode="create")
        return self.read(name) == content

    def listing(self, under: str = "") -> list["Stored"]:
        """Every file below a folder of the shared one, by name; none where there is no such folder.

        Raises: StorageError.
        """
        files, root = _opened(self.url)
        found = self._look(lambda: files.find(_join(root, under), detail=True)) or {}
        prefix = f"{root.lstrip('/')}/"
        return [
            Stored(path.lstrip("/").removeprefix(prefix), int(info["size"] or 0), _written(info))
            for path, info in sorted(found.items())
        ]

    def remove(self, name: str) -> None:
        """Remove an artifact or a small file; first what says that it is whole. Nothing where it is not there.

        Raises: StorageError.
        """
        files, root = _opened(self.url)
        self._look(lambda: files.rm_file(f"{root}/{name}{MANIFEST}"))
        self._look(lambda: files.rm(f"{root}/{name}", recursive=True))

    def send(self, local: Path, name: str) -> None:
        """Take a file or folder up, where the same does not lie there yet. Nobody sees half of it.

        Raises: StorageError.
        """
        parts = _parts_of(local)
        if self._manifest(name) == parts:
            return
        files, root = _opened(self.url)
        for part in parts:
            here, there = str(local / part.path), f"{root}/{_join(name, part.path)}"
            self._write(lambda here=here, there=there: files.put_file(here, there))  # type: ignore[misc]  # bound now
        self.write(name + MANIFEST, json.dumps([asdict(part) for part in parts]).encode())

    def fetch(self, name: str, local: Path) -> bool:
        """Bring an artifact down, in place of what lies at `local`; False where it is not there, or not whole.

        Raises: StorageError.
        """
        parts = self._manifest(name)
        if parts is None:
            return False
        is_file = [part.path for part in parts] == [""]
        try:
            with (atomic_file if is_file else atomic_folder)(local) as beside:
                for part in parts:
                    self._fetch_part(name, part, beside)
        except _Torn:
            return False
        return True

    def _fetch_part(self, name: str, part: Part, beside: Path) -> None:
        target = beside / part.path if part.path else beside
        target.parent.mkdir(parents=True, exist_ok=True)
        files, root = _opened(self.url)
        self._look(lambda: files.get_file(f"{root}/{_join(name, part.path)}", str(target)))
        if not target.exists() or FileRef.of(target).sha256 != part.sha256:
            raise _Torn(name, part.path)

    def _manifest(self, name: str) -> tuple[Part, ...] | None:
        written = self.read(name + MANIFEST)
        if written is None:
            return None
        try:
            return _PARTS.validate_json(written)
        except ValidationError:  # half of it, or a stranger's file
            return None

    def _look(self, action: Callable[[], R]) -> R | None:
        """Do what needs a file; None where it is not there."""
        try:
            return self._insist(action)
        except FileNotFoundError:
            return None

    def _write(self, action: Callable[[], object]) -> None:
        """Do what needs a folder to be there: that a bucket has gone is an error."""
        try:
            self._insist(action)
        except FileNotFoundError as error:
            raise self._refused(error) from error

    def _insist(self, action: Callable[[], R]) -> R:
        """Do it, where it fails for other reasons than rights or a missing file once or twice more."""
        for pause in (*TRIES_AFTER, None):
            try:
                return action()
            except FileNotFoundError:
                raise
            except Exception as error:  # every protocol has its own
                if pause is None or isinstance(error, PermissionError):
                    raise self._refused(error) from error
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _refused(self, error: Exception) -> StorageError:
        return StorageError(
            self.url,
            f"cannot be used ({type(error).__name__}: {error})",
            "a place that may be read and written",
            "Check the address, its rights and the network; for S3 AWS_PROFILE or AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL.",
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of the shared folder."""

    name: str
    bytes: int
    written: float  # seconds since 1970


class _Torn(Exception):
    """A part that is missing, or not what the manifest says."""


def _parts_of(local: Path) -> tuple[Part, ...]:
    """What an artifact consists of; files that are hidden are being written."""
    if not local.is_dir():
        return (Part("", FileRef.of(local).sha256, local.stat().st_size),)
    files = sorted(item for item in local.rglob("*") if item.is_file() and not item.name.startswith("."))
    return tuple(
        Part(item.relative_to(local).as_posix(), FileRef.of(item).sha256, item.stat().st_size) for item in files
    )


def _written(info: Mapping[str, Any]) -> float:
    """When a file was written: every protocol has its own word, and some say it as a date."""
    said = next(info[word] for word in ("LastModified", "mtime", "last_modified", "updated", "created") if word in info)
    return float(said.timestamp() if isinstance(said, datetime) else said)


def _join(name: str, path: str) -> str:
    return f"{name}/{path}" if path else name


@lru_cache(maxsize=8)
def _opened(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it. Listings are not kept: other machines write there as well."""
    import fsspec.core

    options = {"auto_mkdir": True} if url.startswith(("file:", "local:")) else {"use_listings_cache": False}
    files, root = fsspec.core.url_to_fs(url, **options)
    return files, root.rstrip("/")
