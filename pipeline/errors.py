"""Every error raised on purpose. Each says where, what was found, what was expected, and what to do.

UnderstudyError
├── UnknownChoice        a name that is not among the known ones
├── OutputExists         the output path is taken and `--overwrite` was not given
├── StorageError         disk full, no permission, a file changed under our hands
├── LimitExceeded        a file larger or deeper than we read of a stranger
├── NotApproved          the first look at a film was answered with no, or could not be shown to anybody
├── VideoError           a file that is no video we can read, or a stream used after its end
│   └── FrameError       one frame is damaged or has the wrong shape
├── TrackError           no person, a track file of another version, joints that do not fit the clip
├── EditError            a slider's word, or a file of key frames, that cannot be read
├── JobError             a file of jobs that cannot be read, jobs that do not go together
├── OperatingError       a server, pool, schedule or job that is not there, or cannot do what is asked of it
├── ModelError           a model folder of another kind, version or conditioning format
├── ConsentError         training a person's likeness without a word on that person's consent
├── ProvenanceError      a certificate that cannot sign, a film that cannot be signed, a manifest that cannot be read
├── TrainingError        footage that cannot be learnt from, a training state that does not fit
├── FilmParked           a finished film that did not pass its gates and was not delivered
├── ReportError          a report page that cannot be read, or runs that cannot be compared
├── WeightsMissing       published weights that are not on this machine
├── TensorError          a tensor whose shape, type or device does not fit the others (also a ValueError)
└── BackendUnavailable   a way to compute that was asked for and cannot run here
"""

from collections.abc import Iterable
from pathlib import Path

LONGEST_PART = 1000  # characters of one part of a message; a hostile file would fill the screen


class UnderstudyError(Exception):
    """One clear message in four parts: where, found, expected, what to do."""

    def __init__(self, where: str | Path, found: str, expected: str, remedy: str) -> None:
        self.where = str(where)
        self.found = found
        self.expected = expected
        self.remedy = remedy
        said = (_one_line(part) for part in (self.where, found, expected, remedy))
        super().__init__("{}: {}; expected {}. {}".format(*said))

    def __reduce__(self) -> tuple[type["UnderstudyError"], tuple[str, str, str, str]]:
        """Survive the trip from a worker process: exceptions are rebuilt from these four."""
        return type(self), (self.where, self.found, self.expected, self.remedy)


def _one_line(part: str) -> str:
    """A part as one short line: names and values from files may hold line breaks, and what commands a terminal."""
    cut = part if len(part) <= LONGEST_PART else f"{part[: LONGEST_PART - 1]}…"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in cut)


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


class LimitExceeded(UnderstudyError):
    """A file larger or deeper than we read of a stranger; the limit can be raised, see pipeline/limits.py."""


class NotApproved(UnderstudyError):
    """The first look at a film was answered with no, or there was nobody to ask."""


class VideoError(UnderstudyError):
    """A file that is no video we can read, or a stream used after its end."""


class FrameError(VideoError):
    """One frame is damaged or has the wrong shape; `where` names file and frame."""


class TrackError(UnderstudyError):
    """No person, a track file of another version, joints that do not fit the clip."""


class EditError(UnderstudyError):
    """A slider's word, or a file of key frames, that cannot be read; `where` names file, line and key."""


class JobError(UnderstudyError):
    """A file of jobs that cannot be read, or jobs that do not go together; `where` names file, line and key, or job."""


class OperatingError(UnderstudyError):
    """A server, pool, schedule or job that is not there, or cannot do what is asked of it."""


class ModelError(UnderstudyError):
    """A model folder of another kind, version or conditioning format."""


class ConsentError(UnderstudyError):
    """Training a person's likeness without a word on that person's consent, or a statement that cannot be read."""


class ProvenanceError(UnderstudyError):
    """A certificate that cannot sign, a film that cannot be signed, a manifest that cannot be read."""


class TrainingError(UnderstudyError):
    """Footage that cannot be learnt from, or a training state that does not fit."""


class FilmParked(UnderstudyError):
    """A finished film that did not pass its gates: it lies parked, not under its name."""


class ReportError(UnderstudyError):
    """A report page that cannot be read, or runs that cannot be compared."""


class WeightsMissing(UnderstudyError):
    """Published weights that are not on this machine."""


class TensorError(UnderstudyError, ValueError):
    """A tensor whose shape, type or device does not fit the others; `where` names function and argument."""


class BackendUnavailable(UnderstudyError):
    """A way to compute that was asked for by name and cannot run on this machine or these tensors."""
