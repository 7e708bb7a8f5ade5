"""The sequential generator as a performer: frame after frame, looking back on its own last frames and conditions."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from models.performance import Memory, Performance, Performer
from models.vid2vid.pyramid import PyramidGenerator
from models.vid2vid.synthesis import Synthesis


class SequentialPerformer(Performer):
    """Keeps the last L frames of every scale and the last L conditions; before the first frame, zeros and repeats.

    Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3, eq. 2; the first frame is painted without a real one,
    and the first condition stands for those before it, so that every frame of the source yields a frame.
    """

    def __init__(self, generator: PyramidGenerator) -> None:
        super().__init__()
        self.generator = generator
        self.past = generator.config.past_frames

    def blank(self, condition: Float[Tensor, "b _ h w"]) -> Memory:
        """Return the memory before the first frame; of `condition` only the size counts."""
        sizes = self.generator.sizes(condition.shape[2], condition.shape[3])
        pictures = tuple(condition.new_zeros(len(condition), 3 * self.past, *size) for size in sizes)
        channels = self.past * self.generator.config.coarse.condition_channels
        return Memory(pictures, condition.new_zeros(len(condition), channels, *condition.shape[2:]), empty=True)

    def paint(
        self, condition: Float[Tensor, "b c h w"], backdrop: Float[Tensor, "b 3 h w"], memory: Memory
    ) -> tuple[Synthesis, ...]:
        """Paint the next frame; returns it at every scale, coarse to fine, with all it was made of."""
        before = condition.repeat(1, self.past, 1, 1) if memory.empty else memory.conditions
        empty = None if memory.empty else torch.zeros(len(condition), dtype=torch.bool, device=condition.device)
        window = torch.cat([before, condition], dim=1)
        painted: tuple[Synthesis, ...] = self.generator(window, memory.pictures, empty=empty, backdrop=backdrop)
        return painted

    def perform(
        self, condition: Float[Tensor, "b c h w"], backdrop: Float[Tensor, "b 3 h w"], memory: Memory
    ) -> Performance:
        """Paint the next frame."""
        *coarse, finest = self.paint(condition, backdrop, memory)
        return Performance(
            finest.image,
            foreground=finest.foreground,
            mask=finest.matte,
            raw=finest.raw,
            coarse=tuple(one.image for one in coarse),
        )

    def remember(self, memory: Memory, condition: Float[Tensor, "b c h w"], made: Performance) -> Memory:
        """Return the memory with this frame as its newest."""
        return self.recall(memory, condition, (*made.coarse, made.image))

    def recall(self, memory: Memory, condition: Float[Tensor, "b c h w"], images: Sequence[Tensor]) -> Memory:
        """The same for a frame given at every scale, coarse to fine; the gradient flows through it."""
        pictures = tuple(
            torch.cat([before[:, 3:], image.float().clamp(-1, 1)], dim=1)
            for before, image in zip(memory.pictures, images, strict=True)
        )
        before = condition.repeat(1, self.past, 1, 1) if memory.empty else memory.conditions
        return Memory(pictures, torch.cat([before[:, condition.shape[1] :], condition], dim=1), empty=False)


def detached(memory: Memory) -> Memory:
    """The same memory, through which no gradient flows: vid2vid truncates there (methods 6.7)."""
    return replace(memory, pictures=tuple(picture.detach() for picture in memory.pictures))
