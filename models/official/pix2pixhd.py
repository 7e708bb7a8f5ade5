"""The networks of pix2pixHD, which Everybody Dance Now trains too: their published names, and their shape from these.

Ours keep the published numbering of layers; what differs is the name of the part, and that the layers of a
discriminator are grouped in stages.

Source: the names of methods 14, of NVIDIA/pix2pixHD and carolineec/EverybodyDanceNow.
"""

from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig
from models.official.published_file import PublishedFile
from models.official.rows import flat_layers, row
from models.patch_discriminator import DiscriminatorConfig

BLOCK = r"model\.(\d+)\.conv_block\.1\.weight"


def global_config(file: PublishedFile) -> GeneratorConfig:
    """The shape of a global generator.

    Raises: ModelError where a layer that tells it is missing; ValueError where the layers make no generator.
    """
    base, channels = file.channels("model.1")
    blocks, downsamplings = _trunk(file)
    return GeneratorConfig(
        in_channels=channels,
        out_channels=file.channels(f"model.{5 + 6 * downsamplings + blocks}")[0],
        base_channels=base,
        downsamplings=downsamplings,
        blocks=blocks,
    )


def enhancer_config(file: PublishedFile) -> EnhancerConfig:
    """The shape of a local enhancer with the global generator inside; raises as `global_config`."""
    levels = len(file.numbers(r"model(\d+)_1\.1\.weight"))
    blocks, downsamplings = _trunk(file)
    local_blocks = len(file.numbers(r"model1_2\.(\d+)\.conv_block\.1\.weight"))
    return EnhancerConfig(
        in_channels=file.channels("model.1")[1],
        out_channels=file.channels(f"model{levels}_2.{local_blocks + 4}")[0],
        base_channels=file.channels(f"model{levels}_1.1")[0],
        downsamplings=downsamplings,
        blocks=blocks,
        levels=levels,
        local_blocks=local_blocks,
    )


def enhancer_names(config: EnhancerConfig) -> dict[str, str]:
    """The published names of an enhancer's parts, by ours."""
    names = {"model": "model"}
    for level in range(config.levels):
        names |= {f"fronts.{level}": f"model{level + 1}_1", f"backs.{level}": f"model{level + 1}_2"}
    return names


def staged_config(file: PublishedFile) -> DiscriminatorConfig:
    """The shape of a discriminator that returns features; raises as `global_config`."""
    finest = len(file.numbers(r"scale(\d+)_layer0\.")) - 1
    width, channels = file.channels(f"scale{finest}_layer0.0")
    return DiscriminatorConfig(
        in_channels=channels,
        base_channels=width,
        layers=len(file.numbers(r"scale0_layer(\d+)\.")) - 2,
        scales=finest + 1,
        widen_coarse=file.channels("scale0_layer0.0")[0] != width,
    )


def staged_names(config: DiscriminatorConfig) -> dict[str, str]:
    """The published names of its parts, by ours."""
    stages = [(scale, stage) for scale in range(config.scales) for stage in range(config.layers + 2)]
    return {f"scales.{scale}.stages.{stage}": f"scale{scale}_layer{stage}" for scale, stage in stages}


def flat_config(file: PublishedFile) -> DiscriminatorConfig:
    """The shape of a discriminator without features, whose layers lie in one row; raises as `global_config`."""
    scales = len(file.numbers(r"layer(\d+)\.0\.weight"))
    width, channels = file.channels(f"layer{scales - 1}.0")
    return DiscriminatorConfig(
        in_channels=channels,
        base_channels=width,
        layers=flat_layers(file.numbers(r"layer0\.(\d+)\.weight")),
        scales=scales,
        widen_coarse=file.channels("layer0.0")[0] != width,
    )


def flat_names(config: DiscriminatorConfig) -> dict[str, str]:
    """The published names of its parts, by ours."""
    places = row(config).items()
    return {f"scales.{scale}.{ours}": f"layer{scale}.{at}" for scale in range(config.scales) for ours, at in places}


def face_judge_config(file: PublishedFile) -> DiscriminatorConfig:
    """The shape of Everybody Dance Now's single judge of faces; raises as `global_config`."""
    width, channels = file.channels("facemodel.0")
    layers = flat_layers(file.numbers(r"facemodel\.(\d+)\.weight"))
    return DiscriminatorConfig(in_channels=channels, base_channels=width, layers=layers, scales=1)


def face_judge_names(config: DiscriminatorConfig) -> dict[str, str]:
    """The published names of its parts, by ours."""
    return {ours: f"facemodel.{at}" for ours, at in row(config).items()}


def _trunk(file: PublishedFile) -> tuple[int, int]:
    """Count the residual blocks, and the downsamplings: three layers each, between four of the stem and the blocks."""
    blocks = file.numbers(BLOCK)
    return len(blocks), (blocks[0] - 4) // 3
