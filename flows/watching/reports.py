"""What became of one film: a report for programs (JSON) and one for people (plain text), and what was made before."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from pipeline.artifacts import atomic_file
from pipeline.errors import UnderstudyError


@dataclass(frozen=True, slots=True)
class Fault:
    """An error in its four parts."""

    where: str
    found: str
    expected: str
    remedy: str

    @classmethod
    def of(cls, error: UnderstudyError, claimed: Path) -> "Fault":
        """Of an error of ours, in which the film has its own name again instead of the one in its claim."""
        parts = (error.where, error.found, error.expected, error.remedy)
        return cls(*(part.replace(str(claimed), claimed.name) for part in parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one film."""

    film: str  # its name when it was taken
    sha256: str  # of its content; empty where it was not read
    state: Literal["done", "made before", "failed"]
    kind: str  # render, portrait or translate
    model: str  # the model folder
    output: str  # the film that was made; empty where there is none
    summary: str  # one line
    taken: str  # when work on it began, ISO 8601 in UTC
    seconds: float  # that it took
    fault: Fault | None = None

    @property
    def folder(self) -> Literal["done", "failed"]:
        """Where in the inbox the film is put."""
        return "failed" if self.state == "failed" else "done"

    def text(self) -> str:
        """The report for people."""
        rows = [("film", self.film), ("made", self.output), ("by", f"{self.kind}, model {self.model}")]
        rows += [("note", self.summary), ("taken", self.taken), ("took", f"{self.seconds:.1f} s")]
        if self.fault is not None:
            fault = self.fault
            rows += [("where", fault.where), ("found", fault.found)]
            rows += [("expected", fault.expected), ("what to do", fault.remedy)]
        width = max(len(name) for name, _ in rows)
        lines = [f"  {name:<{width}}  {said}" for name, said in rows if said]
        return "\n".join([f"{self.film}: {self.state}", *lines]) + "\n"


_REPORT: TypeAdapter[Report] = TypeAdapter(Report)


def now() -> str:
    """The time for `Report.taken`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_report(report: Report, beside: Path) -> None:
    """Write `<film>.json` and `<film>.txt` beside the film's place.

    Raises: StorageError.
    """
    for path, text in zip(report_files(beside), (_as_json(report), report.text()), strict=True):
        with atomic_file(path) as half:
            half.write_text(text, "utf-8")


def report_files(film: Path) -> tuple[Path, Path]:
    """The reports that belong to a film's place: JSON and text."""
    return film.with_name(f"{film.name}.json"), film.with_name(f"{film.name}.txt")


def _as_json(report: Report) -> str:
    return json.dumps(asdict(report), indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Memory:
    """Reports of the films that were made, by the key of their job: content, model and settings."""

    folder: Path

    def recall(self, key: str) -> Report | None:
        """What was made of this before; None: nothing, or the record cannot be read, so that it is made again."""
        try:
            return _REPORT.validate_json((self.folder / f"{key}.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def keep(self, key: str, report: Report) -> None:
        """Remember that this was made.

        Raises: StorageError.
        """
        with atomic_file(self.folder / f"{key}.json") as half:
            half.write_text(_as_json(report), "utf-8")

    def forget(self, key: str) -> None:
        """Let it be made again."""
        (self.folder / f"{key}.json").unlink(missing_ok=True)
