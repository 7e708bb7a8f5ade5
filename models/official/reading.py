"""Reads a published file into the weights of one network of ours: every one there, of the right shape, none guessed.

Batch norms that were trained on one picture at a time, and are run as they were trained, are instance norms with a
scale and a shift: so they are read, and what they counted is left out. Where it was meant to be used, ask for "batch".

Source: methods 14 (rules of the importer), 15.1 (batch norm at batch 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from models.checkpoint import misfits
from models.norms import NormName
from models.official.families import NETWORKS, NetworkConfig, NetworkName, Recipe, recipe_of
from models.official.published_file import COUNT, PublishedFile, is_statistic
from pipeline.errors import ModelError

BatchNorms = Literal["affine", "batch"]  # what published batch norms become: instance norms with weights, or themselves


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfficialPart:
    """One published file under our names, and what became of its own."""

    path: Path
    family: str  # who published it
    network: NetworkName
    config: NetworkConfig
    norm: NormName
    weights: Mapping[str, Tensor]  # exactly those of the network that `config` describes
    loaded: tuple[str, ...]  # published names
    left_out: tuple[str, ...]  # statistics of norms that the network does not look at
    unused: tuple[str, ...]  # names of no part of the network

    @property
    def parameters(self) -> int:
        """How many learnt numbers the network has."""
        return sum(tensor.numel() for name, tensor in self.weights.items() if not is_statistic(name))


def read_official(path: Path, *, batch_norms: BatchNorms = "affine") -> OfficialPart:
    """Read a file of one of the families; names and shapes tell which, and how large.

    Args:
        batch_norms: "affine" for weights that are run as they were trained, one picture at a time, as all generators
            here are; "batch" keeps batch norms with their running statistics, which evaluation mode then uses.
    Raises: ModelError: the file is damaged, of another family, or not all of a network.
    """
    file = PublishedFile.read(path)
    recipe = recipe_of(file)
    norm: NormName = batch_norms if file.has_norm_weights else "instance"
    try:
        config = recipe.config(file, norm)
    except ValueError as error:
        raise ModelError(
            path,
            f"the layers make no network ({error})",
            f"a whole {recipe.network} network",
            "Download the file again.",
        ) from error
    return _renamed(file, recipe, config, norm)


def _renamed(file: PublishedFile, recipe: Recipe, config: NetworkConfig, norm: NormName) -> OfficialPart:
    parts = recipe.names(config)
    with torch.device("meta"):
        own = NETWORKS[recipe.network][1](config, norm).state_dict()
    theirs = {name: _their_name(name, parts) for name in own}
    counts = {name: torch.tensor(0) for name in theirs.values() if name.endswith(COUNT)}
    expected = {theirs[name]: tensor for name, tensor in own.items()}
    others = [name for name in file.weights if name not in expected]
    unused = [name for name in others if not is_statistic(name)]
    within = [name for name in unused if name.startswith(tuple(f"{part}." for part in parts.values()))]
    given = counts | {name: tensor for name, tensor in file.weights.items() if name in expected or name in within}
    if found := misfits(expected, given):
        raise ModelError(
            file.path,
            f"the weights do not fit: {found}",
            f"all weights of a {recipe.network} network",
            "Download the file again.",
        )
    return OfficialPart(
        path=file.path,
        family=recipe.family,
        network=recipe.network,
        config=config,
        norm=norm,
        weights={name: given[theirs[name]] for name in own},
        loaded=tuple(name for name in file.weights if name in expected),
        left_out=tuple(name for name in others if is_statistic(name)),
        unused=tuple(unused),
    )


def _their_name(name: str, parts: Mapping[str, str]) -> str:
    """The published name of one of our weights; `parts` names every part of the network."""
    ours = next(part for part in parts if name.startswith(f"{part}."))
    return parts[ours] + name.removeprefix(ours)
