"""A model is a folder: weights, what they mean, the background plate, and what remains of the training."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import nn

from models.checkpoint import load_weights, save_weights
from models.everybody_dance_now.generator import FACE_GENERATOR, GlobalGenerator
from models.performance import Performer
from pipeline.compute import Compute
from pipeline.image import write_png
from stages.conditioning.stick_figure import VERSION as STICK_FIGURE
from stages.conditioning.stick_figure import StickFigureFormat
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
from stages.retargeting.body import BodyStatistics
from stages.training.framing import Framing

VERSION = 1
KIND = "dance"
# What to do with a folder of another kind.
REMEDIES = {
    "network": "It is a published network: it has no body to retarget to. Use the library: "
    "stages.network_folder.load_network(folder).",
    "portrait": "It is a head's: give it to `understudy portrait`.",
}
FACE = "face.safetensors"
_FORMAT = Format(kind=KIND, version=VERSION, drawing="stick figure", drawing_version=STICK_FIGURE, remedies=REMEDIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class DanceModel:
    """What model.json says: all that rendering needs to know about the weights."""

    kind: Literal["dance"] = "dance"
    version: int = VERSION
    preset: str
    network: str
    network_config: dict[str, Any] = field(default_factory=dict)
    framing: Framing
    style: StickFigureFormat  # the conditioning format; another is refused
    body: BodyStatistics  # the target's, for retargeting
    face_size: int = 0  # pixels of the network's picture; 0: no face residual
    clip_name: str  # of the training clip
    clip_sha256: str
    held_out: HeldOut | None = None  # None: the person is not in the held-out part
    drift_limit: float | None = None  # beyond it a frame is painted without memory; None: the generator blends nothing
    licence: str = "Weights trained by the user on the user's clip; no rights beyond those to the clip."
    consent: Consent | None = None  # what was said of the consent of the person filmed; None: not recorded
    parts: dict[str, str] = field(default_factory=dict)  # SHA-256 of each other file, so that this one vouches for all


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model ready to paint."""

    facts: DanceModel
    performer: Performer  # in evaluation mode, on the device
    face: nn.Module | None
    background: NDArray[np.uint8]  # (height, width, 3) RGB, full frame


_FACTS: TypeAdapter[DanceModel] = TypeAdapter(DanceModel)


def write_model(
    folder: Path, facts: DanceModel, performer: Performer, face: nn.Module | None, background: NDArray[np.uint8]
) -> None:
    """Write the parts of a model folder; model.json last, with the hashes of the others as `parts`.

    So a folder whose model.json fits its parts is whole, at whatever moment the writing was cut off.

    Raises: StorageError.
    """
    save_weights(performer, folder / WEIGHTS)
    (folder / FACE).unlink(missing_ok=True)
    if face is not None:
        save_weights(face, folder / FACE)
    write_png(folder / BACKGROUND, background)
    names = (WEIGHTS, BACKGROUND) if face is None else (WEIGHTS, BACKGROUND, FACE)
    write_facts(folder, _FACTS, replace(facts, parts=hashes(folder, names)))


def read_facts(folder: Path) -> DanceModel:
    """Read model.json.

    Raises: ModelError: no model there, or one of another kind, version or conditioning format.
    """
    return read_facts_of(folder, _FACTS, _FORMAT)


def load_model(folder: Path, compute: Compute) -> LoadedModel:
    """Read a model folder onto the device; weights in float32, the bulk of the work follows `compute.autocast()`.

    Raises: ModelError: see `read_facts`; or a part is missing or not the one that model.json vouches for.
    """
    facts = read_facts(folder)
    refuse_changed(folder, (WEIGHTS, BACKGROUND, FACE) if facts.face_size else (WEIGHTS, BACKGROUND), facts.parts)
    performer = load_performer(folder, facts.network, facts.network_config, facts.framing, compute)
    face: nn.Module | None = None
    if facts.face_size:
        face = GlobalGenerator(FACE_GENERATOR)
        load_weights(face, folder / FACE)
        face = face.to(compute.device).eval()
    return LoadedModel(facts, performer, face, read_plate(folder / BACKGROUND, facts.framing))


def copy_model(folder: Path, output: Path, *, overwrite: bool) -> None:
    """Copy a model and the curves of its training to where the user wants it: whole or not at all.

    What was recorded of consent beside it stands in the copy's model.json.

    Raises:
        ModelError: the model or that record cannot be read.
        OutputExists: `output` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    consent = kept_consent(folder)
    said = None if consent is None else replace(read_facts(folder), consent=consent)
    facts = None if said is None else _FACTS.dump_json(said, indent=2)
    copy_parts(folder, output, (WEIGHTS, FACE, BACKGROUND, FACTS), overwrite=overwrite, facts=facts)
