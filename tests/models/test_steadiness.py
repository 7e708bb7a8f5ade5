"""Translated frames that move as the film does are steady; what does not follow costs what it is off by."""

import pytest
import torch
from torch import Tensor

from models.steadiness import Motion, flow_consistency_loss


def one_right(count: int, height: int = 4, width: int = 6, confidence: float = 1.0) -> Motion:
    """Each picture follows the one before it in the batch, everything one pixel to the right of where it was."""
    flow = torch.zeros(count, 2, height, width)
    flow[:, 0] = -1
    trusted = torch.full((count, 1, height, width), confidence)
    trusted[..., 0] = 0  # what came in from the left was nowhere
    return Motion(later=torch.arange(1, count + 1), earlier=torch.arange(count), flow=flow, confidence=trusted)


def moving(frames: int) -> Tensor:
    """A picture that moves one pixel to the right in each frame."""
    wide = torch.rand(3, 4, 6 + frames, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return torch.stack([wide[..., frames - step : frames - step + 6] for step in range(frames)])


def test_frames_that_move_as_the_film_are_steady() -> None:
    assert float(flow_consistency_loss(moving(3), one_right(2))) == 0


def test_a_change_of_brightness_costs_its_share_of_what_is_trusted() -> None:
    frames = moving(2)
    frames[1] += 0.3
    assert float(flow_consistency_loss(frames, one_right(1))) == pytest.approx(0.3 * 5 / 6, abs=1e-6)
    assert float(flow_consistency_loss(frames, one_right(1, confidence=0.5))) == pytest.approx(0.15 * 5 / 6, abs=1e-6)


def test_the_gradient_pulls_both_frames_towards_each_other() -> None:
    frames = moving(2)
    frames[1] += 0.3
    frames.requires_grad_()
    flow_consistency_loss(frames, one_right(1)).backward()
    share = 1 / (3 * 4 * 6)  # of one of all elements
    torch.testing.assert_close(frames.grad[1, :, :, 1:], torch.full((3, 4, 5), share))
    torch.testing.assert_close(frames.grad[0, :, :, :-1], torch.full((3, 4, 5), -share))


def test_pictures_of_a_batch_that_follow_none_are_left_alone() -> None:
    frames = moving(3)
    alone = Motion(
        later=torch.tensor([2]),
        earlier=torch.tensor([1]),
        flow=one_right(1).flow,
        confidence=one_right(1).confidence,
    )
    frames[0] += 0.5
    assert float(flow_consistency_loss(frames, alone)) == 0


def test_without_neighbours_it_is_0_and_part_of_the_graph() -> None:
    frames = moving(2).requires_grad_()
    none = Motion(
        later=torch.zeros(0, dtype=torch.long),
        earlier=torch.zeros(0, dtype=torch.long),
        flow=torch.zeros(0, 2, 4, 6),
        confidence=torch.zeros(0, 1, 4, 6),
    )
    loss = flow_consistency_loss(frames, none)
    loss.backward()
    assert loss.item() == 0 and not frames.grad.any()
