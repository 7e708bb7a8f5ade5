"""Finer scales have the published sizes, take the coarse features, and keep their own frames."""

from dataclasses import replace

import pytest
import torch
from made_pictures import SMALL, constant, parameters, random
from torch import Tensor

from models.vid2vid.generator import CompositeConfig
from models.vid2vid.local_generator import CompositeLocalGenerator, LocalConfig
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator, pyramid

NOT_EMPTY = torch.tensor([False])
TWO = PyramidConfig(coarse=SMALL, scales=2, local_blocks=1)


def frames_of(generator: PyramidGenerator, height: int = 32, width: int = 48) -> list[Tensor]:
    return [random(1, 6, *size) for size in generator.sizes(height, width)]


def test_a_finer_generator_has_as_many_weights_as_the_published_one() -> None:
    with torch.device("meta"):
        finer = CompositeLocalGenerator(LocalConfig.above(CompositeConfig(condition_channels=6, norm="batch")))
    assert parameters(finer) == 2_164_614


def test_every_doubling_halves_the_width_and_doubles_the_flow_of_one() -> None:
    config = PyramidConfig(coarse=CompositeConfig(foreground=True), scales=3)
    assert [(one.base_channels, one.flow_scale, one.foreground_channels) for one in config.finer] == [
        (64, 40.0, 32),
        (32, 80.0, 16),
    ]
    assert config.stride == 32


@pytest.mark.parametrize("coarse", [SMALL, replace(SMALL, plate=True), replace(SMALL, foreground=True, flow=False)])
def test_a_frame_comes_out_at_every_scale_coarse_to_fine(coarse: CompositeConfig) -> None:
    generator = PyramidGenerator(PyramidConfig(coarse=coarse, scales=3, local_blocks=1))
    made = generator(
        random(1, 9, 64, 96),
        frames_of(generator, 64, 96),
        empty=NOT_EMPTY,
        backdrop=random(1, 3, 64, 96),
        foreground_mask=torch.full((1, 1, 64, 96), 0.5),
    )
    assert [tuple(one.image.shape) for one in made] == [(1, 3, 16, 24), (1, 3, 32, 48), (1, 3, 64, 96)]
    made[-1].image.mean().backward()
    assert generator.coarse.encode_conditions.layers[1].weight.grad.any()


def test_one_scale_is_the_coarse_generator() -> None:
    generator = PyramidGenerator(PyramidConfig(coarse=SMALL))
    conditions, previous = random(1, 9, 16, 24), random(1, 6, 16, 24)
    (made,) = generator(conditions, [previous], empty=NOT_EMPTY)
    assert torch.equal(made.image, generator.coarse(conditions, previous, empty=NOT_EMPTY).image)


def test_every_scale_fetches_from_its_own_last_frame() -> None:
    generator = PyramidGenerator(TWO)
    for scale in (generator.coarse, generator.finer[0]):
        constant(scale.heads.flow, 0.0)
    previous = frames_of(generator)
    made = generator(random(1, 9, 32, 48), previous, empty=NOT_EMPTY)
    for one, frames in zip(made, previous, strict=True):
        assert one.warped is not None
        torch.testing.assert_close(one.warped, frames[:, 3:], atol=1e-6, rtol=0)


def test_without_a_history_every_scale_paints_its_raw_frame() -> None:
    generator = PyramidGenerator(TWO)
    for one in generator(random(1, 9, 32, 48), frames_of(generator), empty=torch.tensor([True])):
        assert torch.equal(one.image, one.raw)


def test_a_grown_pyramid_goes_on_where_the_coarse_one_stopped() -> None:
    coarse, grown = PyramidGenerator(replace(TWO, scales=1)), PyramidGenerator(TWO)
    grown.continue_from(coarse)
    conditions, previous = random(1, 9, 32, 48), frames_of(grown)
    alone = coarse(pyramid(conditions, 2)[0], previous[:1], empty=NOT_EMPTY)[0]
    assert torch.equal(grown(conditions, previous, empty=NOT_EMPTY)[0].image, alone.image)


def test_growing_from_another_shape_is_refused() -> None:
    other = PyramidGenerator(PyramidConfig(coarse=replace(SMALL, blocks=1)))
    with pytest.raises(ValueError, match=r"The trained pyramid is PyramidConfig\(.*blocks=1"):
        PyramidGenerator(TWO).continue_from(other)
    with pytest.raises(ValueError, match="expected fewer scales of"):
        PyramidGenerator(replace(TWO, scales=1)).continue_from(PyramidGenerator(TWO))


def test_half_a_picture_is_the_mean_of_three_by_three() -> None:
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    half, whole = pyramid(picture, 2)
    assert torch.equal(whole, picture)
    # Around (0, 0) four pixels are there: (0 + 1 + 4 + 5) / 4; around (2, 2) nine: 5, 6, 7, 9, 10, 11, 13, 14, 15.
    assert half[0, 0, 0, 0] == 2.5
    assert half[0, 0, 1, 1] == 10.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scales": 0}, r"PyramidConfig\.scales is 0, expected 1 or more"),
        ({"scales": 2, "coarse": replace(SMALL, fold=2)}, r"coarse\.fold is 2, expected fold 1: a finer scale takes"),
        ({"scales": 4}, "begins with 4 channels, expected what can be halved 3 times"),
        (
            {"coarse": replace(SMALL, base_channels=6, downsamplings=3, foreground=True)},
            "begins with 3 channels, expected what can be halved 1 times",
        ),
    ],
)
def test_an_impossible_pyramid_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TWO, **change)


def test_sizes_and_histories_that_do_not_fit_are_refused() -> None:
    generator = PyramidGenerator(TWO)
    with pytest.raises(ValueError, match="The picture is 48x36, expected multiples of 8, at least 16"):
        generator(random(1, 9, 36, 48), frames_of(generator, 36, 48), empty=NOT_EMPTY)
    with pytest.raises(ValueError, match="Previous frames of 1 scales are given, expected 2, coarse to fine"):
        generator(random(1, 9, 32, 48), frames_of(generator)[:1], empty=NOT_EMPTY)
