"""What any of our generators hands over for a frame, and what it remembers of the frames before."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """One painted frame."""

    image: Float[Tensor, "b 3 h w"]  # the finished picture, -1..1
    foreground: Float[Tensor, "b 3 h w"] | None = None  # the performer alone, where the generator paints over a plate
    mask: Float[Tensor, "b 1 h w"] | None = None  # 0 plate … 1 performer, before the sigmoid: logits
    raw: Float[Tensor, "b 3 h w"] | None = None  # painted without memory, where the picture is a blend with the last
    coarse: tuple[Float[Tensor, "b 3 _ _"], ...] = ()  # the same frame at smaller scales, where they are remembered


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """All that a performer knows of the frames before: the whole recurrent state of a film."""

    pictures: tuple[Float[Tensor, "b _ _ _"], ...]  # painted before, oldest first, -1..1; coarse to fine
    conditions: Float[Tensor, "b _ h w"]  # of the frames before, oldest first, -1..1; no channels: not looked at
    empty: bool  # nothing was painted yet


@torch.no_grad()
def drift(made: Performance) -> float:
    """How far the blend with what was painted before has gone from the picture painted without memory.

    Mean absolute difference over the performer, in units of -1..1; 0 where the generator has no such two pictures.
    """
    if made.raw is None:
        return 0.0
    share = torch.ones_like(made.raw[:, :1]) if made.mask is None else torch.sigmoid(made.mask.float())
    apart = (made.image.float() - made.raw.float()).abs().mean(dim=1, keepdim=True)
    return float((apart * share).sum() / share.sum().clamp(min=1.0))


class Performer(nn.Module, ABC):
    """Any network that paints one frame after the other."""

    @abstractmethod
    def blank(self, condition: Float[Tensor, "b _ h w"]) -> Memory:
        """Return the memory before the first frame, of a picture like `condition`."""

    @abstractmethod
    def perform(
        self, condition: Float[Tensor, "b _ h w"], backdrop: Float[Tensor, "b 3 h w"], memory: Memory
    ) -> Performance:
        """Paint what `condition` shows, before `backdrop`, after what `memory` holds."""

    @abstractmethod
    def remember(self, memory: Memory, condition: Float[Tensor, "b _ h w"], made: Performance) -> Memory:
        """Return the memory with this frame as its newest."""


class RemembersOneFrame(Performer):
    """The memory of Everybody Dance Now's generators, (condition, previous, backdrop) → frame: the last frame alone."""

    def blank(self, condition: Float[Tensor, "b 3 h w"]) -> Memory:
        """Return the memory before the first frame: a zero picture."""
        return Memory((condition.new_zeros(condition.shape),), condition[:, :0], empty=True)

    def perform(
        self, condition: Float[Tensor, "b 3 h w"], backdrop: Float[Tensor, "b 3 h w"], memory: Memory
    ) -> Performance:
        """Paint the next frame."""
        made: Performance = self(condition, memory.pictures[0], backdrop)
        return made

    def remember(self, memory: Memory, condition: Float[Tensor, "b 3 h w"], made: Performance) -> Memory:
        """Keep the finished picture."""
        return Memory((made.image.float().clamp(-1, 1),), memory.conditions, empty=False)
