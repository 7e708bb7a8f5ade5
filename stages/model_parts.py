"""What folders of all kinds of model share: model.json read strictly, parts it vouches for, networks, copies."""

import itertools
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from models.checkpoint import fit_weights, read_tensors, refuse_misfits
from models.performance import Performer
from pipeline.artifacts import FileRef, atomic_file, atomic_folder
from pipeline.compute import Compute
from pipeline.errors import ModelError, UnknownChoice
from pipeline.image import read_png
from pipeline.limits import bounded_bytes
from stages.training.framing import Framing
from stages.training.networks import config_from, lay_out
from stages.training.phases import NetworkConfig

FACTS, WEIGHTS, BACKGROUND = "model.json", "weights.safetensors", "background.png"

MOST_OF_ANYTHING = 4096  # channels, layers, frames: what a network's config may say

Facts = TypeVar("Facts")
Network = TypeVar("Network", bound=nn.Module)


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
        text = bounded_bytes(path)
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


def load_performer(
    folder: Path, network: str, config: Mapping[str, Any], framing: Framing, compute: Compute
) -> Performer:
    """Build the network that model.json describes and read its weights, on the device, in evaluation mode.

    Raises: ModelError: it cannot be built or does not paint pictures of this size, or the weights are damaged or of
        another network.
    """
    performer = load_described(folder, WEIGHTS, config, lambda: lay_out(config_from(network, config)))
    stride, size = config_from(network, config).stride, (framing.width, framing.height)
    if any(side % stride or side < 2 * stride for side in size):
        found, expected = f"pictures of {size[0]}x{size[1]}", f"multiples of {stride}, at least {2 * stride}"
        raise ModelError(folder / FACTS, found, expected, "Train again, or restore it.")
    performer.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return performer.eval()


def load_described(folder: Path, weights: str, config: Mapping[str, Any], lay_out: Callable[[], Network]) -> Network:
    """Build what model.json describes and read its weights, on the host.

    A stranger's description may be of a network that no memory holds: it is laid out without any first, and built only
    where the weights are exactly its own, so that it is no larger than their file.

    Args:
        weights: the name of their file.
        config: the network's numbers, from which `lay_out` builds it.

    Raises: ModelError: it cannot be built, or the weights are damaged or of another network.
    """
    tensors, _ = read_tensors(folder / weights)
    try:
        refuse_giant(config)
        plan = without_memory(lay_out, most=4 * len(tensors) + 100)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError, UnknownChoice) as error:
        found, expected = f"the network cannot be built ({error})", "the file as it was written"
        raise ModelError(folder / FACTS, found, expected, "Train again, or restore it.") from error
    refuse_misfits(plan, tensors, folder / weights)
    with torch.random.fork_rng(devices=[]):
        network = lay_out()
    fit_weights(network, tensors, folder / weights)
    return network


def without_memory(lay_out: Callable[[], Network], *, most: int) -> Network:
    """Lay out a network without memory for its weights.

    Raises: ValueError: it has more than `most` of them: a stranger's config may ask for layers without end.
    """
    count = itertools.count(1)

    def refuse_more(*registered: object) -> None:
        del registered
        if next(count) > most:
            raise ValueError(f"it has more than {most} weights")

    counting = register_module_parameter_registration_hook(refuse_more)
    try:
        with torch.device("meta"):
            return lay_out()
    finally:
        counting.remove()


def refuse_giant(value: Any) -> None:
    """Raise ValueError where a network's config, however nested, holds a number that no network has."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            refuse_giant(part)
    elif isinstance(value, int | float) and not abs(value) <= MOST_OF_ANYTHING:
        raise ValueError(f"{value:g} in a network's config, expected at most {MOST_OF_ANYTHING}")


def read_picture(path: Path) -> NDArray[Any]:
    """Read a picture that training wrote, (height, width, 3) uint8 RGB.

    Raises: ModelError where the file holds none.
    """
    picture = read_png(path)
    if picture is None:
        raise ModelError(path, "no picture", "the picture that training wrote", "Train again.")
    return picture


def read_plate(path: Path, framing: Framing) -> NDArray[Any]:
    """Read a picture of the whole frame that training wrote, (height, width, 3) uint8 RGB.

    Raises: ModelError where the file holds none, or one of another size than the frame's.
    """
    picture = read_picture(path)
    height, width = picture.shape[:2]
    if (width, height) != (framing.frame_width, framing.frame_height):
        found, expected = f"the picture is {width}x{height}", f"{framing.frame_width}x{framing.frame_height}"
        raise ModelError(path, found, expected, "Train again, or restore it.")
    return picture


def copy_parts(
    folder: Path, output: Path, names: Iterable[str], *, overwrite: bool, facts: bytes | None = None
) -> None:
    """Copy the named parts of a model, as far as there, and the curves of its training: whole or not at all.

    Args:
        facts: what model.json says in the copy; None: what it says in `folder`.

    Raises:
        OutputExists: `output` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    with atomic_folder(output, overwrite=overwrite) as beside:
        for name in names:
            if (folder / name).exists():
                shutil.copyfile(folder / name, beside / name)
        if facts is not None:
            (beside / FACTS).write_bytes(facts)
        if (folder / "training").exists():
            shutil.copytree(folder / "training", beside / "training", ignore=_left_behind)


def _left_behind(folder: str, names: list[str]) -> set[str]:
    """What of a training is not copied: a job names places of this machine; a state would be another gigabyte that
    nobody goes on from elsewhere; a link would bring along whatever a stranger let it point to.
    """
    links = {name for name in names if (Path(folder) / name).is_symlink()}
    return links | shutil.ignore_patterns("job.json", "*.safetensors")(folder, names)
