"""A model is a folder: weights, what they mean, the background plate, and what remains of the training."""

import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import nn

from models.checkpoint import load_weights, save_weights
from models.everybody_dance_now.generator import FACE_GENERATOR, GlobalGenerator
from models.performance import Performer
from pipeline.artifacts import FileRef, atomic_file, atomic_folder
from pipeline.compute import Compute
from pipeline.errors import ModelError, UnknownChoice
from pipeline.image import read_png, write_png
from stages.conditioning.stick_figure import VERSION as STICK_FIGURE
from stages.conditioning.stick_figure import StickFigureFormat
from stages.retargeting.body import BodyStatistics
from stages.training.framing import Framing
from stages.training.networks import build_network, config_from
from stages.training.phases import NetworkConfig

VERSION = 1
KIND = "dance"
# What to do with a folder of another kind.
REMEDIES = {
    "network": "It is a published network: it has no body to retarget to. Use the library: "
    "stages.network_folder.load_network(folder)."
}
FACTS, WEIGHTS, FACE, BACKGROUND = "model.json", "weights.safetensors", "face.safetensors", "background.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How near the model came to the end of the clip that it was not trained on, at the network's size."""

    frames: int
    psnr_db: float
    ssim: float


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
    consent: str | None = None  # who said that the person filmed agrees; None: not recorded
    parts: dict[str, str] = field(default_factory=dict)  # SHA-256 of each other file, so that this one vouches for all


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model ready to paint."""

    facts: DanceModel
    performer: Performer  # in evaluation mode, on the device
    face: nn.Module | None
    background: NDArray[np.uint8]  # (height, width, 3) RGB, full frame


_FACTS: TypeAdapter[DanceModel] = TypeAdapter(DanceModel)


def network_facts(config: NetworkConfig) -> dict[str, Any]:
    """A network's config as JSON values."""
    return asdict(config)


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
    parts = {name: FileRef.of(folder / name).sha256 for name in names}
    with atomic_file(folder / FACTS) as beside:
        beside.write_bytes(_FACTS.dump_json(replace(facts, parts=parts), indent=2))


def read_facts(folder: Path) -> DanceModel:
    """Read model.json.

    Raises: ModelError: no model there, or one of another kind, version or conditioning format.
    """
    path = folder / FACTS
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ModelError(
            folder, "no model.json", "a model folder that `understudy train` wrote", "Check the path."
        ) from error
    _refuse_another(path, text)
    try:
        return _FACTS.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ModelError(
            path, f"{place}: {first['msg']}", "the file as it was written", "Train again, or restore it."
        ) from error


def _refuse_another(path: Path, text: bytes) -> None:
    try:
        head = TypeAdapter(dict[str, Any]).validate_json(text)
    except ValidationError as error:
        raise ModelError(path, "no JSON", "the file as training wrote it", "Train again, or restore it.") from error
    if head.get("kind") != KIND:
        raise ModelError(
            path,
            f"a model of kind {head.get('kind')!r}",
            f"kind {KIND!r}",
            REMEDIES.get(str(head.get("kind")), "Use the command for that kind."),
        )
    if head.get("version") != VERSION:
        raise ModelError(path, f"model version {head.get('version')}", f"version {VERSION}", "Train the model again.")
    style = head.get("style")
    drawn = style.get("version") if isinstance(style, dict) else None
    if drawn != STICK_FIGURE:
        raise ModelError(path, f"stick figure format {drawn}", f"format {STICK_FIGURE}", "Train the model again.")


def load_model(folder: Path, compute: Compute) -> LoadedModel:
    """Read a model folder onto the device; weights in float32, the bulk of the work follows `compute.autocast()`.

    Raises: ModelError: see `read_facts`; or a part is missing or not the one that model.json vouches for.
    """
    facts = read_facts(folder)
    _refuse_changed(folder, facts)
    performer = _network(folder / FACTS, facts)
    load_weights(performer, folder / WEIGHTS)
    performer = performer.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    face: nn.Module | None = None
    if facts.face_size:
        face = GlobalGenerator(FACE_GENERATOR)
        load_weights(face, folder / FACE)
        face = face.to(compute.device).eval()
    background = read_png(folder / BACKGROUND)
    if background is None:
        raise ModelError(folder / BACKGROUND, "no picture", "the plate that training wrote", "Train again.")
    return LoadedModel(facts, performer.eval(), face, background)


def _refuse_changed(folder: Path, facts: DanceModel) -> None:
    """Raise ModelError where a part is not there, or not as it was when model.json was written."""
    for name in (WEIGHTS, BACKGROUND, FACE) if facts.face_size else (WEIGHTS, BACKGROUND):
        path, remedy = folder / name, "Copy the whole model folder again, or train again."
        if not path.is_file():
            raise ModelError(path, "the file is missing", "all parts of the model in one folder", remedy)
        if FileRef.of(path).sha256 != facts.parts.get(name):
            raise ModelError(path, "the file is not the one that model.json names", "the part it was", remedy)


def _network(path: Path, facts: DanceModel) -> Performer:
    """The network that model.json describes, without its weights."""
    try:
        return build_network(config_from(facts.network, facts.network_config), torch.Generator())
    except (TypeError, ValueError, UnknownChoice) as error:
        raise ModelError(
            path, f"the network cannot be built ({error})", "the file as it was written", "Train again, or restore it."
        ) from error


def copy_model(folder: Path, output: Path, *, overwrite: bool) -> None:
    """Copy a model and the curves of its training to where the user wants it: whole or not at all.

    Raises:
        OutputExists: `output` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    with atomic_folder(output, overwrite=overwrite) as beside:
        for name in (WEIGHTS, FACE, BACKGROUND, FACTS):
            if (folder / name).exists():
                shutil.copyfile(folder / name, beside / name)
        if (folder / "training").exists():
            # A job names places of this machine; a state would be another gigabyte that nobody goes on from elsewhere.
            private = shutil.ignore_patterns("job.json", "*.safetensors")
            shutil.copytree(folder / "training", beside / "training", ignore=private)
