"""The judges have the published sizes, and see frames, motion, faces and hands as they should."""

import pytest
import torch
from jaxtyping import TypeCheckError
from made_pictures import parameters, random

from models.region import Region
from models.vid2vid.discriminators import (
    Judges,
    JudgesConfig,
    WindowedFrames,
    shown_in_regions,
    shown_in_time,
    take_windows,
)


def test_the_temporal_judge_is_the_published_one() -> None:
    config = JudgesConfig(norm="batch", scales=1)
    assert config.temporal.in_channels == 13
    with torch.device("meta"):
        judges = Judges(config)
    assert [parameters(judge) for judge in judges.temporal] == [2_776_769, 2_776_769]


@pytest.mark.parametrize(
    ("base", "scales", "widths"), [(64, 3, (64, 64, 64)), (32, 3, (64, 64, 32)), (16, 4, (64, 64, 32, 16))]
)
def test_a_coarser_scale_is_twice_as_wide_up_to_64_channels(base: int, scales: int, widths: tuple[int, ...]) -> None:
    config = JudgesConfig(base_channels=base, scales=scales)
    assert config.image.widths == widths
    with torch.device("meta"):
        judge = Judges(config).image
    assert tuple(scale.stages[0][0].out_channels for scale in judge.scales) == widths


def test_faces_and_hands_are_judged_at_two_scales_fewer_by_judges_of_their_own() -> None:
    with torch.device("meta"):
        judges = Judges(JudgesConfig(scales=4, face=True, hand=True, base_channels=4))
    assert judges.face is not None and judges.hand is not None
    assert len(judges.face.scales) == len(judges.hand.scales) == 2
    assert JudgesConfig(scales=1).region.scales == 1
    assert Judges(JudgesConfig(base_channels=4)).face is None


@pytest.mark.parametrize(("scales", "history"), [(0, 0), (1, 2), (2, 6), (3, 18)])
def test_the_judges_say_how_many_frames_they_look_back_on(scales: int, history: int) -> None:
    assert JudgesConfig(temporal_scales=scales).history == history


def test_windows_are_cut_from_every_clip_of_the_batch() -> None:
    frames = torch.arange(10.0).reshape(2, 5, 1, 1, 1)
    cut = take_windows(frames, [(0, 2, 4), (1, 2, 3)])
    assert cut.flatten(1).tolist() == [[0, 2, 4], [5, 7, 9], [1, 2, 3], [6, 7, 8]]


def test_motion_is_shown_as_frames_oldest_first_then_flows_in_units_of_twenty_pixels() -> None:
    frames, flow = random(1, 3, 3, 4, 4), torch.full((1, 2, 2, 4, 4), 10.0)
    shown = shown_in_time(frames, flow)
    assert shown.shape == (1, 13, 4, 4)
    assert torch.equal(shown[:, 3:6], frames[:, 1])
    assert shown[:, 9:].unique().tolist() == [0.5]


def test_only_squares_in_sight_are_shown_condition_before_frame() -> None:
    conditions, frames = random(2, 3, 10, 12), random(2, 3, 10, 12)
    left = Region(corner=torch.tensor([[5, 2], [0, 0]]), seen=torch.tensor([True, False]), size=4)
    right = Region(corner=torch.tensor([[1, 1], [8, 6]]), seen=torch.tensor([False, True]), size=4)
    shown = shown_in_regions(conditions, frames, [left, right])
    assert shown.shape == (2, 6, 4, 4)
    assert torch.equal(shown[0, :3], conditions[0, :, 2:6, 5:9])
    assert torch.equal(shown[1, 3:], frames[1, :, 6:10, 8:12])


def test_frames_and_flows_that_do_not_belong_together_are_refused_under_test() -> None:
    frames = random(2, 3, 3, 4, 4)
    with pytest.raises(TypeCheckError, match="flow"):
        WindowedFrames(real=frames, fake=frames, flow=torch.zeros(1, 2, 2, 4, 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scales": 0}, r"JudgesConfig\.scales is 0, expected 1 or more"),
        ({"temporal_scales": -1}, r"JudgesConfig\.temporal_scales is -1, expected 0 or more"),
        ({"temporal_frames": 1}, r"JudgesConfig\.temporal_frames is 1, expected 2 or more"),
    ],
)
def test_an_impossible_shape_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JudgesConfig(**change)
