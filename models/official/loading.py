"""Puts published weights into our networks: one file is one network, the scales of vid2vid are one pyramid."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from models.cyclegan.generator import ResnetGenerator
from models.everybody_dance_now.generator import GlobalGenerator, LocalEnhancer
from models.norms import NormName
from models.official.families import NETWORKS, NetworkConfig, NetworkName
from models.official.published_file import WHAT
from models.official.reading import BatchNorms, OfficialPart, read_official
from models.patch_discriminator import MultiscaleDiscriminator, PatchDiscriminator
from models.pix2pix.unet import UNetGenerator
from models.vid2vid.generator import CompositeConfig
from models.vid2vid.local_generator import LocalConfig
from models.vid2vid.pyramid import PyramidConfig
from pipeline.errors import ModelError

PictureGenerator = GlobalGenerator | LocalEnhancer | ResnetGenerator | UNetGenerator  # a picture in, a picture out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfficialNetwork:
    """A network of ours with published weights in it."""

    network: NetworkName
    config: NetworkConfig
    norm: NormName
    module: nn.Module  # float32, on the host, in evaluation mode
    parts: tuple[OfficialPart, ...]  # the files; of a pyramid coarse to fine


def load_official(paths: Sequence[Path], *, batch_norms: BatchNorms = "affine") -> OfficialNetwork:
    """Build the network that published files hold.

    Args:
        paths: at least one file; several are those of vid2vid's generator, G0, G1 … in any order, and make one pyramid.
        batch_norms: see `read_official`.
    Raises: ModelError: as `read_official`; or the files are not those of one network.
    """
    parts = [read_official(path, batch_norms=batch_norms) for path in paths]
    first, *others = parts
    if others or first.network in ("composite", "local"):
        return _pyramid(parts)
    return _loaded(first.network, first.config, parts, first.weights)


def load_official_generator(path: Path, *, batch_norms: BatchNorms = "affine") -> PictureGenerator:
    """Build the generator of a file named `G`, `G_A` or `G_B`, or `Gface` where that is residual; not vid2vid's.

    Raises: ModelError: see `load_official`; or the file holds another network.
    """
    module = load_official([path], batch_norms=batch_norms).module
    if not isinstance(module, PictureGenerator):
        raise _another(path, module, "a generator of pictures, of any family but vid2vid")
    return module


def load_official_discriminator(
    path: Path, *, batch_norms: BatchNorms = "affine"
) -> MultiscaleDiscriminator | PatchDiscriminator:
    """Build the discriminator of a file named `D`, `D_A`, `D_B`, `Dface`, `D_T0` … or `D_f`, to train on with.

    Where the batch norms of vid2vid's saw several frames of a chunk together, "affine" is near to that, not the same.

    Raises: ModelError: see `load_official`; or the file holds another network.
    """
    module = load_official([path], batch_norms=batch_norms).module
    if not isinstance(module, MultiscaleDiscriminator | PatchDiscriminator):
        raise _another(path, module, "a discriminator")
    return module


def _loaded(
    network: NetworkName, config: NetworkConfig, parts: Sequence[OfficialPart], weights: Mapping[str, Tensor]
) -> OfficialNetwork:
    norm = parts[0].norm
    with torch.device("meta"):  # no memory and no first values for what is replaced
        module = NETWORKS[network][1](config, norm)
    module.load_state_dict(dict(weights), assign=True)
    return OfficialNetwork(network=network, config=config, norm=norm, module=module.eval(), parts=tuple(parts))


def _pyramid(parts: Sequence[OfficialPart]) -> OfficialNetwork:
    """Put the scales of vid2vid's generator together; each finer one is half as wide as the one below."""
    coarse, *finer = sorted(parts, key=_coarse_first)
    if not isinstance(coarse.config, CompositeConfig):
        remedy = "Name G0 as well." if coarse.network == "local" else "Import each file alone."
        raise _refused(coarse, f"{coarse.network} network", "vid2vid's coarsest generator, G0, among the files", remedy)
    config = _pyramid_config(coarse.path, coarse.config, finer)
    weights = {f"coarse.{name}": tensor for name, tensor in coarse.weights.items()}
    for scale, (one, expected) in enumerate(zip(finer, config.finer, strict=True)):
        _refuse_other_scale(one, expected, scale + 1)
        weights |= {f"finer.{scale}.{name}": tensor for name, tensor in one.weights.items()}
    return _loaded("vid2vid", config, [coarse, *finer], weights)


def _coarse_first(part: OfficialPart) -> tuple[bool, int]:
    width = part.config.base_channels if isinstance(part.config, LocalConfig) else 0
    return not isinstance(part.config, CompositeConfig), -width


def _pyramid_config(path: Path, coarse: CompositeConfig, finer: Sequence[OfficialPart]) -> PyramidConfig:
    blocks = [one.config.blocks for one in finer if isinstance(one.config, LocalConfig)]
    try:
        return PyramidConfig(coarse=coarse, scales=1 + len(finer), local_blocks=max(blocks, default=3))
    except ValueError as error:
        raise ModelError(path, f"too many scales ({error})", "G0, G1 … of one training", "Name fewer.") from error


def _refuse_other_scale(part: OfficialPart, expected: LocalConfig, scale: int) -> None:
    """Raise ModelError where a file is not the `scale`th doubling of the coarse generator."""
    if not isinstance(part.config, LocalConfig):
        raise _refused(part, f"{part.network} network", f"vid2vid's generator at scale {scale}", "Import it alone.")
    found = asdict(replace(part.config, flow_scale=expected.flow_scale))  # names and shapes do not tell it
    different = {name: (value, found[name]) for name, value in asdict(expected).items() if found[name] != value}
    if different:
        wanted = ", ".join(f"{name} {value}" for name, (value, _) in different.items())
        had = ", ".join(f"{name} {value}" for name, (_, value) in different.items())
        raise _refused(
            part, f"local network with {had}", f"{wanted} at scale {scale}", "Name G0, G1 … of one training, each once."
        )


def _refused(part: OfficialPart, found: str, expected: str, remedy: str) -> ModelError:
    return ModelError(part.path, f"the file holds a {found}", expected, remedy)


def _another(path: Path, module: nn.Module, expected: str) -> ModelError:
    return ModelError(path, f"the file holds a {type(module).__name__}", expected, f"Choose a file of {WHAT}.")
