"""Delivery: segments joined, sound carried over, a label where wanted; signed as the very last step; a sidecar."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flows.progress import bar, say
from flows.proof.gates import Gates
from pipeline.artifacts import FileRef, as_storage_error, atomic_file, refuse_existing
from pipeline.delivery import carry_sound
from pipeline.errors import ProvenanceError
from pipeline.video import Encoding, join_segments, probe, refuse_rounding
from stages.provenance.identity import Identity, given_identity, own_identity
from stages.provenance.label import label_film, refuse_label
from stages.provenance.manifest import CARRIERS, can_carry, prove, sign
from stages.provenance.origin import Origin, Role
from stages.provenance.sidecar import describe, sidecar_of, write_sidecar

if TYPE_CHECKING:
    from flows.proof.parking import Gated


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a film goes out: who signs it, what is written into its pictures, who and what has to pass it before."""

    sign_cert: Path | None = None  # PEM; None: UNDERSTUDY_SIGN_CERT, else a self-made one
    sign_key: Path | None = None  # PEM; None: UNDERSTUDY_SIGN_KEY
    label: str | None = None  # ASCII; None: pictures stay as they were painted
    gates: Gates = field(default_factory=Gates)  # what the film may be at worst; weaker ones are parked
    approve: bool = False  # ask for a yes to a first look before the whole film is rendered


PLAIN = Delivery()


def delivery_for(
    output: Path,
    source: Path,
    *,
    sign_cert: Path | None,
    sign_key: Path | None,
    label: str | None,
    gates: Gates | None = None,
    approve: bool = False,
) -> Delivery:
    """What a command was told of delivery; what would fail after a night of work is found out before it.

    Args:
        output: where the film will go.
        source: the clip whose times it will have.

    Raises:
        ProvenanceError: a certificate that cannot sign, one half of a pair, or a label that cannot be drawn.
        UnknownChoice, VideoError: `output` is of no kind that holds these times.
    """
    refuse_rounding(output, probe(source).time_base)
    delivery = Delivery(sign_cert=sign_cert, sign_key=sign_key, label=label, gates=gates or Gates(), approve=approve)
    if label is not None:
        refuse_label(label)
    if can_carry(output):
        prove(identity_for(delivery))
    return delivery


def deliver(
    segments: list[Path],
    source: Path,
    output: Path,
    origin: Origin,
    delivery: Delivery,
    encoding: Encoding,
    gated: "Gated | None" = None,
    *,
    overwrite: bool,
) -> None:
    """Make a film of rendered segments: whole, with its sidecar, under its name; or parked beside it; or not at all.

    Args:
        segments: in order; their pictures are not encoded again, unless a label is written into them.
        source: the clip whose sound the film gets, which is its target where `origin` knows no source; a manifest that
            it carries itself travels along.
        output: .mp4, .mov and .m4v are signed; Matroska can carry no manifest, which is said.
        origin: what the film was made of.
        delivery: who signs, and the label.
        encoding: of the labelled film.
        gated: what the film has to pass; None: nothing.
        overwrite: whether a film at `output` may be replaced.

    Raises:
        ProvenanceError: the film cannot be signed; VideoError: it cannot be made.
        FilmParked: it did not pass its gates.
        OutputExists, StorageError.
    """
    from flows.proof.parking import deliver_or_park  # brings Prefect

    refuse_existing(output, overwrite=overwrite)
    with assembled(segments, source, output, delivery, encoding) as film:

        def publish_at(place: Path, replace: bool) -> None:
            publish(film, source, place, origin, delivery, overwrite=replace)

        deliver_or_park(film, output, gated, publish_at, overwrite=overwrite)


@contextmanager
def assembled(
    segments: list[Path], source: Path, output: Path, delivery: Delivery, encoding: Encoding
) -> Iterator[Path]:
    """The film that `deliver` would sign, in a hidden folder beside `output`, for whoever looks at it before.

    Raises: VideoError: it cannot be made; UnknownChoice: `output` is of no kind of film.
    """
    refuse_rounding(output, probe(segments[0]).time_base)
    with workplace(output) as place:
        film, heard = place / f"silent{output.suffix}", place / f"heard{output.suffix}"
        join_segments(segments, film)
        if delivery.label is not None:
            labelled = place / f"labelled{output.suffix}"
            with bar("Writing the label", None):
                label_film(film, labelled, delivery.label, encoding)
            film = labelled
        carry_sound(film, source, heard)
        yield heard


def publish(film: Path, source: Path, output: Path, origin: Origin, delivery: Delivery, *, overwrite: bool) -> None:
    """Sign a finished film into its place and write its sidecar; see `deliver`.

    Args:
        film: on the disk of `output`; a film that is not signed is moved.
    """
    identity = identity_for(delivery) if can_carry(output) else None
    with atomic_file(output, overwrite=overwrite) as beside:
        if identity is None:
            film.replace(beside)
        else:
            played: Role = "source" if any(part.role == "source" for part in origin.ingredients) else "target"
            sign(film, beside, origin, identity, {played: source}, output.name)
        sidecar = describe(output, FileRef.of(beside).sha256, origin, identity)
        sidecar_of(output).unlink(missing_ok=True)  # of a film that is now replaced
    write_sidecar(sidecar_of(output), sidecar)
    if identity is None:
        carriers = ", ".join(CARRIERS)
        say(f"{output.name} is not signed, as its kind can carry no manifest ({carriers} can); its sidecar says so")


def identity_for(delivery: Delivery) -> Identity:
    """Who signs: the certificate of the delivery, of the environment, or the self-made one of this user.

    Raises: ProvenanceError: a certificate without its key or the reverse; see `given_identity`.
    """
    certificate = delivery.sign_cert or _named("UNDERSTUDY_SIGN_CERT")
    key = delivery.sign_key or _named("UNDERSTUDY_SIGN_KEY")
    if certificate is None and key is None:
        return own_identity(config_folder())
    if certificate is None or key is None:
        missing = "--sign-cert" if certificate is None else "--sign-key"
        raise ProvenanceError(
            missing, "it is not given", "both --sign-cert and --sign-key, or neither", "Give the other PEM file, too."
        )
    return given_identity(certificate, key)


def config_folder() -> Path:
    """Where the user's self-made certificate is kept: UNDERSTUDY_CONFIG, or the system's folder for such things."""
    return _named("UNDERSTUDY_CONFIG") or Path(typer.get_app_dir("understudy"))


def _named(variable: str) -> Path | None:
    named = os.environ.get(variable)
    return Path(named) if named else None


@contextmanager
def workplace(output: Path) -> Iterator[Path]:
    """A hidden folder on the disk of `output`, for what becomes of it; gone afterwards.

    Raises: StorageError: there is no room, or no right to make one.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=f".{output.stem}-", dir=output.parent)
    except OSError as error:
        raise as_storage_error(output, error) from error
    with folder as place:
        yield Path(place)
