"""The memory of Deep Video Portraits: what was shown of the frames before, and nothing of what was painted.

Source: Kim et al. 2018, "Deep Video Portraits", sec. 5 and 6 (a window of conditioning images, the current one last).
"""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from models.performance import Memory, Performance, Performer


class RemembersConditions(Performer):
    """A network that sees a window of conditions: errors cannot build up, as it never sees a picture of its own."""

    window: int  # frames it sees, the current one included
    condition_channels: int  # of one frame

    @abstractmethod
    def paint_window(self, window: Float[Tensor, "b wc h w"], backdrop: Float[Tensor, "b 3 h w"]) -> Performance:
        """Paint the last frame of a window: how it is trained, without going through the film in order.

        Args:
            window: conditions, `window` times `condition_channels`, oldest first, -1..1.
            backdrop: the clean plate, -1..1; not looked at by a network that paints the whole picture.
        Raises: ValueError where size or channels do not fit.
        """

    def blank(self, condition: Float[Tensor, "b _ h w"]) -> Memory:
        """Return the memory before the first frame; of `condition` only the size counts."""
        batch, _, height, width = condition.shape
        past = (self.window - 1) * self.condition_channels
        return Memory((), condition.new_zeros(batch, past, height, width), empty=True)

    def perform(
        self, condition: Float[Tensor, "b c h w"], backdrop: Float[Tensor, "b 3 h w"], memory: Memory
    ) -> Performance:
        """Paint the next frame; at the start of a film its condition stands for those before it."""
        return self.paint_window(torch.cat([self._before(condition, memory), condition], dim=1), backdrop)

    def remember(self, memory: Memory, condition: Float[Tensor, "b c h w"], made: Performance) -> Memory:
        """Return the memory with this frame's condition as its newest."""
        seen = torch.cat([self._before(condition, memory), condition], dim=1)
        return Memory((), seen[:, condition.shape[1] :], empty=False)

    def _before(self, condition: Tensor, memory: Memory) -> Tensor:
        return condition.repeat(1, self.window - 1, 1, 1) if memory.empty else memory.conditions

    def _refuse(self, window: Tensor, stride: int, least: int) -> None:
        """Raise ValueError where channels or size are not what the network takes."""
        expected, (height, width) = self.window * self.condition_channels, window.shape[2:]
        if window.shape[1] != expected:
            raise ValueError(
                f"The window has {window.shape[1]} channels, expected {expected}: "
                f"{self.window} conditions of {self.condition_channels}."
            )
        if height % stride or width % stride or min(height, width) < least:
            raise ValueError(
                f"The picture is {width}x{height}, expected multiples of {stride}, at least {least}: "
                "pad it, and crop the result."
            )
