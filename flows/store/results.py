"""What stages hand on besides a single file, and how any of it is written as JSON and read back."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from pipeline.artifacts import FileRef

R = TypeVar("R")

INSIDE = "workspace:"  # the first part of a path that is meant from the workspace, wherever that lies


@dataclass(frozen=True, slots=True)
class Chunk:
    """A finished stretch of film and what the next one goes on from."""

    segment: FileRef
    state: FileRef


@dataclass(frozen=True, slots=True)
class Face:
    """A clip's face: whose it is, and what it does in the clip."""

    model: FileRef
    performance: FileRef


@dataclass(frozen=True, slots=True)
class Moved:
    """What the target's head is to do."""

    performance: FileRef  # in the target's frame
    follows: FileRef  # which frame of the target's clip lies behind each
    lines: tuple[str, ...]  # what is to be said of it


@dataclass(frozen=True, slots=True)
class Store:
    """The pictures of one domain, at the training size."""

    facts: FileRef  # its store.json
    lines: tuple[str, ...]  # what is to be said of it


@dataclass(frozen=True, slots=True)
class Stores:
    """Two that belong together, picture by picture."""

    a: Store
    b: Store


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished stretch of film and what the next one goes on from."""

    film: FileRef
    state: FileRef | None  # None: frames are translated alone
    ends: bool  # the clip has no more frames


@dataclass(frozen=True, slots=True)
class Scores:
    """How good a film is."""

    numbers: FileRef  # in total, JSON
    frames: FileRef  # of every frame, CSV


# Everything a stage may return. What is read from a workspace that others write to can be nothing else.
RESULTS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind) for kind in (FileRef, Chunk, Face, Moved, Store, Stores, Segment, Scores)
}


def to_json(result: object) -> bytes:
    """A result as JSON.

    Raises: TypeError: a type that is not among RESULTS.
    """
    name = type(result).__name__
    if name not in RESULTS:
        raise TypeError(f"a stage returned a {name}; flows/store/results.py knows {', '.join(RESULTS)}")
    return json.dumps({"type": name, "value": RESULTS[name].dump_python(result, mode="json")}).encode()


def from_json(text: bytes) -> object:
    """A result as it was written.

    Raises: ValueError: no JSON, not of a type among RESULTS, or it names files outside of the workspace.
    """
    match json.loads(text):
        case {"type": str(name), "value": value} if name in RESULTS:
            result = RESULTS[name].validate_json(json.dumps(value), strict=True)
        case _:
            raise ValueError("this is no result of a stage")
    if not all(ref.path.parts[:1] == (INSIDE,) and ".." not in ref.path.parts for ref in files_in(result)):
        raise ValueError("a result of a stage lies in the workspace")
    return result


def files_in(result: object) -> list[FileRef]:
    """Every FileRef in a result: itself, or in its fields."""
    if isinstance(result, FileRef):
        return [result]
    if is_dataclass(result) and not isinstance(result, type):
        return [ref for part in fields(result) for ref in files_in(getattr(result, part.name))]
    return []


def leaving(result: R, root: Path) -> R:
    """A result as it may go to other machines: its files are said from `root`.

    Raises: ValueError: a file does not lie below it.
    """
    return _each_file(result, lambda path: Path(INSIDE, path.relative_to(root)))


def arriving(result: R, root: Path) -> R:
    """A result that came from anywhere, with its files below `root`."""
    return _each_file(result, lambda path: root.joinpath(*path.parts[1:]))


def _each_file(result: R, change: Callable[[Path], Path]) -> R:
    if isinstance(result, FileRef):
        return replace(result, path=change(result.path))
    if is_dataclass(result) and not isinstance(result, type):
        changed = {part.name: _each_file(getattr(result, part.name), change) for part in fields(result)}
        return replace(result, **changed)
    return result
