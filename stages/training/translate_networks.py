"""From a config to the translator it describes, freshly initialised; and dropout that throws the step's own dice."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from models.blocks import initialise
from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from models.everybody_dance_now.generator import GeneratorConfig, GlobalGenerator
from models.pix2pix.unet import UNetGenerator, UNetGeneratorConfig
from pipeline.compute import Compute
from pipeline.errors import UnknownChoice
from stages.training.translate_phases import TranslatorConfig

# The word in model.json, the config behind it, how it is built.
TRANSLATORS: dict[str, tuple[type[TranslatorConfig], Callable[..., nn.Module]]] = {
    "resnet": (ResnetGeneratorConfig, ResnetGenerator),
    "unet": (UNetGeneratorConfig, UNetGenerator),
    "global": (GeneratorConfig, GlobalGenerator),
}


def translator_name(config: TranslatorConfig) -> str:
    """The word for a config's network."""
    return next(name for name, (kind, _) in TRANSLATORS.items() if isinstance(config, kind))


def translator_config(name: str, values: Mapping[str, Any]) -> TranslatorConfig:
    """The config behind a word, of the values that `dataclasses.asdict` gave.

    Raises:
        UnknownChoice: no such network.
        TypeError, ValueError: the values are not those of its config.
    """
    if name not in TRANSLATORS:
        raise UnknownChoice.among("network", name, TRANSLATORS)
    return TRANSLATORS[name][0](**values)


def smallest_side(config: TranslatorConfig) -> int:
    """Pixels that a picture's sides must have at least: a border mirrored at the coarsest size needs a neighbour."""
    return config.stride if isinstance(config, UNetGeneratorConfig) else 2 * config.stride


def build_translator(config: TranslatorConfig, chance: torch.Generator) -> nn.Module:
    """Build a generator and draw its weights: normal with deviation 0.02, as in the papers.

    What they leave at PyTorch's default is drawn from its global state, which is put back afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=chance)))
        network = lay_out_translator(config)
    return initialise(network, chance)


def lay_out_translator(config: TranslatorConfig) -> nn.Module:
    """Build for weights that are read from a file: the first ones are whatever PyTorch's global state gives."""
    return TRANSLATORS[translator_name(config)][1](config)


@contextmanager
def dropping(chance: np.random.Generator, compute: Compute) -> Iterator[None]:
    """Let dropout, which asks PyTorch's global state, throw the step's own dice: so nothing of it needs saving."""
    devices = [torch.cuda.current_device()] if compute.device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(chance.integers(2**31)))
        yield
