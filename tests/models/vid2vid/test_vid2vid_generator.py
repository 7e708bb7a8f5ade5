"""The coarse generator has the published sizes, blends as the paper says, and becomes light by config alone."""

import math
from dataclasses import replace

import jaxtyping
import pytest
import torch
from made_pictures import SMALL, constant, parameters, random
from torch import nn

from models.blocks import initialise
from models.ops.warp import warp
from models.vid2vid.generator import LIGHT, CompositeConfig, CompositeGenerator

NOT_EMPTY = torch.tensor([False])
FLAGS = ("skips", "twin_encoder", "twin_decoder", "resize_up", "plate", "foreground", "flow")
ROUNDING = {"atol": 1e-6, "rtol": 0.0}
NARROW_LIGHT = replace(LIGHT, past_frames=2, base_channels=8, most_channels=32, downsamplings=2)


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (CompositeConfig(condition_channels=6, norm="batch"), 364_826_886),
        (CompositeConfig(condition_channels=6, norm="affine"), 364_826_886),
        (CompositeConfig(condition_channels=6, base_channels=64, norm="batch"), 91_285_638),
        (CompositeConfig(condition_channels=6, base_channels=64, norm="instance"), 91_243_142),
        (CompositeConfig(condition_channels=6, base_channels=32, norm="batch"), 22_860_870),
        (CompositeConfig(condition_channels=15, norm="batch"), 364_996_230),  # faces
        (CompositeConfig(condition_channels=36, norm="batch", foreground=True), 411_335_241),  # streets
    ],
)
def test_it_has_as_many_weights_as_the_published_one(config: CompositeConfig, count: int) -> None:
    with torch.device("meta"):
        assert parameters(CompositeGenerator(config)) == count


def test_the_published_halves_are_numbered_as_published() -> None:
    with torch.device("meta"):
        names = CompositeGenerator(CompositeConfig(norm="batch")).state_dict().keys()
    assert {f"encode_conditions.layers.{layer}.weight" for layer in (1, 2, 4, 5, 7, 8, 10, 11)} <= names
    assert "encode_previous.layers.13.conv_block.1.weight" in names
    assert "encode_previous.layers.17.conv_block.6.weight" in names
    assert "encode_previous.layers.18.conv_block.1.weight" not in names  # five of nine blocks; the decoders have four
    assert {f"decode_flow.widen.{layer}.weight" for layer in (0, 1, 3, 4, 6, 7)} <= names
    assert "decode_image.refine.3.conv_block.1.weight" in names


def test_a_mask_of_one_paints_the_frame_anew() -> None:
    generator = CompositeGenerator(SMALL)
    constant(generator.heads.mask, math.inf)
    made = generator(random(1, 9, 16, 24), random(1, 6, 16, 24), empty=NOT_EMPTY)
    assert torch.equal(made.image, made.raw)


def test_a_mask_of_zero_fetches_the_newest_frame_along_the_flow() -> None:
    generator = CompositeGenerator(SMALL)
    constant(generator.heads.mask, -math.inf)
    previous = random(1, 6, 16, 24)
    made = generator(random(1, 9, 16, 24), previous, empty=NOT_EMPTY)
    assert made.flow is not None and made.warped is not None
    assert torch.equal(made.image, made.warped)
    torch.testing.assert_close(made.image, warp(previous[:, 3:], made.flow), **ROUNDING)


def test_half_a_mask_is_the_mean_of_both() -> None:
    generator = CompositeGenerator(SMALL)
    constant(generator.heads.mask, 0.0)
    made = generator(random(1, 9, 16, 24), random(1, 6, 16, 24), empty=NOT_EMPTY)
    assert made.warped is not None
    torch.testing.assert_close(made.image, (made.raw + made.warped) / 2, **ROUNDING)


def test_the_flow_is_twenty_pixels_for_an_output_of_one() -> None:
    generator = CompositeGenerator(SMALL)
    constant(generator.heads.flow, 1.0)
    made = generator(random(1, 9, 16, 24), random(1, 6, 16, 24), empty=NOT_EMPTY)
    assert made.flow is not None
    assert made.flow.unique().tolist() == [20.0]


def test_without_a_history_the_frame_is_the_raw_one_for_that_sample_alone() -> None:
    generator = initialise(CompositeGenerator(SMALL), torch.Generator().manual_seed(0))
    conditions, previous = random(2, 9, 16, 24), random(2, 6, 16, 24)
    made = generator(conditions, previous, empty=torch.tensor([True, False]))
    assert torch.equal(made.image[0], made.raw[0])
    assert not torch.equal(made.image[1], made.raw[1])
    assert made.flow is not None and made.flow[0].any()  # flow and mask are there all the same


def test_without_flow_the_frame_is_painted_whole() -> None:
    generator = CompositeGenerator(replace(SMALL, flow=False))
    made = generator(random(1, 9, 16, 24), random(1, 6, 16, 24), empty=NOT_EMPTY)
    assert torch.equal(made.image, made.raw)
    assert made.flow is made.mask is made.warped is made.flow_features is None
    assert not any("flow" in name for name in generator.state_dict())


def test_the_foreground_is_laid_over_what_was_blended_and_over_the_raw_frame() -> None:
    generator = CompositeGenerator(replace(SMALL, foreground=True))
    constant(generator.foreground.paint, math.inf)  # tanh: 1
    conditions, previous = random(1, 9, 16, 24), random(1, 6, 16, 24)
    left = torch.zeros(1, 1, 16, 24)
    bare = generator(conditions, previous, empty=NOT_EMPTY, foreground_mask=left)
    left[..., :12] = 1
    made = generator(conditions, previous, empty=NOT_EMPTY, foreground_mask=left)
    for picture, without in ((made.image, bare.image), (made.raw, bare.raw)):
        assert picture[..., :12].unique().tolist() == [1.0]
        assert torch.equal(picture[..., 12:], without[..., 12:])


def test_the_foreground_does_not_look_at_frames_before() -> None:
    generator = CompositeGenerator(replace(SMALL, foreground=True))
    conditions, everywhere = random(1, 9, 16, 24), torch.ones(1, 1, 16, 24)
    made = [
        generator(conditions, previous, empty=NOT_EMPTY, foreground_mask=everywhere)
        for previous in (random(1, 6, 16, 24), torch.zeros(1, 6, 16, 24))
    ]
    assert torch.equal(made[0].image, made[1].image)


def test_behind_a_shut_matte_the_plate_comes_back_exactly() -> None:
    generator = CompositeGenerator(NARROW_LIGHT)
    constant(generator.heads.matte, -math.inf)
    plate = random(1, 3, 16, 32)
    made = generator(random(1, 9, 16, 32), random(1, 6, 16, 32), empty=NOT_EMPTY, backdrop=plate)
    assert torch.equal(made.image, plate)
    assert torch.equal(made.raw, plate)


def test_an_open_matte_shows_the_blended_performer_alone() -> None:
    generator = CompositeGenerator(NARROW_LIGHT)
    constant(generator.heads.matte, math.inf)
    made = generator(random(1, 9, 16, 32), random(1, 6, 16, 32), empty=NOT_EMPTY, backdrop=random(1, 3, 16, 32))
    assert made.mask is not None and made.warped is not None and made.foreground is not None
    assert torch.equal(made.image, made.foreground)
    torch.testing.assert_close(made.image, made.mask * made.raw + (1 - made.mask) * made.warped, **ROUNDING)


@pytest.mark.parametrize("base", [SMALL, NARROW_LIGHT], ids=["published", "light"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"fold": 4},
        {"kernel": 5},
        {"most_channels": 8},
        {"past_frames": 1},
        {"blocks": 0},
        {"condition_channels": 6},
        *({flag: value} for flag in FLAGS for value in (True, False)),
        *({"norm": norm} for norm in ("instance", "affine", "batch")),
    ],
    ids=str,
)
def test_each_flag_works_alone(base: CompositeConfig, change: dict[str, int]) -> None:
    config = replace(base, **change)
    generator = CompositeGenerator(config)
    height, width = 2 * config.stride, 3 * config.stride
    made = generator(
        random(1, (config.past_frames + 1) * config.condition_channels, height, width),
        random(1, 3 * config.past_frames, height, width),
        empty=NOT_EMPTY,
        backdrop=random(1, 3, height, width),
        foreground_mask=torch.ones(1, 1, height, width),
    )
    assert made.image.shape == made.raw.shape == (1, 3, height, width)
    assert (made.flow is not None) is config.flow
    assert (made.matte is not None) is config.plate
    (made.image.mean() + made.raw.mean()).backward()
    learns = [weight.grad is not None for weight in generator.parameters()]
    assert all(learns)


def test_the_light_one_is_the_same_class_with_two_hundredths_of_the_weights() -> None:
    with torch.device("meta"):
        light, published = (parameters(CompositeGenerator(config)) for config in (LIGHT, CompositeConfig()))
    assert light < published / 50


def test_heads_and_blending_stay_in_float32_where_the_bulk_is_bfloat16() -> None:
    generator = CompositeGenerator(NARROW_LIGHT)
    heads = generator.heads
    seen: list[torch.dtype] = []
    for head in (heads.raw, heads.flow, heads.mask, heads.matte):
        padding = next(part for part in head.modules() if isinstance(part, nn.ReflectionPad2d))
        padding.register_forward_hook(lambda _, inputs, output: seen.append(output.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        made = generator(random(1, 9, 16, 32), random(1, 6, 16, 32), empty=NOT_EMPTY, backdrop=random(1, 3, 16, 32))
    assert seen == [torch.float32]  # one convolution for all heads, behind one padding
    assert made.image_features.dtype == torch.bfloat16
    for picture in (made.image, made.raw, made.flow, made.mask, made.warped, made.matte, made.foreground):
        assert picture is not None and picture.dtype == torch.float32


def test_a_frame_ignores_those_after_it() -> None:
    generator = CompositeGenerator(SMALL)

    def roll_out(conditions: list[torch.Tensor]) -> list[torch.Tensor]:
        frames = [torch.zeros(1, 3, 16, 24)] * 2
        for step in range(2, len(conditions)):
            made = generator(torch.cat(conditions[step - 2 : step + 1], 1), torch.cat(frames[-2:], 1), empty=NOT_EMPTY)
            frames.append(made.image)
        return frames[2:]

    film = [random(1, 3, 16, 24, seed=seed) for seed in range(6)]
    other_end = [*film[:-1], -film[-1]]
    before, after = roll_out(film), roll_out(other_end)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(before[:-1], after[:-1], strict=True))
    assert not torch.equal(before[-1], after[-1])


@pytest.mark.parametrize("cut", [True, False])
def test_no_gradient_flows_through_time_where_the_memory_is_detached(cut: bool) -> None:
    generator = CompositeGenerator(SMALL)
    start = random(1, 6, 16, 24).requires_grad_()
    first = generator(random(1, 9, 16, 24), start, empty=NOT_EMPTY).image
    memory = torch.cat([torch.zeros(1, 3, 16, 24), first.detach() if cut else first], dim=1)
    generator(random(1, 9, 16, 24), memory, empty=NOT_EMPTY).image.sum().backward()
    assert (start.grad is None) is cut


@pytest.mark.parametrize("config", [SMALL, NARROW_LIGHT], ids=["published", "light"])
def test_twenty_steps_on_one_frame_halve_its_error(config: CompositeConfig) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = CompositeGenerator(config)
    optimiser = torch.optim.Adam(generator.parameters(), 4e-3)
    height, width = 32, 48
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    truth = torch.stack([rows, columns, rows * columns])[None]
    conditions, previous, plate = random(1, 9, height, width), truth.roll(3, dims=3).repeat(1, 2, 1, 1), -truth
    errors = []
    for _ in range(20):
        made = generator(conditions, previous, empty=NOT_EMPTY, backdrop=plate)
        error = (made.image - truth).abs().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[-1] < errors[0] / 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"past_frames": 0}, r"CompositeConfig\.past_frames is 0, expected 1 or more"),
        ({"blocks": -1}, r"CompositeConfig\.blocks is -1, expected 0 or more"),
        ({"kernel": 4}, r"CompositeConfig\.kernel is 4, expected an odd number"),
        ({"flow_scale": 0.0}, r"CompositeConfig\.flow_scale is 0\.0, expected more than 0"),
        ({"most_channels": 64}, r"CompositeConfig\.most_channels is 64, expected at least the base, 128, or None"),
    ],
)
def test_an_impossible_shape_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CompositeConfig(**change)


def test_an_unknown_norm_is_refused_where_no_types_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as in production
    with pytest.raises(ValueError, match=r"norm is 'group', expected one of affine, batch, instance"):
        CompositeConfig(norm="group")


@pytest.mark.parametrize(
    ("config", "conditions", "previous", "message"),
    [
        (SMALL, (1, 9, 16, 18), (1, 6, 16, 18), "The picture is 18x16, expected multiples of 4, at least 8: pad it"),
        (SMALL, (1, 9, 4, 16), (1, 6, 4, 16), "The picture is 16x4, expected multiples of 4, at least 8"),
        (SMALL, (1, 6, 16, 16), (1, 6, 16, 16), "have 6 and 6 channels, expected 9 and 6: 3 conditions of 3 and 2"),
        (replace(SMALL, plate=True), (1, 9, 16, 16), (1, 6, 16, 16), "says plate, and no backdrop is given"),
        (replace(SMALL, foreground=True), (1, 9, 16, 16), (1, 6, 16, 16), "says foreground, and no mask is given"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(
    config: CompositeConfig, conditions: tuple[int, ...], previous: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        CompositeGenerator(config)(random(*conditions), random(*previous), empty=NOT_EMPTY)
