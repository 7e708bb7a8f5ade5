"""Paint a stretch of a take, each frame after the ones painted before: what one training step looks at."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from models.matting import MattingWeights, matting_loss
from models.performance import Memory, Performance
from models.vid2vid.performer import SequentialPerformer, detached
from models.vid2vid.scene import Blend
from models.vid2vid.synthesis import Synthesis
from pipeline.compute import Compute
from stages.training.takes import Take


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """Frames first … stop-1 of a take as the finest scale painted them; (b, t, channels, h, w), float32."""

    first: int
    image: Tensor  # the finished frames
    blend: Blend | None  # what they were blended of; None: the generator predicts no flow
    matte: Tensor | None  # logits; None: the generator paints over no plate
    foreground: Tensor | None  # the performer alone

    @property
    def stop(self) -> int:
        """The frame behind the last."""
        return self.first + int(self.image.shape[1])


def roll_out(
    performer: SequentialPerformer,
    take: Take,
    first: int,
    stop: int,
    memory: Memory,
    compute: Compute,
    *,
    backprop: int = 1,
    checkpointing: bool = False,
) -> tuple[Rollout, Memory]:
    """Paint frames first … stop-1 after `memory`; returns them and the memory behind the last.

    Args:
        backprop: the gradient flows back through at most so many frames: the memory is cut before each of these.
        checkpointing: keep no activations; every frame is painted once more on the way back.
    """
    painted: list[Synthesis] = []
    for step in range(first, stop):
        if (step - first) % backprop == 0:
            memory = detached(memory)
        condition = take.conditions[:, step].contiguous(memory_format=torch.channels_last)
        with compute.autocast():
            if checkpointing:
                scales = checkpoint(performer.paint, condition, take.backdrop, memory, use_reentrant=False)
            else:
                scales = performer.paint(condition, take.backdrop, memory)
        painted.append(scales[-1])
        memory = performer.recall(memory, condition, [scale.image for scale in scales])
    return _joined(first, painted), memory


def in_time(frames: Iterable[Tensor]) -> Tensor:
    """Frames (b, c, h, w) one behind the other as (b, t, c, h, w), channels last in memory.

    So lie the true ones: compared with others, one of the two would be read across, in three times the time.
    """
    return torch.stack([frame.movedim(1, -1) for frame in frames], dim=1).movedim(-1, 2)


def _joined(first: int, painted: list[Synthesis]) -> Rollout:
    def along_time(frames: Iterable[Tensor | None]) -> Tensor:
        return in_time([frame.float() for frame in frames if frame is not None])

    last = painted[-1]
    return Rollout(
        first=first,
        image=along_time(frame.image for frame in painted),
        blend=None
        if last.flow is None
        else Blend(
            raw=along_time(frame.raw for frame in painted),
            flow=along_time(frame.flow for frame in painted),
            mask=along_time(frame.mask for frame in painted),
            warped=along_time(frame.warped for frame in painted),
        ),
        matte=None if last.matte is None else along_time(frame.matte for frame in painted),
        foreground=None if last.foreground is None else along_time(frame.foreground for frame in painted),
    )


def matting_of(rollout: Rollout, take: Take, weights: MattingWeights | None) -> Tensor:
    """The terms about the mask of a generator that paints over a plate, weighted; 0 for others.

    SSIM, a seventh of a draft's step if all frames counted, is taken of one: the last of the stretch in the first take.
    Its neighbours are much like it, it has the memory that all frames of a film have but the first, and which takes
    come first is chance.
    """
    if weights is None or rollout.foreground is None or rollout.matte is None:
        return rollout.image.new_zeros(())
    true, person = (part[:, rollout.first : rollout.stop] for part in (take.pictures, take.persons))
    parts = (rollout.image, rollout.foreground, rollout.matte, true, person)

    def of(takes: slice, frames: slice, counted: MattingWeights) -> Tensor:
        image, foreground, matte, picture, mask = (part[takes, frames].flatten(0, 1) for part in parts)
        return matting_loss(Performance(image, foreground, matte), picture, mask, counted).total(counted)

    every, likeness = slice(None), MattingWeights(structure=weights.structure, mask=0.0, foreground=0.0)
    return of(every, every, replace(weights, structure=0.0)) + of(slice(1), slice(-1, None), likeness)
