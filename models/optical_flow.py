"""Optical flow: when to believe it, how to resize it, and RAFT, torchvision's network, to find it.

A flow is a backward flow in pixels, (x, y) order: at every pixel of the later picture it says where, relative to that
pixel, its content lay in the earlier one, so that `warp(before, flow)` reproduces `now`.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.checkpoint import fit_weights, read_published
from models.ops.warp import warp
from pipeline.errors import WeightsMissing

PHOTOMETRIC = 0.02  # least sum over colours of squared differences, pictures in -1..1, that speaks against a flow
ALPHA, BETA = 0.01, 0.5  # of the two-way check: of the flows' squared lengths, and square pixels

STRIDE = 8  # RAFT halves three times
SMALLEST = 128  # pixels a side: RAFT's correlations are halved three times more
UPDATES = 12  # refinements of RAFT's estimate, as torchvision's


def photometric_confidence(
    now: Float[Tensor, "b 3 h w"], before: Float[Tensor, "b 3 h w"], flow: Float[Tensor, "b 2 h w"]
) -> Float[Tensor, "b 1 h w"]:
    """1 where the earlier picture, moved along the flow, shows the later one's colour; else 0.

    Args:
        now, before: RGB, -1..1.
        flow: from `now` back to `before`, pixels.
    Source: Wang et al. 2018, "Video-to-Video Synthesis", its published training: Σ (now - warp(before, flow))² < 0.02.
    """
    difference = now - warp(before, flow)
    return (difference.square().sum(dim=1, keepdim=True) < PHOTOMETRIC).to(flow.dtype)


def occluded(back: Float[Tensor, "b 2 h w"], forth: Float[Tensor, "b 2 h w"]) -> Bool[Tensor, "b 1 h w"]:
    """Where the way back and the way forth do not cancel: what is seen now was hidden before.

    |back + forth'|² > 0.01 (|back|² + |forth'|²) + 0.5 square pixels, with forth' fetched from where `back` points.

    Args:
        back: flow from the later picture to the earlier, pixels.
        forth: flow from the earlier to the later.
    Source: Sundaram et al. 2010, "Dense Point Trajectories by GPU-accelerated Large Displacement Optical Flow", sec. 3.
    """
    there = warp(forth, back)
    return _squared_length(back + there) > ALPHA * (_squared_length(back) + _squared_length(there)) + BETA


def inside(flow: Float[Tensor, "b 2 h w"]) -> Bool[Tensor, "b 1 h w"]:
    """Where a flow (pixels) points into the picture: between the centres of its outermost pixels."""
    height, width = flow.shape[-2:]
    x = flow[:, :1] + torch.arange(width, device=flow.device, dtype=flow.dtype)
    y = flow[:, 1:] + torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def confidence(
    now: Float[Tensor, "b 3 h w"],
    before: Float[Tensor, "b 3 h w"],
    back: Float[Tensor, "b 2 h w"],
    forth: Float[Tensor, "b 2 h w"],
) -> Float[Tensor, "b 1 h w"]:
    """1 where a flow is believed: colours agree along it, its way back agrees, it stays in the picture; else 0.

    Args:
        now, before: RGB, -1..1.
        back: the flow in question, from `now` to `before`, pixels.
        forth: from `before` to `now`.
    """
    return photometric_confidence(now, before, back) * (inside(back) & ~occluded(back, forth))


def resize_flow(flow: Float[Tensor, "b 2 h w"], height: int, width: int) -> Float[Tensor, "b 2 height width"]:
    """A flow of pictures that are now height x width: x grows with the width, y with the height.

    Averaged by area where it shrinks, bilinear between pixel centres where it grows. Pixels in, pixels of the new size
    out.
    """
    shrinks = height * width < flow.shape[-2] * flow.shape[-1]
    mode = "area" if shrinks else "bilinear"
    resized = F.interpolate(flow, (height, width), mode=mode, align_corners=None if shrinks else False)
    return resized * flow.new_tensor([width / flow.shape[-1], height / flow.shape[-2]]).view(1, 2, 1, 1)


class Raft(nn.Module):
    """torchvision's large RAFT, frozen, for pictures of any size.

    Source: Teed & Deng 2020, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow".
    """

    def __init__(self, network: nn.Module) -> None:
        """Take over `network` (`raft_network()` with weights in it) and freeze it."""
        super().__init__()
        self.network = network
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, now: Float[Tensor, "b 3 h w"], before: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2 h w"]:
        """Find the flow from `now` back to `before`: pixels, float32 also under autocast; no gradient.

        Args:
            now, before: RGB, -1..1; their border is repeated up to multiples of 8 and at least 128 pixels a side.
        """
        height, width = now.shape[-2:]
        left, right = _margins(width)
        top, bottom = _margins(height)
        with torch.autocast(now.device.type, enabled=False):
            pictures = [F.pad(x.float(), (left, right, top, bottom), mode="replicate") for x in (now, before)]
            found: Tensor = self.network(*pictures, num_flow_updates=UPDATES)[-1]
        return found[..., top : top + height, left : left + width]


def load_raft(path: Path | None = None) -> Raft:
    """Build RAFT from a file of weights; nothing is downloaded.

    Args:
        path: torchvision's raft_large state dict; None looks where torchvision keeps its own.
    Raises:
        WeightsMissing: no such file.
        ModelError: the file is damaged or holds other weights.
    """
    path = path or published_raft()
    if not path.is_file():
        raise WeightsMissing(
            path,
            "the RAFT weights of the flow teacher are not there",
            f"the file {raft_url()}",
            "Put it there, or learn from the flow that needs no weights: --flow-teacher dis.",
        )
    network = raft_network()
    fit_weights(network, read_published(path, "torchvision's RAFT weights"), path)
    return Raft(network)


def published_raft() -> Path:
    """Where torchvision keeps RAFT's weights on this machine, whether they are there or not."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(raft_url()).name


def raft_url() -> str:
    """Where torchvision publishes RAFT's weights."""
    from torchvision.models.optical_flow import Raft_Large_Weights  # here, for it takes seconds; most do without

    url: str = Raft_Large_Weights.DEFAULT.url
    return url


def raft_network() -> nn.Module:
    """torchvision's large RAFT, 5,257,536 weights with chance in them."""
    from torchvision.models.optical_flow import raft_large  # see raft_url

    network: nn.Module = raft_large(weights=None)
    return network


def _margins(side: int) -> tuple[int, int]:
    """Pixels to add before and after, so that RAFT takes the sum."""
    missing = max(SMALLEST, -(-side // STRIDE) * STRIDE) - side
    return missing // 2, missing - missing // 2


def _squared_length(flow: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b 1 h w"]:
    return flow.square().sum(dim=1, keepdim=True)
