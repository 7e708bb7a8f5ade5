"""The sidecar beside a film: in JSON what its manifest says, and the whole file's hash, which no manifest can hold."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pipeline.artifacts import atomic_file
from pipeline.errors import ProvenanceError
from stages.provenance.identity import Identity
from stages.provenance.origin import Origin

VERSION: Literal[1] = 1
LARGEST = 2**20  # bytes of a sidecar that is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed the film that a sidecar lies beside."""

    name: str
    self_made: bool
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What is said of a film."""

    version: Literal[1] = VERSION
    film: str  # its name
    sha256: str  # of the whole file as delivered
    software: str
    made: str  # UTC, to the second
    signature: Signature | None  # None: its container can carry no manifest
    origin: dict[str, Any]  # as in the manifest


_SIDECAR: TypeAdapter[Sidecar] = TypeAdapter(Sidecar)


def sidecar_of(film: Path) -> Path:
    """Where a film's sidecar lies."""
    return film.with_name(f"{film.stem}.provenance.json")


def describe(film: Path, sha256: str, origin: Origin, identity: Identity | None) -> Sidecar:
    """What the sidecar of a film says; `identity` signed it, None: nobody could."""
    signature = None
    if identity is not None:
        signature = Signature(name=identity.name, self_made=identity.self_made, algorithm=identity.algorithm)
    return Sidecar(
        film=film.name,
        sha256=sha256,
        software=f"Understudy {version('understudy')}",
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        signature=signature,
        origin=origin.as_json(),
    )


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write a sidecar, whole or not at all.

    Raises: StorageError.
    """
    with atomic_file(path) as beside:
        beside.write_bytes(_SIDECAR.dump_json(sidecar, indent=2) + b"\n")


def read_sidecar(film: Path) -> Sidecar | None:
    """The sidecar of a film, where there is one that speaks of a film of this name.

    Raises: ProvenanceError: what lies there is none that we wrote.
    """
    path = sidecar_of(film)
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > LARGEST:
            raise ProvenanceError(path, "too large for a sidecar", f"at most {LARGEST} bytes", "Move it away.")
        sidecar = _SIDECAR.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ProvenanceError(
            path, "no sidecar that can be read", "the file that Understudy wrote beside the film", "Move it away."
        ) from error
    return sidecar if sidecar.film == film.name else None
