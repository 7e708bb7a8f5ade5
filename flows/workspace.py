"""Where a user's runs lie: one folder, every artifact at a place named after the content it was made from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.artifacts import FileRef

KEY_LENGTH = 20  # hexadecimal digits of a key that stand in paths


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that holds tracks, prepared clips, models, segments and what Prefect remembers of them.

    It says where artifacts lie, never what they are, so it has no part in keys: a copied workspace goes on working.
    """

    root: Path

    def place(self, kind: str, key: str, suffix: str = "") -> Path:
        """The path of an artifact of one kind (a folder of the workspace) made from what `key` stands for."""
        return self.root / kind / f"{key[:KEY_LENGTH]}{suffix}"

    @property
    def prefect(self) -> Path:
        """What Prefect keeps: its database and the results of tasks."""
        return self.root / ".prefect"


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
