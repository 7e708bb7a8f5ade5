"""What lies in a workspace that could be made again: each artifact with its size and when it was last of use."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.store.storage import MANIFEST, Remote
from flows.store.workspace import last_used

MODELS = "models"
KEPT = (MODELS, "jobs")  # kinds that are never removed: what people wait for, and what tells which jobs are done
HALF_WRITTEN = "half-written"
# The key of what an artifact was made from, or the hash of an input. What people keep in the workspace themselves, such
# as the films of the demo, is called otherwise and left alone.
_NAME = re.compile(r"(?:[0-9a-f]{20}|[0-9a-f]{64})(?:\.\w+)?")
_HALF = re.compile(r"\..+-[0-9a-f]{12}\.(?:part(?:\.\w+)?|old)")  # as pipeline/artifacts.py calls what it writes


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file, or a folder and all in it."""

    kind: str
    place: str  # from the workspace, with slashes
    files: int
    bytes: int
    used: float  # when it was made or last of use, seconds since 1970

    @property
    def key(self) -> str:
        """What its name says of its content."""
        return self.place.rpartition("/")[2].partition(".")[0]


def artifacts(root: Path) -> Iterator[Artifact]:
    """Everything that stages have made below a workspace's root, but for what is kept."""
    for folder in sorted(root.glob("[!.]*/")):
        if folder.name in KEPT or folder.is_symlink():
            continue
        for path in sorted(folder.iterdir()):
            if _NAME.fullmatch(path.name) and not path.is_symlink():
                yield _measured(root, path, folder.name)


def half_written(root: Path) -> Iterator[Artifact]:
    """What is being written, or was when its process was killed; in folders of models, too."""
    for folder in (root, *root.glob("[!.]*/"), *root.glob("[!.]*/[!.]*/")):
        for path in sorted(folder.glob(".*")):
            if _HALF.fullmatch(path.name) and not path.is_symlink():
                yield _measured(root, path, HALF_WRITTEN)


def shared_artifacts(remote: Remote) -> list[Artifact]:
    """The same of a folder that machines share, where nobody notes what is of use: it is as old as it was made.

    Raises: StorageError.
    """
    parts = defaultdict(list)
    for stored in remote.listing():
        kind, _, name = stored.name.removesuffix(MANIFEST).partition("/")
        if kind not in KEPT and _NAME.fullmatch(name.partition("/")[0]):
            parts[kind, name.partition("/")[0]].append(stored)
    return [
        Artifact(
            kind,
            f"{kind}/{name}",
            len(stored),
            sum(one.bytes for one in stored),
            max(one.written for one in stored),
        )
        for (kind, name), stored in sorted(parts.items())
    ]


def _measured(root: Path, path: Path, kind: str) -> Artifact:
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    size = sum(item.stat().st_size for item in files)
    used = max(map(last_used, files), default=path.stat().st_mtime)
    return Artifact(kind, path.relative_to(root).as_posix(), len(files), size, used)
