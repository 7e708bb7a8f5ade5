"""Painted pictures of the past that a judge is shown again, so that it does not forget old faults.

Source: Shrivastava et al. 2017, "Learning from Simulated and Unsupervised Images through Adversarial Training", sec.
2.3; Zhu et al. 2017, "Unpaired Image-to-Image Translation …", sec. 4, which keeps 50.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn


class ImagePool(nn.Module):
    """As many pictures as there is room for; a module, so that a training's state holds what is in it.

    Chance is an argument: the loop's own generator, which the training's state holds too. So a training that was killed
    and restored is shown the pictures that it would have been shown.
    """

    pictures: Tensor
    count: Tensor

    def __init__(self, size: int, *, channels: int, height: int, width: int) -> None:
        """Make room for `size` pictures; 0 keeps none and passes all through.

        Raises: ValueError where `size` is negative.
        """
        super().__init__()
        if size < 0:
            raise ValueError(f"ImagePool: the size is {size}, expected 0 or more.")
        self.register_buffer("pictures", torch.zeros(size, channels, height, width))
        self.register_buffer("count", torch.tensor(0))

    @torch.no_grad()
    def forward(self, painted: Float[Tensor, "b c h w"], chance: np.random.Generator) -> Float[Tensor, "b c h w"]:
        """Return what to show the judge instead of each picture, without its graph.

        While there is room a picture is kept and returned. Then, one picture at a time: with a chance of one half it is
        returned and not kept, else it takes the place of one drawn from the pool, which is returned.

        Args:
            painted: of the size the pool was made for.
        """
        if not len(self.pictures):
            return painted.detach()
        shown = painted.detach().clone()
        held = int(self.count)
        for place, picture in enumerate(painted.detach()):
            if held < len(self.pictures):
                self.pictures[held] = picture
                held += 1
            elif chance.random() < 0.5:
                drawn = int(chance.integers(len(self.pictures)))
                shown[place] = self.pictures[drawn]
                self.pictures[drawn] = picture
        self.count.fill_(held)
        return shown
