"""What each kind of film was made of, as its manifest will say."""

import hashlib
import json
import mimetypes
from pathlib import Path
from typing import Any

from flows.delivering import Delivery
from flows.store.workspace import canonical
from pipeline.artifacts import FileRef
from stages.model_folder import read_facts
from stages.portrait_model import read_portrait_facts
from stages.provenance.consent import Consent, kept_consent
from stages.provenance.origin import Ingredient, Origin, Role, Work


def dance_origin(source: FileRef, model: FileRef, settings: object, delivery: Delivery) -> Origin:
    """Of a film in which a trained body performs what `source` shows.

    Raises: ModelError.
    """
    facts = read_facts(model.path.parent)
    target = _part("target", facts.clip_name, facts.clip_sha256)
    consent = kept_consent(model.path.parent) or facts.consent
    return _origin("dance", (_clip("source", source), target, _model(model)), settings, consent, delivery)


def portrait_origin(source: FileRef, model: FileRef, settings: object, delivery: Delivery) -> Origin:
    """Of a film in which a trained head does what `source` shows; where that is the target's clip, there is no source.

    Raises: ModelError.
    """
    facts = read_portrait_facts(model.path.parent)
    target = _part("target", facts.clip_name, facts.clip_sha256)
    told = () if source.sha256 == facts.clip_sha256 else (_clip("source", source),)
    consent = kept_consent(model.path.parent) or facts.consent
    return _origin("portrait", (*told, target, _model(model)), settings, consent, delivery)


def translation_origin(clip: FileRef, model: FileRef, settings: object, delivery: Delivery) -> Origin:
    """Of a clip shown in another look; nobody's likeness is trained for it."""
    return _origin("translation", (_clip("source", clip), _model(model)), settings, None, delivery)


def _origin(
    work: Work, parts: tuple[Ingredient, ...], settings: object, consent: Consent | None, delivery: Delivery
) -> Origin:
    configuration: dict[str, Any] = canonical(settings)
    text = json.dumps(configuration, sort_keys=True).encode()
    told = _part("configuration", f"{work} settings.json", hashlib.sha256(text).hexdigest())
    return Origin(
        work=work, ingredients=(*parts, told), configuration=configuration, consent=consent, label=delivery.label
    )


def _clip(role: Role, clip: FileRef) -> Ingredient:
    return _part(role, clip.path.name, clip.sha256)


def _model(model: FileRef) -> Ingredient:
    """By its model.json, which holds the hash of every other part."""
    return _part("model", f"{model.path.parent.name}/{model.path.name}", model.sha256)


def _part(role: Role, name: str, sha256: str) -> Ingredient:
    kind = mimetypes.guess_type(Path(name).name)[0]
    return Ingredient(role=role, name=name, sha256=sha256, media_type=kind or "application/octet-stream")
