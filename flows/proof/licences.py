"""Everything that a film may rest on, with its licence: dependencies, programs, published weights, models."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from models.optical_flow import published_raft
from models.perceptual import published_weights
from pipeline.delivery import ffmpeg_licence, ffmpeg_program
from pipeline.errors import ModelError
from pipeline.limits import bounded_bytes
from pipeline.video import available_codecs, decoder_licence
from stages.evaluation.weights import INCEPTION, LPIPS, VIDEO, find_weights
from stages.model_parts import FACTS
from stages.provenance.licences import Licensed, dependencies, families_of
from stages.provenance.wording import plain

GPL_ENCODERS = {"libx264", "libx265"}
_COLUMNS = (34, 16)  # of name and version


class _Facts(BaseModel):
    """What is read of any model.json."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: str
    licence: str = "unknown"
    consent: dict[str, Any] | str | None = None


def listed(models: Sequence[Path]) -> list[Licensed]:
    """Dependencies by name, then programs, weights, and the given model folders.

    Raises: ModelError: a folder is no model; VideoError: there is no ffmpeg.
    """
    return [*dependencies(), *_programs(), *_weights(), *map(_model, models)]


def _programs() -> Iterator[Licensed]:
    carried = {
        "FFmpeg, the program": (ffmpeg_licence(), f"{ffmpeg_program()}; run beside us, never linked"),
        "FFmpeg, in the wheel of av": (decoder_licence(), "every frame that is read or written"),
    }
    for name, (licence, note) in carried.items():
        yield Licensed(kind="program", name=name, licence=licence, families=families_of(licence), note=note)
    for codec in sorted(GPL_ENCODERS & set(available_codecs())):
        note, licence = "in the wheel of av, which is more than FFmpeg's own word there says", "GPL-2.0-or-later"
        yield Licensed(kind="program", name=codec, licence=licence, families=families_of(licence), note=note)


def _weights() -> Iterator[Licensed]:
    """What may be used, whether it is on this machine or not."""
    found = find_weights()
    torchvision = "BSD-3-Clause (torchvision); trained on ImageNet"
    yield _file("MediaPipe's trackers", "Apache-2.0", None, "in the wheel of mediapipe: bodies, faces, hands, masks")
    yield _file("VGG-19", torchvision, published_weights(), "the perceptual loss")
    yield _file(
        "RAFT",
        "BSD-3-Clause (torchvision); trained on KITTI and others",
        published_raft(),
        "--flow-teacher raft",
    )
    yield _file("LPIPS, linear layers", "BSD-2-Clause", None, "in the wheel of lpips: evaluation")
    yield _file("AlexNet", torchvision, found.folder / LPIPS.names[0], "LPIPS")
    yield _file("Inception-v3 of 2015", "Apache-2.0; trained on ImageNet", found.folder / INCEPTION.names[0], "FID")
    licence = "BSD-3-Clause (torchvision); trained on Kinetics-400"
    yield _file("R3D-18", licence, found.folder / VIDEO.names[0], "distance between films")


def _file(name: str, licence: str, place: Path | None, use: str) -> Licensed:
    there = "" if place is None else f"; {place}" if place.is_file() else "; not on this machine"
    return Licensed(kind="weights", name=name, licence=licence, families=families_of(licence), note=f"{use}{there}")


def _model(folder: Path) -> Licensed:
    path = folder / FACTS
    try:
        facts = _Facts.model_validate_json(bounded_bytes(path))
    except (OSError, ValidationError) as error:
        raise ModelError(
            folder, "no model.json that can be read", "a model folder that Understudy wrote", "Check the path."
        ) from error
    said = facts.consent.get("kind") if isinstance(facts.consent, dict) else facts.consent
    note = f"a model of kind {plain(facts.kind)}; consent: {plain(str(said or 'no record'))}"
    licence = plain(facts.licence)
    return Licensed(kind="model", name=str(folder), licence=licence, families=families_of(licence), note=note)


def lines(things: Sequence[Licensed]) -> list[str]:
    """A line for each, by kind; below it what it forbids, where that is more than to drop its notice."""
    headings = {
        "dependency": "Dependencies",
        "program": "Programs",
        "weights": "Published weights",
        "model": "Models",
    }
    shown = []
    for kind, heading in headings.items():
        if some := [thing for thing in things if thing.kind == kind]:
            shown += ["", f"{heading} ({len(some)})", *(line for thing in some for line in _lines(thing))]
    notable = [thing for thing in things if thing.families != ("permissive",)]
    shown += [
        "",
        f"{len(things) - len(notable)} of {len(things)} are permissive: they forbid nothing but to drop their notice.",
    ]
    return shown[1:]


def _lines(thing: Licensed) -> Iterator[str]:
    name, version = _COLUMNS
    yield f"  {thing.name:<{name}} {thing.version:<{version}} {thing.licence}".rstrip()
    if thing.note:
        yield f"      {thing.note}"
    if thing.families != ("permissive",):
        for family, forbidden in zip(thing.families, thing.forbids, strict=True):
            if family != "permissive":
                yield f"      {family}; forbids: {forbidden}"


def as_json(things: Sequence[Licensed]) -> str:
    """The same for programs."""
    return json.dumps([{**asdict(thing), "forbids": list(thing.forbids)} for thing in things], indent=2)
