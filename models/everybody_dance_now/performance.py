"""What any of our generators hands over for a frame, and the paper's own generator in that form."""

from dataclasses import dataclass
from typing import Protocol

from jaxtyping import Float
from torch import Tensor, nn

from models.everybody_dance_now.generator import GlobalGenerator, LocalEnhancer


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """One painted frame."""

    image: Float[Tensor, "b 3 h w"]  # the finished picture, -1..1
    foreground: Float[Tensor, "b 3 h w"] | None = None  # the performer alone, where the generator paints over a plate
    mask: Float[Tensor, "b 1 h w"] | None = None  # 0 plate … 1 performer, before the sigmoid: logits


class Performer(Protocol):
    """Any network that paints the next frame."""

    def __call__(
        self,
        condition: Float[Tensor, "b 3 h w"],
        previous: Float[Tensor, "b 3 h w"],
        backdrop: Float[Tensor, "b 3 h w"],
    ) -> Performance:
        """Paint what `condition` shows, after `previous` (zero before the first frame), before `backdrop`."""
        ...


class WholeFrame(nn.Module):
    """The paper's generators, which paint person and background alike and look at no backdrop.

    Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.2: the condition and the frame painted before go in.
    """

    def __init__(self, generator: GlobalGenerator | LocalEnhancer) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self,
        condition: Float[Tensor, "b 3 h w"],
        previous: Float[Tensor, "b 3 h w"],
        backdrop: Float[Tensor, "b 3 h w"],
    ) -> Performance:
        """Paint the whole frame."""
        del backdrop
        return Performance(self.generator(condition, previous))
