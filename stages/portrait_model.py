"""A portrait model is a folder: weights, the face they were trained on and what it did, background, a still."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models.checkpoint import save_weights
from models.performance import Performer
from pipeline.compute import Compute
from pipeline.image import write_png
from pipeline.values import FacePerformance
from stages.conditioning.face_images import VERSION as FACE_IMAGES
from stages.conditioning.face_images import FaceImagesFormat
from stages.model_parts import (
    BACKGROUND,
    FACTS,
    WEIGHTS,
    Format,
    HeldOut,
    copy_parts,
    hashes,
    load_performer,
    read_facts_of,
    read_plate,
    refuse_changed,
    write_facts,
)
from stages.provenance.consent import Consent, kept_consent
from stages.retargeting.face_model import FaceModel
from stages.retargeting.face_model_file import load_face_model, save_face_model
from stages.retargeting.performance_file import load_performance, save_performance
from stages.training.framing import Framing

VERSION = 1
KIND = "portrait"
# What to do with a folder of another kind.
REMEDIES = {
    "network": "It is a published network: it knows no face. Use the library: "
    "stages.network_folder.load_network(folder).",
    "dance": "It is a dancer's: give it to `understudy render` or `understudy dance`.",
}
FACE, PERFORMANCE, STILL = "face_model.npz", "performance.npz", "still.png"
PARTS = (WEIGHTS, FACE, PERFORMANCE, BACKGROUND, STILL)
_FORMAT = Format(kind=KIND, version=VERSION, drawing="face images", drawing_version=FACE_IMAGES, remedies=REMEDIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitModel:
    """What model.json says: all that rendering needs to know about the weights and the face."""

    kind: Literal["portrait"] = "portrait"
    version: int = VERSION
    preset: str
    method: str  # deep-video-portraits, vid2vid
    network: str
    network_config: dict[str, Any] = field(default_factory=dict)
    framing: Framing
    style: FaceImagesFormat  # the conditioning format; another is refused
    clip_name: str  # of the training clip
    clip_sha256: str
    held_out: HeldOut | None = None  # None: the face is not in the held-out part
    drift_limit: float | None = None  # beyond it a frame is painted without memory; None: the generator blends nothing
    licence: str = "Weights trained by the user on the user's clip; no rights beyond those to the clip."
    consent: Consent | None = None  # what was said of the consent of the person filmed; None: not recorded
    parts: dict[str, str] = field(default_factory=dict)  # SHA-256 of each other file, so that this one vouches for all


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPortrait:
    """A portrait model ready to paint."""

    facts: PortraitModel
    performer: Performer  # in evaluation mode, on the device
    face: FaceModel
    performance: FacePerformance  # what the target does in the training clip, all frames
    background: NDArray[np.uint8]  # (height, width, 3) RGB, full frame, without the person
    still: NDArray[np.uint8]  # (height, width, 3) RGB, full frame: the face model's frame of reference


_FACTS: TypeAdapter[PortraitModel] = TypeAdapter(PortraitModel)


def write_portrait(
    folder: Path,
    facts: PortraitModel,
    performer: Performer,
    face: FaceModel,
    performance: FacePerformance,
    *,
    background: NDArray[np.uint8],
    still: NDArray[np.uint8],
) -> None:
    """Write the parts of a portrait model; model.json last, with the hashes of the others as `parts`.

    So a folder whose model.json fits its parts is whole, at whatever moment the writing was cut off.

    Raises: StorageError.
    """
    save_weights(performer, folder / WEIGHTS)
    save_face_model(face, folder / FACE)
    save_performance(performance, folder / PERFORMANCE)
    write_png(folder / BACKGROUND, background)
    write_png(folder / STILL, still)
    write_facts(folder, _FACTS, replace(facts, parts=hashes(folder, PARTS)))


def read_portrait_facts(folder: Path) -> PortraitModel:
    """Read model.json.

    Raises: ModelError: no model there, or one of another kind, version or conditioning format.
    """
    return read_facts_of(folder, _FACTS, _FORMAT)


def load_portrait(folder: Path, compute: Compute) -> LoadedPortrait:
    """Read a portrait model onto the device; weights in float32, the bulk of the work follows `compute.autocast()`.

    Raises: ModelError: see `read_portrait_facts`; or a part is missing or not the one that model.json vouches for.
    """
    facts = read_portrait_facts(folder)
    refuse_changed(folder, PARTS, facts.parts)
    return LoadedPortrait(
        facts=facts,
        performer=load_performer(folder, facts.network, facts.network_config, facts.framing, compute),
        face=load_face_model(folder / FACE),
        performance=load_performance(folder / PERFORMANCE),
        background=read_plate(folder / BACKGROUND, facts.framing),
        still=read_plate(folder / STILL, facts.framing),
    )


def copy_portrait(folder: Path, output: Path, *, overwrite: bool) -> None:
    """Copy a portrait model and the curves of its training to where the user wants it: whole or not at all.

    What was recorded of consent beside it stands in the copy's model.json.

    Raises:
        ModelError: the model or that record cannot be read.
        OutputExists: `output` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    consent = kept_consent(folder)
    said = None if consent is None else replace(read_portrait_facts(folder), consent=consent)
    facts = None if said is None else _FACTS.dump_json(said, indent=2)
    copy_parts(folder, output, (*PARTS, FACTS), overwrite=overwrite, facts=facts)
