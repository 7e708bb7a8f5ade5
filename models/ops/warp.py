"""Backward warping by a flow in pixels, alone or fused with the blend over it: the door, and the PyTorch reference.

Two backends give the same pictures and gradients. "torch" runs everywhere and is what the other is held against;
"triton" (models/ops/warp_triton.py) does the same in one pass over memory on a GPU. Both work in float32 whatever the
pictures are in, inside autocast too: a flow in half precision is wrong by visible parts of a pixel.

The position of a pixel's source is never computed as a number: a move is split into its whole pixels, which index, and
the rest, which blends. So a move of a whole number of pixels copies exactly, at any size of picture.
"""

import functools
import os
import shutil
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.errors import BackendUnavailable, TensorError, UnknownChoice

Border = Literal["replicate", "zeros"]


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """A blend of two pictures, and the warped one of them."""

    image: Float[Tensor, "b c h w"]
    warped: Float[Tensor, "b c h w"]


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to compute both functions of this file."""

    warp: Callable[[Tensor, Tensor, Border], Tensor]
    compose: Callable[[Tensor, Tensor, Tensor, Tensor, Border], Composition]


def warp(
    image: Float[Tensor, "b c h w"],
    flow: Float[Tensor, "b 2 h w"],
    *,
    border: Border = "replicate",
    backend: str | None = None,
) -> Float[Tensor, "b c h w"]:
    """Fetch every output pixel from where `flow` says it was (backward warping).

    out[b, :, y, x] = image[b, :, y + flow[b, 1, y, x], x + flow[b, 0, y, x]], bilinear between pixel centres at whole
    coordinates (what other libraries call align_corners=True). The derivative by the flow is, on a whole pixel, the one
    to the right and downwards, and zero where the source lies beyond the border it is clamped to. A component of the
    flow that is NaN or infinite counts as 0 and has no gradient.

    Args:
        image: any range and floating type; the result has its type.
        flow: pixels, (x, y) order, from output to source; float32.
        border: what lies outside: "replicate", the nearest pixel of the border; "zeros", nothing but 0, into which the
            picture fades over one pixel.
        backend: "torch" or "triton"; None takes the kernel for tensors on a GPU that can run it, else PyTorch. The
            kernel adds up the image's gradient in no fixed order: its last bits differ from run to run.
    Raises:
        TensorError: shapes, types or devices that do not fit each other; the message names the tensor.
        UnknownChoice: a border or backend there is not.
        BackendUnavailable: "triton" was asked for where it cannot run.
    Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3, the warp of the last frame.
    """
    _check("warp", border, image=image, flow=flow)
    return _chosen(backend, (image, flow)).warp(image, flow, border)


def compose(
    raw: Float[Tensor, "b c h w"],
    previous: Float[Tensor, "b c h w"],
    flow: Float[Tensor, "b 2 h w"],
    mask: Float[Tensor, "b 1 h w"],
    *,
    border: Border = "replicate",
    backend: str | None = None,
) -> Composition:
    """Blend a newly drawn picture over the warped last one: mask·raw + (1 - mask)·warp(previous, flow).

    Args:
        raw: any range and floating type; both results have its type.
        previous: what is warped; any floating type.
        flow: as for `warp`.
        mask: 0..1, 1 where the new picture shows; any floating type.
        border, backend: as for `warp`.
    Raises: as `warp`.
    Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3: the mask multiplies the new picture.
    """
    _check("compose", border, previous=previous, flow=flow, raw=raw, mask=mask)
    return _chosen(backend, (raw, previous, flow, mask)).compose(raw, previous, flow, mask, border)


def _warp_by_torch(image: Tensor, flow: Tensor, border: Border) -> Tensor:
    precision = torch.promote_types(image.dtype, flow.dtype)
    return _sample(image.to(precision), flow.to(precision), border).to(image.dtype)


def _compose_by_torch(raw: Tensor, previous: Tensor, flow: Tensor, mask: Tensor, border: Border) -> Composition:
    precision = functools.reduce(torch.promote_types, (raw.dtype, previous.dtype, mask.dtype, flow.dtype))
    warped = _sample(previous.to(precision), flow.to(precision), border)
    image = torch.lerp(warped, raw.to(precision), mask.to(precision))
    return Composition(image.to(raw.dtype), warped.to(raw.dtype))


def _sample(
    image: Float[Tensor, "b c h w"], flow: Float[Tensor, "b 2 h w"], border: Border
) -> Float[Tensor, "b c h w"]:
    """Four gathers and three blends: exact where grid_sample rounds positions, in about twice its time."""
    b, c, h, w = image.shape
    rim = 0
    if border == "zeros":  # a rim of zeros is a border like any other, one pixel further out
        image, rim = F.pad(image, (1, 1, 1, 1)), 1
    columns = torch.arange(rim, w + rim, device=flow.device)
    rows = torch.arange(rim, h + rim, device=flow.device)[:, None]
    left, right, across = _neighbours(flow[:, 0], columns, image.shape[3])
    upper, lower, down = _neighbours(flow[:, 1], rows, image.shape[2])
    pixels, upper, lower = image.flatten(2), upper * image.shape[3], lower * image.shape[3]

    def at(row: Tensor, column: Tensor) -> Tensor:
        place = (row + column).reshape(b, 1, h * w).expand(b, c, h * w)
        return pixels.gather(2, place).reshape(b, c, h, w)

    above = torch.lerp(at(upper, left), at(upper, right), across)
    below = torch.lerp(at(lower, left), at(lower, right), across)
    return torch.lerp(above, below, down)


def _neighbours(
    move: Float[Tensor, "b h w"], place: Int[Tensor, "*line"], size: int
) -> tuple[Int[Tensor, "b h w"], Int[Tensor, "b h w"], Float[Tensor, "b 1 h w"]]:
    """The two pixels of a line of `size` between which a move from `place` ends, and how far along from the first."""
    move = move.nan_to_num(0.0, 0.0, 0.0)
    move = move.clamp((0 - place).to(move.dtype), (size - 1 - place).to(move.dtype))
    whole = move.detach().floor()
    near = place + whole.long()
    return near, (near + 1).clamp(max=size - 1), (move - whole)[:, None]


def _warp_by_triton(image: Tensor, flow: Tensor, border: Border) -> Tensor:
    from models.ops.warp_triton import warp_fused  # late: Triton is not on every system

    return warp_fused(image, flow, zeros=border == "zeros")


def _compose_by_triton(raw: Tensor, previous: Tensor, flow: Tensor, mask: Tensor, border: Border) -> Composition:
    from models.ops.warp_triton import compose_fused

    return Composition(*compose_fused(raw, previous, flow, mask, zeros=border == "zeros"))


BACKENDS = {
    "torch": Backend(_warp_by_torch, _compose_by_torch),
    "triton": Backend(_warp_by_triton, _compose_by_triton),
}


def _chosen(name: str | None, tensors: Sequence[Tensor]) -> Backend:
    if name is None:  # the interpreter runs on a processor too, but only to check the kernel
        fits = tensors[0].is_cuda and _against_triton(tensors) is None
        return BACKENDS["triton" if fits else "torch"]
    if name not in BACKENDS:
        raise UnknownChoice.among("warp backend", name, BACKENDS)
    obstacle = _against_triton(tensors) if name == "triton" else None
    if obstacle is not None:
        raise obstacle
    return BACKENDS[name]


def _against_triton(tensors: Sequence[Tensor]) -> BackendUnavailable | None:
    """What keeps the kernel from these tensors, if anything."""
    where, otherwise = "warp backend 'triton'", "Or leave `backend` out: PyTorch then does the same, on any machine."
    if find_spec("triton") is None:
        remedy = f"Install PyTorch's CUDA build for Linux, which brings it. {otherwise}"
        return BackendUnavailable(where, "triton is not installed", "the package triton", remedy)
    if torch.float64 in {tensor.dtype for tensor in tensors}:
        remedy = f"Convert them with .float(). {otherwise}"
        return BackendUnavailable(where, "a tensor is float64", "float32, bfloat16 or float16", remedy)
    from models.ops.warp_triton import INTERPRETED

    if INTERPRETED:
        return None
    if not tensors[0].is_cuda:
        found, expected = f"the tensors are on {tensors[0].device}", "tensors on a CUDA device"
        remedy = (
            f"Move them there, or set TRITON_INTERPRET=1 before the program starts to check the kernel. {otherwise}"
        )
        return BackendUnavailable(where, found, expected, remedy)
    if not _launcher_can_be_built():
        found, expected = "no C compiler or no Python.h", "both: Triton builds its launcher with them, once"
        return BackendUnavailable(where, found, expected, f"Install gcc and Python's headers. {otherwise}")
    return None


@functools.cache
def _launcher_can_be_built() -> bool:
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    return compiler is not None and (Path(sysconfig.get_path("include")) / "Python.h").exists()


def _check(function: str, border: str, **tensors: Tensor) -> None:
    """Refuse what does not fit the first of `tensors`, which is the picture that is warped."""
    if border not in get_args(Border):
        raise UnknownChoice.among("border", border, get_args(Border))
    name, image = next(iter(tensors.items()))
    if image.ndim != 4:
        found, remedy = f"shape {tuple(image.shape)}", "Add the missing axes; a single picture is a batch of one."
        raise TensorError(f"{function}: {name}", found, "(batch, channels, height, width)", remedy)
    b, _, h, w = image.shape
    shapes = {"flow": (b, 2, h, w), "mask": (b, 1, h, w)}
    for other, tensor in tensors.items():
        shape = shapes.get(other, tuple(image.shape))
        _check_one(f"{function}: {other}", tensor, shape, like=name, device=image.device)
    if tensors["flow"].dtype not in (torch.float32, torch.float64):
        remedy = "Half precision is off by up to 1/16 of a pixel for a move of 20: compute the flow outside autocast; "
        remedy += ".float() alone comes too late."
        raise TensorError(f"{function}: flow", f"{tensors['flow'].dtype}", "torch.float32", remedy)


def _check_one(where: str, tensor: Tensor, shape: tuple[int, ...], *, like: str, device: torch.device) -> None:
    if tensor.shape != shape:
        remedy = f"Bring it to the size of `{like}`; to resize a flow, multiply x and y by the factors too."
        raise TensorError(where, f"shape {tuple(tensor.shape)}", f"{shape}", remedy)
    if not tensor.is_floating_point():
        raise TensorError(where, f"{tensor.dtype}", "a floating type", "Convert it with .float().")
    if tensor.device != device:
        raise TensorError(where, f"on {tensor.device}", f"{device}, as `{like}`", f"Move it with .to({like}.device).")
