"""Who judges portraits: the published judge by its weights, and what each is shown."""

import pytest
import torch
from torch import Tensor, nn

from models.deep_video_portraits.discriminators import (
    PortraitJudges,
    PortraitJudgesConfig,
    shown_regions,
    shown_whole,
)
from models.gan_losses import LEAST_SQUARES, LOG
from models.region import Region, region_around


def random(*shape: int, seed: int = 3) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def squares(*seen: bool) -> Region:
    centres = torch.tensor([[10.0, 10.0], [20.0, 12.0]])
    return region_around(centres, 8, 32, 32, seen=torch.tensor(seen))


def test_the_published_judge_sees_102_channels_and_has_2_867_905_weights() -> None:
    """4·4·(102·64 + 64·128 + 128·256 + 256·512 + 512) of kernels, 961 biases, 2·(128 + 256 + 512) of batch norms."""
    with torch.device("meta"):
        judges = PortraitJudges(PortraitJudgesConfig())
    assert judges.config.picture.in_channels == 102
    kernels = 16 * (102 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512)
    assert kernels + 961 + 2 * 896 == 2_867_905
    assert sum(weight.numel() for weight in judges.parameters()) == 2_867_905


def test_its_stages_are_three_of_stride_two_and_two_of_stride_one() -> None:
    with torch.device("meta"):
        judges = PortraitJudges(PortraitJudgesConfig())
    layers = [layer for layer in judges.picture.modules() if isinstance(layer, nn.Conv2d)]
    assert [(layer.out_channels, layer.stride[0]) for layer in layers] == [
        (64, 2),
        (128, 2),
        (256, 2),
        (512, 1),
        (1, 1),
    ]
    assert {layer.kernel_size for layer in layers} == {(4, 4)}


def test_judges_of_mouth_and_eyes_are_there_where_asked_for() -> None:
    judges = PortraitJudges(PortraitJudgesConfig(base_channels=2, mouth=True, eyes=True))
    assert {name.split(".")[0] for name in judges.state_dict()} == {"picture", "mouth", "eyes"}
    assert judges.config.region.in_channels == 12
    plain = PortraitJudges(PortraitJudgesConfig(base_channels=2))
    assert plain.mouth is None and plain.eyes is None


def test_the_adversary_is_chosen_by_name() -> None:
    assert PortraitJudges(PortraitJudgesConfig(base_channels=2)).adversary is LOG
    assert PortraitJudges(PortraitJudgesConfig(base_channels=2, adversary="squares")).adversary is LEAST_SQUARES


def test_the_judge_of_the_picture_sees_the_newest_conditions_and_then_the_picture() -> None:
    window, picture = random(2, 27, 8, 8), random(2, 3, 8, 8, seed=4)
    assert torch.equal(shown_whole(window, picture, 27), torch.cat([window, picture], dim=1))
    assert torch.equal(shown_whole(window, picture, 9), torch.cat([window[:, 18:], picture], dim=1))


def test_a_window_shorter_than_the_judges_is_refused() -> None:
    with pytest.raises(ValueError, match="looks at 99 channels of conditions and the window has 27: give Portrait"):
        shown_whole(random(1, 27, 8, 8), random(1, 3, 8, 8), 99)


def test_regions_are_cut_from_condition_and_picture_where_they_are_in_sight() -> None:
    condition, picture = random(2, 9, 32, 32), random(2, 3, 32, 32, seed=4)
    shown = shown_regions(condition, picture, [squares(True, True), squares(False, True)])
    both = torch.cat([condition, picture], dim=1)
    assert shown.shape == (3, 12, 8, 8)
    assert torch.equal(shown[0], both[0, :, 6:14, 6:14])
    assert torch.equal(shown[1], both[1, :, 8:16, 16:24])
    assert torch.equal(shown[2], shown[1])
    assert shown_regions(condition, picture, [squares(False, False)]).shape == (0, 12, 8, 8)


def test_a_judge_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"PortraitJudgesConfig\.layers is 0, expected 1 or more"):
        PortraitJudgesConfig(layers=0)
