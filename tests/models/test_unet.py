"""The light U-Net's halves fit each other, and doubling is what it says."""

import pytest
import torch

from models.blocks import affine_norm, doubling, instance_norm
from models.unet import PlainBlock, UNetDecoder, UNetEncoder, ascend, descend

WIDTHS = (4, 8, 8)


def test_the_way_down_halves_and_the_way_up_returns_to_the_first_size() -> None:
    encoder = UNetEncoder(3, widths=WIDTHS, blocks=1, kernel=3, norm=instance_norm)
    decoder = UNetDecoder(widths=WIDTHS, blocks=1, resize=True, norm=instance_norm)
    levels = encoder(torch.rand(1, 3, 16, 24))
    assert [tuple(level.shape) for level in levels] == [(1, 4, 16, 24), (1, 8, 8, 12), (1, 8, 4, 6)]
    assert decoder(levels).shape == (1, 4, 16, 24)


def test_levels_are_refined_before_they_are_halved_and_merged_after_they_are_doubled() -> None:
    picture = torch.ones(1, 1, 2, 2)
    refine, halve = torch.nn.Identity(), torch.nn.AvgPool2d(2)
    levels = descend(picture, [refine], [halve])
    assert [tuple(level.shape[2:]) for level in levels] == [(2, 2), (1, 1)]
    double, join = torch.nn.Upsample(scale_factor=2), torch.nn.Conv2d(2, 1, 1, bias=False)
    torch.nn.init.constant_(join.weight, 0.5)
    assert torch.equal(ascend([picture, 3 * levels[1]], [double], [join], [refine]), 2 * picture)


def test_a_block_whose_last_convolution_is_empty_changes_nothing() -> None:
    block = PlainBlock(4)
    torch.nn.init.zeros_(block.second.weight)
    torch.nn.init.zeros_(block.second.bias)
    features = torch.rand(2, 4, 6, 6)
    assert torch.equal(block(features), features)


@pytest.mark.parametrize("resize", [True, False])
def test_doubling_doubles(resize: bool) -> None:
    assert doubling(2, 3, resize=resize)(torch.rand(1, 2, 5, 7)).shape == (1, 3, 10, 14)


def test_resizing_up_leaves_no_checkerboard_and_a_transposed_convolution_does() -> None:
    flat = torch.ones(1, 1, 8, 8)
    for resize, values in ((True, 1), (False, 4)):
        layer = doubling(1, 1, resize=resize)
        torch.nn.init.ones_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        inside = layer(flat)[..., 4:-4, 4:-4]
        assert len(inside.unique()) <= values
        assert (len(inside.unique()) == 1) is resize


def test_affine_norm_is_batch_norm_of_one_picture() -> None:
    picture = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(affine_norm(3)(picture), torch.nn.BatchNorm2d(3)(picture), atol=1e-5, rtol=0)
    assert [name for name, _ in affine_norm(3).named_parameters()] == ["weight", "bias"]
