"""The paper's own generators as performers."""

from jaxtyping import Float
from torch import Tensor

from models.everybody_dance_now.generator import GlobalGenerator, LocalEnhancer
from models.performance import Performance, RemembersOneFrame


class WholeFrame(RemembersOneFrame):
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
