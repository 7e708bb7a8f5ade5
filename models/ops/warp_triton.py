"""The warp of models/ops/warp.py as one Triton kernel forward and one backward: every byte is read and written once.

What is computed, and why, stands with the reference; here stands how. A program takes a tile of the picture, so that
the rows its pixels fetch from are shared in cache; flow and mask are read once for all channels, and no grid of
positions is ever stored. Strides are taken as they come: channels_last, or a slice of another tensor, needs no copy.

The backward kernel fetches the four corners again rather than keeping what the forward one saw. It adds the gradient of
the warped picture up with atomics, in float32 and in no fixed order; where nobody asks for it, nothing is added.
"""

import math
from dataclasses import dataclass
from typing import Any, no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

INTERPRETED = bool(triton.knobs.runtime.interpret)  # as it was when the kernels below were made

UNROLLED = 8  # channels at most whose loads are in flight together
NARROW = 2**31 - 1  # the last offset that 32 bits hold


@dataclass(frozen=True, slots=True)
class Tile:
    """The pixels of one program, and the threads it has, in warps of 32."""

    rows: int
    columns: int
    warps: int


# Two neighbouring columns a thread: half the instructions a pixel, and loads of 8 bytes.
IN_PLANES = Tile(rows=8, columns=64, warps=8)
# One pixel a thread: what is not stored in order, or is added up by atomics, would go through shared memory otherwise.
SCATTERED = Tile(rows=8, columns=32, warps=8)


def warp_fused(
    image: Float[Tensor, "b c h w"], flow: Float[Tensor, "b 2 h w"], *, zeros: bool
) -> Float[Tensor, "b c h w"]:
    """`warp` of models/ops/warp.py, for arguments that passed its checks; `zeros` is its border."""
    warped: Tensor = _Compose.apply(None, image, flow, None, zeros)[1]
    return warped


def compose_fused(
    raw: Float[Tensor, "b c h w"],
    previous: Float[Tensor, "b c h w"],
    flow: Float[Tensor, "b 2 h w"],
    mask: Float[Tensor, "b 1 h w"],
    *,
    zeros: bool,
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c h w"]]:
    """`compose` of models/ops/warp.py, for arguments that passed its checks: the blend, and the warped picture."""
    image, warped = _Compose.apply(raw, previous, flow, mask, zeros)
    return image, warped


class _Compose(torch.autograd.Function):
    """The blend and the warped picture; without `raw` and `mask`, the warped picture alone."""

    @staticmethod
    def forward(
        raw: Tensor | None, previous: Tensor, flow: Tensor, mask: Tensor | None, zeros: bool
    ) -> tuple[Tensor | None, Tensor]:
        image = None if raw is None else torch.empty_like(raw)
        warped = torch.empty_like(previous if raw is None else raw)
        _launch(_forward, (image, warped, raw, previous, flow, mask), previous, zeros=zeros)
        return image, warped

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        raw, previous, flow, mask, ctx.zeros = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(raw, previous, flow, mask)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_image: Tensor | None, by_warped: Tensor | None) -> tuple[Tensor | None, ...]:
        raw, previous, flow, mask = ctx.saved_tensors
        if by_image is None and by_warped is None:
            return None, None, None, None, None
        wanted = ctx.needs_input_grad
        new = torch.empty_like if previous.numel() else torch.zeros_like  # an empty picture launches nothing
        by_raw = new(raw) if wanted[0] and by_image is not None else None
        by_previous = torch.zeros_like(previous, dtype=torch.float32) if wanted[1] else None
        by_flow = new(flow) if wanted[2] else None
        by_mask = new(mask) if wanted[3] and by_image is not None else None
        given, results = (by_image, by_warped, raw, previous, flow, mask), (by_raw, by_previous, by_flow, by_mask)
        _launch(_backward, (*given, *results), previous, zeros=ctx.zeros, scatters=wanted[1])
        return by_raw, None if by_previous is None else by_previous.to(previous.dtype), by_flow, by_mask, None


def _launch(
    kernel: Any, tensors: tuple[Tensor | None, ...], picture: Tensor, *, zeros: bool, scatters: bool = False
) -> None:
    """Run a kernel over all tiles of a batch of pictures of one size."""
    b, c, h, w = picture.shape
    if picture.numel() == 0:
        return
    strides = tuple((0, 0, 0, 0) if tensor is None else tensor.stride() for tensor in tensors)
    in_planes = all(tensor is None or tensor.stride(3) == 1 for tensor in tensors)
    tile = IN_PLANES if in_planes and not scatters else SCATTERED
    with torch.cuda.device_of(picture):
        kernel[(b * triton.cdiv(h, tile.rows) * triton.cdiv(w, tile.columns),)](
            *tensors,
            strides,
            h,
            w,
            channels=c,
            group=c if c <= UNROLLED else math.gcd(c, UNROLLED),
            zeros=zeros,
            wide=max((h + 1) * stride[2] + (w + 1) * stride[3] for stride in strides) > NARROW,
            rows=tile.rows,
            columns=tile.columns,
            num_warps=tile.warps,
        )


@triton.jit
@no_type_check
def _forward(
    image,
    warped,
    raw,
    previous,
    flow,
    mask,
    strides,
    h,
    w,
    channels: tl.constexpr,
    group: tl.constexpr,
    zeros: tl.constexpr,
    wide: tl.constexpr,
    rows: tl.constexpr,
    columns: tl.constexpr,
):
    image_strides, warped_strides, raw_strides, previous_strides, flow_strides, mask_strides = strides
    b, y, x, inside = _tile(h, w, wide, rows, columns)
    left, right, across, _ = _neighbours(flow, flow_strides, b, 0, y, x, inside, x, w, zeros)
    upper, lower, down, _ = _neighbours(flow, flow_strides, b, 1, y, x, inside, y, h, zeros)
    if mask is not None:
        m = tl.load(_at(mask, mask_strides, b, 0, y, x), inside, 0.0).to(tl.float32)
    for first in range(0, channels, group):
        for step in tl.static_range(group):
            c = first + step
            nw = _fetch(previous, previous_strides, b, c, upper, left, inside, h, w, zeros)
            ne = _fetch(previous, previous_strides, b, c, upper, right, inside, h, w, zeros)
            sw = _fetch(previous, previous_strides, b, c, lower, left, inside, h, w, zeros)
            se = _fetch(previous, previous_strides, b, c, lower, right, inside, h, w, zeros)
            value = _blend(_blend(nw, ne, across), _blend(sw, se, across), down)
            tl.store(_at(warped, warped_strides, b, c, y, x), value, inside)
            if raw is not None:
                drawn = tl.load(_at(raw, raw_strides, b, c, y, x), inside, 0.0).to(tl.float32)
                tl.store(_at(image, image_strides, b, c, y, x), _blend(value, drawn, m), inside)


@triton.jit
@no_type_check
def _backward(
    by_image,
    by_warped,
    raw,
    previous,
    flow,
    mask,
    by_raw,
    by_previous,
    by_flow,
    by_mask,
    strides,
    h,
    w,
    channels: tl.constexpr,
    group: tl.constexpr,
    zeros: tl.constexpr,
    wide: tl.constexpr,
    rows: tl.constexpr,
    columns: tl.constexpr,
):
    by_image_strides, by_warped_strides, raw_strides, previous_strides, flow_strides, mask_strides = strides[:6]
    by_raw_strides, by_previous_strides, by_flow_strides, by_mask_strides = strides[6:]
    b, y, x, inside = _tile(h, w, wide, rows, columns)
    left, right, across, free_x = _neighbours(flow, flow_strides, b, 0, y, x, inside, x, w, zeros)
    upper, lower, down, free_y = _neighbours(flow, flow_strides, b, 1, y, x, inside, y, h, zeros)
    sum_x = tl.zeros((rows, columns), tl.float32)
    sum_y = tl.zeros((rows, columns), tl.float32)
    sum_m = tl.zeros((rows, columns), tl.float32)
    if mask is not None:
        m = tl.load(_at(mask, mask_strides, b, 0, y, x), inside, 0.0).to(tl.float32)
    for first in range(0, channels, group):
        for step in tl.static_range(group):
            c = first + step
            pull = tl.zeros((rows, columns), tl.float32)  # the loss by the warped pixel, both ways
            if by_warped is not None:
                pull += tl.load(_at(by_warped, by_warped_strides, b, c, y, x), inside, 0.0).to(tl.float32)
            if by_image is not None:
                g = tl.load(_at(by_image, by_image_strides, b, c, y, x), inside, 0.0).to(tl.float32)
                pull += (1 - m) * g
                if by_raw is not None:
                    tl.store(_at(by_raw, by_raw_strides, b, c, y, x), m * g, inside)
            if by_flow is not None or by_mask is not None:
                nw = _fetch(previous, previous_strides, b, c, upper, left, inside, h, w, zeros)
                ne = _fetch(previous, previous_strides, b, c, upper, right, inside, h, w, zeros)
                sw = _fetch(previous, previous_strides, b, c, lower, left, inside, h, w, zeros)
                se = _fetch(previous, previous_strides, b, c, lower, right, inside, h, w, zeros)
                above = _blend(nw, ne, across)
                below = _blend(sw, se, across)
                sum_x += pull * _blend(ne - nw, se - sw, down)
                sum_y += pull * (below - above)
                if by_mask is not None:
                    drawn = tl.load(_at(raw, raw_strides, b, c, y, x), inside, 0.0).to(tl.float32)
                    sum_m += g * (drawn - _blend(above, below, down))
            if by_previous is not None:
                to_upper = pull * (1 - down)
                to_lower = pull * down
                _add(by_previous, by_previous_strides, b, c, upper, left, to_upper * (1 - across), inside, h, w, zeros)
                _add(by_previous, by_previous_strides, b, c, upper, right, to_upper * across, inside, h, w, zeros)
                _add(by_previous, by_previous_strides, b, c, lower, left, to_lower * (1 - across), inside, h, w, zeros)
                _add(by_previous, by_previous_strides, b, c, lower, right, to_lower * across, inside, h, w, zeros)
    if by_flow is not None:
        tl.store(_at(by_flow, by_flow_strides, b, 0, y, x), tl.where(free_x, sum_x, 0.0), inside)
        tl.store(_at(by_flow, by_flow_strides, b, 1, y, x), tl.where(free_y, sum_y, 0.0), inside)
    if by_mask is not None:
        tl.store(_at(by_mask, by_mask_strides, b, 0, y, x), sum_m, inside)


@triton.jit
@no_type_check
def _tile(h, w, wide: tl.constexpr, rows: tl.constexpr, columns: tl.constexpr):
    """Which picture and which of its rows (rows, 1) and columns (1, columns) this program has, and which are there."""
    tiles_across = tl.cdiv(w, columns)
    tiles_down = tl.cdiv(h, rows)
    line = tl.program_id(0) // tiles_across  # of tiles, counted through all pictures
    b = line // tiles_down
    y = (line - b * tiles_down) * rows + tl.arange(0, rows)[:, None]
    x = (tl.program_id(0) - line * tiles_across) * columns + tl.arange(0, columns)[None, :]
    inside = (y < h) & (x < w)
    if wide:
        y = y.to(tl.int64)
        x = x.to(tl.int64)
    return b, y, x, inside


@triton.jit
@no_type_check
def _neighbours(flow, strides, b, axis, y, x, inside, place, size, zeros: tl.constexpr):
    """The two pixels of a line between which a move ends, how far along it does, and whether it was left as it came."""
    move = tl.load(_at(flow, strides, b, axis, y, x), inside, 0.0)
    free = tl.abs(move) < float("inf")  # false for NaN too
    move = tl.where(free, move, 0.0)
    lowest = (0 - place).to(tl.float32)
    highest = (size - 1 - place).to(tl.float32)
    if zeros:
        lowest -= 1
        highest += 1
    free &= (move >= lowest) & (move <= highest)
    move = tl.minimum(tl.maximum(move, lowest), highest)
    whole = tl.floor(move)
    near = place + whole.to(tl.int32)
    far = near + 1
    if not zeros:
        far = tl.minimum(far, size - 1)
    return near, far, move - whole, free


@triton.jit
@no_type_check
def _at(pointer, strides, b, c, y, x):
    """Where a pixel's channel lies; its plane is found in 64 bits, once for all threads."""
    plane = tl.full((), b, tl.int64) * strides[0] + tl.full((), c, tl.int64) * strides[1]
    return pointer + plane + (y * strides[2] + x * strides[3])


@triton.jit
@no_type_check
def _there(y, x, inside, h, w, zeros: tl.constexpr):
    if zeros:
        inside = inside & (y >= 0) & (y < h) & (x >= 0) & (x < w)
    return inside


@triton.jit
@no_type_check
def _fetch(pointer, strides, b, c, y, x, inside, h, w, zeros: tl.constexpr):
    there = _there(y, x, inside, h, w, zeros)
    return tl.load(_at(pointer, strides, b, c, y, x), there, 0.0).to(tl.float32)


@triton.jit
@no_type_check
def _add(pointer, strides, b, c, y, x, value, inside, h, w, zeros: tl.constexpr):
    there = _there(y, x, inside, h, w, zeros)
    tl.atomic_add(_at(pointer, strides, b, c, y, x), value, there, sem="relaxed")


@triton.jit
@no_type_check
def _blend(start, end, weight):
    """Exact at both ends, which start + weight * (end - start) is not."""
    return (1 - weight) * start + weight * end
