"""Consent: what was stated of the person filmed, known by its hash, and kept beside the model trained on them."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from pipeline.artifacts import atomic_file
from pipeline.errors import ConsentError, ModelError

RECORD = "consent.json"
LARGEST_STATEMENT = 64 * 2**20  # bytes: a scan or a short film of somebody saying yes
OWN_STATEMENT = "I am the person filmed, and I agree that a likeness of me is trained on this clip."

Kind = Literal["file", "self", "none", "sample"]
_IN_WORDS: dict[Kind, str] = {
    "file": "a statement of the person filmed was given",
    "self": "the person filmed says to have trained it themselves",
    "none": "trained without a consent record, on the user's explicit word",
    "sample": "rendered sample, no person",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What was said, when a model was trained, about the consent of the person filmed."""

    kind: Kind
    date: str  # UTC day on which it was first recorded, YYYY-MM-DD
    sha256: str | None = None  # of the statement; None where there is none
    name: str | None = None  # of the statement's file, for whoever keeps it; it does not travel into films

    def in_words(self) -> str:
        """One line for people."""
        proof = f", SHA-256 {self.sha256[:16]}…" if self.sha256 else ""
        return f"{_IN_WORDS[self.kind]} (recorded {self.date}{proof})"

    def says_the_same(self, other: "Consent") -> bool:
        """Whether both rest on one statement, whenever it was recorded and whatever its file was called."""
        return (self.kind, self.sha256) == (other.kind, other.sha256)


_RECORD: TypeAdapter[Consent] = TypeAdapter(Consent)


def stated_in(statement: Path) -> Consent:
    """The consent that a file states: a signed page, a scan, a recording. It is hashed, not read.

    Raises: ConsentError: no such file, a folder, an empty file, or one of more than 64 MiB.
    """
    remedy = "Give the file in which the person filmed agrees, or --consent self if that is you."
    try:
        size = statement.stat().st_size
        if not statement.is_file() or size == 0:
            raise ConsentError(statement, "no statement in it", "a file that states the person's consent", remedy)
        if size > LARGEST_STATEMENT:
            raise ConsentError(statement, f"{size} bytes", f"a statement of at most {LARGEST_STATEMENT} bytes", remedy)
        with statement.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        found = f"cannot be read ({error.strerror or error})"
        raise ConsentError(statement, found, "a file that states the person's consent", remedy) from error
    return Consent(kind="file", date=_today(), sha256=sha256, name=statement.name)


def stated_by_oneself() -> Consent:
    """The consent of somebody who trains on a clip of their own; the statement is `OWN_STATEMENT`."""
    return Consent(kind="self", date=_today(), sha256=hashlib.sha256(OWN_STATEMENT.encode()).hexdigest())


def not_recorded() -> Consent:
    """The user chose to train without a record; that choice is the record."""
    return Consent(kind="none", date=_today())


def nobody() -> Consent:
    """The clip was rendered: there is nobody to ask."""
    return Consent(kind="sample", date=_today())


def keep_consent(folder: Path, consent: Consent) -> Consent:
    """Record beside a model what its latest training was given; returns the record.

    It lies in a file of its own, as model.json names the training's result in cache keys, which a statement does not
    change. The same statement keeps the day of its first record.

    Raises: StorageError.
    """
    before = _read(folder / RECORD) if (folder / RECORD).exists() else None
    if before is not None and before.says_the_same(consent):
        consent = replace(consent, date=before.date)
    with atomic_file(folder / RECORD) as beside:
        beside.write_bytes(_RECORD.dump_json(consent, indent=2))
    return consent


def kept_consent(folder: Path) -> Consent | None:
    """What was recorded beside a model; None: nothing.

    Raises: ModelError: the record cannot be read.
    """
    return _read(folder / RECORD) if (folder / RECORD).exists() else None


def _read(path: Path) -> Consent:
    try:
        return _RECORD.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(
            path, "no consent record", "the file as training wrote it", "Remove it, and train again with --consent."
        ) from error


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
