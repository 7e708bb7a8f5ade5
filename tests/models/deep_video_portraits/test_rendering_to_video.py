"""The published rendering-to-video network: its size, its layers, what it takes and what it refuses."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from models.deep_video_portraits.rendering_to_video import RenderingToVideo, RenderingToVideoConfig

SMALL = RenderingToVideoConfig(condition_channels=2, window=3, base_channels=4, levels=4)


def network(config: RenderingToVideoConfig = SMALL) -> RenderingToVideo:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return RenderingToVideo(config).eval()


def window(count: int = 2, height: int = 32, width: int = 48, seed: int = 3) -> Tensor:
    return torch.rand(count, 6, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize(("levels", "weights"), [(8, 74_956_419), (9, 92_264_067)])
def test_the_published_network_has_as_many_weights_as_its_list_of_layers(levels: int, weights: int) -> None:
    """74.9 million at 256x256 with 99 channels in; at 512x512 a module more on either side, 512 channels wide."""
    with torch.device("meta"):
        published = RenderingToVideo(RenderingToVideoConfig(levels=levels))
    assert published.window * published.condition_channels == 99
    assert sum(weight.numel() for weight in published.parameters()) == weights


def test_the_encoder_ends_in_one_pixel_at_256() -> None:
    config = RenderingToVideoConfig()
    assert config.stride == 256
    assert config.widths == (64, 128, 256, 512, 512, 512, 512, 512)


def test_it_paints_a_picture_of_the_size_that_went_in_between_minus_one_and_one() -> None:
    painted = network()(100 * window())
    assert painted.shape == (2, 3, 32, 48)
    assert painted.abs().max() <= 1


def test_every_size_of_the_encoder_reaches_the_picture() -> None:
    """Each skip is used: with the decoder's own way cut off, the picture still depends on each encoder's output."""
    painter, seen = network(), window(1)
    plain = painter(seen)
    for module in painter.encode:
        handle = module.register_forward_hook(lambda _module, _inputs, output: output + 1)
        assert not torch.equal(painter(seen), plain)
        handle.remove()


def test_dropout_and_batch_norm_stand_where_the_paper_has_them() -> None:
    painter = network()

    def count(kind: type[nn.Module]) -> list[int]:
        return [sum(isinstance(layer, kind) for layer in module.modules()) for module in painter.encode], [
            sum(isinstance(layer, kind) for layer in module.modules()) for module in painter.decode
        ]

    assert count(nn.BatchNorm2d) == ([0, 1, 1, 1], [3, 3, 3])
    assert count(nn.Dropout) == ([0, 0, 0, 0], [3, 3, 3])
    deeper = RenderingToVideo(replace(SMALL, levels=6))
    assert [sum(isinstance(layer, nn.Dropout) for layer in one.modules()) for one in deeper.decode] == [3, 3, 3, 0, 0]


def test_without_dropout_training_gives_the_same_picture_twice() -> None:
    seen = window()
    for dropout in (0.5, 0.0):
        painter = network(replace(SMALL, dropout=dropout)).train()
        assert torch.equal(painter(seen), painter(seen)) is (dropout == 0)


def test_with_instance_norm_a_picture_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    painter, seen = network(replace(SMALL, norm="instance", dropout=0.0)).train(), window()
    torch.testing.assert_close(painter(seen)[:1], painter(seen[:1]))
    assert painter(seen[:1, :, :16, :16]).shape == (1, 3, 16, 16)  # down to one pixel


def test_one_picture_that_shrinks_to_one_pixel_is_refused_by_batch_norm_in_training_only() -> None:
    painter, seen = network(), window(1, 16, 16)
    assert painter(seen).shape == (1, 3, 16, 16)
    with pytest.raises(ValueError, match="train with a batch of 2 or more, or with norm 'instance'"):
        painter.train()(seen)


@pytest.mark.parametrize(("height", "width"), [(32, 40), (8, 32)])
def test_a_size_it_cannot_halve_so_often_is_refused(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"The picture is {width}x{height}, expected multiples of 16, at least 16"):
        network()(window(1, height, width))


def test_a_window_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"The window has 4 channels, expected 6: 3 conditions of 2\."):
        network()(window()[:, 2:])


def test_a_shape_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"RenderingToVideoConfig\.window is 0, expected 1 or more"):
        RenderingToVideoConfig(window=0)
    with pytest.raises(ValueError, match=r"RenderingToVideoConfig\.levels is 1, expected 2 or more"):
        RenderingToVideoConfig(levels=1)
    with pytest.raises(ValueError, match=r"RenderingToVideoConfig\.dropout is 1\.0, expected 0 or more, below 1"):
        RenderingToVideoConfig(dropout=1.0)


def test_the_picture_is_float32_where_the_bulk_is_bfloat16() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert network()(window()).dtype == torch.float32
