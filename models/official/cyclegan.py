"""The networks of CycleGAN and pix2pix, published together: their names, and their shape from these.

Ours keep the numbering of the residual generator. A U-Net's levels lie inside each other in the published code, ours
side by side; the layers of a discriminator are grouped in stages. Convolutions have a bias only where norms do not
shift, but for the first and last of a discriminator and the last of a U-Net.

Source: the names of methods 14, of junyanz/pytorch-CycleGAN-and-pix2pix.
"""

from models.cyclegan.generator import ResnetGeneratorConfig
from models.norms import NormName
from models.official.published_file import PublishedFile
from models.official.rows import flat_layers, row
from models.patch_discriminator import DiscriminatorConfig
from models.pix2pix.unet import UNetGeneratorConfig

MOST_WIDENING = 8  # of a discriminator: 64 to 512


def is_resnet(file: PublishedFile) -> bool:
    """Whether a file holds a residual generator of theirs and not pix2pixHD's, which is named alike.

    It has two downsamplings and is fed one picture; nobody published such for pix2pixHD, whose convolutions would have
    biases besides norms that shift.
    """
    blocks = file.numbers(r"model\.(\d+)\.conv_block\.\d+\.weight")
    alike = bool(blocks) and blocks[0] == 10 and not file.has(r"model1_1\.") and file.channels("model.1")[1] <= 3
    return alike and file.has_norm_weights != file.has(r"model\.1\.bias")


def resnet_config(file: PublishedFile, norm: NormName) -> ResnetGeneratorConfig:
    """The shape of a residual generator.

    Raises: ModelError where a layer that tells it is missing; ValueError where the layers make no generator.
    """
    base, channels = file.channels("model.1")
    blocks = file.numbers(r"model\.(\d+)\.conv_block\.\d+\.weight")
    return ResnetGeneratorConfig(
        in_channels=channels,
        out_channels=file.channels(f"model.{blocks[0] + len(blocks) + 7}")[0],
        base_channels=base,
        blocks=len(blocks),
        dropout=_with_dropout(file, blocks[0]),
        norm=norm,
    )


def unet_config(file: PublishedFile, norm: NormName) -> UNetGeneratorConfig:
    """The shape of a U-Net, but for its dropout, which leaves no trace: as published, it has it. Raises as above."""
    base, channels = file.channels("model.model.0")
    levels = 1
    while f"{_inside(levels)}.1.weight" in file.weights:
        levels += 1
    return UNetGeneratorConfig(
        in_channels=channels,
        out_channels=file.channels("model.model.3")[1],  # a transposed convolution's weight is (in, out, 4, 4)
        levels=levels,
        base_channels=base,
        norm=norm,
    )


def unet_names(config: UNetGeneratorConfig) -> dict[str, str]:
    """The published names of a U-Net's convolutions and norms, by ours."""
    outermost, innermost = _inside(0), _inside(config.levels - 1)
    names = {"down.0.0": f"{outermost}.0", "up.0.0": f"{outermost}.3"}
    for level in range(1, config.levels - 1):
        within = _inside(level)
        names |= {f"down.{level}.0": f"{within}.1", f"down.{level}.1": f"{within}.2"}
        names |= {f"up.{level}.0": f"{within}.5", f"up.{level}.1": f"{within}.6"}
    last = config.levels - 1
    return names | {
        f"down.{last}.0": f"{innermost}.1",
        f"up.{last}.0": f"{innermost}.3",
        f"up.{last}.1": f"{innermost}.4",
    }


def judge_config(file: PublishedFile) -> DiscriminatorConfig:
    """The shape of a discriminator of patches; raises as `resnet_config`."""
    width, channels = file.channels("model.0")
    return DiscriminatorConfig(
        in_channels=channels,
        base_channels=width,
        layers=flat_layers(file.numbers(r"model\.(\d+)\.weight")),
        scales=1,
        most_channels=MOST_WIDENING * width,
        padding=1,
        bias=not file.has_norm_weights,
    )


def judge_names(config: DiscriminatorConfig) -> dict[str, str]:
    """The published names of its parts, by ours."""
    return {ours: f"model.{at}" for ours, at in row(config).items()}


def _with_dropout(file: PublishedFile, block: int) -> bool:
    """Dropout lies between the convolutions of a block, and moves the second one place on, from 5 to 6."""
    second = file.weights.get(f"model.{block}.conv_block.6.weight")
    return second is not None and second.dim() == 4


def _inside(level: int) -> str:
    """Where the layers of a U-Net's level lie: the second of the outermost level's, the fourth of every other's."""
    return "model.model" if level == 0 else "model.model.1.model" + ".3.model" * (level - 1)
