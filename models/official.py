"""Reads the weights that pix2pixHD and Everybody Dance Now publish (`latest_net_G.pth` and so on) into our networks.

Names and shapes alone say which network a file holds and how large it is. Ours keep the published numbering of layers;
what differs is the name of the part, and that a discriminator's layers are grouped in stages.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from models.blocks import batch_norm, instance_norm
from models.checkpoint import fit_weights, read_published
from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig, GlobalGenerator, LocalEnhancer
from models.patch_discriminator import DiscriminatorConfig, MultiscaleDiscriminator, PatchDiscriminator
from pipeline.errors import ModelError

WHAT = "weights of pix2pixHD or Everybody Dance Now"


def load_official_generator(path: Path) -> GlobalGenerator | LocalEnhancer:
    """Build the generator that a published file holds: files named `G`, and `Gface` where it is a residual network.

    Raises: ModelError where the file is damaged or holds something else (an encoder, a U-Net, a batch-normalised one).
    """
    state = our_names(read_published(path, WHAT))
    _require(path, state, r"model\.1\.weight", r"model\.\d+\.conv_block\.1\.weight")
    net: GlobalGenerator | LocalEnhancer
    if _matching(state, r"fronts\."):
        _require(path, state, r"backs\.0\.\d+\.weight", r"fronts\.\d+\.1\.weight")
        net = LocalEnhancer(_enhancer_config(state))
    else:
        net = GlobalGenerator(_generator_config(state))
    fit_weights(net, state, path)
    return net


def load_official_discriminator(path: Path) -> MultiscaleDiscriminator | PatchDiscriminator:
    """Build the discriminator that a published file holds: files named `D`, and `Dface`.

    Raises: ModelError where the file is damaged or holds something else.
    """
    state = our_names(read_published(path, WHAT))
    first = r"(scales\.0\.)?stages\.0\.0\.weight"
    _require(path, state, first)
    width, channels = state[_matching(state, first)[0]].shape[:2]
    layers = len(_matching(state, r"(scales\.0\.)?stages\.\d+\.0\.weight")) - 2
    norm = batch_norm if _matching(state, r"(scales\.0\.)?stages\.1\.1\.weight") else instance_norm
    net: MultiscaleDiscriminator | PatchDiscriminator
    if scales := len(_matching(state, r"scales\.\d+\.stages\.0\.0\.weight")):
        config = DiscriminatorConfig(in_channels=channels, base_channels=width, layers=layers, scales=scales)
        net = MultiscaleDiscriminator(config, norm=norm)
    else:
        net = PatchDiscriminator(in_channels=channels, base_channels=width, layers=layers, norm=norm)
    counts = {name: count for name, count in net.state_dict().items() if name.endswith("num_batches_tracked")}
    fit_weights(net, state | counts, path)  # which the published files have or not, by their PyTorch's age
    return net


def our_names(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename published weights to ours; names of neither family stay.

    Counts of batches are left out, and so are the running statistics that PyTorch before 0.4 saved for instance norms
    and never used.
    """
    return {
        _our_name(name.removeprefix("module.")): tensor
        for name, tensor in published.items()
        if not name.endswith("num_batches_tracked") and not _is_unused_statistic(name, published)
    }


def _is_unused_statistic(name: str, published: Mapping[str, Tensor]) -> bool:
    layer, _, kind = name.rpartition(".")
    return kind in ("running_mean", "running_var") and f"{layer}.weight" not in published


def _our_name(name: str) -> str:
    for pattern, rename in RENAMED.items():
        if match := re.match(pattern, name):
            return rename(match) + name[match.end() :]
    return name


def _stage(position: str) -> str:
    """Where a layer of a flat discriminator lies: conv, LeakyReLU; conv, norm, LeakyReLU, repeated; conv."""
    stage, layer = divmod(int(position) + 1, 3) if int(position) else (0, 0)
    return f"stages.{stage}.{layer}."


RENAMED: Mapping[str, Callable[[re.Match[str]], str]] = {
    r"model(\d+)_1\.": lambda found: f"fronts.{int(found[1]) - 1}.",
    r"model(\d+)_2\.": lambda found: f"backs.{int(found[1]) - 1}.",
    r"scale(\d+)_layer(\d+)\.": lambda found: f"scales.{found[1]}.stages.{found[2]}.",
    r"layer(\d+)\.(\d+)\.": lambda found: f"scales.{found[1]}.{_stage(found[2])}",
    r"facemodel\.(\d+)\.": lambda found: _stage(found[1]),
}


def _generator_config(state: Mapping[str, Tensor]) -> GeneratorConfig:
    base, channels = state["model.1.weight"].shape[:2]
    last = _last_layer(state, r"model\.(\d+)\.weight")
    blocks, downsamplings = _trunk(state)
    return GeneratorConfig(
        in_channels=channels,
        out_channels=state[last].shape[0],
        base_channels=base,
        downsamplings=downsamplings,
        blocks=blocks,
    )


def _enhancer_config(state: Mapping[str, Tensor]) -> EnhancerConfig:
    levels = len(_matching(state, r"fronts\.\d+\.1\.weight"))
    blocks, downsamplings = _trunk(state)
    return EnhancerConfig(
        in_channels=state["model.1.weight"].shape[1],
        out_channels=state[_last_layer(state, rf"backs\.{levels - 1}\.(\d+)\.weight")].shape[0],
        base_channels=state[f"fronts.{levels - 1}.1.weight"].shape[0],
        downsamplings=downsamplings,
        blocks=blocks,
        levels=levels,
        local_blocks=len(_matching(state, r"backs\.0\.\d+\.conv_block\.1\.weight")),
    )


def _trunk(state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Count the residual blocks, and the downsamplings: three layers each, between four of the stem and the blocks."""
    blocks = [int(name.split(".")[1]) for name in _matching(state, r"model\.\d+\.conv_block\.1\.weight")]
    return len(blocks), (min(blocks) - 4) // 3


def _last_layer(state: Mapping[str, Tensor], pattern: str) -> str:
    return max(_matching(state, pattern), key=lambda name: int(name.split(".")[-2]))


def _matching(state: Mapping[str, Tensor], pattern: str) -> list[str]:
    return [name for name in state if re.match(pattern, name)]


def _require(path: Path, state: Mapping[str, Tensor], *patterns: str) -> None:
    if not all(_matching(state, pattern) for pattern in patterns):
        names = ", ".join(sorted(state)[:3])
        raise ModelError(path, f"the weights are named {names}, …", WHAT, "Check which network the file holds.")
