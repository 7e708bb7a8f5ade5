"""Read the manifest of any file, ours or another's, as far as it can be believed; everything in it is a stranger's."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa
from c2pa import C2paError
from pydantic import BaseModel, ConfigDict, ValidationError

from stages.provenance.manifest import OFFLINE


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Action(_Lenient):
    """Something that was done."""

    action: str
    digitalSourceType: str | None = None  # noqa: N815  # C2PA's name
    description: str | None = None


class Statement(_Lenient):
    """One assertion of a manifest."""

    label: str
    data: Any = None


class Part(_Lenient):
    """One ingredient."""

    title: str | None = None
    relationship: str | None = None
    instance_id: str | None = None
    active_manifest: str | None = None
    metadata: Any = None
    validation_results: Any = None


class Signed(_Lenient):
    """Whom the certificate names, and which it is."""

    common_name: str | None = None
    issuer: str | None = None
    cert_serial_number: str | None = None
    alg: str | None = None


class Manifest(_Lenient):
    """One manifest."""

    title: str | None = None
    claim_generator: str | None = None
    claim_generator_info: tuple[dict[str, Any], ...] = ()
    assertions: tuple[Statement, ...] = ()
    ingredients: tuple[Part, ...] = ()
    signature_info: Signed | None = None

    def actions(self) -> tuple[Action, ...]:
        """What it says was done, as far as that can be read."""
        found = []
        for said in self.assertions:
            if said.label.startswith("c2pa.actions") and isinstance(said.data, dict):
                for action in said.data.get("actions") or ():
                    try:
                        found.append(Action.model_validate(action))
                    except ValidationError:
                        continue
        return tuple(found)

    def source_types(self) -> tuple[str, ...]:
        """The last words of the IPTC types it names."""
        return tuple(done.digitalSourceType.rsplit("/", 1)[-1] for done in self.actions() if done.digitalSourceType)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that does not fit."""

    code: str  # C2PA's
    place: str  # of the manifest, as C2PA names it; "" unknown
    explanation: str


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a file's manifests."""

    active: Manifest
    others: dict[str, Manifest]  # by the names that ingredients know them by
    failures: tuple[Failure, ...]  # of the active manifest; trust is among them
    trusted: bool  # the signer's certificate leads to one of the anchors that were given


class NoManifest(Exception):
    """There is none; the message says why where that is known."""


class BrokenManifest(Exception):
    """There is one that cannot be read."""


def read_manifest(path: Path, anchors: bytes = b"") -> Read:
    """Read and check a file's manifest, without a network.

    Args:
        path: a film, a picture or a sound.
        anchors: PEM of root certificates that are trusted.

    Raises:
        NoManifest: the file carries none, or is of a kind that carries none.
        BrokenManifest: there is one that cannot be read.
        OSError: the file cannot be read.
    """
    settings: dict[str, Any] = {"version": 1, "verify": {**OFFLINE, "verify_trust": True}}
    if anchors:
        settings["trust"] = {"user_anchors": anchors.decode()}
    with path.open("rb") as content:
        try:
            reader = c2pa.Reader.try_create(None, content, context=c2pa.Context(c2pa.Settings.from_dict(settings)))
        except C2paError.NotSupported as error:
            empty = not path.stat().st_size
            raise NoManifest(
                "the file is empty" if empty else "files of this kind carry no manifest that can be read"
            ) from error
        except C2paError as error:
            if str(error).startswith("Remote"):  # no class of errors of its own in 0.38
                raise NoManifest("the file names one on the network, which is not asked") from error
            raise BrokenManifest(str(error)) from error
        if reader is None:
            raise NoManifest("the file carries none")
        with reader:
            return _parsed(reader)


def _parsed(reader: c2pa.Reader) -> Read:
    try:
        said = json.loads(reader.json())
        manifests = {name: Manifest.model_validate(one) for name, one in said["manifests"].items()}
        active = manifests[said["active_manifest"]]
    except (ValueError, KeyError, TypeError, AttributeError, C2paError) as error:
        raise BrokenManifest(f"{type(error).__name__}: {error}") from error
    results = (said.get("validation_results") or {}).get("activeManifest") or {}
    failures = tuple(
        Failure(str(one.get("code", "")), str(one.get("url", "")), str(one.get("explanation", "")))
        for one in results.get("failure") or ()
    )
    trusted = any(one.get("code") == "signingCredential.trusted" for one in results.get("success") or ())
    return Read(active, manifests, failures, trusted)
