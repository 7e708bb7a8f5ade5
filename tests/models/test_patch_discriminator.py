"""The discriminators have the published sizes, and judge every scale of the picture."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from models.blocks import batch_norm
from models.patch_discriminator import DiscriminatorConfig, MultiscaleDiscriminator, PatchDiscriminator


def parameters(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (DiscriminatorConfig(in_channels=12, scales=1), 2_773_953),
        (DiscriminatorConfig(in_channels=39, scales=1), 2_801_601),
        (DiscriminatorConfig(in_channels=39, scales=2), 5_603_202),
    ],
)
def test_it_has_as_many_weights_as_the_published_one(config: DiscriminatorConfig, count: int) -> None:
    with torch.device("meta"):
        assert parameters(MultiscaleDiscriminator(config)) == count


def test_the_features_have_the_published_sizes_fine_to_coarse() -> None:
    with torch.device("meta"):
        fine, coarse = MultiscaleDiscriminator(DiscriminatorConfig())(torch.zeros(1, 12, 512, 1024))
    assert [tuple(stage.shape[1:]) for stage in fine] == [
        (64, 257, 513),
        (128, 129, 257),
        (256, 65, 129),
        (512, 66, 130),
        (1, 67, 131),
    ]
    assert tuple(coarse[0].shape[1:]) == (64, 129, 257)
    assert tuple(coarse[-1].shape[1:]) == (1, 35, 67)


def test_a_logit_judges_a_patch_of_70_pixels() -> None:
    judge = PatchDiscriminator(in_channels=1, base_channels=2, norm=lambda _: nn.Identity()).double()
    picture = torch.rand(
        1, 1, 160, 160, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    judge(picture)[-1][0, 0, 10, 10].backward()
    assert picture.grad is not None
    touched = picture.grad[0, 0].nonzero()
    assert (touched.max(dim=0).values - touched.min(dim=0).values + 1).tolist() == [70, 70]


def test_over_borders_of_one_pixel_the_features_have_the_sizes_of_cyclegan() -> None:
    with torch.device("meta"):
        (features,) = MultiscaleDiscriminator(DiscriminatorConfig(in_channels=3, scales=1, padding=1))(
            torch.zeros(1, 3, 256, 256)
        )
    assert [found.shape[2:] for found in features] == [(128, 128), (64, 64), (32, 32), (31, 31), (30, 30)]


def test_only_convolutions_before_a_norm_go_without_a_bias() -> None:
    judge = PatchDiscriminator(in_channels=6, base_channels=4, bias=False, norm=batch_norm)
    assert [stage[0].bias is not None for stage in judge.stages] == [True, False, False, False, True]


def test_widths_double_up_to_the_most_there_may_be() -> None:
    judge = PatchDiscriminator(in_channels=3, base_channels=4, layers=4, most_channels=16)
    assert [stage[0].out_channels for stage in judge.stages] == [4, 8, 16, 16, 16, 1]


def test_the_last_of_the_stored_scales_sees_the_full_picture() -> None:
    judge = MultiscaleDiscriminator(DiscriminatorConfig(in_channels=1, base_channels=2))
    picture = torch.rand(1, 1, 32, 32)
    fine, coarse = judge(picture)
    assert torch.equal(fine[0], judge.scales[1](picture)[0])
    assert torch.equal(coarse[0], judge.scales[0](judge.half_size(picture))[0])


def test_the_norm_is_the_callers_and_leaves_first_and_last_stage_alone() -> None:
    judge = PatchDiscriminator(in_channels=6, base_channels=4, norm=batch_norm)
    normed = [any(isinstance(layer, nn.BatchNorm2d) for layer in stage.children()) for stage in judge.stages]
    assert normed == [False, True, True, True, False]


def test_an_impossible_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"DiscriminatorConfig\.scales is 0, expected 1 or more"):
        DiscriminatorConfig(scales=0)
    with pytest.raises(ValueError, match=r"DiscriminatorConfig\.padding is 0, expected 1 or 2"):
        DiscriminatorConfig(padding=0)


def test_a_folded_judge_sees_every_pixel_at_a_quarter_of_the_places() -> None:
    config = DiscriminatorConfig(in_channels=3, base_channels=8, layers=2, scales=1, fold=2)
    judge = MultiscaleDiscriminator(config)
    picture = torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    (features,) = judge(picture)
    (plain,) = MultiscaleDiscriminator(replace(config, in_channels=12, fold=1))(torch.zeros(1, 12, 16, 24))
    assert [found.shape for found in features] == [found.shape for found in plain]
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        changed = picture.clone()
        changed[0, :, 8 + row, 8 + column] += 1
        assert not torch.equal(judge(changed)[0][-1], features[-1])
