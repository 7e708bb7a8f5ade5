"""The generators have the published shapes, sizes and names."""

import re

import pytest
import torch
from torch import nn

from models.blocks import initialise
from models.everybody_dance_now.generator import (
    FACE_GENERATOR,
    EnhancerConfig,
    GeneratorConfig,
    GlobalGenerator,
    LocalEnhancer,
)

TINY = GeneratorConfig(base_channels=4, downsamplings=2, blocks=1)
TINY_ENHANCER = EnhancerConfig(base_channels=4, downsamplings=2, blocks=1, local_blocks=2)


def parameters(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (GeneratorConfig(in_channels=36), 182_546_755),
        (GeneratorConfig(), 182_452_675),
        (FACE_GENERATOR, 26_724_291),
    ],
    ids=["pix2pixHD", "Everybody Dance Now", "its face network"],
)
def test_the_global_generator_has_as_many_weights_as_the_published_one(config: GeneratorConfig, count: int) -> None:
    with torch.device("meta"):
        assert parameters(GlobalGenerator(config)) == count


def test_the_enhancer_has_as_many_weights_as_the_published_one() -> None:
    with torch.device("meta"):
        assert parameters(LocalEnhancer(EnhancerConfig(in_channels=36))) == 182_857_059


def test_the_global_generator_numbers_its_weights_as_the_published_one() -> None:
    with torch.device("meta"):
        names = GlobalGenerator(GeneratorConfig()).state_dict()
    blocks = [f"model.{block}.conv_block.{conv}" for block in range(16, 25) for conv in (1, 5)]
    layers = [f"model.{layer}" for layer in (1, 4, 7, 10, 13, 25, 28, 31, 34, 38)]
    assert {name.removesuffix(".weight") for name in names if name.endswith(".weight")} == {*blocks, *layers}


@pytest.mark.parametrize("net", [GlobalGenerator(TINY), LocalEnhancer(TINY_ENHANCER)], ids=["global", "enhancer"])
def test_a_frame_has_the_size_of_its_condition_and_stays_within_one(net: nn.Module) -> None:
    condition, previous = torch.rand(2, 3, 32, 48), torch.rand(2, 3, 32, 48)
    frame = initialise(net, seeded())(condition, previous)
    assert frame.shape == (2, 3, 32, 48)
    assert frame.abs().max() <= 1


def test_condition_and_previous_frame_are_two_different_inputs() -> None:
    net = initialise(GlobalGenerator(TINY), seeded())
    one, other = torch.rand(1, 3, 16, 16, generator=seeded(1)), torch.rand(1, 3, 16, 16, generator=seeded(2))
    assert not torch.allclose(net(one, other), net(other, one))
    assert torch.equal(net(one, other), net(torch.cat([one, other], dim=1)))


def test_pictures_of_one_batch_do_not_see_each_other() -> None:
    net = initialise(LocalEnhancer(TINY_ENHANCER), seeded())
    batch = torch.rand(2, 6, 16, 16, generator=seeded(1))
    torch.testing.assert_close(net(batch)[:1], net(batch[:1]), atol=1e-5, rtol=0)


def test_training_and_rendering_mode_paint_the_same_frame() -> None:
    net = initialise(GlobalGenerator(TINY), seeded())
    picture = torch.rand(1, 6, 16, 16, generator=seeded(1))
    assert torch.equal(net.train()(picture), net.eval()(picture))


def test_each_level_of_the_enhancer_doubles_what_a_picture_must_be_a_multiple_of() -> None:
    assert (TINY.stride, TINY_ENHANCER.stride) == (4, 8)
    two = EnhancerConfig(base_channels=2, downsamplings=2, blocks=0, levels=2, local_blocks=1)
    assert (two.stride, two.coarse.base_channels) == (16, 8)
    assert LocalEnhancer(two)(torch.zeros(1, 6, 32, 48)).shape == (1, 3, 32, 48)


def test_the_enhancer_adds_detail_of_the_full_picture_to_the_features_of_the_half_one() -> None:
    net = initialise(LocalEnhancer(TINY_ENHANCER), seeded())
    picture = torch.rand(1, 6, 16, 16, generator=seeded(1))
    half = nn.functional.avg_pool2d(picture, 3, stride=2, padding=1, count_include_pad=False)
    assert torch.equal(net(picture), net.backs[0](net.model(half) + net.fronts[0](picture)))


def test_the_enhancer_goes_on_from_a_trained_global_generator() -> None:
    coarse = initialise(GlobalGenerator(TINY_ENHANCER.coarse), seeded(3))
    enhancer = initialise(LocalEnhancer(TINY_ENHANCER), seeded(4))
    enhancer.continue_from(coarse)
    small = torch.rand(1, 6, 16, 16, generator=seeded(1))
    features = coarse.model[:-3](small)
    assert torch.equal(enhancer.model(small), features)
    with pytest.raises(ValueError, match="The trained generator is GeneratorConfig"):
        enhancer.continue_from(GlobalGenerator(TINY))


def test_a_size_that_does_not_fit_the_stride_is_named_with_the_cure() -> None:
    message = "The picture is 30x16, expected multiples of 4. Pad it, and crop the result."
    with pytest.raises(ValueError, match=re.escape(message)):
        GlobalGenerator(TINY)(torch.zeros(1, 6, 16, 30))


def test_a_missing_input_is_named() -> None:
    with pytest.raises(ValueError, match="The inputs have 3 channels together, the generator takes 6"):
        GlobalGenerator(TINY)(torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: GeneratorConfig(base_channels=0), "GeneratorConfig: channels and levels are"),
        (lambda: GeneratorConfig(downsamplings=0), "0 downsamplings and 9 blocks, expected at least 1 and 0"),
        (lambda: EnhancerConfig(levels=0), "EnhancerConfig: channels and levels are"),
        (lambda: EnhancerConfig(local_blocks=-1), "local_blocks is -1, expected 0 or more"),
    ],
)
def test_an_impossible_shape_is_refused(build: object, message: str) -> None:
    assert callable(build)
    with pytest.raises(ValueError, match=message):
        build()
