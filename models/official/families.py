"""Which network a published file holds, told by its names: those we import, and those we know and do not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig, GlobalGenerator, LocalEnhancer
from models.norms import NORMS, NormName
from models.official.cyclegan import (
    is_resnet,
    judge_config,
    judge_names,
    resnet_config,
    unet_config,
    unet_names,
)
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
from models.pix2pix.unet import UNetGenerator, UNetGeneratorConfig
from models.vid2vid.generator import CompositeConfig, CompositeGenerator
from models.vid2vid.local_generator import CompositeLocalGenerator, LocalConfig
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator
from pipeline.errors import ModelError

NetworkName = Literal["global", "enhancer", "discriminator", "patch", "composite", "local", "vid2vid", "resnet", "unet"]
NetworkConfig = (
    GeneratorConfig
    | EnhancerConfig
    | DiscriminatorConfig
    | CompositeConfig
    | LocalConfig
    | PyramidConfig
    | ResnetGeneratorConfig
    | UNetGeneratorConfig
)

# The word, the config behind it, how it is built; the networks of the last five read the norm off their own config.
NETWORKS: dict[NetworkName, tuple[type[NetworkConfig], Callable[[Any, NormName], nn.Module]]] = {
    "global": (GeneratorConfig, lambda config, norm: GlobalGenerator(config, norm=NORMS[norm])),
    "enhancer": (EnhancerConfig, lambda config, norm: LocalEnhancer(config, norm=NORMS[norm])),
    "discriminator": (DiscriminatorConfig, lambda config, norm: MultiscaleDiscriminator(config, norm=NORMS[norm])),
    "patch": (DiscriminatorConfig, lambda config, norm: _patch_discriminator(config, norm)),
    "composite": (CompositeConfig, lambda config, norm: CompositeGenerator(config)),
    "local": (LocalConfig, lambda config, norm: CompositeLocalGenerator(config)),
    "vid2vid": (PyramidConfig, lambda config, norm: PyramidGenerator(config)),
    "resnet": (ResnetGeneratorConfig, lambda config, norm: ResnetGenerator(config)),
    "unet": (UNetGeneratorConfig, lambda config, norm: UNetGenerator(config)),
}


CYCLEGAN = "CycleGAN or pix2pix"


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
    Recipe(
        CYCLEGAN,
        "unet",
        (r"model\.model\.0\.weight", r"model\.model\.1\.model\.1\.weight"),
        unet_config,
        unet_names,
    ),
    Recipe(
        CYCLEGAN,
        "patch",
        (r"model\.0\.weight", r"model\.2\.weight", r"model\.5\.weight"),
        lambda file, norm: judge_config(file),
        judge_names,
    ),
)

RESNET = Recipe(CYCLEGAN, "resnet", (), resnet_config, lambda config: {"model": "model"})  # known by `is_resnet`

# Files that people have beside those, by names that only they have.
FOREIGN: dict[str, tuple[str, ...]] = {
    "RAFT, an optical flow": (r"(fnet|feature_encoder)\.", r"(cnet|context_encoder)\."),
    "FlowNet2, an optical flow": (r"(flownet[cs]\w*|flownetfusion|predict_flow6)\.",),
    "vid2vid's painter of first frames, which takes encoded features": (r"model_downsample\.", r"model_resnet\."),
    "CycleGAN or pix2pix, a judge of single pixels": (r"net\.0\.weight", r"net\.2\.weight"),
    "VGG-19, for the perceptual loss": (r"features\.0\.weight", r"features\.34\."),
    "pix2pixHD's encoder of features": (r"model\.1\.weight", r"model\.4\.weight"),
}


def recipe_of(file: PublishedFile) -> Recipe:
    """Find out which network a file holds.

    Raises: ModelError naming the family, where we know it, of a network that cannot be imported.
    """
    if is_resnet(file):
        return RESNET
    for recipe in RECIPES:
        if file.has(*recipe.signature):
            return recipe
    for family, signature in FOREIGN.items():
        if file.has(*signature):
            raise _refused(file, f"weights of {family}")
    raise _refused(file, f"weights named {', '.join(sorted(file.weights)[:3]) or 'nothing'}, …")


def _refused(file: PublishedFile, found: str) -> ModelError:
    return ModelError(file.path, f"the file holds {found}", WHAT, "`understudy import` does not read them.")


def _patch_discriminator(config: DiscriminatorConfig, norm: NormName) -> PatchDiscriminator:
    return PatchDiscriminator(
        in_channels=config.in_channels,
        base_channels=config.base_channels,
        layers=config.layers,
        most_channels=config.most_channels,
        padding=config.padding,
        bias=config.bias,
        norm=NORMS[norm],
    )
