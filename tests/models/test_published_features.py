"""Features of published networks: files of the right shapes are read, others refused, pooling is the published one."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.inception_features import InceptionFeatures, inception_network, load_inception
from models.video_features import load_video_features, video_network
from pipeline.errors import ModelError


def small_file(network: nn.Module, path: Path, leave_out: str = "num_batches_tracked") -> Path:
    """Weights of the network's shapes, every tensor one number: a file of some kilobytes that reads as a whole one."""
    state = {
        name: torch.tensor(
            1 / one[0].numel() if one.ndim > 1 else float("bias" not in name and "mean" not in name)
        ).expand(one.shape)
        for name, one in network.state_dict().items()
        if leave_out not in name
    }
    torch.save(state, path)
    return path


def test_inception_reads_its_published_file_and_sees_2048_features(tmp_path: Path):
    features = load_inception(small_file(inception_network(), tmp_path / "inception.pth"))
    pictures = torch.zeros((2, 3, 40, 60), dtype=torch.uint8)
    pictures[1] = 255
    seen = features(pictures)
    assert seen.shape == (2, 2048) and not seen.requires_grad
    assert (seen[0] - seen[1]).abs().max() > 0


def test_the_average_does_not_count_the_zeros_beyond_the_border():
    block, seen = inception_network().Mixed_5b, list[Tensor]()
    block.branch_pool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        block(torch.ones(1, 192, 5, 5))
    torch.testing.assert_close(seen[0], torch.ones(1, 192, 5, 5))  # torchvision's own has 4/9 in the corners


def test_the_last_block_takes_the_greatest_and_not_the_average():
    block, seen = inception_network().Mixed_7c, list[Tensor]()
    block.branch_pool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    picture = torch.zeros(1, 2048, 5, 5)
    picture[..., 2, 2] = 1
    with torch.no_grad():
        block(picture)
    assert seen[0][0, 0].tolist() == [[0] * 5, *[[0, 1, 1, 1, 0]] * 3, [0] * 5]


def test_pictures_are_seen_at_299_pixels_between_minus_one_and_one():
    class Seen(nn.Module):
        fc = nn.Identity()

        def forward(self, pictures: Tensor) -> Tensor:
            assert pictures.shape == (1, 3, 299, 299)
            return pictures.mean(dim=(2, 3)).repeat(1, 683)[:, :2048]

    white = torch.full((1, 3, 20, 30), 255, dtype=torch.uint8)
    assert InceptionFeatures(Seen())(white).unique().tolist() == [1.0]


def test_r3d18_reads_torchvisions_file_and_sees_512_features(tmp_path: Path):
    features = load_video_features(small_file(video_network(), tmp_path / "r3d.pth", leave_out="none"))
    assert features(torch.zeros((1, 2, 112, 112, 3), dtype=torch.uint8)).shape == (1, 512)


def test_files_of_other_networks_are_refused(tmp_path: Path):
    path = small_file(video_network(), tmp_path / "r3d.pth", leave_out="fc")
    with pytest.raises(ModelError, match=r"r3d\.pth: the weights do not fit: 2 missing \(fc\.weight, fc\.bias\)"):
        load_video_features(path)
    with pytest.raises(ModelError, match=r"r3d\.pth: the weights do not fit: \d+ missing \(Conv2d_1a_3x3"):
        load_inception(path)
    with pytest.raises(ModelError, match=r"none\.pth: the file cannot be read as a state dict"):
        load_inception(tmp_path / "none.pth")
