"""From a config to the network it describes, freshly initialised."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from models.blocks import initialise
from models.deep_video_portraits.light import LightPortraitConfig, LightPortraitGenerator
from models.deep_video_portraits.rendering_to_video import RenderingToVideo, RenderingToVideoConfig
from models.everybody_dance_now.draft import DraftConfig, DraftGenerator
from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig, GlobalGenerator, LocalEnhancer
from models.everybody_dance_now.whole_frame import WholeFrame
from models.performance import Performer
from models.vid2vid.generator import CompositeConfig
from models.vid2vid.performer import SequentialPerformer
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator
from pipeline.errors import UnknownChoice
from stages.training.phases import NetworkConfig

Build = Callable[..., Performer]

# The word in model.json, the config behind it, how it is built.
NETWORKS: dict[str, tuple[type[NetworkConfig], Build]] = {
    "draft": (DraftConfig, DraftGenerator),
    "global": (GeneratorConfig, lambda config: WholeFrame(GlobalGenerator(config))),
    "enhancer": (EnhancerConfig, lambda config: WholeFrame(LocalEnhancer(config))),
    "vid2vid": (PyramidConfig, lambda config: SequentialPerformer(PyramidGenerator(config))),
    "rendering-to-video": (RenderingToVideoConfig, RenderingToVideo),
    "light-portrait": (LightPortraitConfig, LightPortraitGenerator),
}


def name_of(config: NetworkConfig) -> str:
    """The word for a config's network."""
    return next(name for name, (kind, _) in NETWORKS.items() if isinstance(config, kind))


def config_type(name: str) -> type[NetworkConfig]:
    """The config class behind a word.

    Raises: UnknownChoice.
    """
    if name not in NETWORKS:
        raise UnknownChoice.among("network", name, NETWORKS)
    return NETWORKS[name][0]


def config_from(name: str, values: Mapping[str, Any]) -> NetworkConfig:
    """The config behind a word, of the values that `dataclasses.asdict` gave.

    Raises:
        UnknownChoice: no such network.
        TypeError, ValueError: the values are not those of its config.
    """
    kind, values = config_type(name), dict(values)
    if kind is PyramidConfig:
        values["coarse"] = CompositeConfig(**values.get("coarse", {}))
    return kind(**values)


def build_network(config: NetworkConfig, chance: torch.Generator) -> Performer:
    """Build and initialise: normal with deviation 0.02 for the papers' networks, PyTorch's own for the light ones.

    Those are drawn from PyTorch's global state, which is put back afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=chance)))
        network = lay_out(config)
    return network if _is_light(config) else initialise(network, chance)


def lay_out(config: NetworkConfig) -> Performer:
    """Build for weights that are read from a file: the first ones are whatever PyTorch's global state gives."""
    return NETWORKS[name_of(config)][1](config)


def _is_light(config: NetworkConfig) -> bool:
    return isinstance(config, DraftConfig | LightPortraitConfig) or (
        isinstance(config, PyramidConfig) and config.coarse.skips
    )
