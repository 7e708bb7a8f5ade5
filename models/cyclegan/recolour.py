"""Recolour: every pixel's colour by itself into another look's, so that a picture keeps all its shapes."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

HIDDEN = 24  # values between the layers
SLOPE = 0.1  # of the leaky rectifiers
FINE = 4.0  # colours go in so many times larger: those of a lit pane and of a pale wall lie a tenth apart
_GRAIN = 1e-4  # variance added to all colours: a grey film has none in two directions


class Recolour(nn.Module):
    """One matrix and one shift for all colours, and what a small network of single pixels adds for some of them.

    Begins as the identity. `aim` gives matrix and shift the usual colours of a look; training goes on from there. What
    lies beside a pixel has no part in it: a lit pane ends exactly where the pane ends.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.eye(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        last = nn.Linear(HIDDEN, channels)
        self.exceptions = nn.Sequential(*_layer(channels, FINE), *_layer(HIDDEN, 1.0), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Recolour pictures, float32 and -1..1; what would leave that range stays at its end."""
        colours = picture.movedim(1, -1)
        usual = self._mapped(colours)
        coloured: Tensor = usual + self.exceptions(FINE * colours).to(usual.dtype)
        return coloured.clamp(-1, 1).movedim(-1, 1)

    def usual(self, picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Recolour pictures without exceptions."""
        return self._mapped(picture.movedim(1, -1)).clamp(-1, 1).movedim(-1, 1)

    def _mapped(self, colours: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        with torch.autocast(colours.device.type, enabled=False):
            return colours @ self.matrix.T + self.shift

    @torch.no_grad()
    def aim(self, here: Float[Tensor, "n c"], there: Float[Tensor, "m c"]) -> None:
        """Take over the one linear map that gives colours like `here` the mean and covariance of `there`, moving least.

        Source: Pitié and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping for example-based colour
            transfer", eq. 12.
        """
        (mean, spread), (goal, goal_spread) = _moments(here), _moments(there)
        root = _root(spread)
        back = torch.linalg.inv(root)
        matrix = back @ _root(root @ goal_spread @ root) @ back
        self.matrix.copy_(matrix)
        self.shift.copy_(goal - matrix @ mean)


def _layer(channels: int, reach: float) -> list[nn.Module]:
    """Drawn wide enough to tell values of -reach..reach apart from the start."""
    layer = nn.Linear(channels, HIDDEN)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    nn.init.normal_(layer.bias, std=0.5 * reach)
    return [layer, nn.LeakyReLU(SLOPE)]


def _moments(colours: Float[Tensor, "n c"]) -> tuple[Float[Tensor, " c"], Float[Tensor, "c c"]]:
    """Mean and covariance, float64."""
    known = colours.double()
    return known.mean(dim=0), torch.cov(known.T) + _GRAIN * torch.eye(known.shape[1], dtype=torch.float64)


def _root(matrix: Float[Tensor, "c c"]) -> Float[Tensor, "c c"]:
    """The symmetric positive square root."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
    return root
