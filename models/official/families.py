"""Which network a published file holds, told by its names: those we import, and those we know and do not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig, GlobalGenerator, LocalEnhancer
from models.official.pix2pixhd import (
    BLOCK,
    enhancer_config,
    enhancer_names,
    face_judge_config,
    face_judge_names,
    flat_config,
    flat_names,
    global_config,
    staged_config,
    staged_names,
)
from models.official.published_file import WHAT, PublishedFile
from models.official.vid2vid import COMPOSITE_NAMES, LOCAL_NAMES, composite_config, local_config
from models.patch_discriminator import DiscriminatorConfig, MultiscaleDiscriminator, PatchDiscriminator
from models.vid2vid.generator import CompositeConfig, CompositeGenerator
from models.vid2vid.local_generator import CompositeLocalGenerator, LocalConfig
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator
from models.vid2vid.trunk import NORMS, NormName
from pipeline.errors import ModelError

NetworkName = Literal["global", "enhancer", "discriminator", "patch", "composite", "local", "vid2vid"]
NetworkConfig = GeneratorConfig | EnhancerConfig | DiscriminatorConfig | CompositeConfig | LocalConfig | PyramidConfig

# The word, the config behind it, how it is built; vid2vid's networks read the norm off their own config.
NETWORKS: dict[NetworkName, tuple[type[NetworkConfig], Callable[[Any, NormName], nn.Module]]] = {
    "global": (GeneratorConfig, lambda config, norm: GlobalGenerator(config, norm=NORMS[norm])),
    "enhancer": (EnhancerConfig, lambda config, norm: LocalEnhancer(config, norm=NORMS[norm])),
    "discriminator": (DiscriminatorConfig, lambda config, norm: MultiscaleDiscriminator(config, norm=NORMS[norm])),
    "patch": (DiscriminatorConfig, lambda config, norm: _patch_discriminator(config, norm)),
    "composite": (CompositeConfig, lambda config, norm: CompositeGenerator(config)),
    "local": (LocalConfig, lambda config, norm: CompositeLocalGenerator(config)),
    "vid2vid": (PyramidConfig, lambda config, norm: PyramidGenerator(config)),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one kind of published network is known, measured and renamed."""

    family: str  # who published it
    network: NetworkName
    signature: tuple[str, ...]  # it has names that begin so, for each
    config: Callable[[PublishedFile, NormName], NetworkConfig]
    names: Callable[[Any], Mapping[str, str]]  # of its parts, by ours, for its config


# The first whose signature fits: an enhancer holds a global generator.
RECIPES = (
    Recipe(
        "vid2vid",
        "composite",
        (r"model_down_seg\.\d+\.conv_block\.1\.weight", r"model_down_img\.1\."),
        composite_config,
        lambda config: COMPOSITE_NAMES,
    ),
    Recipe(
        "vid2vid",
        "local",
        (r"model_up_img\.\d+\.conv_block\.1\.weight", r"model_down_img\.1\."),
        local_config,
        lambda config: LOCAL_NAMES,
    ),
    Recipe(
        "pix2pixHD",
        "enhancer",
        (r"model1_1\.1\.weight", r"model1_2\.\d+\.", BLOCK),
        lambda file, norm: enhancer_config(file),
        enhancer_names,
    ),
    Recipe(
        "pix2pixHD",
        "global",
        (r"model\.1\.weight", BLOCK),
        lambda file, norm: global_config(file),
        lambda config: {"model": "model"},
    ),
    Recipe(
        "pix2pixHD or vid2vid",
        "discriminator",
        (r"scale0_layer0\.0\.weight", r"scale0_layer2\."),
        lambda file, norm: staged_config(file),
        staged_names,
    ),
    Recipe(
        "pix2pixHD or vid2vid",
        "discriminator",
        (r"layer0\.0\.weight", r"layer0\.2\."),
        lambda file, norm: flat_config(file),
        flat_names,
    ),
    Recipe(
        "Everybody Dance Now",
        "patch",
        (r"facemodel\.0\.weight", r"facemodel\.2\."),
        lambda file, norm: face_judge_config(file),
        face_judge_names,
    ),
)

# Files that people have beside those, by names that only they have.
FOREIGN: dict[str, tuple[str, ...]] = {
    "RAFT, an optical flow": (r"(fnet|feature_encoder)\.", r"(cnet|context_encoder)\."),
    "FlowNet2, an optical flow": (r"(flownet[cs]\w*|flownetfusion|predict_flow6)\.",),
    "vid2vid's painter of first frames, which takes encoded features": (r"model_downsample\.", r"model_resnet\."),
    "pix2pix or CycleGAN, a U-Net": (r"model\.model\.",),
    "pix2pix or CycleGAN, a discriminator": (r"(model\.0\.weight|net\.0\.weight)",),
    "VGG-19, for the perceptual loss": (r"features\.0\.weight", r"features\.34\."),
    "pix2pixHD's encoder of features": (r"model\.1\.weight", r"model\.4\.weight"),
}


def recipe_of(file: PublishedFile) -> Recipe:
    """Find out which network a file holds.

    Raises: ModelError naming the family, where we know it, of a network that cannot be imported.
    """
    if _is_cyclegan_generator(file):
        raise _refused(file, "weights of pix2pix or CycleGAN, a generator")
    for recipe in RECIPES:
        if file.has(*recipe.signature):
            return recipe
    for family, signature in FOREIGN.items():
        if file.has(*signature):
            raise _refused(file, f"weights of {family}")
    raise _refused(file, f"weights named {', '.join(sorted(file.weights)[:3]) or 'nothing'}, …")


def _is_cyclegan_generator(file: PublishedFile) -> bool:
    """CycleGAN's generator is a global one of two downsamplings from pictures; nobody published such for pix2pixHD."""
    blocks = file.numbers(r"model\.(\d+)\.conv_block\.\d+\.weight")
    return bool(blocks) and blocks[0] == 10 and file.channels("model.1")[1] <= 3 and not file.has(r"model1_1\.")


def _refused(file: PublishedFile, found: str) -> ModelError:
    return ModelError(file.path, f"the file holds {found}", WHAT, "`understudy import` does not read them.")


def _patch_discriminator(config: DiscriminatorConfig, norm: NormName) -> PatchDiscriminator:
    return PatchDiscriminator(
        in_channels=config.in_channels, base_channels=config.base_channels, layers=config.layers, norm=NORMS[norm]
    )
