"""What folders of all kinds of model share: model.json read strictly, parts it vouches for, networks, copies."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from models.checkpoint import load_weights
from models.performance import Performer
from pipeline.artifacts import FileRef, atomic_file, atomic_folder
from pipeline.compute import Compute
from pipeline.errors import ModelError, UnknownChoice
from pipeline.image import read_png
from stages.training.networks import build_network, config_from
from stages.training.phases import NetworkConfig

FACTS, WEIGHTS, BACKGROUND = "model.json", "weights.safetensors", "background.png"

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How near the model came to the end of the clip that it was not trained on, at the network's size."""

    frames: int
    psnr_db: float
    ssim: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a model.json must say at its head to be read at all."""

    kind: str
    version: int
    remedies: Mapping[str, str]  # what to do with a folder of another kind
    drawing: str = ""  # the conditions, for the message
    drawing_version: int | None = None  # None where nothing is drawn


def network_facts(config: NetworkConfig) -> dict[str, Any]:
    """A network's config as JSON values."""
    return asdict(config)


def hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {name: FileRef.of(folder / name).sha256 for name in names}


def write_facts(folder: Path, adapter: TypeAdapter[Facts], facts: Facts) -> None:
    """Write model.json, which comes last: a folder whose model.json fits its parts is whole.

    Raises: StorageError.
    """
    with atomic_file(folder / FACTS) as beside:
        beside.write_bytes(adapter.dump_json(facts, indent=2))


def read_facts_of(folder: Path, adapter: TypeAdapter[Facts], expected: Format) -> Facts:
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
    _refuse_another(path, text, expected)
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ModelError(
            path, f"{place}: {first['msg']}", "the file as it was written", "Train again, or restore it."
        ) from error


def _refuse_another(path: Path, text: bytes, expected: Format) -> None:
    try:
        head = TypeAdapter(dict[str, Any]).validate_json(text)
    except ValidationError as error:
        raise ModelError(path, "no JSON", "the file as training wrote it", "Train again, or restore it.") from error
    kind, version = head.get("kind"), head.get("version")
    if kind != expected.kind:
        remedy = expected.remedies.get(str(kind), "Use the command for that kind.")
        raise ModelError(path, f"a model of kind {kind!r}", f"kind {expected.kind!r}", remedy)
    if version != expected.version:
        raise ModelError(path, f"model version {version}", f"version {expected.version}", "Train the model again.")
    style = head.get("style")
    drawn = style.get("version") if isinstance(style, dict) else None
    if drawn != expected.drawing_version:
        found, wanted = f"{expected.drawing} format {drawn}", f"format {expected.drawing_version}"
        raise ModelError(path, found, wanted, "Train the model again.")


def refuse_changed(folder: Path, names: Iterable[str], parts: Mapping[str, str]) -> None:
    """Raise ModelError where a part is not there, or not as it was when model.json was written."""
    for name in names:
        path, remedy = folder / name, "Copy the whole model folder again, or train again."
        if not path.is_file():
            raise ModelError(path, "the file is missing", "all parts of the model in one folder", remedy)
        if FileRef.of(path).sha256 != parts.get(name):
            raise ModelError(path, "the file is not the one that model.json names", "the part it was", remedy)


def load_performer(folder: Path, network: str, config: Mapping[str, Any], compute: Compute) -> Performer:
    """Build the network that model.json describes and read its weights, on the device, in evaluation mode.

    Raises: ModelError: it cannot be built, or the weights are damaged or of another network.
    """
    try:
        performer = build_network(config_from(network, config), torch.Generator())
    except (TypeError, ValueError, UnknownChoice) as error:
        raise ModelError(
            folder / FACTS,
            f"the network cannot be built ({error})",
            "the file as it was written",
            "Train again, or restore it.",
        ) from error
    load_weights(performer, folder / WEIGHTS)
    performer.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return performer.eval()


def read_picture(path: Path) -> NDArray[Any]:
    """Read a picture that training wrote, (height, width, 3) uint8 RGB.

    Raises: ModelError where the file holds none.
    """
    picture = read_png(path)
    if picture is None:
        raise ModelError(path, "no picture", "the picture that training wrote", "Train again.")
    return picture


def copy_parts(folder: Path, output: Path, names: Iterable[str], *, overwrite: bool) -> None:
    """Copy the named parts of a model, as far as there, and the curves of its training: whole or not at all.

    Raises:
        OutputExists: `output` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    with atomic_folder(output, overwrite=overwrite) as beside:
        for name in names:
            if (folder / name).exists():
                shutil.copyfile(folder / name, beside / name)
        if (folder / "training").exists():
            # A job names places of this machine; a state would be another gigabyte that nobody goes on from elsewhere.
            private = shutil.ignore_patterns("job.json", "*.safetensors")
            shutil.copytree(folder / "training", beside / "training", ignore=private)
