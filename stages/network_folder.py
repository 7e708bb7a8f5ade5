"""A published network as a folder: its weights, what they are and where they came from.

It paints nobody yet: there is no body to retarget to, no window of a frame, no plate. `load_network` gives it to code.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from torch import nn

from models.checkpoint import fit_weights, read_tensors, refuse_misfits, save_weights
from models.norms import NormName
from models.official import NETWORKS, NetworkName, OfficialNetwork
from models.vid2vid.pyramid import PyramidGenerator
from pipeline.artifacts import FileRef, atomic_folder
from pipeline.errors import ModelError
from pipeline.limits import bounded_bytes
from stages.model_parts import refuse_giant, without_memory

VERSION: Literal[1] = 1
FACTS = "model.json"
MOST_WEIGHTS = 5000  # of a published network: names in its file; the largest has some hundred
LICENCE = (
    "These weights are under the terms of those who published them, not of Understudy. vid2vid (CC BY-NC-SA 4.0) and "
    "Everybody Dance Now are published for non-commercial use only. Read the terms that came with the files."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A published file that weights were imported from."""

    name: str
    sha256: str
    family: str  # who published it, as its names tell


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """What model.json says of an imported network."""

    kind: Literal["network"] = "network"
    version: Literal[1] = VERSION
    network: NetworkName
    config: dict[str, Any]  # of the network's config class
    norm: NormName
    sources: tuple[Source, ...]  # of a pyramid coarse to fine
    licence: str = LICENCE
    parts: dict[str, str]  # SHA-256 of each file of weights; of a pyramid coarse to fine


@dataclass(frozen=True, slots=True, eq=False)
class LoadedNetwork:
    """An imported network."""

    facts: NetworkFacts
    module: nn.Module  # float32, on the host, in evaluation mode


_FACTS: TypeAdapter[NetworkFacts] = TypeAdapter(NetworkFacts)


def write_network(folder: Path, official: OfficialNetwork, *, overwrite: bool) -> NetworkFacts:
    """Write a network with published weights as a folder: whole or not at all.

    Raises:
        OutputExists: the folder is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    with atomic_folder(folder, overwrite=overwrite) as beside:
        scales = _scales(official.module)
        names = _weight_files(len(scales))
        for name, scale in zip(names, scales, strict=True):
            save_weights(scale, beside / name)
        facts = NetworkFacts(
            network=official.network,
            config=asdict(official.config),
            norm=official.norm,
            sources=tuple(
                Source(name=part.path.name, sha256=FileRef.of(part.path).sha256, family=part.family)
                for part in official.parts
            ),
            parts={name: FileRef.of(beside / name).sha256 for name in names},
        )
        (beside / FACTS).write_bytes(_FACTS.dump_json(facts, indent=2))
    return facts


def load_network(folder: Path) -> LoadedNetwork:
    """Read the folder of an imported network.

    Raises: ModelError: no such folder, one of another kind or version, or a part is missing or was changed.
    """
    facts = read_network_facts(folder)
    module = _described(folder / FACTS, facts)
    paths = [folder / name for name in _weight_files(len(_scales(module)))]
    for path in paths:
        _refuse_changed(path, facts)
    read = [read_tensors(path)[0] for path in paths]
    for path, scale, tensors in zip(paths, _scales(module), read, strict=True):
        refuse_misfits(scale, tensors, path)  # before memory is taken for what the file describes
    module = module.to_empty(device="cpu")
    for path, scale, tensors in zip(paths, _scales(module), read, strict=True):
        fit_weights(scale, tensors, path)
    return LoadedNetwork(facts, module.eval())


def read_network_facts(folder: Path) -> NetworkFacts:
    """Read model.json.

    Raises: ModelError: there is none, or one of another kind or version.
    """
    path = folder / FACTS
    try:
        text = bounded_bytes(path)
    except OSError as error:
        raise ModelError(
            folder, "no model.json", "a folder that `understudy import` wrote", "Check the path."
        ) from error
    try:
        return _FACTS.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the file"
        raise ModelError(
            path,
            f"{place}: {first['msg']}",
            "what `understudy import` wrote",
            "Import the weights again; what training wrote is for `understudy render`.",
        ) from error


def _scales(module: nn.Module) -> Sequence[nn.Module]:
    """What is saved in a file of its own: every scale of a pyramid, coarse to fine, or the network."""
    return [module.coarse, *module.finer] if isinstance(module, PyramidGenerator) else [module]


def _weight_files(scales: int) -> tuple[str, ...]:
    return ("weights.safetensors",) if scales == 1 else tuple(f"weights_{scale}.safetensors" for scale in range(scales))


def _described(path: Path, facts: NetworkFacts) -> nn.Module:
    """The network that model.json describes, without memory for its weights."""
    kind, build = NETWORKS[facts.network]
    try:
        refuse_giant(facts.config)
        config = TypeAdapter(kind).validate_python(facts.config)
        return without_memory(lambda: build(config, facts.norm), most=MOST_WEIGHTS)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:  # pydantic's, too
        raise ModelError(
            path, f"the network cannot be built ({error})", "the file as it was written", "Import the weights again."
        ) from error


def _refuse_changed(path: Path, facts: NetworkFacts) -> None:
    """Raise ModelError where a part is not there, or not as it was when model.json was written."""
    remedy = "Copy the whole folder again, or import the weights again."
    if not path.is_file():
        raise ModelError(path, "the file is missing", "all parts of the network in one folder", remedy)
    if FileRef.of(path).sha256 != facts.parts.get(path.name):
        raise ModelError(path, "the file is not the one that model.json names", "the part it was", remedy)
