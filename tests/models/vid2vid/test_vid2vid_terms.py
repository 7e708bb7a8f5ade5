"""Each term of the objective, on pictures small enough to work out by hand."""

import pytest
import torch
from made_pictures import random
from torch import Tensor

from models.vid2vid.terms import (
    confident_mask_loss,
    flow_loss,
    flow_warp_loss,
    follow_loss,
    likeness,
    mask_loss,
)

EXACT = {"atol": 1e-6, "rtol": 0.0}


def film(*, to_the_right: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames, the frames before, and their flow: everything moves right by whole pixels, so it came from the left."""
    before = random(1, 2, 3, 6, 8)
    flow = torch.zeros(1, 2, 2, 6, 8)
    flow[:, :, 0] = -to_the_right
    now = torch.cat([before[..., :1].expand(*before.shape[:-1], to_the_right), before[..., :-to_the_right]], dim=-1)
    return now, before, flow


def sure(*shape: int) -> Tensor:
    return torch.ones(*shape)


def test_frames_that_move_as_the_teacher_says_cost_nothing() -> None:
    now, before, flow = film(to_the_right=2)
    torch.testing.assert_close(follow_loss(now, before, flow, sure(1, 2, 1, 6, 8)), torch.tensor(0.0), **EXACT)
    torch.testing.assert_close(flow_warp_loss(flow, now, before, sure(1, 2, 1, 6, 8)), torch.tensor(0.0), **EXACT)
    assert follow_loss(now, before, -flow, sure(1, 2, 1, 6, 8)) > 0.1
    assert flow_warp_loss(-flow, now, before, sure(1, 2, 1, 6, 8)) > 0.1


def test_what_nobody_is_sure_of_counts_nothing_and_still_divides() -> None:
    frame, still = torch.zeros(1, 1, 3, 4, 4), torch.zeros(1, 1, 2, 4, 4)
    confidence = torch.zeros(1, 1, 1, 4, 4)
    confidence[..., :2] = 1  # half of the picture
    white = torch.ones_like(frame)
    torch.testing.assert_close(follow_loss(white, frame, still, confidence), torch.tensor(0.5))
    torch.testing.assert_close(flow_warp_loss(still, white, frame, confidence), torch.tensor(0.5))
    torch.testing.assert_close(flow_loss(still + 3, still, confidence), torch.tensor(1.5))


def test_following_pulls_on_the_frame_and_not_on_the_one_before() -> None:
    now, before, flow = film(to_the_right=1)
    now, before = (now + 0.1).requires_grad_(), before.requires_grad_()
    follow_loss(now, before, flow, sure(1, 2, 1, 6, 8)).backward()
    assert now.grad is not None and now.grad.any()
    assert before.grad is None


def test_the_predicted_flow_learns_from_what_it_fetches() -> None:
    now, before, flow = film(to_the_right=1)
    flow = (flow + 0.3).requires_grad_()
    flow_warp_loss(flow, now, before, sure(1, 2, 1, 6, 8)).backward()
    assert flow.grad is not None and flow.grad.any()


def test_a_mask_where_the_teacher_is_sure_costs_its_height() -> None:
    mask = torch.full((1, 1, 1, 4, 4), 0.25)
    confidence = torch.tensor([1.0, 0.0]).repeat(8).reshape(1, 1, 1, 4, 4)
    torch.testing.assert_close(confident_mask_loss(mask, confidence), torch.tensor(0.125))


@pytest.mark.parametrize(
    ("mask", "apart", "cost"),
    [
        (0.25, 0.0, 0.25),  # fetching fits: the mask should be 0
        (0.25, 0.5, 0.75),  # off by 0.5 in each colour: the mask should be 1
        (0.25, 0.2, 0.4 * 0.25 + 0.6 * 0.75),  # off by 0.6 in all: c is 0.4
    ],
)
def test_the_two_sided_mask_fetches_where_that_fits_and_paints_where_not(
    mask: float, apart: float, cost: float
) -> None:
    real = torch.zeros(1, 1, 3, 4, 4)
    loss = mask_loss(torch.full((1, 1, 1, 4, 4), mask), real + apart, real)
    torch.testing.assert_close(loss, torch.tensor(cost))


def test_the_mask_does_not_pull_on_what_is_fetched() -> None:
    warped = random(1, 1, 3, 4, 4).requires_grad_()
    mask = torch.full((1, 1, 1, 4, 4), 0.5, requires_grad=True)
    mask_loss(mask, warped, torch.zeros(1, 1, 3, 4, 4)).backward()
    assert warped.grad is None
    assert mask.grad is not None


@pytest.mark.parametrize(("width", "seen"), [(1024, 1024), (1026, 513), (2052, 513)])
def test_vgg_sees_frames_no_wider_than_1024_pixels(width: int, seen: int) -> None:
    widths = []

    def perceptual(fake: Tensor, real: Tensor) -> Tensor:
        widths.append(fake.shape[-1])
        return (fake - real).abs().mean()

    picture = torch.zeros(1, 2, 3, 4, width)
    torch.testing.assert_close(likeness(picture + 1, picture, perceptual), torch.tensor(1.0))
    assert widths == [seen]


@pytest.mark.parametrize("term", [follow_loss, flow_warp_loss])
def test_the_gradient_is_the_slope(term: object) -> None:
    now, before, flow = (one.double() for one in film(to_the_right=1))
    confidence = sure(1, 2, 1, 6, 8).double()
    if term is follow_loss:
        shifted = (now + 0.25).requires_grad_()
        assert torch.autograd.gradcheck(lambda n: follow_loss(n, before, flow, confidence), (shifted,))
    else:
        askew = (flow[:, :1] + 0.3).requires_grad_()
        # The flow is float32 inside: steps and tolerance are those of single precision.
        assert torch.autograd.gradcheck(
            lambda f: flow_warp_loss(f, now[:, :1] + 3, before[:, :1], confidence[:, :1]),
            (askew,),
            eps=1e-2,
            atol=1e-3,
            rtol=1e-2,
        )
