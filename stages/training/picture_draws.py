"""Draw moments from a store of pictures: resized, cut and flipped at random, neighbours in time alike.

Source: Zhu et al. 2017, "Unpaired Image-to-Image Translation …", and Isola et al. 2017, "Image-to-Image Translation
with Conditional Adversarial Networks", as their published training draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.optical_flow import resize_flow
from models.steadiness import Motion
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from pipeline.image import crop, resize, to_tensor
from pipeline.values import Box
from stages.training.flow_teacher import TaughtFlow
from stages.training.picture_store import PictureStore

NEIGHBOURS = 1  # frames between the two of a moment
COLOURS_FROM, COLOURS_EVERY = 200, 4  # pictures of a domain that its usual colours are taken from; pixels, both ways


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of a picture is seen: a window, resized to the training size, perhaps mirrored. One for a whole moment."""

    window: Box
    flipped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawPlan:
    """How pictures are drawn."""

    height: int  # pixels, of what is drawn
    width: int
    batch: int = 1
    shrink: bool = False  # windows of any size up to the whole picture, made smaller; else cut as they are
    flip: bool = True  # mirror every other moment


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Pictures drawn, then as many companions; all on the training device."""

    pictures: Tensor  # (n, 3, h, w), -1..1: n is b, or 2b with companions
    motion: Motion | None  # None where no flow is wanted, or nothing follows anything


def fitting_plan(
    stores: Sequence[PictureStore],
    height: int,
    width: int,
    *,
    stride: int,
    smallest: int,
    batch: int,
    shrink: bool,
    flip: bool,
) -> DrawPlan:
    """The plan of a size that all stores have and the network takes: as wished, or what there is of it.

    Args:
        height, width: as wished, pixels.
        stride: a whole multiple of this a side.
        smallest: pixels a side that the network needs.

    Raises: TrainingError where the pictures are too small for the network.
    """
    sides = []
    for wished, axis in ((height, 1), (width, 2)):
        most = min(wished, *(store.pictures.shape[axis] for store in stores))
        sides.append(most // stride * stride)
    if min(sides) < smallest:
        found = " and ".join(f"{store.report.width}x{store.report.height}" for store in stores)
        raise TrainingError(
            "the pictures", f"they are {found}", f"at least {smallest} pixels a side", "Give larger pictures."
        )
    return DrawPlan(height=sides[0], width=sides[1], batch=batch, shrink=shrink, flip=flip)


def draw_views(store: PictureStore, plan: DrawPlan, chance: np.random.Generator) -> list[View]:
    """What is seen of each picture of a batch."""
    height, width = store.pictures.shape[1:3]
    most = min(height / plan.height, width / plan.width) if plan.shrink else 1.0
    views = []
    for _ in range(plan.batch):
        factor = chance.uniform(1.0, most)
        high, wide = min(height, round(plan.height * factor)), min(width, round(plan.width * factor))
        top, left = int(chance.integers(height - high + 1)), int(chance.integers(width - wide + 1))
        flipped = bool(plan.flip and chance.random() < 0.5)
        views.append(View(window=Box(left, top, left + wide, top + high), flipped=flipped))
    return views


def companions_of(store: PictureStore, frames: NDArray[np.int64], chance: np.random.Generator) -> NDArray[np.int64]:
    """One more picture for each drawn, (b,): the one before it, or any where it follows none, so that all count alike.

    A judge is to be shown as many true pictures as painted ones, though one domain may be of clips, one of pictures.
    """
    return np.where(store.follows[frames], frames - NEIGHBOURS, chance.integers(len(store), size=len(frames)))


def draw_moment(
    store: PictureStore,
    frames: NDArray[np.int64],
    views: Sequence[View],
    plan: DrawPlan,
    compute: Compute,
    *,
    companions: NDArray[np.int64] | None = None,
    flow: TaughtFlow | None = None,
) -> Moment:
    """Cut pictures out of a store, and their companions.

    Args:
        frames: (b,), in the store.
        views: of each; its companion is seen alike.
        companions: of `companions_of`; None draws single pictures.
        flow: the teacher's, of this store or of its partner; None: nobody asks how the pictures move.
    """
    rows = frames if companions is None else np.concatenate([frames, companions])
    seen = views if companions is None else [*views, *views]
    cut = [
        resize(crop(store.pictures[row], view.window), plan.width, plan.height)[:, :: -1 if view.flipped else 1]
        for row, view in zip(rows, seen, strict=True)
    ]
    pictures = to_tensor(np.stack(cut), compute.device).contiguous(memory_format=torch.channels_last)
    later = np.flatnonzero(store.follows[frames])
    if companions is None or flow is None or not len(later):
        return Moment(pictures, None)
    taught = [_taught(flow, int(frames[place]), views[place], plan) for place in later]
    moved, sure = (torch.cat(parts).to(compute.device) for parts in zip(*taught, strict=True))
    places = torch.from_numpy(later).to(compute.device)
    return Moment(pictures, Motion(later=places, earlier=places + len(frames), flow=moved, confidence=sure))


def _taught(flow: TaughtFlow, frame: int, view: View, plan: DrawPlan) -> tuple[Tensor, Tensor]:
    """Flow (1, 2, h, w) and confidence (1, 1, h, w) as seen in a view: a mirror turns motion to the side around."""
    motion, belief = flow.between(frame, NEIGHBOURS)
    seen = crop(np.ascontiguousarray(motion.transpose(1, 2, 0)), view.window)
    moved = resize_flow(torch.from_numpy(seen).permute(2, 0, 1)[None], plan.height, plan.width)
    sure = torch.from_numpy(resize(crop(belief, view.window), plan.width, plan.height))[None, None].clamp(0, 1)
    if view.flipped:
        moved, sure = moved.flip(-1) * moved.new_tensor([-1.0, 1.0]).view(1, 2, 1, 1), sure.flip(-1)
    return moved, sure


def colours_of(store: PictureStore) -> Tensor:
    """Colours of a domain, of pictures spread over it: (n, 3), -1..1."""
    spread = np.linspace(0, store.trained - 1, min(store.trained, COLOURS_FROM)).round().astype(int)
    taken = store.pictures[spread][:, ::COLOURS_EVERY, ::COLOURS_EVERY]
    return to_tensor(taken).movedim(1, -1).reshape(-1, 3)
