"""The layers of the generators keep the sizes, borders and first weights that the papers give them."""

import pytest
import torch
from torch import nn

from models.blocks import (
    ResidualBlock,
    affine_norm,
    batch_norm,
    c7s1,
    down,
    half_size,
    initialise,
    instance_norm,
    out,
    up,
)


@pytest.mark.parametrize(
    ("layers", "size"),
    [
        (c7s1(3, 5, instance_norm), (5, 16, 24)),
        (down(3, 5, instance_norm), (5, 8, 12)),
        (up(3, 5, instance_norm), (5, 32, 48)),
        ([ResidualBlock(3, instance_norm)], (3, 16, 24)),
        (out(3, 5), (5, 16, 24)),
    ],
    ids=["c7s1 keeps the size", "d halves it", "u doubles it", "R keeps it", "out keeps it"],
)
def test_each_layer_changes_the_size_as_its_name_says(layers: list[nn.Module], size: tuple[int, ...]) -> None:
    picture = torch.rand(2, 3, 16, 24)
    assert nn.Sequential(*layers)(picture).shape == (2, *size)


@pytest.mark.parametrize(("before", "after"), [(8, 4), (9, 5), (33, 17), (1, 1)])
def test_a_step_down_the_pyramid_halves_and_rounds_up(before: int, after: int) -> None:
    assert half_size()(torch.zeros(1, 1, before, before)).shape[-2:] == (after, after)


def test_the_pyramid_averages_only_what_lies_inside_the_picture() -> None:
    ones = torch.ones(1, 1, 6, 6)
    assert torch.equal(half_size()(ones), torch.ones(1, 1, 3, 3))  # zeros counted in would give 4/9 in the corner


def test_instance_norm_takes_mean_and_deviation_out_of_each_map_and_learns_nothing() -> None:
    norm = instance_norm(2)
    assert not list(norm.parameters()) and not list(norm.buffers())
    maps = torch.tensor([[[[0.0, 2.0]], [[10.0, 30.0]]]])
    torch.testing.assert_close(norm(maps), torch.tensor([[[[-1.0, 1.0]], [[-1.0, 1.0]]]]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("batch", [1, 3])
def test_instance_norm_of_channels_last_is_the_usual_one_and_stays_channels_last(batch: int) -> None:
    chance = torch.Generator().manual_seed(0)
    norm, usual = affine_norm(5), nn.InstanceNorm2d(5, affine=True)
    scale, shift = torch.randn(5, generator=chance), torch.randn(5, generator=chance)
    for layer in (norm, usual):
        layer.load_state_dict({"weight": scale, "bias": shift})
    seen = torch.randn(batch, 5, 6, 7, generator=chance)
    ours = seen.contiguous(memory_format=torch.channels_last).requires_grad_()
    theirs = seen.clone().requires_grad_()
    made, expected = norm(ours), usual(theirs)
    weights = torch.randn(batch, 5, 6, 7, generator=chance)
    (made * weights).sum().backward()
    (expected * weights).sum().backward()
    assert made.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(made, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(norm.weight.grad, usual.weight.grad)


def test_a_residual_block_whose_last_convolution_is_zero_is_the_identity() -> None:
    block = ResidualBlock(2, lambda _: nn.Identity())
    last = block.conv_block[5]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    picture = torch.linspace(-3, 3, 2 * 4 * 4).reshape(1, 2, 4, 4)  # negative too: no activation after the sum
    assert torch.equal(block(picture), picture)


def test_first_weights_have_the_papers_deviation_and_no_bias() -> None:
    net = initialise(
        nn.Sequential(*c7s1(64, 64, batch_norm), *up(64, 64, instance_norm)), torch.Generator().manual_seed(0)
    )
    stem, norm, widen = net[1], net[2], net[4]
    assert isinstance(stem, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and isinstance(widen, nn.ConvTranspose2d)
    for weight, mean in [(stem.weight, 0.0), (widen.weight, 0.0), (norm.weight, 1.0)]:
        assert weight.mean().item() == pytest.approx(mean, abs=0.01)
        assert weight.std().item() == pytest.approx(0.02, rel=0.25)
    assert all(layer.bias is not None and not layer.bias.any() for layer in (stem, norm, widen))


def test_first_weights_are_a_function_of_the_generator_alone() -> None:
    def weights(global_seed: int) -> torch.Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(global_seed)
            net = initialise(nn.Sequential(*c7s1(3, 4, instance_norm)), torch.Generator().manual_seed(5))
        return torch.cat([weight.flatten() for weight in net.parameters()])

    assert torch.equal(weights(1), weights(2))
