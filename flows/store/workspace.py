"""Where a user's runs lie: one folder, every artifact at a place named after the content it was made from."""

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.artifacts import FileRef

KEY_LENGTH = 20  # hexadecimal digits of a key that stand in paths
CACHE_VARIABLE = "UNDERSTUDY_CACHE"  # the folder below which shared workspaces are worked on
_URL = re.compile(r"([a-z][a-z0-9+]+):/+(.*)", re.IGNORECASE)  # one letter would be a drive of Windows


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that holds tracks, prepared clips, models, segments and what Prefect remembers of them.

    It says where artifacts lie, never what they are, so it has no part in keys: a copied workspace goes on working.
    """

    root: Path
    remote: str | None = None  # URL of the folder that several machines share; what lies in `root` is then a copy

    @classmethod
    def at(cls, place: str | Path) -> "Workspace":
        """The workspace in a folder, or at a URL such as s3://bucket/runs, worked on in the user's cache folder.

        Args:
            place: a Path may be a URL as well, although it has lost one of its slashes.
        """
        url = _URL.fullmatch(str(place))
        if url is None:
            return cls(Path(place).expanduser().resolve())
        protocol = url[1].lower()
        rest = f"/{url[2]}" if protocol in ("file", "local") else url[2]
        remote = f"{protocol}://{rest}".rstrip("/")
        name = re.sub(r"[^A-Za-z0-9]+", "-", remote)[:40].strip("-")
        return cls(cache_folder() / f"{name}-{hashlib.sha256(remote.encode()).hexdigest()[:12]}", remote)

    @property
    def address(self) -> str:
        """What `at` makes the same workspace of."""
        return self.remote or str(self.root)

    def place(self, kind: str, key: str, suffix: str = "") -> Path:
        """The path of an artifact of one kind (a folder of the workspace) made from what `key` stands for."""
        return self.root / kind / f"{key[:KEY_LENGTH]}{suffix}"

    def artifact(self, path: Path) -> str | None:
        """The name, kind/key, of the artifact that a file belongs to; None outside of the workspace."""
        if not path.is_relative_to(self.root):
            return None
        inside = path.relative_to(self.root).parts
        return "/".join(inside[:2]) if len(inside) > 1 else None

    @property
    def prefect(self) -> Path:
        """What Prefect keeps: its database and the results of tasks."""
        return self.root / ".prefect"


def cache_folder() -> Path:
    """Where copies of what other machines made are kept: UNDERSTUDY_CACHE, or the system's place for such things."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().resolve()
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
    return base / "understudy"


def mark_used(path: Path) -> None:
    """Note that an artifact is of use today, in its time of last access; that of its last change stays."""
    changed = path.stat().st_mtime_ns
    os.utime(path, ns=(max(time.time_ns(), changed), changed))


def last_used(path: Path) -> float:
    """When a file was made or last of use: seconds since 1970."""
    stat = path.stat()
    return max(stat.st_atime, stat.st_mtime)


def content_key(version: int, *values: object) -> str:
    """Name what a task is given by its content: files by their hash, not their path; configs by their fields.

    Args:
        version: of the stage; raise it when the same inputs would give another result.
        values: FileRefs, frozen configs, plain values and collections of these. A Workspace does not count, nor does a
            config's field that says so: `field(metadata={"changes_result": False})`.
    """
    text = json.dumps([version, *(canonical(value) for value in values)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: object) -> Any:
    """A value as JSON that is the same wherever and whenever it is written.

    Raises: TypeError for what has no such form.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Workspace):
        return "workspace"
    if isinstance(value, FileRef):
        return {"sha256": value.sha256}
    if isinstance(value, Enum):
        return [type(value).__name__, value.name]
    if isinstance(value, Fraction):
        return [value.numerator, value.denominator]
    if is_dataclass(value) and not isinstance(value, type):
        counting = [part.name for part in fields(value) if part.metadata.get("changes_result", True)]
        return {"": type(value).__name__, **{name: canonical(getattr(value, name)) for name in counting}}
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [canonical(item) for item in value]
    raise TypeError(f"a {type(value).__name__} cannot be part of a cache key: {value!r}")
