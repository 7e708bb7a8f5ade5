"""Tiles cover the picture, agree on their norms, and meet without a seam."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.blocks import affine_norm, initialise, instance_norm
from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from stages.rendering.tiles import (
    HELD,
    TiledNetwork,
    Tiling,
    boxes,
    features_per_pixel,
    remembering_norms,
    share,
    tiling_for,
)

pytestmark = pytest.mark.usefixtures("one_thread")

STRIDE = 4


@pytest.fixture(scope="module")
def network() -> nn.Module:
    config = ResnetGeneratorConfig(base_channels=8, blocks=2, kernel=3)
    return initialise(ResnetGenerator(config), torch.Generator().manual_seed(1)).eval()


def tiled(network: nn.Module, side: int) -> TiledNetwork:
    return TiledNetwork(network, Tiling(side=side), stride=STRIDE, least=2 * STRIDE)


@torch.inference_mode()
def painted(network: nn.Module, picture: Tensor) -> Tensor:
    return network(picture)


@pytest.mark.parametrize(("height", "width", "side"), [(64, 64, 64), (200, 120, 64), (68, 132, 50), (64, 1000, 128)])
def test_tiles_are_alike_lie_on_the_stride_and_share_what_they_should(height: int, width: int, side: int) -> None:
    tiling = Tiling(side=side)
    places = boxes(height, width, tiling, stride=STRIDE)
    assert len({(box.width, box.height) for box in places}) == 1
    assert not [box for box in places if box.left % STRIDE or box.top % STRIDE]
    covered = np.zeros((height, width), int)
    for box in places:
        covered[box.top : box.bottom, box.left : box.right] += 1
    assert covered.min() == 1 and covered.shape == (height, width)
    lefts = sorted({box.left for box in places})
    overlaps = [before + places[0].width - after for before, after in pairwise(lefts)]
    assert all(overlap >= tiling.overlap - STRIDE for overlap in overlaps)


def test_a_tile_counts_fully_inside_and_at_the_pictures_border_and_fades_to_its_neighbours() -> None:
    first = boxes(64, 112, Tiling(side=64), stride=STRIDE)[0]
    counts = share(first, 64, 112, 16)
    assert counts[:, : 64 - 16].min() == 1
    assert counts[0, -1] < 0.01 and counts[0, -8] == pytest.approx(0.5, abs=0.06)


def test_tiles_of_a_network_that_changes_nothing_are_the_picture() -> None:
    picture = torch.rand(2, 3, 132, 200, generator=torch.Generator().manual_seed(0))
    same = tiled(nn.Sequential(nn.Conv2d(3, 3, 1)), 64)
    with torch.no_grad():
        convolution = same.network[0]  # type: ignore[index]
        convolution.weight.copy_(torch.eye(3)[..., None, None])
        convolution.bias.zero_()
    torch.testing.assert_close(painted(same, picture), picture)


def test_a_picture_whose_statistics_are_alike_everywhere_and_at_half_the_size_shows_no_seam() -> None:
    """A patch of 8x8 that repeats, of pixels doubled each way; the network looks at norms and single pixels alone."""
    rng = torch.Generator().manual_seed(4)
    patch = torch.rand(1, 3, 8, 8, generator=rng) * 2 - 1
    picture = patch.repeat(1, 1, 12, 16).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    pixelwise = nn.Sequential(
        nn.Conv2d(3, 8, 1), instance_norm(8), nn.ReLU(), nn.Conv2d(8, 8, 1), instance_norm(8), nn.Conv2d(8, 3, 1)
    )
    network = initialise(pixelwise, rng).eval()
    torch.testing.assert_close(painted(tiled(network, 96), picture), painted(network, picture), atol=1e-3, rtol=1e-3)


def test_tiles_that_share_their_norms_are_nearer_to_the_whole_than_those_that_do_not(network: nn.Module) -> None:
    light = torch.linspace(-0.9, 0.9, 256).expand(1, 3, 192, 256)
    own = tiled(network, 96)
    own.network, own._norms = network, []
    whole, shared, apart = (painted(one, light) for one in (network, tiled(network, 96), own))
    assert (whole - shared).abs().mean() < 0.6 * (whole - apart).abs().mean()


@pytest.mark.parametrize("norm", [instance_norm, affine_norm])
def test_a_norm_that_remembers_is_instance_norm_and_then_goes_by_what_it_saw(norm) -> None:
    rng = torch.Generator().manual_seed(2)
    layers = nn.Sequential(nn.Conv2d(4, 4, 1), norm(4))
    for weight in layers.parameters():
        nn.init.normal_(weight, generator=rng)
    copied, (remembering,) = remembering_norms(layers)
    seen = torch.randn(1, 4, 32, 32, generator=rng) * 3 + 1
    remembering.train(True)
    torch.testing.assert_close(copied(seen), layers(seen))
    remembering.train(False)
    torch.testing.assert_close(copied(seen), layers(seen), atol=2e-3, rtol=2e-3)  # kept without Bessel's correction
    torch.testing.assert_close(copied(seen[..., :8, :8]), copied(seen)[..., :8, :8])  # a part is not normalised anew


def test_memory_is_estimated_from_the_largest_features() -> None:
    network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, stride=2, padding=1))
    assert features_per_pixel(network, 64) == 16 * 4  # 16 channels of 4 bytes; 32 of a quarter of the pixels are fewer


@pytest.mark.parametrize("room", [10**9, 10**8, 10**7])
def test_what_is_in_memory_at_once_fits(room: int) -> None:
    most = room / (HELD * 64)
    found = tiling_for(3840 * 2160, 64, room)
    assert found is not None
    assert found.side**2 <= most or found.side == 128
    assert 3840 * 2160 / found.shrink**2 <= most
    assert tiling_for(int(most), 64, room) is None
