"""The kernel gives the reference's pictures and gradients: on a GPU, or on the processor by Triton's interpreter.

The interpreter must be asked for before Triton is imported: test_warp_without_gpu.py runs this file so.
"""

import os
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from models.ops.warp import Border, compose, warp

pytest.importorskip("triton", reason="Triton is not installed")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
pytestmark = pytest.mark.skipif(
    not (INTERPRETED or torch.cuda.is_available()),
    reason="no GPU here; test_warp_without_gpu.py runs these by Triton's interpreter",
)
DEVICE = "cpu" if INTERPRETED else "cuda"

BORDERS: tuple[Border, ...] = ("replicate", "zeros")
SHAPES = [(2, 3, 9, 37), (1, 1, 1, 1), (2, 4, 1, 9), (1, 5, 9, 1), (1, 20, 3, 2)]
SMALL = (1, 3, 5, 36)
ABSOLUTE = 1e-5  # of sums of up to twenty products around 1, in float32
RELATIVE = {  # one step: the interpreter cuts bfloat16 off where hardware rounds
    torch.float32: 1e-5,
    torch.bfloat16: 2**-7,
    torch.float16: 2**-10,
}


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def difficult_flow(b: int, h: int, w: int) -> Tensor:
    """Moves of all sizes, across the border too; some whole, some lost."""
    flow = 5 * random(b, 2, h, w, seed=1)
    flow.view(-1)[::5] = flow.view(-1)[::5].round()
    flow.view(-1)[3::19] = float("nan")
    flow.view(-1)[7::23] = float("-inf")
    flow.view(-1)[11::29] = 3e38
    return flow


def arguments(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    b, _, h, w = shape
    mask = torch.sigmoid(random(b, 1, h, w, seed=2)).to(dtype)
    return [random(*shape, seed=3).to(dtype), random(*shape, seed=4).to(dtype), difficult_flow(b, h, w), mask]


def pictures_and_gradients(
    backend: str, given: Sequence[Tensor], border: Border = "replicate", *, of_image: float = 1, of_warped: float = 1
) -> list[Tensor | None]:
    """What compose returns, and the gradients by all that requires one, of a loss in both results or one."""
    leaves = [tensor.detach().requires_grad_(tensor.requires_grad) for tensor in given]
    blend = compose(*leaves, border=border, backend=backend)
    weights = random(*blend.image.shape, seed=5)
    loss = torch.zeros((), device=DEVICE)
    if of_image:
        loss = loss + (of_image * weights * blend.image).sum()
    if of_warped:
        loss = loss + (of_warped * weights.flip(0) * blend.warped).sum()
    loss.backward()
    return [blend.image.detach(), blend.warped.detach(), *(leaf.grad for leaf in leaves)]


def assert_same(ours: Sequence[Tensor | None], reference: Sequence[Tensor | None]) -> None:
    for found, expected in zip(ours, reference, strict=True):
        if found is None or expected is None:
            assert found is expected
        else:
            torch.testing.assert_close(found, expected, atol=ABSOLUTE, rtol=RELATIVE[expected.dtype])


def in_memory(given: Sequence[Tensor], memory: torch.memory_format) -> list[Tensor]:
    return [tensor.contiguous(memory_format=memory).requires_grad_() for tensor in given]


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pictures_and_gradients_are_the_references(
    shape: tuple[int, ...], border: Border, memory: torch.memory_format
) -> None:
    given = in_memory(arguments(shape), memory)
    assert_same(*(pictures_and_gradients(backend, given, border) for backend in ("triton", "torch")))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_the_references_but_for_the_last_bit(dtype: torch.dtype, memory: torch.memory_format) -> None:
    given = in_memory(arguments(SMALL, dtype), memory)
    assert_same(*(pictures_and_gradients(backend, given) for backend in ("triton", "torch")))


@pytest.mark.parametrize("border", BORDERS)
def test_the_warp_alone_is_the_references(border: Border) -> None:
    results = []
    for backend in ("triton", "torch"):
        image, flow = random(*SMALL, seed=3).requires_grad_(), difficult_flow(1, 5, 36).requires_grad_()
        warped = warp(image, flow, border=border, backend=backend)
        (warped * random(*SMALL, seed=5)).sum().backward()
        results.append([warped.detach(), image.grad, flow.grad])
    assert_same(*results)


def test_whole_moves_and_the_ends_of_the_mask_are_exact() -> None:
    raw, previous = random(*SMALL, seed=3), random(*SMALL, seed=4)
    flow = torch.tensor([2.0, -1.0], device=DEVICE).view(1, 2, 1, 1).expand(1, 2, 5, 36)
    mask = torch.zeros(1, 1, 5, 36, device=DEVICE)
    blend = compose(raw, previous, flow, mask, backend="triton")
    assert torch.equal(blend.warped[:, :, 1:, :-2], previous[:, :, :-1, 2:])
    assert torch.equal(blend.image, blend.warped)
    assert torch.equal(compose(raw, previous, flow, mask + 1, backend="triton").image, raw)


@pytest.mark.parametrize("asked", ["raw", "previous", "flow", "mask"])
def test_only_what_requires_a_gradient_gets_one(asked: str) -> None:
    given = arguments(SMALL)
    given[["raw", "previous", "flow", "mask"].index(asked)].requires_grad_()
    ours = pictures_and_gradients("triton", given)
    assert sum(tensor is not None for tensor in ours) == 3
    assert_same(ours, pictures_and_gradients("torch", given))


@pytest.mark.parametrize(("of_image", "of_warped"), [(1, 0), (0, 1)])
def test_a_loss_may_look_at_one_result_only(of_image: float, of_warped: float) -> None:
    given = [tensor.requires_grad_() for tensor in arguments(SMALL)]
    ours = pictures_and_gradients("triton", given, of_image=of_image, of_warped=of_warped)
    assert_same(ours, pictures_and_gradients("torch", given, of_image=of_image, of_warped=of_warped))


def test_parts_of_other_tensors_and_mixed_types_are_taken_as_they_lie() -> None:
    head = random(2, 4, 5, 40, seed=6)
    raw = random(2, 9, 5, 80, seed=3)[:, ::3, :, ::2].bfloat16()
    given = [raw, random(1, 3, 5, 40, seed=4).expand(2, 3, 5, 40), head[:, 1:3], head[:, 3:].sigmoid().half()]
    ours, reference = (compose(*given, backend=backend) for backend in ("triton", "torch"))
    assert_same([ours.image, ours.warped], [reference.image, reference.warped])


def test_offsets_of_64_bits_reach_the_same_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.ops import warp_triton

    given = [tensor.requires_grad_() for tensor in arguments(SMALL)]
    reference = pictures_and_gradients("triton", given, "zeros")
    monkeypatch.setattr(warp_triton, "NARROW", 0)
    assert_same(pictures_and_gradients("triton", given, "zeros"), reference)


@pytest.mark.parametrize("shape", [(0, 3, 5, 7), (2, 0, 5, 7)], ids=str)
def test_nothing_warps_to_nothing_and_pulls_at_nothing(shape: tuple[int, ...]) -> None:
    given = [tensor.requires_grad_() for tensor in arguments(shape)]
    assert_same(pictures_and_gradients("triton", given), pictures_and_gradients("torch", given))


def test_autocast_changes_nothing() -> None:
    given = arguments(SMALL)
    outside = compose(*given, backend="triton")
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        inside = compose(*given, backend="triton")
    assert torch.equal(inside.image, outside.image) and torch.equal(inside.warped, outside.warped)
