"""Pan: where a performance goes beyond the window that a model paints, the window goes with it, as a camera pans.

A network paints bodies as it has seen them, whole; of half a body at its picture's border it makes rags. So the body is
painted whole, in a window moved aside, and cut off where the frame ends. It moves by whole strides, and what was
painted before moves along, so that at every size the network's pixels lie on those of the frame before.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.everybody_dance_now.draft import DraftConfig
from models.performance import Memory
from models.vid2vid.pyramid import PyramidConfig
from pipeline.values import Box, Pose, Status
from stages.model_folder import DanceModel
from stages.training.framing import MARGIN, Framing
from stages.training.networks import config_from


@dataclass(frozen=True, slots=True)
class Pan:
    """Where a frame is painted."""

    columns: int  # of the network's picture, by which the window is moved to the right
    window: Box  # in the full frame; may leave it


def stride_of(model: DanceModel) -> int | None:
    """The columns that a pan's are a multiple of; None for networks that paint whole pictures, which stay in place.

    What lies behind a performer is known beyond the window only where it is not the network's to paint.
    """
    config = config_from(model.network, model.network_config)
    over_plate = isinstance(config, DraftConfig) or (isinstance(config, PyramidConfig) and config.coarse.plate)
    return config.stride if over_plate else None


def pan_of(pose: Pose, model: DanceModel) -> Pan:
    """The window's way to hold what is drawn of a pose, and a margin; it stays where all of that lies in it.

    Where the body is wider than the window, what the frame shows of it counts. Depends on nothing but the pose: chunks
    of a film agree.

    Args:
        pose: in the target's frame.
    """
    framing, stride = model.framing, stride_of(model)
    shown = (pose.confidence >= model.style.min_confidence) & np.isfinite(pose.points).all(axis=1)
    if stride is None or pose.status is Status.MISSING or not shown.any():
        return Pan(0, framing.window)
    places = framing.in_picture(pose.points[shown])
    left, right = float(places[:, 0].min()), float(places[:, 0].max())
    last = framing.width - 1
    if left >= 0 and right <= last:
        return Pan(0, framing.window)
    margin = MARGIN * float(np.ptp(places[:, 1]))
    return _moved(framing, _strides(framing, left - margin, right + margin, stride), stride)


def _strides(framing: Framing, low: float, high: float, stride: int) -> int:
    """The fewest strides that bring columns low … high into the window; else those that suit what the frame shows."""
    last, edges = framing.width - 1, np.array(((-0.5, 0), (framing.frame_width - 0.5, 0)), np.float32)
    least, most = math.ceil((high - last) / stride), math.floor(low / stride)
    if least <= most:
        return min(max(0, least), most)
    first_edge, last_edge = (float(column) for column in framing.in_picture(edges)[:, 0])
    low, high = max(low, first_edge + 0.5), min(high, last_edge - 0.5)
    middle = round((low + high - last) / 2 / stride)
    least, most = math.ceil((high - last) / stride), math.floor(low / stride)
    return min(max(middle, least), most) if least <= most else middle


def _moved(framing: Framing, steps: int, stride: int) -> Pan:
    """The window so many strides to the right, or as many as leave a column of the frame in it."""
    window = framing.window
    column = window.width / framing.width
    lowest, highest = (-window.right + 1) / column, (framing.frame_width - 1 - window.left) / column
    columns = stride * min(max(steps, math.ceil(lowest / stride)), math.floor(highest / stride))
    way = round(columns * column)
    return Pan(columns, replace(window, left=window.left + way, right=window.right + way))


def moved_aside(memory: Memory, columns: int, plate: Float[Tensor, "b 3 h w"]) -> Memory:
    """What was painted and shown before, as seen from a window moved by so many of its columns to the right.

    What comes into sight is the plate, with nothing drawn on it.

    Args:
        columns: a multiple of the network's stride, so that coarser scales move by whole columns too.
        plate: behind the moved window, -1..1.
    """
    if memory.empty:
        return memory

    def seen(pictures: Tensor, beyond: Tensor) -> Tensor:
        width = pictures.shape[3]
        places = torch.arange(width, device=pictures.device) + columns * width // plate.shape[3]
        known = (places >= 0) & (places < width)
        return torch.where(known, pictures.index_select(3, places.clamp(0, width - 1)), beyond)

    def empty_stage(pictures: Tensor) -> Tensor:
        small = F.interpolate(plate, pictures.shape[2:], mode="area")
        return small.repeat(1, pictures.shape[1] // 3, 1, 1)

    pictures = tuple(seen(one, empty_stage(one)) for one in memory.pictures)
    return replace(memory, pictures=pictures, conditions=seen(memory.conditions, plate.new_full((), -1.0)))
