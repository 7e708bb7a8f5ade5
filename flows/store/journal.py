"""What a job did, line by line: one append-only file of JSON lines for each job, and the stages it went through."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.peak_memory import begin_anew, peak_mib
from pipeline.artifacts import as_storage_error
from pipeline.errors import UnderstudyError


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage of a job, when it is over."""

    name: str
    seconds: float
    peak_mib: float  # the most memory this process held meanwhile
    reused: bool  # whether an earlier result was taken
    artifacts: tuple[str, ...]  # paths, below the workspace relative to it


@dataclass(slots=True)
class RunningStage:
    """A stage while it runs: what is to stand in its record is set here."""

    name: str
    reused: bool = False
    artifacts: tuple[str, ...] = ()
    frame: int | None = None  # the last that is done, counted from 0
    peak_mib: float = 0.0
    begun: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Journal:
    """What happened, in order. Without a path it only remembers the stages."""

    path: Path | None
    job: str
    stages: list[StageRecord] = field(default_factory=list)
    _open: list[RunningStage] = field(default_factory=list)

    def note(self, message: str, *, stage: str | None = None, frame: int | None = None, **facts: object) -> None:
        """Append one line: {time, job, stage, frame, message, …facts}.

        Lines of several threads and processes do not mix: each is one write to a file opened for appending.

        Args:
            stage: None: the one that runs.
            frame: counted from 0; None: the last that the running stage has done, where it counts frames.
            facts: whatever JSON can hold; other things as their text.

        Raises: StorageError.
        """
        if self.path is None:
            return
        running = self.running
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "job": self.job,
            "stage": stage or (running.name if running else None),
            "frame": frame if frame is not None or running is None else running.frame,
            "message": message,
            **facts,
        }
        _append(self.path, json.dumps(line, ensure_ascii=False, default=str))

    @property
    def running(self) -> RunningStage | None:
        """The innermost stage that runs."""
        return self._open[-1] if self._open else None

    @contextmanager
    def stage(self, name: str) -> Iterator[RunningStage]:
        """Mark a stage as running; when it is over, its record joins `stages`, unless it failed: then a line says why.

        Raises: StorageError.
        """
        running = self._enter(name)
        try:
            yield running
        except BaseException as error:
            self._leave(running)
            self.note(f"{name}: {_kind(error)}", stage=name, frame=running.frame, **failure(error))
            raise
        self._leave(running)
        seconds = time.monotonic() - running.begun
        record = StageRecord(name, seconds, running.peak_mib, running.reused, running.artifacts)
        self.stages.append(record)
        self.note(
            f"{name}: {'reused' if record.reused else 'done'}",
            stage=name,
            frame=running.frame,
            seconds=round(seconds, 3),
            peak_mib=round(record.peak_mib, 1),
            reused=record.reused,
            artifacts=list(record.artifacts),
        )

    def _enter(self, name: str) -> RunningStage:
        self._see_peak()
        begin_anew()
        self._open.append(RunningStage(name))
        return self._open[-1]

    def _leave(self, running: RunningStage) -> None:
        self._see_peak()
        self._open.remove(running)

    def _see_peak(self) -> None:
        """The system keeps one peak: what it is now counts for every stage that is open."""
        peak = peak_mib()
        for running in self._open:
            running.peak_mib = max(running.peak_mib, peak)


def failure(error: BaseException) -> dict[str, Any]:
    """An error as facts of a line: its type, and its four parts where it is one of ours."""
    if isinstance(error, UnderstudyError):
        parts = {"where": error.where, "found": error.found, "expected": error.expected, "remedy": error.remedy}
        return {"error": type(error).__name__, **parts}
    return {"error": type(error).__name__, "found": str(error)}


def journal() -> Journal:
    """The journal that is kept now; one without a file where none is."""
    return _current.get() or _NOWHERE


@contextmanager
def keep_journal(path: Path | None, job: str) -> Iterator[Journal]:
    """Keep a journal while the block runs; inside of another's block that one goes on.

    Args:
        path: of the file, which is appended to; None: only the stages are remembered.
        job: what every line says it belongs to.

    Raises: StorageError: the file cannot be written.
    """
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    kept = Journal(path, job)
    token = _current.set(kept)
    try:
        kept.note("begun", process=os.getpid())
        yield kept
        kept.note("done")
    except BaseException as error:
        kept.note(_kind(error), **failure(error))
        raise
    finally:
        _current.reset(token)


def _kind(error: BaseException) -> str:
    return "failed" if isinstance(error, Exception) else "stopped"


def _append(path: Path, line: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise as_storage_error(path, error) from error


_current: ContextVar[Journal | None] = ContextVar("journal", default=None)
_NOWHERE = Journal(None, "")
