"""Adversarial and matching losses, worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from models.gan_losses import (
    absolute_error,
    feature_matching_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    log_discriminator_loss,
    log_generator_loss,
)


def maps(*values: float) -> Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


def test_the_generator_wants_ones_at_every_scale() -> None:
    fake = [[maps(0.0, 2.0)], [maps(1.0, 4.0)]]  # means of squares 1 and 4.5
    assert least_squares_generator_loss(fake).item() == 5.5


def test_the_discriminator_wants_ones_for_real_and_zeros_for_fake() -> None:
    real, fake = [[maps(1.0, 3.0)]], [[maps(2.0, 0.0)]]  # means of squares 2 and 2
    assert least_squares_discriminator_loss(real, fake).item() == 2.0
    assert least_squares_discriminator_loss([[maps(1.0)]], [[maps(0.0)]]).item() == 0.0


def test_logarithms_of_doubt_cost_what_they_say() -> None:
    """Logits of 0 are doubt, log 2; σ(log 3) is three quarters."""
    certain = math.log(3)
    fake = [[maps(0.0, 0.0)], [maps(certain, certain)]]
    assert log_generator_loss(fake).item() == pytest.approx(math.log(2) + math.log(4 / 3))
    verdict = log_discriminator_loss([[maps(certain)]], [[maps(0.0)]])
    assert verdict.item() == pytest.approx(0.5 * (math.log(4 / 3) + math.log(2)))


def test_logarithms_of_certain_verdicts_stay_finite() -> None:
    """Straight log σ would be infinite, and its gradient no number, where a judge is sure."""
    sure = maps(-1000.0).requires_grad_()
    loss = log_generator_loss([[sure]])
    loss.backward()
    assert loss.item() == 1000.0
    assert sure.grad is not None and sure.grad.item() == -1.0


def test_only_the_last_stage_of_a_scale_is_its_logits() -> None:
    assert least_squares_generator_loss([[maps(100.0), maps(1.0)]]).item() == 0.0


def test_matching_weighs_stages_alike_and_leaves_out_the_logits() -> None:
    fake = [[maps(1.0, 3.0), maps(5.0), maps(9.0)], [maps(0.0), maps(0.0), maps(0.0)]]
    real = [[maps(0.0, 0.0), maps(1.0), maps(0.0)], [maps(0.0), maps(1.0), maps(7.0)]]
    # Two stages count: 4/2 times (2 + 4) at the first scale and (0 + 1) at the second, each scale by half.
    assert feature_matching_loss(fake, real).item() == pytest.approx(0.5 * (2 * 6) + 0.5 * (2 * 1))


def test_matching_identical_judgements_costs_nothing() -> None:
    judgement = [[torch.rand(2, 4, 3, 3), torch.rand(2, 1, 3, 3)]]
    assert feature_matching_loss(judgement, judgement).item() == 0.0


def test_matching_sends_no_gradient_into_the_true_features() -> None:
    fake, real = maps(1.0).requires_grad_(), maps(0.0).requires_grad_()
    feature_matching_loss([[fake, fake]], [[real, real]]).backward()
    assert fake.grad is not None and real.grad is None


def test_judgements_of_different_depth_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        feature_matching_loss([[maps(1.0), maps(1.0)]], [[maps(1.0), maps(1.0), maps(1.0)]])


def test_gradients_are_those_of_the_formulas() -> None:
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(2, 1, 3, 4, dtype=torch.float64, generator=rng).requires_grad_() for _ in range(2))
    assert torch.autograd.gradcheck(lambda x: least_squares_generator_loss([[x]]), (a,))
    assert torch.autograd.gradcheck(lambda x, y: least_squares_discriminator_loss([[x]], [[y]]), (a, b))
    assert torch.autograd.gradcheck(lambda x: feature_matching_loss([[x, x]], [[b, b]]), (a,))
    assert torch.autograd.gradcheck(absolute_error, (a, b))


def test_losses_are_float32_under_bfloat16_autocast() -> None:
    judgement = [[torch.rand(1, 2, 3, 3).bfloat16(), torch.rand(1, 1, 3, 3).bfloat16()]]
    with torch.autocast("cpu", torch.bfloat16):
        assert least_squares_generator_loss(judgement).dtype == torch.float32
        assert feature_matching_loss(judgement, judgement).dtype == torch.float32
