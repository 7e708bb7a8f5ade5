"""pix2pix's U-Net has the published size, and skips that bring what in-place activations made of them."""

from dataclasses import replace

import pytest
import torch
from published_networks import drawn as redrawn
from published_translators import UNet
from torch import Tensor, nn

from models.blocks import initialise
from models.official.cyclegan import unet_names
from models.pix2pix.unet import UNetGenerator, UNetGeneratorConfig

TINY = UNetGeneratorConfig(levels=5, base_channels=2, dropout=False)


def pictures(count: int = 1, size: int = 32, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def drawn(config: UNetGeneratorConfig) -> UNetGenerator:
    return initialise(UNetGenerator(config), torch.Generator().manual_seed(0))


# One level less at 512 channels: 512·512·16 weights down, twice as many up, and two norms of 512 scales and shifts.
# With instance norms there are none of these, and biases instead.
@pytest.mark.parametrize(
    ("config", "count"),
    [
        (UNetGeneratorConfig(norm="batch"), 54_413_955),
        (UNetGeneratorConfig(norm="affine"), 54_413_955),
        (UNetGeneratorConfig(levels=7), 54_413_955 - 3 * 512 * 512 * 16 - 4 * 512),
        (UNetGeneratorConfig(levels=7, dropout=False), 41_828_995),
    ],
)
def test_it_has_as_many_weights_as_the_published_one(config: UNetGeneratorConfig, count: int) -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in UNetGenerator(config).parameters()) == count


@pytest.mark.parametrize("keep", [False, True], ids=["in place", "the raw input handed on"])
def test_it_paints_as_the_network_whose_activations_work_in_place(keep: bool) -> None:
    """What is next is a ReLU, and ReLU(LeakyReLU(x)) = ReLU(x): so either skip paints the same, to the last bit."""
    theirs = redrawn(UNet(levels=5, width=4, dropout=False, keep=keep))
    config = UNetGeneratorConfig(levels=5, base_channels=4, dropout=False)
    ours, names = UNetGenerator(config), unet_names(config)
    state = theirs.state_dict()
    ours.load_state_dict(
        {name: state[f"{names[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}"] for name in ours.state_dict()}
    )
    seen = pictures(size=64)
    torch.testing.assert_close(ours(seen), theirs(seen.clone()), rtol=0, atol=1e-5)


def test_skips_bring_the_activated_features() -> None:
    net = drawn(TINY)
    brought: dict[str, Tensor] = {}
    net.down[0].register_forward_hook(lambda _, __, found: brought.update(features=found.clone()))
    net.up[0].register_forward_pre_hook(lambda _, seen: brought.update(beside=seen[0][:, :2].clone()))
    net.down[1].register_forward_pre_hook(lambda _, seen: brought.update(below=seen[0].clone()))
    net(pictures())
    features = brought["features"]
    assert torch.equal(brought["below"], torch.where(features > 0, features, 0.2 * features))
    assert torch.equal(brought["beside"], features.clamp(min=0))


def test_a_picture_keeps_its_size_down_to_one_pixel_at_the_bottom() -> None:
    net = drawn(TINY)
    assert net.stride == TINY.stride == 32
    for height, width in ((32, 32), (32, 96)):
        painted = net(torch.zeros(2, 3, height, width))
        assert painted.shape == (2, 3, height, width) and painted.abs().max() <= 1


def test_norms_are_neither_at_the_first_nor_at_the_last_halving_nor_before_the_picture() -> None:
    net = UNetGenerator(replace(TINY, norm="batch"))
    normed = [any(isinstance(layer, nn.BatchNorm2d) for layer in stage) for stage in net.down]
    assert normed == [False, True, True, True, False]
    normed = [any(isinstance(layer, nn.BatchNorm2d) for layer in stage) for stage in net.up]
    assert normed == [False, True, True, True, True]


@pytest.mark.parametrize(("levels", "where"), [(8, [4, 5, 6]), (7, [4, 5]), (5, [])])
def test_dropout_is_where_both_sides_are_of_the_full_width(levels: int, where: list[int]) -> None:
    with torch.device("meta"):
        net = UNetGenerator(UNetGeneratorConfig(levels=levels, base_channels=1))
    dropped = [level for level, stage in enumerate(net.up) if any(isinstance(layer, nn.Dropout) for layer in stage)]
    assert dropped == where


def test_dropout_is_chance_in_training_and_nothing_in_evaluation() -> None:
    net = drawn(UNetGeneratorConfig(levels=6, base_channels=2))
    seen = pictures(size=64)
    assert not torch.equal(net(seen), net(seen))
    assert torch.equal(net.eval()(seen), net(seen))


def test_batch_norms_of_a_picture_are_affine_ones() -> None:
    batch, affine = drawn(replace(TINY, norm="batch")), drawn(TINY)
    affine.load_state_dict({name: tensor for name, tensor in batch.state_dict().items() if name in affine.state_dict()})
    torch.testing.assert_close(affine(pictures()), batch(pictures()), rtol=0, atol=1e-5)


def test_channels_stay_last_and_the_gradient_is_the_derivative() -> None:
    net = drawn(TINY).to(memory_format=torch.channels_last)
    assert net(pictures().contiguous(memory_format=torch.channels_last)).is_contiguous(
        memory_format=torch.channels_last
    )
    exact, seen, direction = drawn(TINY).double(), pictures().double(), pictures(seed=7).double()
    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda step: exact(seen + step * direction).square().sum(), step, eps=1e-7)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: UNetGeneratorConfig(levels=1), r"UNetGeneratorConfig\.levels is 1, expected 2 or more"),
        (lambda: UNetGenerator(TINY)(torch.zeros(1, 1, 32, 32)), "has 1 channels, the generator takes 3"),
        (
            lambda: UNetGenerator(TINY)(torch.zeros(1, 3, 32, 48)),
            "The picture is 48x32, expected multiples of 32: pad it, and crop the result",
        ),
    ],
)
def test_what_does_not_fit_is_refused(made, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made()
