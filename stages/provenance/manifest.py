"""The C2PA manifest of a film: what was done, from what, signed into the file as the last thing that changes it."""

import io
import json
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import c2pa
import cv2
import numpy as np
from c2pa import C2paError

from pipeline.artifacts import as_storage_error
from pipeline.errors import ProvenanceError
from stages.provenance.identity import Identity
from stages.provenance.origin import Ingredient, Origin, Role
from stages.provenance.redaction import redactions

SOFTWARE = "Understudy"
ORIGIN = "org.understudy.origin"  # our own assertion: what C2PA's have no field for
# Containers that can carry a manifest, of those that films are delivered in. Matroska is none.
CARRIERS = {".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mov": "video/quicktime"}
_KINDS = {**CARRIERS, ".png": "image/png"}  # and pictures of a film

# No network, and nothing that the library would add of itself: thumbnails show faces, actions are ours to state.
OFFLINE: dict[str, Any] = {"remote_manifest_fetch": False, "ocsp_fetch": False}
_SIGNING: dict[str, Any] = {
    "version": 1,
    "verify": {**OFFLINE, "verify_after_sign": True, "verify_trust": False},
    "builder": {
        "thumbnail": {"enabled": False},
        "actions": {f"auto_{name}_action": {"enabled": False} for name in ("created", "opened", "placed")},
    },
}
# Only to see which statements a clip carries: whether they hold is found out when it is taken in.
_READING: dict[str, Any] = {"version": 1, "verify": {**OFFLINE, "verify_after_reading": False}}
# How a film hangs on each thing: its pictures lie in the film, or it only told the network what to paint.
_RELATION: dict[Role, str] = {
    "source": "inputTo",
    "target": "componentOf",
    "model": "inputTo",
    "configuration": "inputTo",
}


def can_carry(film: Path) -> bool:
    """Whether a film, or a picture of one, has a name of a container that we sign."""
    return film.suffix.lower() in _KINDS


def sign(film: Path, output: Path, origin: Origin, identity: Identity, clips: Mapping[Role, Path], title: str) -> None:
    """Write a signed copy of a film, or of a picture of one.

    Args:
        film: finished; nothing may change it afterwards.
        output: where the copy goes; what is there is replaced.
        origin: what the film was made of.
        identity: who signs.
        clips: files of the ingredients, where at hand: the manifest that such a clip carries itself travels along, so
            that a film made of a synthetic film says so; what it says of place, device, people and days does not. One
            that is damaged does not travel, and that is said.
        title: the film's name.

    Raises:
        ProvenanceError: the container carries no manifest, or the library refuses film or certificate.
        StorageError: a file cannot be read or written.
    """
    if not can_carry(film):
        raise ProvenanceError(film, "this container carries no manifest", ", ".join(CARRIERS), "Deliver as .mp4.")
    carrying = {role: clip for role, clip in clips.items() if can_carry(clip)}
    try:
        try:
            _sign(film, output, origin, identity, carrying, title)
        except C2paError:
            if not carrying:
                raise
            _sign(film, output, origin, identity, carrying, title, alone=True)
    except OSError as error:
        raise as_storage_error(output, error) from error
    except C2paError as error:
        raise _refused(title, error) from error


def _sign(
    film: Path,
    output: Path,
    origin: Origin,
    identity: Identity,
    carrying: Mapping[Role, Path],
    title: str,
    *,
    alone: bool = False,
) -> None:
    """With the manifests of other files; or `alone`, as theirs are damaged, which must not cost a finished film."""
    kind = _KINDS[film.suffix.lower()]
    with ExitStack() as open_things:
        builder = _builder(
            origin, identity, title, kind, {} if alone else carrying, left_out=set(carrying if alone else ())
        )
        open_things.enter_context(builder)
        pictures = open_things.enter_context(film.open("rb"))
        signed = open_things.enter_context(output.open("w+b"))
        builder.sign(kind, pictures, signed)


def prove(identity: Identity) -> None:
    """Sign one picture in memory: what is wrong with a certificate is found before a night of work, not after.

    Raises: ProvenanceError: C2PA does not take this certificate.
    """
    origin = Origin(work="translation", ingredients=())
    picture = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1]
    try:
        with _builder(origin, identity, "proof", "image/png", {}, left_out=set()) as builder:
            builder.sign("image/png", io.BytesIO(picture.tobytes()), io.BytesIO())
    except C2paError as error:
        raise _refused(identity.name, error) from error


def definition(origin: Origin, title: str, kind: str) -> dict[str, Any]:
    """The manifest before it is signed, as the library takes it, but for the ingredients."""
    return {
        "claim_generator_info": [_software()],
        "title": title,
        "format": kind,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": _actions(origin)}, "created": True},
            {"label": ORIGIN, "data": _as_assertion(origin), "created": True},
        ],
    }


def _as_assertion(origin: Origin) -> dict[str, Any]:
    """As JSON, but the configuration as a text of its own: c2pa's reader takes lists of small numbers for bytes."""
    said = origin.as_json()
    return {**said, "configuration": json.dumps(said["configuration"], sort_keys=True)}


def _actions(origin: Origin) -> list[dict[str, Any]]:
    told = [part.role for part in origin.ingredients if _RELATION[part.role] == "inputTo"]
    shown = [part.role for part in origin.ingredients if _RELATION[part.role] == "componentOf"]
    created = {
        "action": "c2pa.created",
        "digitalSourceType": origin.source_type,
        "softwareAgent": _software(),
        "description": f"{origin.work}: pictures painted by a network that Understudy trained",
        "parameters": {"ingredientIds": told} if told else {},
    }
    placed = {
        "action": "c2pa.placed",
        "softwareAgent": _software(),
        "description": "painted into what the camera saw of the target",
        "parameters": {"ingredientIds": shown},
    }
    labelled = {
        "action": "c2pa.edited",
        "softwareAgent": _software(),
        "description": f"a visible label was written into every picture: {origin.label}",
    }
    return [created, *([placed] if shown else []), *([labelled] if origin.label else [])]


def _software() -> dict[str, str]:
    return {"name": SOFTWARE, "version": version("understudy")}


def _builder(
    origin: Origin, identity: Identity, title: str, kind: str, carrying: Mapping[Role, Path], *, left_out: set[Role]
) -> c2pa.Builder:
    signer = c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(
            identity.algorithm.encode(), identity.chain, identity.key, None
        )  # None: no time stamps, they need a network
    )
    context = c2pa.Context(c2pa.Settings.from_dict(_SIGNING), signer)
    bare = [
        _ingredient(part, left_out=part.role in left_out) for part in origin.ingredients if part.role not in carrying
    ]
    said = definition(origin, title, kind)
    private = {
        found.address: found.as_action(part.name)
        for part in origin.ingredients
        if part.role in carrying
        for found in redactions(carrying[part.role], _READING)
    }
    if private:
        said["redactions"] = list(private)
        said["assertions"][0]["data"]["actions"] += private.values()
    builder = c2pa.Builder({**said, "ingredients": bare}, context)
    for part in origin.ingredients:
        if part.role in carrying:
            with carrying[part.role].open("rb") as content:  # for the manifest of its own that it may carry
                builder.add_ingredient(_ingredient(part), part.media_type, content)
    return builder


def _ingredient(part: Ingredient, *, left_out: bool = False) -> dict[str, Any]:
    doubt = {"doubt": "it cannot be read, and was left out"} if left_out else {}
    return {
        "title": part.name,
        "format": part.media_type,
        "instance_id": f"sha256:{part.sha256}",
        "relationship": _RELATION[part.role],
        "label": part.role,
        "metadata": {"role": part.role, "sha256": part.sha256, **doubt},
    }


def _refused(where: str | Path, error: Exception) -> ProvenanceError:
    return ProvenanceError(
        where,
        f"it cannot be signed ({error})",
        "a certificate for signing content (ES256, PS256 or Ed25519; digital signature; e-mail protection or "
        "document signing) and a whole film",
        "Give another --sign-cert and --sign-key, or leave both away for a self-made certificate.",
    )
