"""Every error raised on purpose. Each says where, what was found, what was expected, and what to do.

UnderstudyError
├── UnknownChoice        a name that is not among the known ones
├── OutputExists         the output path is taken and `--overwrite` was not given
├── StorageError         disk full, no permission, a file changed under our hands
├── VideoError           a file that is no video we can read, or a stream used after its end
│   └── FrameError       one frame is damaged or has the wrong shape
├── TrackError           no person, a track file of another version, joints that do not fit the clip
├── EditError            a slider's word, or a file of key frames, that cannot be read
├── ModelError           a model folder of another kind, version or conditioning format
├── TrainingError        footage that cannot be learnt from, a training state that does not fit
├── WeightsMissing       published weights that are not on this machine
├── TensorError          a tensor whose shape, type or device does not fit the others (also a ValueError)
└── BackendUnavailable   a way to compute that was asked for and cannot run here
"""

from collections.abc import Iterable
from pathlib import Path


class UnderstudyError(Exception):
    """One clear message in four parts: where, found, expected, what to do."""

    def __init__(self, where: str | Path, found: str, expected: str, remedy: str) -> None:
        self.where = str(where)
        self.found = found
        self.expected = expected
        self.remedy = remedy
        super().__init__(f"{where}: {found}; expected {expected}. {remedy}")

    def __reduce__(self) -> tuple[type["UnderstudyError"], tuple[str, str, str, str]]:
        """Survive the trip from a worker process: exceptions are rebuilt from these four."""
        return type(self), (self.where, self.found, self.expected, self.remedy)


class UnknownChoice(UnderstudyError):
    """A name that is not among the known ones."""

    @classmethod
    def among(cls, what: str, name: str, known: Iterable[str]) -> "UnknownChoice":
        """Say of which kind of thing `name` is none, and list those there are."""
        return cls(what, f"there is no {name!r}", f"one of {', '.join(sorted(known))}", "Choose one of these.")


class OutputExists(UnderstudyError):
    """The output path is taken and `--overwrite` was not given."""


class StorageError(UnderstudyError):
    """Disk full, no permission, a file changed under our hands."""


class VideoError(UnderstudyError):
    """A file that is no video we can read, or a stream used after its end."""


class FrameError(VideoError):
    """One frame is damaged or has the wrong shape; `where` names file and frame."""


class TrackError(UnderstudyError):
    """No person, a track file of another version, joints that do not fit the clip."""


class EditError(UnderstudyError):
    """A slider's word, or a file of key frames, that cannot be read; `where` names file, line and key."""


class ModelError(UnderstudyError):
    """A model folder of another kind, version or conditioning format."""


class TrainingError(UnderstudyError):
    """Footage that cannot be learnt from, or a training state that does not fit."""


class WeightsMissing(UnderstudyError):
    """Published weights that are not on this machine."""


class TensorError(UnderstudyError, ValueError):
    """A tensor whose shape, type or device does not fit the others; `where` names function and argument."""


class BackendUnavailable(UnderstudyError):
    """A way to compute that was asked for by name and cannot run on this machine or these tensors."""
