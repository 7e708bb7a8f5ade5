"""Verification: what a file says of itself, who says so, and whether it was changed since it was signed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pipeline.artifacts import FileRef
from pipeline.errors import ProvenanceError
from stages.provenance.identity import SELF_MADE, OwnCertificate
from stages.provenance.manifest import ORIGIN
from stages.provenance.origin import Role
from stages.provenance.reading import BrokenManifest, Failure, Manifest, NoManifest, Part, Read, read_manifest
from stages.provenance.sidecar import Sidecar, read_sidecar

# intact: a manifest is there, its signature holds, the file is what was signed. All else vouches for nothing.
State = Literal["intact", "changed", "doubtful", "broken", "none"]
Synthetic = Literal["wholly", "partly", "no", "not said"]
Signer = Literal["trusted", "this installation", "self-made", "unknown"]

_SYNTHETIC: dict[str, Synthetic] = {
    "trainedAlgorithmicMedia": "wholly",
    "compositeWithTrainedAlgorithmicMedia": "partly",
    "compositeSynthetic": "partly",
    "algorithmicallyEnhanced": "no",
    "algorithmicMedia": "no",
    "digitalCapture": "no",
    "computationalCapture": "no",
    "compositeCapture": "no",
    "negativeFilm": "no",
    "positiveFilm": "no",
    "print": "no",
    "screenCapture": "no",
    "virtualRecording": "no",
    "humanEdits": "no",
    "minorHumanEdits": "no",
    "digitalCreation": "no",
    "digitalArt": "no",
}
_ORDER: tuple[Synthetic, ...] = ("wholly", "partly", "no")  # the strongest word counts
SAME = "the file is byte for byte what it names"
ANOTHER = (
    "the file is not what the sidecar names: a byte was changed where no signature reaches (the container's brand, the "
    "manifest's padding), or the sidecar is another film's"
)
_CONTENT = ("bmffHash", "dataHash", "boxesHash", "collectionHash", "multiAssetHash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One thing that a file was made of."""

    name: str
    role: str  # ours: source, target, model, configuration; else C2PA's relationship
    sha256: str | None  # as far as stated
    synthetic: Synthetic  # what its own manifest says
    doubts: tuple[str, ...] = ()  # what did not fit in its own manifest when it was taken in


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed, as the certificate says."""

    kind: Signer
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of a file."""

    file: str
    state: State
    why: str = ""  # for "broken" and "none"
    synthetic: Synthetic = "not said"
    source_types: tuple[str, ...] = ()
    software: str | None = None
    work: str | None = None  # of ours: dance, portrait, translation
    actions: tuple[str, ...] = ()
    made_of: tuple[Made, ...] = ()
    consent: str | None = None  # of ours: its kind, day and hash; "no record"
    label: str | None = None  # of ours: what is written into the picture
    configuration: dict[str, Any] | None = None  # of ours
    signature: Signature | None = None
    changes: tuple[str, ...] = ()  # what is not as it was signed, and where, as far as that is known
    sidecar: str | None = None  # what the sidecar adds; None: there is none

    @property
    def vouched_for(self) -> bool:
        """Whether a signature holds for the file as it is."""
        return self.state == "intact"


def verify(path: Path, *, trust: bytes = b"", own: OwnCertificate | None = None) -> Finding:
    """Find out what a file says of itself and whether that still holds; without a network.

    Args:
        path: a film, a picture or a sound, of ours or of anybody.
        trust: PEM of root certificates that the user trusts.
        own: the self-made certificate of this installation.

    Raises: ProvenanceError: the file cannot be read, or the anchors are no certificates.
    """
    sidecar = _sidecar(path)
    try:
        read = read_manifest(path, trust + (own.root if own else b""))
    except NoManifest as error:
        return _without(path, "none", str(error), sidecar)
    except BrokenManifest as error:
        return _without(path, "broken", str(error), sidecar)
    except OSError as error:
        found = f"cannot be read ({error.strerror or error})"
        raise ProvenanceError(path, found, "a film, a picture or a sound", "Check the path.") from error
    return _found(path, read, own, sidecar)


def _sidecar(path: Path) -> Sidecar | str | None:
    """The sidecar, or what is wrong with it."""
    try:
        return read_sidecar(path)
    except ProvenanceError as error:
        return error.found


def _without(path: Path, state: State, why: str, sidecar: Sidecar | str | None) -> Finding:
    if not isinstance(sidecar, Sidecar):
        return Finding(file=path.name, state=state, why=why, sidecar=sidecar)
    types = (str(sidecar.origin.get("digital_source_type", "")).rsplit("/", 1)[-1],)
    return Finding(
        file=path.name,
        state=state,
        why=why,
        synthetic=_strongest(types),
        source_types=types,
        software=sidecar.software,
        work=_word(sidecar.origin.get("work")),
        consent=_consent(sidecar.origin.get("consent")),
        sidecar=_compared(path, sidecar),
    )


def _found(path: Path, read: Read, own: OwnCertificate | None, sidecar: Sidecar | str | None) -> Finding:
    ours = _ours(read.active)
    changes = tuple(filter(None, map(_change, read.failures)))
    doubts = [one for one in read.failures if one.code != "signingCredential.untrusted" and _change(one) is None]
    compared = _compared(path, sidecar) if isinstance(sidecar, Sidecar) else sidecar
    if compared == ANOTHER and not changes:
        changes = (ANOTHER,)
    types = read.active.source_types()
    return Finding(
        file=path.name,
        state="changed" if changes else "doubtful" if doubts else "intact",
        why="; ".join(one.explanation or one.code for one in doubts),
        synthetic=_strongest(types),
        source_types=types,
        software=_software(read.active),
        work=_word(ours.get("work")),
        actions=tuple(done.description or done.action for done in read.active.actions()),
        made_of=tuple(sorted((_made(part, read) for part in read.active.ingredients), key=_in_order)),
        consent=_consent(ours.get("consent")),
        label=_word(ours.get("label")),
        configuration=_configuration(ours.get("configuration")),
        signature=_signature(read, own),
        changes=changes,
        sidecar=compared,
    )


def _compared(path: Path, sidecar: Sidecar) -> str:
    return SAME if FileRef.of(path).sha256 == sidecar.sha256 else ANOTHER


def _change(failure: Failure) -> str | None:
    """What a failure says was changed, and where; None: it is about trust or form, not about a change."""
    place = failure.place.rsplit("/", 1)[-1]
    if any(f".{kind}.mismatch" in failure.code for kind in _CONTENT):
        return "the content itself: pictures, sound, or the tables that say when they are shown"
    if failure.code == "assertion.hashedURI.mismatch":
        return f"the manifest: its statement {place}"
    if failure.code == "claimSignature.mismatch":
        return "the manifest: its list of statements, or the signature"
    if failure.code.endswith((".mismatch", ".missing", ".malformed")) or "Hash." in failure.code:
        return f"the manifest: {failure.explanation or failure.code} ({place or failure.code})"
    return None


def _signature(read: Read, own: OwnCertificate | None) -> Signature | None:
    signed = read.active.signature_info
    if signed is None:
        return None
    name = ", ".join(filter(None, (signed.common_name, signed.issuer))) or "nobody by name"
    if read.trusted:
        by_us = own is not None and signed.cert_serial_number == own.serial and signed.issuer == SELF_MADE
        return Signature(kind="this installation" if by_us else "trusted", name=name)
    return Signature(kind="self-made" if signed.issuer == SELF_MADE else "unknown", name=name)


def _made(part: Part, read: Read) -> Made:
    own = read.others.get(part.active_manifest or "")
    told = part.metadata if isinstance(part.metadata, dict) else {}
    results = part.validation_results if isinstance(part.validation_results, dict) else {}
    failures = (results.get("activeManifest") or {}).get("failure") or ()
    return Made(
        name=part.title or "without a name",
        role=_word(told.get("role")) or part.relationship or "ingredient",
        sha256=_word(told.get("sha256")),
        synthetic="not said" if own is None else _strongest(own.source_types()),
        doubts=(
            *filter(None, [_word(told.get("doubt"))]),
            *(str(one.get("code")) for one in failures if one.get("code") != "signingCredential.untrusted"),
        ),
    )


def _in_order(made: Made) -> int:
    """Ours as a reader expects them; the library keeps them otherwise."""
    roles = get_args(Role)
    return roles.index(made.role) if made.role in roles else len(roles)


def _ours(manifest: Manifest) -> dict[str, Any]:
    for said in manifest.assertions:
        if said.label == ORIGIN and isinstance(said.data, dict):
            return said.data
    return {}


def _software(manifest: Manifest) -> str | None:
    for told in manifest.claim_generator_info:
        if name := _word(told.get("name")):
            return f"{name} {_word(told.get('version')) or ''}".strip()
    return manifest.claim_generator


def _configuration(said: object) -> dict[str, Any] | None:
    try:
        read = json.loads(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _consent(said: object) -> str | None:
    if not isinstance(said, dict):
        return _word(said)
    return ", ".join(str(said[key]) for key in ("kind", "date", "sha256") if said.get(key))


def _strongest(types: tuple[str, ...]) -> Synthetic:
    words = {_SYNTHETIC.get(one, "not said") for one in types}
    return next((word for word in _ORDER if word in words), "not said")


def _word(said: object) -> str | None:
    return said if isinstance(said, str) and said else None
