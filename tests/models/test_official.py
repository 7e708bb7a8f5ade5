"""Published weights, told by their names, paint and judge as they did."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.blocks import batch_norm, initialise
from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig, GlobalGenerator, LocalEnhancer
from models.official import load_official_discriminator, load_official_generator, our_names
from models.patch_discriminator import DiscriminatorConfig, MultiscaleDiscriminator, PatchDiscriminator
from pipeline.errors import ModelError


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def published(net: nn.Module, parts: Mapping[str, str], path: Path) -> Path:
    """Save a network under published names: `parts` maps the beginning of our names to the beginning of theirs."""
    state = {}
    for name, tensor in net.state_dict().items():
        ours = next(start for start in parts if name.startswith(start))
        state[parts[ours] + name.removeprefix(ours)] = tensor
    torch.save(state, path)
    return path


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(1, 6, 64, 64, generator=seeded(1))


def test_a_global_generator_is_told_by_its_names(tmp_path: Path, picture: Tensor) -> None:
    config = GeneratorConfig(base_channels=4, downsamplings=3, blocks=2)
    net = initialise(GlobalGenerator(config), seeded())
    loaded = load_official_generator(published(net, {"model.": "module.model."}, tmp_path / "latest_net_G.pth"))
    assert isinstance(loaded, GlobalGenerator) and loaded.config == config
    assert torch.equal(loaded(picture), net(picture))


def test_unused_statistics_of_old_instance_norms_are_left_out() -> None:
    old = ["model.1.weight", "model.2.running_mean", "model.2.running_var", "model.2.num_batches_tracked"]
    assert list(our_names(dict.fromkeys(old, torch.zeros(1)))) == ["model.1.weight"]


def test_an_enhancer_is_told_by_its_names(tmp_path: Path, picture: Tensor) -> None:
    config = EnhancerConfig(base_channels=2, downsamplings=2, blocks=1, levels=2, local_blocks=3)
    net = initialise(LocalEnhancer(config), seeded())
    parts = {
        "model.": "model.",
        "fronts.0.": "model1_1.",
        "backs.0.": "model1_2.",
        "fronts.1.": "model2_1.",
        "backs.1.": "model2_2.",
    }
    loaded = load_official_generator(published(net, parts, tmp_path / "latest_net_G.pth"))
    assert isinstance(loaded, LocalEnhancer) and loaded.config == config
    assert torch.equal(loaded(picture), net(picture))


def test_the_published_enhancer_has_the_names_we_expect() -> None:
    with torch.device("meta"):
        ours = LocalEnhancer(EnhancerConfig(base_channels=2)).state_dict().keys()
    front = [f"model1_1.{layer}.{kind}" for layer in (1, 4) for kind in ("weight", "bias")]
    blocks = [f"model1_2.{block}.conv_block.{conv}" for block in range(3) for conv in (1, 5)]
    back = [f"{layer}.{kind}" for layer in (*blocks, "model1_2.3", "model1_2.7") for kind in ("weight", "bias")]
    renamed = our_names(dict.fromkeys([*front, *back], torch.zeros(0)))
    assert renamed.keys() == {name for name in ours if not name.startswith("model.")}


def test_a_discriminator_with_features_is_told_by_its_names(tmp_path: Path, picture: Tensor) -> None:
    config = DiscriminatorConfig(in_channels=6, base_channels=4, layers=2, scales=3)
    net = initialise(MultiscaleDiscriminator(config), seeded())
    parts = {f"scales.{i}.stages.{j}.": f"scale{i}_layer{j}." for i in range(3) for j in range(4)}
    loaded = load_official_discriminator(published(net, parts, tmp_path / "latest_net_D.pth"))
    assert isinstance(loaded, MultiscaleDiscriminator) and loaded.config == config
    assert all(torch.equal(a[-1], b[-1]) for a, b in zip(loaded(picture), net(picture), strict=True))


FLAT = {  # a flat discriminator of three layers: convolutions at 0, 2, 5, 8, 11, norms at 3, 6, 9
    "stages.0.0.": "0.",
    "stages.1.0.": "2.",
    "stages.1.1.": "3.",
    "stages.2.0.": "5.",
    "stages.2.1.": "6.",
    "stages.3.0.": "8.",
    "stages.3.1.": "9.",
    "stages.4.0.": "11.",
}


def test_the_judge_of_faces_is_told_by_its_names(tmp_path: Path, picture: Tensor) -> None:
    net = initialise(PatchDiscriminator(in_channels=6, base_channels=4, norm=batch_norm), seeded())
    net(picture)  # running statistics that are not the first ones
    parts = {ours: f"facemodel.{theirs}" for ours, theirs in FLAT.items()}
    loaded = load_official_discriminator(published(net, parts, tmp_path / "latest_net_Dface.pth"))
    assert isinstance(loaded, PatchDiscriminator)
    assert torch.equal(loaded.eval()(picture)[-1], net.eval()(picture)[-1])


def test_a_discriminator_without_features_is_told_by_its_names(tmp_path: Path, picture: Tensor) -> None:
    net = initialise(MultiscaleDiscriminator(DiscriminatorConfig(in_channels=6, base_channels=4)), seeded())
    parts = {f"scales.{i}.{ours}": f"layer{i}.{theirs}" for i in range(2) for ours, theirs in FLAT.items()}
    loaded = load_official_discriminator(published(net, parts, tmp_path / "latest_net_D.pth"))
    assert all(torch.equal(a[-1], b[-1]) for a, b in zip(loaded(picture), net(picture), strict=True))


def test_weights_of_another_family_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"fnet.conv1.weight": torch.zeros(1), "cnet.conv1.weight": torch.zeros(1)}, path)
    message = (
        r"the weights are named cnet\.conv1\.weight, fnet\.conv1\.weight, …; "
        r"expected weights of pix2pixHD or Everybody Dance Now\. Check which network the file holds\."
    )
    for load in (load_official_generator, load_official_discriminator):
        with pytest.raises(ModelError, match=message):
            load(path)


def test_a_batch_normalised_generator_is_refused_rather_than_read_in_part(tmp_path: Path) -> None:
    net = GlobalGenerator(GeneratorConfig(base_channels=4, downsamplings=1, blocks=1), norm=batch_norm)
    path = published(net, {"model.": "model."}, tmp_path / "latest_net_G.pth")
    with pytest.raises(ModelError, match=r"the weights do not fit: 20 unexpected \(model\.2\.weight, "):
        load_official_generator(path)
