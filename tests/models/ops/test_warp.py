"""What a warp fetches and from where, by hand; its gradients; what it refuses. All by the PyTorch reference."""

import shutil
from collections.abc import Callable, Iterator

import jaxtyping
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.ops import warp as door
from models.ops.warp import Border, compose, warp
from pipeline.errors import BackendUnavailable, TensorError, UnknownChoice

ROUNDING = 1e-12  # of float64, over a handful of operations
BORDERS: tuple[Border, ...] = ("replicate", "zeros")
NAN, INF = float("nan"), float("inf")


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def picture(rng: torch.Generator) -> Tensor:
    return torch.randn(2, 3, 5, 7, generator=rng)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """The annotations refuse a wrong shape before our own check does; in production only the check is there."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def moved(x: float, y: float, like: Tensor) -> Tensor:
    """The same flow everywhere."""
    b, _, h, w = like.shape
    return (
        torch.tensor([x, y], dtype=torch.promote_types(like.dtype, torch.float32)).view(1, 2, 1, 1).repeat(b, 1, h, w)
    )


def line(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


@pytest.mark.parametrize("border", BORDERS)
def test_a_still_flow_copies_the_picture_exactly(picture: Tensor, border: Border) -> None:
    assert torch.equal(warp(picture, moved(0, 0, picture), border=border), picture)


def test_flow_points_from_the_output_pixel_back_to_its_source(picture: Tensor) -> None:
    assert torch.equal(warp(picture, moved(1, 0, picture))[..., :-1], picture[..., 1:])
    assert torch.equal(warp(picture, moved(-2, 0, picture))[..., 2:], picture[..., :-2])


def test_x_comes_first_and_y_points_down(picture: Tensor) -> None:
    assert torch.equal(warp(picture, moved(0, 2, picture))[:, :, :-2], picture[:, :, 2:])
    assert torch.equal(warp(picture, moved(3, -1, picture))[:, :, 1:, :-3], picture[:, :, :-1, 3:])


def test_whole_moves_are_exact_in_wide_pictures_too(rng: torch.Generator) -> None:
    wide = torch.randn(1, 1, 1, 4099, generator=rng)
    assert torch.equal(warp(wide, moved(1001, 0, wide))[..., :-1001], wide[..., 1001:])


def test_between_pixels_the_four_around_are_blended() -> None:
    four = torch.tensor([[0.0, 4.0], [8.0, 16.0]]).view(1, 1, 2, 2)
    # Half way along x: 2 above, 12 below; a quarter of the way down: 2 + 10/4.
    assert warp(four, moved(0.5, 0.25, four))[0, 0, 0, 0].item() == 4.5


def test_outside_the_border_repeats() -> None:
    row = line(2, 4, 8)
    assert torch.equal(warp(row, moved(-0.5, 0, row)), line(2, 3, 6))
    assert torch.equal(warp(row, moved(1.25, 0, row)), line(5, 8, 8))
    assert torch.equal(warp(row, moved(0, -9.5, row)), row)


def test_outside_is_zero_where_zeros_are_asked_for() -> None:
    row = line(2, 4, 8)
    assert torch.equal(warp(row, moved(-0.5, 0, row), border="zeros"), line(1, 3, 6))
    assert torch.equal(warp(row, moved(1.25, 0, row), border="zeros"), line(5, 6, 0))
    assert torch.equal(warp(row, moved(0, -0.25, row), border="zeros"), 0.75 * row)


@pytest.mark.parametrize(("border", "padding"), [("replicate", "border"), ("zeros", "zeros")])
def test_it_is_grid_sample_with_aligned_corners(rng: torch.Generator, border: Border, padding: str) -> None:
    image = torch.randn(2, 3, 6, 9, dtype=torch.float64, generator=rng)
    flow = 4 * torch.randn(2, 2, 6, 9, dtype=torch.float64, generator=rng)
    x = (torch.arange(9) + flow[:, 0]) / 4 - 1
    y = (torch.arange(6)[:, None] + flow[:, 1]) / 2.5 - 1
    expected = F.grid_sample(image, torch.stack((x, y), -1), padding_mode=padding, align_corners=True)
    torch.testing.assert_close(warp(image, flow, border=border), expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (6, 1)])
def test_sides_of_one_pixel_are_pictures_too(rng: torch.Generator, size: tuple[int, int], border: Border) -> None:
    image = torch.randn(1, 2, *size, generator=rng)
    assert torch.equal(warp(image, moved(0, 0, image), border=border), image)
    beyond = warp(image, moved(9, 9, image), border=border)
    assert torch.equal(beyond, (image[..., -1:, -1:] if border == "replicate" else torch.zeros(())).expand_as(image))


@pytest.mark.parametrize("border", BORDERS)
def test_the_gradients_are_those_of_what_is_computed(rng: torch.Generator, border: Border) -> None:
    def leaf(channels: int, low: float, high: float) -> Tensor:
        values = torch.rand(2, channels, 4, 5, dtype=torch.float64, generator=rng)
        return (low + (high - low) * values).requires_grad_()

    raw, previous, flow, mask = leaf(3, -1, 1), leaf(3, -1, 1), leaf(2, -4, 4), leaf(1, 0, 1)

    def both(*given: Tensor) -> tuple[Tensor, Tensor]:
        composition = compose(*given, border=border)
        return composition.image, composition.warped

    assert torch.autograd.gradcheck(lambda i, f: warp(i, f, border=border), (previous, flow))
    assert torch.autograd.gradcheck(both, (raw, previous, flow, mask))


def gradient_by_x(flow: Tensor, border: Border = "replicate") -> list[float]:
    flow.requires_grad_()
    warp(line(2, 4, 8), flow, border=border).sum().backward()
    assert flow.grad is not None
    return flow.grad[0, 0, 0].tolist()


def test_on_a_whole_pixel_the_flow_feels_the_slope_to_the_right() -> None:
    assert gradient_by_x(moved(0, 0, line(2, 4, 8))) == [2, 4, 0]
    assert gradient_by_x(moved(0, 0, line(2, 4, 8)), "zeros") == [2, 4, -8]


def test_beyond_the_border_the_flow_feels_nothing() -> None:
    assert gradient_by_x(moved(-1.5, 0, line(2, 4, 8))) == [0, 0, 2]
    assert gradient_by_x(moved(-1.5, 0, line(2, 4, 8)), "zeros") == [0, 2, 2]
    assert gradient_by_x(moved(3e38, 0, line(2, 4, 8))) == [0, 0, 0]


@pytest.mark.parametrize("lost", [NAN, INF, -INF])
def test_a_lost_component_of_the_flow_counts_as_none_and_feels_nothing(lost: float) -> None:
    image, flow = line(2, 4, 8).requires_grad_(), moved(1, 0, line(2, 4, 8))
    flow[0, 0, 0, 0] = flow[0, 1, 0, 1] = lost
    flow.requires_grad_()
    warped = warp(image, flow)
    warped.sum().backward()
    assert warped.flatten().tolist() == [2, 8, 8]
    assert image.grad is not None and image.grad.flatten().tolist() == [1, 0, 2]
    assert flow.grad is not None and flow.grad[0].flatten().tolist() == [0, 0, 0, 0, 0, 0]


def test_a_lost_component_leaves_the_other_as_it_is(picture: Tensor) -> None:
    flow = moved(2, NAN, picture)
    assert torch.equal(warp(picture, flow), warp(picture, moved(2, 0, picture)))


@pytest.mark.parametrize("shape", [(0, 3, 5, 7), (2, 0, 5, 7), (2, 3, 0, 7)])
def test_nothing_warps_to_nothing(shape: tuple[int, ...]) -> None:
    image = torch.empty(shape, requires_grad=True)
    flow = torch.zeros(shape[0], 2, *shape[2:], requires_grad=True)
    composition = compose(image, image, flow, torch.zeros(shape[0], 1, *shape[2:]))
    (composition.image.sum() + composition.warped.sum()).backward()
    assert composition.image.shape == composition.warped.shape == shape
    assert flow.grad is not None and not flow.grad.any()


def test_the_mask_shows_the_new_picture_and_hides_the_warped_one() -> None:
    raw, previous = line(10, 10, 10), line(2, 4, 8)
    blend = compose(raw, previous, moved(1, 0, previous), line(0, 0.25, 1))
    assert torch.equal(blend.warped, line(4, 8, 8))
    assert torch.equal(blend.image, line(4, 8.5, 10))


def test_compose_warps_as_warp_does(picture: Tensor, rng: torch.Generator) -> None:
    flow = 3 * torch.randn(2, 2, 5, 7, generator=rng)
    blend = compose(picture + 1, picture, flow, torch.zeros(2, 1, 5, 7), border="zeros")
    assert torch.equal(blend.warped, warp(picture, flow, border="zeros"))
    assert torch.equal(blend.image, blend.warped)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_the_result_has_the_pictures_type_and_is_rounded_once(
    picture: Tensor, rng: torch.Generator, dtype: torch.dtype
) -> None:
    flow, mask = 2 * torch.randn(2, 2, 5, 7, generator=rng), torch.rand(2, 1, 5, 7, generator=rng)
    image = picture.to(dtype)
    exact = torch.promote_types(dtype, torch.float32)
    assert torch.equal(warp(image, flow), warp(image.to(exact), flow).to(dtype))
    blend = compose(image, picture, flow, mask)
    assert torch.equal(blend.image, compose(image.to(exact), picture, flow, mask).image.to(dtype))
    assert blend.warped.dtype == dtype


def test_autocast_changes_nothing(picture: Tensor, rng: torch.Generator) -> None:
    flow, mask = 2 * torch.randn(2, 2, 5, 7, generator=rng), torch.rand(2, 1, 5, 7, generator=rng)
    outside = compose(picture, picture.flip(3), flow, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = compose(picture, picture.flip(3), flow, mask)
    assert torch.equal(inside.image, outside.image) and torch.equal(inside.warped, outside.warped)


def call(name: str, tensor: Tensor) -> Callable[[], object]:
    """Compose with one argument replaced."""
    given = {"raw": torch.zeros(2, 3, 4, 5), "previous": torch.zeros(2, 3, 4, 5)}
    given |= {"flow": torch.zeros(2, 2, 4, 5), "mask": torch.zeros(2, 1, 4, 5), name: tensor}
    return lambda: compose(**given)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        (
            "flow",
            torch.zeros(2, 2, 2, 3),
            "compose: flow: shape (2, 2, 2, 3); expected (2, 2, 4, 5). Bring it to the size of `previous`; to resize "
            "a flow, multiply x and y by the factors too.",
        ),
        ("flow", torch.zeros(1, 2, 4, 5), "compose: flow: shape (1, 2, 4, 5); expected (2, 2, 4, 5)."),
        ("flow", torch.zeros(2, 4, 5, 2), "compose: flow: shape (2, 4, 5, 2); expected (2, 2, 4, 5)."),
        ("mask", torch.zeros(2, 3, 4, 5), "compose: mask: shape (2, 3, 4, 5); expected (2, 1, 4, 5)."),
        ("raw", torch.zeros(2, 3, 4, 6), "compose: raw: shape (2, 3, 4, 6); expected (2, 3, 4, 5)."),
        ("previous", torch.zeros(3, 4, 5), "compose: previous: shape (3, 4, 5); expected (batch, channels, height, "),
        ("raw", torch.zeros(2, 3, 4, 5, dtype=torch.uint8), "compose: raw: torch.uint8; expected a floating type."),
        (
            "flow",
            torch.zeros(2, 2, 4, 5, device="meta"),
            "compose: flow: on meta; expected cpu, as `previous`. Move it with .to(previous.device).",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(name: str, tensor: Tensor, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call(name, tensor)()
    assert isinstance(caught.value, TensorError) and str(caught.value).startswith(message)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_flow_in_half_precision_is_refused(picture: Tensor, dtype: torch.dtype) -> None:
    with pytest.raises(TensorError) as caught:
        warp(picture, moved(0, 0, picture).to(dtype))
    assert str(caught.value) == (
        f"warp: flow: {dtype}; expected torch.float32. Half precision is off by up to 1/16 of a pixel for a move of "
        "20: compute the flow outside autocast; .float() alone comes too late."
    )


@pytest.mark.usefixtures("unchecked")
def test_a_border_or_backend_there_is_not_is_refused_with_those_there_are(picture: Tensor) -> None:
    with pytest.raises(UnknownChoice, match=r"border: there is no 'mirror'; expected one of replicate, zeros\."):
        warp(picture, moved(0, 0, picture), border="mirror")  # type: ignore[arg-type]
    with pytest.raises(UnknownChoice, match=r"warp backend: there is no 'cuda'; expected one of torch, triton\."):
        warp(picture, moved(0, 0, picture), backend="cuda")


def triton_refused(image: Tensor) -> str:
    with pytest.raises(BackendUnavailable) as caught:
        warp(image, moved(0, 0, image), backend="triton")
    return str(caught.value)


def test_triton_says_that_it_is_missing(picture: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "find_spec", lambda name: None)
    assert triton_refused(picture) == (
        "warp backend 'triton': triton is not installed; expected the package triton. Install PyTorch's CUDA build for "
        "Linux, which brings it. Or leave `backend` out: PyTorch then does the same, on any machine."
    )
    assert torch.equal(warp(picture, moved(0, 0, picture)), picture)


def test_triton_refuses_the_processor_and_double_precision(picture: Tensor) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    assert triton_refused(picture).startswith(
        "warp backend 'triton': the tensors are on cpu; expected tensors on a CUDA device. Move them there, or set "
        "TRITON_INTERPRET=1 before the program starts"
    )
    assert "a tensor is float64; expected float32, bfloat16 or float16." in triton_refused(picture.double())


def test_a_gpu_without_a_compiler_beside_it_is_served_by_pytorch(
    picture: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    monkeypatch.setattr(torch.Tensor, "is_cuda", True, raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(door, "_launcher_can_be_built", door._launcher_can_be_built.__wrapped__)
    assert torch.equal(warp(picture, moved(0, 0, picture)), picture)
    assert "no C compiler or no Python.h; expected both" in triton_refused(picture)
