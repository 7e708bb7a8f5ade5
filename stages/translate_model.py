"""A translator is a folder: the weights of one direction or of both, what they mean, and where they were learnt."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import TypeAdapter
from torch import nn

from models.checkpoint import save_weights
from pipeline.compute import Compute
from pipeline.errors import UnknownChoice
from stages.model_parts import (
    FACTS,
    Format,
    copy_parts,
    hashes,
    load_described,
    read_facts_of,
    refuse_changed,
    write_facts,
)
from stages.training.translate_networks import lay_out_translator, translator_config

VERSION = 1
KIND = "translate"
# What to do with a folder of another kind.
REMEDIES = {
    "network": "It is a published network: use the library, stages.network_folder.load_network(folder).",
    "dance": "It is a dancer's: give it to `understudy render` or `understudy dance`.",
    "portrait": "It is a head's: give it to `understudy portrait`.",
}
_FORMAT = Format(kind=KIND, version=VERSION, remedies=REMEDIES)

Direction = Literal["a-to-b", "b-to-a"]
WEIGHTS: dict[Direction, str] = {"a-to-b": "a_to_b.safetensors", "b-to-a": "b_to_a.safetensors"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One domain, for the record."""

    name: str  # of the clips and folders it was learnt from
    sha256: tuple[str, ...]  # of each
    pictures: int  # that were learnt from
    width: int  # of them as they were learnt from, pixels
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslateModel:
    """What model.json says: all that rendering needs to know about the weights."""

    kind: Literal["translate"] = "translate"
    version: int = VERSION
    preset: str
    method: str  # cyclegan, pix2pix, pix2pixhd
    network: str
    network_config: dict[str, Any] = field(default_factory=dict)
    stride: int  # a picture's sides are multiples of this many pixels
    directions: tuple[Direction, ...]  # those there are weights for
    a: Look
    b: Look
    licence: str = "Weights trained by the user on the user's clips and pictures; no rights beyond those to them."
    consent: str | None = None  # who said that the people filmed agree; None: not recorded
    parts: dict[str, str] = field(default_factory=dict)  # SHA-256 of each other file, so that this one vouches for all


@dataclass(frozen=True, slots=True, eq=False)
class LoadedTranslator:
    """One direction, ready to translate."""

    facts: TranslateModel
    direction: Direction
    generator: nn.Module  # (b, 3, h, w) in -1..1 → the same; in evaluation mode, on the device, channels last


_FACTS: TypeAdapter[TranslateModel] = TypeAdapter(TranslateModel)


def write_translator(folder: Path, facts: TranslateModel, generators: Mapping[Direction, nn.Module]) -> None:
    """Write the parts of a translator; model.json last, with the hashes of the others as `parts`.

    So a folder whose model.json fits its parts is whole, at whatever moment the writing was cut off.

    Raises: StorageError.
    """
    for direction, generator in generators.items():
        save_weights(generator, folder / WEIGHTS[direction])
    names = [WEIGHTS[direction] for direction in generators]
    facts = replace(facts, directions=tuple(generators), parts=hashes(folder, names))
    write_facts(folder, _FACTS, facts)


def read_translate_facts(folder: Path) -> TranslateModel:
    """Read model.json.

    Raises: ModelError: no model there, or one of another kind or version.
    """
    return read_facts_of(folder, _FACTS, _FORMAT)


def load_translator(folder: Path, compute: Compute, *, direction: Direction = "a-to-b") -> LoadedTranslator:
    """Read one direction onto the device; weights in float32, the bulk of the work follows `compute.autocast()`.

    Raises:
        ModelError: see `read_translate_facts`; or a part is missing, damaged, of another network, or not the one that
            model.json vouches for.
        UnknownChoice: the model was not trained in this direction.
    """
    facts = read_translate_facts(folder)
    if direction not in facts.directions:
        raise UnknownChoice.among("direction", direction, facts.directions)
    path = folder / WEIGHTS[direction]
    refuse_changed(folder, (path.name,), facts.parts)
    numbers = facts.network_config
    generator = load_described(
        folder,
        path.name,
        numbers,
        lambda: lay_out_translator(translator_config(facts.network, numbers)),
    )
    generator.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return LoadedTranslator(facts, direction, generator.eval())


def copy_translator(folder: Path, output: Path, *, overwrite: bool) -> None:
    """Copy a translator and the curves of its training to where the user wants it: whole or not at all.

    Raises:
        OutputExists: `output` is there and `overwrite` is False.
        StorageError: the disk is full or the folder cannot be written.
    """
    copy_parts(folder, output, (*WEIGHTS.values(), FACTS), overwrite=overwrite)
