"""The folder of an imported network comes back as it was, says where it is from, and is refused where it changed."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from models.everybody_dance_now.generator import GeneratorConfig, GlobalGenerator
from models.official import OfficialNetwork, load_official
from models.official.cyclegan import unet_names
from models.pix2pix.unet import UNetGenerator, UNetGeneratorConfig
from models.vid2vid.generator import CompositeConfig
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator
from pipeline.errors import ModelError, OutputExists
from stages.model_folder import read_facts
from stages.network_folder import load_network, read_network_facts, write_network


def seeded(net: nn.Module) -> nn.Module:
    rng = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0, 0.1, generator=rng)
    return net


def published(folder: Path) -> Path:
    """A global generator's names are the published ones."""
    net = GlobalGenerator(GeneratorConfig(base_channels=2, downsamplings=1, blocks=1))
    torch.save(seeded(net).state_dict(), folder / "latest_net_G.pth")
    return folder / "latest_net_G.pth"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_network(tmp_path / "net", load_official([published(tmp_path)]), overwrite=False)
    return tmp_path / "net"


def test_a_network_comes_back_as_it_was(tmp_path: Path, folder: Path) -> None:
    picture = torch.rand(1, 6, 16, 16, generator=torch.Generator().manual_seed(1))
    loaded = load_network(folder)
    assert isinstance(loaded.module, GlobalGenerator) and not loaded.module.training
    assert torch.equal(loaded.module(picture), load_official([published(tmp_path)]).module(picture))


def test_model_json_says_what_it_is_and_where_it_is_from(folder: Path) -> None:
    facts = json.loads((folder / "model.json").read_text())
    assert {name: facts[name] for name in ("kind", "version", "network", "norm")} == {
        "kind": "network",
        "version": 1,
        "network": "global",
        "norm": "instance",
    }
    assert facts["config"] == {
        "in_channels": 6,
        "out_channels": 3,
        "base_channels": 2,
        "downsamplings": 1,
        "blocks": 1,
    }
    source = folder.parent / "latest_net_G.pth"
    assert facts["sources"] == [
        {"name": source.name, "sha256": hashlib.sha256(source.read_bytes()).hexdigest(), "family": "pix2pixHD"}
    ]
    assert facts["parts"] == {
        "weights.safetensors": hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    }
    assert "under the terms of those who published them" in facts["licence"]


@pytest.mark.parametrize(
    ("network", "norm", "kind"), [("resnet", "instance", ResnetGenerator), ("unet", "affine", UNetGenerator)]
)
def test_generators_of_cyclegan_and_pix2pix_come_back_as_they_were(
    tmp_path: Path, network: str, norm: str, kind: type[nn.Module]
) -> None:
    if kind is ResnetGenerator:  # its names are the published ones
        state = seeded(ResnetGenerator(ResnetGeneratorConfig(base_channels=2, dropout=True))).state_dict()
    else:
        config = UNetGeneratorConfig(levels=5, base_channels=2)
        names, ours = unet_names(config), seeded(UNetGenerator(config)).state_dict()
        state = {f"{names[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": ours[name] for name in ours}
    torch.save(state, tmp_path / "latest_net_G.pth")
    official = load_official([tmp_path / "latest_net_G.pth"])
    facts = write_network(tmp_path / "net", official, overwrite=False)
    assert (facts.network, facts.norm, facts.sources[0].family) == (network, norm, "CycleGAN or pix2pix")
    loaded = load_network(tmp_path / "net")
    assert isinstance(loaded.module, kind) and loaded.module.config == official.config
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.equal(loaded.module(picture), official.module(picture))


def pyramid_of_two() -> OfficialNetwork:
    config = PyramidConfig(
        coarse=CompositeConfig(base_channels=2, downsamplings=1, blocks=2, norm="batch", foreground=True), scales=2
    )
    module = seeded(PyramidGenerator(config)).eval()
    return OfficialNetwork(network="vid2vid", config=config, norm="batch", module=module, parts=())


def test_every_scale_of_a_pyramid_has_a_file_of_its_own(tmp_path: Path) -> None:
    official = pyramid_of_two()
    facts = write_network(tmp_path / "net", official, overwrite=False)
    assert list(facts.parts) == ["weights_0.safetensors", "weights_1.safetensors"]
    loaded = load_network(tmp_path / "net").module
    assert isinstance(loaded, PyramidGenerator) and loaded.config == official.config
    ours = loaded.state_dict()
    assert all(torch.equal(ours[name], tensor) for name, tensor in official.module.state_dict().items())


def test_a_folder_that_is_there_is_replaced_only_when_told(tmp_path: Path, folder: Path) -> None:
    before = (folder / "model.json").read_bytes()
    with pytest.raises(OutputExists):
        write_network(folder, pyramid_of_two(), overwrite=False)
    assert (folder / "model.json").read_bytes() == before
    write_network(folder, pyramid_of_two(), overwrite=True)
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "model.json",
        "weights_0.safetensors",
        "weights_1.safetensors",
    ]


def test_a_changed_or_missing_part_is_refused(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"\x01")
    with pytest.raises(ModelError, match=r"weights\.safetensors: the file is not the one that model\.json names"):
        load_network(folder)
    weights.unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors: the file is missing"):
        load_network(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "dance"}, r"kind: Input should be 'network'; .* what training wrote is for `understudy render`"),
        ({"version": 2}, r"version: Input should be 1"),
        ({"network": "raft"}, r"network: Input should be 'global', 'enhancer'"),
        ({"config": {"base_channels": 0}}, r"the network cannot be built \(.*channels and levels are \(6, 3, 0\)"),
    ],
)
def test_a_model_json_of_something_else_is_refused(folder: Path, change: dict[str, object], message: str) -> None:
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(facts | change))
    with pytest.raises(ModelError, match="(?s)" + message):
        load_network(folder)


def test_a_folder_without_model_json_and_one_without_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model\.json; expected a folder that `understudy import` wrote"):
        read_network_facts(tmp_path)
    (tmp_path / "model.json").write_text("Dear diary,")
    with pytest.raises(ModelError, match=r"model\.json: the file: Invalid JSON"):
        read_network_facts(tmp_path)


def test_rendering_refuses_it_and_says_what_it_is_for(folder: Path) -> None:
    with pytest.raises(ModelError) as refused:
        read_facts(folder)
    assert str(refused.value) == (
        f"{folder / 'model.json'}: a model of kind 'network'; expected kind 'dance'. It is a published network: it has "
        "no body to retarget to. Use the library: stages.network_folder.load_network(folder)."
    )
