"""CycleGAN's generator has the published size, and its light form paints with every pixel and begins at the picture."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from models.blocks import initialise
from models.cyclegan.generator import DARKEST, LIGHT, SIX_BLOCKS, ResnetGenerator, ResnetGeneratorConfig

TINY = ResnetGeneratorConfig(base_channels=2, blocks=1)
TINY_LIGHT = replace(LIGHT, base_channels=4, most_channels=8, blocks=1)


def drawn(config: ResnetGeneratorConfig, seed: int = 0) -> ResnetGenerator:
    return initialise(ResnetGenerator(config), torch.Generator().manual_seed(seed))


def pictures(count: int = 1, height: int = 32, width: int = 48, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# Three blocks less: 6 convolutions of 256·256·9 weights and 256 biases. With norms that shift, the convolutions before
# them lose 64 + 128 + 256 + 18·256 + 128 + 64 = 5,248 biases, and each of these channels gains a scale and a shift.
@pytest.mark.parametrize(
    ("config", "count"),
    [
        (ResnetGeneratorConfig(), 11_378_179),
        (SIX_BLOCKS, 11_378_179 - 6 * (256 * 256 * 9 + 256)),
        (ResnetGeneratorConfig(dropout=True), 11_378_179),
        (ResnetGeneratorConfig(norm="batch"), 11_378_179 + 5_248),
        (ResnetGeneratorConfig(norm="affine"), 11_378_179 + 5_248),
    ],
)
def test_it_has_as_many_weights_as_the_published_one(config: ResnetGeneratorConfig, count: int) -> None:
    with torch.device("meta"):
        assert sum(weight.numel() for weight in ResnetGenerator(config).parameters()) == count


@pytest.mark.parametrize(
    ("config", "stride"),
    [(TINY, 4), (TINY_LIGHT, 8), (replace(TINY, fold=4, downsamplings=1), 8), (replace(TINY, out_channels=1), 4)],
)
def test_a_picture_keeps_its_size_at_every_multiple_of_the_stride(config: ResnetGeneratorConfig, stride: int) -> None:
    net = drawn(config)
    assert net.stride == config.stride == stride
    for height, width in ((2 * stride, 2 * stride), (3 * stride, 5 * stride)):
        painted = net(pictures(2, height, width))
        assert painted.shape == (2, config.out_channels, height, width)
        assert painted.abs().max() < 1


@pytest.mark.parametrize("row", range(2))
@pytest.mark.parametrize("column", range(2))
def test_a_folded_generator_sees_and_paints_every_pixel(row: int, column: int) -> None:
    net = drawn(replace(TINY_LIGHT, residual=False), seed=3)
    before = pictures()
    after = before.clone()
    after[0, :, 8 + row, 8 + column] = -before[0, :, 8 + row, 8 + column]
    change = (net(after) - net(before)).abs()[0, :, 8:10, 8:10]
    assert (change > 1e-6).all()


def test_a_residual_generator_begins_with_the_picture() -> None:
    net = ResnetGenerator(TINY_LIGHT)
    nn.init.zeros_(net.model[-1].weight)
    nn.init.zeros_(net.model[-1].bias)
    seen = pictures().clamp(-1, 1)
    torch.testing.assert_close(net(seen), DARKEST * seen, rtol=0, atol=1e-6)
    white = torch.ones(1, 3, 32, 32).requires_grad_()
    net(white).sum().backward()
    assert torch.isfinite(white.grad).all()


@pytest.mark.parametrize("config", [TINY, TINY_LIGHT], ids=["published", "light"])
def test_channels_stay_last_through_every_layer(config: ResnetGeneratorConfig) -> None:
    net = drawn(config).to(memory_format=torch.channels_last)
    laid_out = []
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ReflectionPad2d | nn.InstanceNorm2d):
            layer.register_forward_hook(
                lambda _, __, found: laid_out.append(found.is_contiguous(memory_format=torch.channels_last))
            )
    painted = net(pictures(2).contiguous(memory_format=torch.channels_last))
    assert all(laid_out) and painted.is_contiguous(memory_format=torch.channels_last)


def test_a_picture_is_painted_as_though_it_were_alone() -> None:
    net, both = drawn(TINY), pictures(2)
    torch.testing.assert_close(net(both), torch.cat([net(both[:1]), net(both[1:])]), rtol=0, atol=1e-6)


def test_dropout_is_chance_in_training_and_nothing_else() -> None:
    net = drawn(replace(TINY, dropout=True))
    assert not torch.equal(net(pictures()), net(pictures()))
    assert torch.equal(net.eval()(pictures()), net(pictures()))
    plain = ResnetGenerator(TINY)
    plain.load_state_dict(
        {name.replace("conv_block.6", "conv_block.5"): tensor for name, tensor in net.state_dict().items()}
    )
    assert torch.equal(plain(pictures()), net(pictures()))


def test_the_picture_is_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert drawn(TINY_LIGHT)(pictures()).dtype == torch.float32


@pytest.mark.parametrize("config", [TINY, TINY_LIGHT], ids=["published", "light"])
def test_the_gradient_is_the_derivative(config: ResnetGeneratorConfig) -> None:
    net = drawn(config).double()
    seen = (0.9 * pictures(1, 16, 16)).double()
    direction = pictures(1, 16, 16, seed=7).double()
    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda step: net(seen + step * direction).square().sum(), step, eps=1e-7)


def test_twenty_steps_lower_the_loss() -> None:
    net, seen = drawn(TINY_LIGHT), pictures()
    wanted = seen.flip(1)  # red and blue change places
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for _ in range(20):
        loss = (net(seen) - wanted).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: replace(TINY, blocks=-1), r"ResnetGeneratorConfig\.blocks is -1, expected 0 or more"),
        (lambda: replace(TINY, fold=0), r"ResnetGeneratorConfig\.fold is 0, expected 1 or more"),
        (lambda: replace(TINY, kernel=4), r"ResnetGeneratorConfig\.kernel is 4, expected an odd number"),
        (lambda: replace(TINY, most_channels=1), r"most_channels is 1, expected at least the base, 2"),
        (lambda: replace(TINY, residual=True, out_channels=1), r"residual goes from 3 to 1 channels, expected as many"),
        (lambda: ResnetGenerator(TINY)(torch.zeros(1, 6, 32, 32)), "has 6 channels, the generator takes 3"),
        (
            lambda: ResnetGenerator(TINY)(torch.zeros(1, 3, 30, 32)),
            "The picture is 32x30, expected multiples of 4, at least 8: pad it, and crop the result",
        ),
        (lambda: ResnetGenerator(TINY)(torch.zeros(1, 3, 4, 32)), "The picture is 32x4, expected multiples of 4"),
    ],
)
def test_what_does_not_fit_is_refused(made, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made()
