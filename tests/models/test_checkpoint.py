"""Weights come back exactly, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from models.checkpoint import load_weights, read_published, read_tensors, save_weights
from pipeline.errors import ModelError, StorageError


def net(*, width: int = 3, seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(2, width, 3), nn.BatchNorm2d(width))


@contextmanager
def small_files() -> Iterator[None]:
    """No file of this process may grow above 100 bytes, as on a full disk. Held briefly: pytest writes files too."""
    resource = pytest.importorskip("resource", reason="this system does not limit the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_weights_and_words_come_back_as_they_were(tmp_path: Path) -> None:
    saved, loaded = net(seed=1), net(seed=2)
    saved.to(memory_format=torch.channels_last)
    save_weights(saved, tmp_path / "weights.safetensors", {"kind": "everybody_dance_now"})
    assert load_weights(loaded, tmp_path / "weights.safetensors") == {"kind": "everybody_dance_now"}
    for name, tensor in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_a_newer_file_takes_the_place_of_the_older_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(net(seed=1), path)
    save_weights(net(seed=2), path)
    loaded = net()
    load_weights(loaded, path)
    assert torch.equal(loaded[0].weight, net(seed=2)[0].weight)
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_read_no_longer_depends_on_the_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(net(seed=1), path)
    tensors, _ = read_tensors(path)
    with path.open("r+b") as file:  # in place: a mapped tensor would change with it
        file.write(bytes(path.stat().st_size))
    assert torch.equal(tensors["0.weight"], net(seed=1)[0].weight)


def test_weights_of_another_network_are_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(nn.Sequential(*net(width=4), nn.Linear(1, 1)), path)
    target = net(width=3)
    before = target[0].weight.clone()
    with pytest.raises(ModelError) as raised:
        load_weights(target, path)
    assert str(raised.value) == (
        f"{path}: the weights do not fit: 2 unexpected (2.bias, 2.weight); 6 of another shape (0.weight is "
        "4×2×3×3, not 3×2×3×3, 0.bias is 4, not 3, 1.weight is 4, not 3, …); expected exactly the "
        "weights of this network. Choose the file that its training wrote."
    )
    assert torch.equal(target[0].weight, before)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(nn.Sequential(net()[0]), path)
    with pytest.raises(ModelError, match=r"5 missing \(1\.weight, 1\.bias, 1\.running_mean, …\)"):
        load_weights(net(), path)


def test_a_file_that_is_not_there_or_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ModelError, match=r"the weights cannot be read; expected a safetensors file"):
        load_weights(net(), path)
    save_weights(net(), path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"the weights are damaged .*; expected a whole safetensors file"):
        load_weights(net(), path)


def test_a_failed_write_leaves_the_older_file_and_no_half_one(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"older")
    with pytest.raises(StorageError, match="cannot write"), small_files():
        save_weights(net(), path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


class Harm:
    """What a pickle may hide: unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_no_code_in_a_published_file_is_run(tmp_path: Path) -> None:
    torch.save({"weight": Harm(tmp_path / "harm")}, tmp_path / "weights.pth")
    with pytest.raises(
        ModelError, match=r"the file cannot be read as a state dict; expected weights\. Download it again"
    ):
        read_published(tmp_path / "weights.pth", "weights")
    assert not (tmp_path / "harm").exists()


def test_a_published_file_with_more_than_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": {}}, tmp_path / "weights.pth")
    with pytest.raises(
        ModelError, match=r"the file is no state dict; expected weights\. Take the file of weights alone"
    ):
        read_published(tmp_path / "weights.pth", "weights")
