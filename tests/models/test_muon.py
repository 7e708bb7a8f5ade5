"""Muon: kernels step along orthogonal matrices, of one size whatever the gradient's; the rest steps as with Adam."""

import copy

import pytest
import torch
from torch import Tensor, nn

from models.muon import SHARE, Muon, orthogonal


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(32, 32), (24, 90), (90, 24)])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_singular_values_come_near_one_whatever_the_scale_and_singular_vectors_stay(
    shape: tuple[int, int], scale: float
):
    matrix = noise(*shape)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    assert values.max() / values.min() < 100  # below a hundredth of the norm nothing is promised
    near = left.T @ orthogonal((matrix * scale)[None])[0] @ right.T
    assert near.diagonal().min() > 0.6
    assert near.diagonal().max() < 1.25
    assert (near - near.diagonal().diag()).abs().max() < 1e-4


def test_a_matrix_of_zeros_stays_one_so_that_what_has_no_gradient_rests():
    assert not orthogonal(torch.zeros(1, 20, 30)).any()


def test_bfloat16_finds_the_same_matrix_within_its_own_precision():
    matrices = noise(2, 32, 288)
    apart = orthogonal(matrices, torch.bfloat16).float() - orthogonal(matrices)
    assert apart.norm() < 0.05 * orthogonal(matrices).norm()


def test_a_kernels_first_step_goes_against_its_gradient_and_its_size_does_not_tell_the_gradients():
    steps = []
    for scale in (1.0, 1000.0):
        kernel = nn.Parameter(torch.zeros(32, 16, 3, 3))
        kernel.grad = scale * noise(32, 16, 3, 3)
        Muon([kernel], 0.01, precision=torch.float32).step()
        assert float((kernel.detach() * kernel.grad).sum()) < 0
        steps.append(kernel.detach())
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-3, atol=1e-6)
    # 32 orthogonal rows of length 1 and 144 columns: 1/12 a number, times 12, times share and rate.
    assert float(steps[0].square().mean().sqrt()) == pytest.approx(0.01 * SHARE, rel=0.2)


@pytest.mark.parametrize("shape", [(32, 16, 3, 3), (16, 32, 1, 1), (8, 4, 2, 3)])
def test_a_kernels_steps_depend_neither_on_its_layout_nor_on_other_kernels_of_its_shape(shape: tuple[int, ...]):
    alone = nn.Parameter(torch.zeros(shape))
    laid_out = nn.Parameter(torch.zeros(shape).contiguous(memory_format=torch.channels_last))
    beside = nn.Parameter(torch.zeros(shape))
    by_itself, together = (Muon(own, 0.01, precision=torch.float32) for own in ([alone], [beside, laid_out]))
    for step in range(3):
        alone.grad, laid_out.grad, beside.grad = (noise(*shape, seed=step + more) for more in (0, 0, 10))
        by_itself.step()
        together.step()
    assert laid_out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(laid_out, alone, rtol=1e-3, atol=1e-6)
    assert (beside - alone).abs().max() > 0.001


def test_momentum_remembers_a_gradient_that_is_gone():
    kernel = nn.Parameter(torch.zeros(16, 16))
    optimiser = Muon([kernel], 0.01, precision=torch.float32)
    kernel.grad = torch.eye(16)
    optimiser.step()
    before = kernel.detach().clone()
    kernel.grad = torch.zeros(16, 16)
    optimiser.step()
    torch.testing.assert_close(kernel.detach() - before, before)  # orthogonal once more: as long, in the same direction


def test_norms_biases_and_learnt_pictures_step_exactly_as_adam_has_them():
    shapes: list[tuple[int, ...]] = [(32,), (1,), (1, 8, 16, 16)]
    ours, theirs = ([nn.Parameter(noise(*shape, seed=7)) for shape in shapes] for _ in range(2))
    mine, adam = Muon(ours, 0.003, betas=(0.9, 0.99)), torch.optim.Adam(theirs, 0.003, betas=(0.9, 0.99))
    for step in range(3):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            one.grad = noise(*one.shape, seed=100 * step + number)
            other.grad = one.grad.clone()
        mine.step()
        adam.step()
    assert [len(group["params"]) for group in mine.param_groups] == [0, 3]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_what_has_no_gradient_is_left_alone():
    kernel, bias = nn.Parameter(noise(16, 16)), nn.Parameter(noise(16))
    before = kernel.detach().clone(), bias.detach().clone()
    Muon([kernel, bias], 0.1).step()
    assert torch.equal(kernel, before[0]) and torch.equal(bias, before[1])


def test_taken_up_again_it_goes_on_as_though_it_had_never_stopped():
    def train(steps: int, weights: list[nn.Parameter], optimiser: Muon, first: int = 0) -> None:
        for step in range(first, first + steps):
            for number, weight in enumerate(weights):
                weight.grad = noise(*weight.shape, seed=10 * step + number)
            optimiser.step()

    whole = [nn.Parameter(noise(16, 16, 3, 3)), nn.Parameter(noise(16))]
    optimiser = Muon(whole, 0.01)
    train(2, whole, optimiser)
    again = [nn.Parameter(weight.detach().clone()) for weight in whole]
    taken_up = Muon(again, 0.5)
    taken_up.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    train(2, whole, optimiser, first=2)
    train(2, again, taken_up, first=2)
    for one, other in zip(whole, again, strict=True):
        assert torch.equal(one, other)


def test_a_closure_is_refused_rather_than_forgotten():
    with pytest.raises(ValueError, match="expected none"):
        Muon([nn.Parameter(noise(16, 16))], 0.01).step(lambda: 0.0)
