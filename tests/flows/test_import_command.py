"""`understudy import` reports what became of every name, writes the folder, and fails with one message."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from flows import cli
from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from models.everybody_dance_now.generator import GeneratorConfig, GlobalGenerator
from models.official.vid2vid import COMPOSITE_NAMES, LOCAL_NAMES
from models.vid2vid.generator import CompositeConfig, CompositeGenerator
from models.vid2vid.local_generator import CompositeLocalGenerator, LocalConfig
from stages.network_folder import load_network


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    """Run the command line in this process: exit status, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["understudy", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    shown = capsys.readouterr()
    code = ended.value.code
    return int(code) if isinstance(code, int) else 0, shown.out, shown.err


def saved(net: nn.Module, path: Path, names: dict[str, str], **others: torch.Tensor) -> str:
    """Save a network under published names."""
    state = {}
    for name, tensor in net.state_dict().items():
        ours = next(part for part in names if name.startswith(f"{part}."))
        state[names[ours] + name.removeprefix(ours)] = tensor
    torch.save(state | others, path)
    return str(path)


COARSE = CompositeConfig(condition_channels=6, base_channels=4, downsamplings=2, blocks=2, norm="batch")


@pytest.fixture
def scales(tmp_path: Path) -> tuple[str, str]:
    g0 = saved(CompositeGenerator(COARSE), tmp_path / "latest_net_G0.pth", COMPOSITE_NAMES, stray=torch.ones(1))
    fine = CompositeLocalGenerator(LocalConfig.above(COARSE))
    return g0, saved(fine, tmp_path / "latest_net_G1.pth", LOCAL_NAMES)


def test_the_report_is_a_table_of_files_and_the_folder_is_written(
    tmp_path: Path, scales: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "street"
    status, shown, said = run(capsys, monkeypatch, "import", *scales, "-o", str(folder))
    assert (status, said) == (0, "")
    lines = shown.splitlines()
    # Weights and biases of G0's convolutions, as many as of its norms: 2 encoders of 3 layers and a block of 2,
    # 2 decoders of a block and 2 layers; besides, those of 3 heads. For each norm 3 statistics.
    parts = 2 * (2 * 3 + 2 * 2) + 2 * (2 * 2 + 2 * 2)
    assert lines[0].split() == ["file", "family", "network", "parameters", "loaded", "left", "out", "unused", "missing"]
    coarse = CompositeGenerator(COARSE)
    parameters = sum(parameter.numel() for parameter in coarse.parameters())
    assert lines[1].split() == [
        "latest_net_G0.pth", "vid2vid", "composite", f"{parameters:,}",
        str(2 * parts + 6), str(3 * parts // 2), "1", "0",
    ]  # fmt: skip
    assert lines[2].split()[:3] == ["latest_net_G1.pth", "vid2vid", "local"]
    told = dict(line.split(maxsplit=1) for line in "\n".join(lines[4:]).replace("\n         ", " ").splitlines())
    assert told["network"].startswith("vid2vid: condition_channels 6, past_frames 2, base_channels 4, downsamplings 2")
    assert told["network"].endswith("scales 2, local_blocks 3")
    assert told["norm"].startswith("affine: batch norms became instance norms")
    assert told["unused"] == "latest_net_G0.pth: stray"
    assert "non-commercial use only" in told["licence"]
    assert told["written"] == str(folder)
    assert load_network(folder).facts.norm == "affine"


def test_batch_norms_are_kept_when_asked_for(
    tmp_path: Path, scales: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, shown, _ = run(capsys, monkeypatch, "import", *scales, "-o", str(tmp_path / "out"), "--norm", "batch")
    assert status == 0
    assert "\nnorm     batch: running statistics are kept" in shown
    assert load_network(tmp_path / "out").facts.norm == "batch"


def refused(said: str, folder: Path) -> str:
    """The one line of a failed import, which leaves nothing behind."""
    assert said.startswith("understudy: ") and said.count("\n") == 1
    assert not folder.exists()
    return said.removeprefix("understudy: ")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "there is no such file; expected weights of CycleGAN, pix2pix, pix2pixHD, Everybody Dance"),
        (lambda path: path.write_text("Dear diary,\n" * 100), "the file cannot be read as a state dict"),
        (lambda path: torch.save(torch.zeros(3), path), "the file is no state dict"),
        (lambda path: torch.save({"fnet.a": torch.zeros(3), "cnet.a": torch.zeros(3)}, path), "holds weights of RAFT"),
        (
            lambda path: saved(CompositeLocalGenerator(LocalConfig(base_channels=2)), path, LOCAL_NAMES),
            "Name G0 as well.",
        ),
    ],
    ids=["no such file", "a text file", "a tensor", "RAFT", "G1 without G0"],
)
def test_what_cannot_be_imported_is_refused_and_leaves_nothing(
    write: object, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.pth"
    write(path)  # type: ignore[operator]
    status, _, said = run(capsys, monkeypatch, "import", str(path), "-o", str(tmp_path / "out"))
    assert status == 1
    assert message in refused(said, tmp_path / "out")


def test_a_missing_weight_is_named_as_its_publisher_named_it(
    tmp_path: Path, scales: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.load(scales[0], weights_only=True)
    del state["model_up_flow.3.bias"]
    torch.save(state, scales[0])
    status, _, said = run(capsys, monkeypatch, "import", *scales, "-o", str(tmp_path / "out"))
    assert status == 1
    assert "the weights do not fit: 1 missing (model_up_flow.3.bias)" in refused(said, tmp_path / "out")


def test_another_norm_is_refused(
    tmp_path: Path, scales: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, said = run(capsys, monkeypatch, "import", *scales, "-o", str(tmp_path / "out"), "--norm", "layer")
    assert status == 1
    assert refused(said, tmp_path / "out") == (
        "norm: there is no 'layer'; expected one of affine, batch. Choose one of these.\n"
    )


def test_a_taken_output_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = GlobalGenerator(GeneratorConfig(base_channels=2, downsamplings=1, blocks=1))
    path = saved(net, tmp_path / "latest_net_G.pth", {"model": "model"})
    status, _, said = run(capsys, monkeypatch, "import", path, "-o", str(tmp_path))
    assert status == 1
    assert (
        said
        == f"understudy: {tmp_path}: the file is there already; expected a new path. Give another -o, or --overwrite.\n"
    )


def test_a_generator_of_cyclegan_is_imported_and_told_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = ResnetGenerator(ResnetGeneratorConfig(base_channels=2, blocks=6))
    path = saved(net, tmp_path / "latest_net_G_A.pth", {"model": "model"})
    status, shown, said = run(capsys, monkeypatch, "import", path, "-o", str(tmp_path / "zebra"))
    assert (status, said) == (0, "")
    assert "CycleGAN or pix2pix  resnet" in shown
    assert "network  resnet: in_channels 3, out_channels 3, base_channels 2, downsamplings 2, blocks 6" in shown
    assert "instance: the files have no weights of norms" in shown
    assert isinstance(load_network(tmp_path / "zebra").module, ResnetGenerator)
