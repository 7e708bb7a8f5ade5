"""A learnt texture of a head: features kept for every point of it, fetched to wherever the conditions show that point.

Brows, lips and curls need not be painted anew from where points of the face lie: they are learnt once, in the head's
own coordinates, and are sharp from the beginning. The network behind adds what the light, a smile and a gaze change.

Source: Thies et al. 2019, "Deferred Neural Rendering: Image Synthesis using Neural Textures", sec. 4.1 (features learnt
along with the network, on several scales that are summed). Their coordinates are a mesh's; ours are the conditions'.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

PLACE = slice(3, 6)  # channels of a condition: where on the face a pixel is
SHELL = slice(9, 12)  # … and where on the head
SIDES = ((32, 96), (32, 256))  # texels along each side of the sheets of face and head, coarse to fine

_RATE = 10.0  # what is kept is so many times smaller: Adam's steps are alike, and texels learn faster than kernels
_SPREAD = 2.2  # radians from straight ahead that a sheet reaches to: beyond the rim, and somewhat behind the ears
_NOTHING = -1 + 1 / 255  # of -1..1: black in all three channels, where a condition shows no place
_BRIM = 0.95  # of the shell's reach: from there on the head's features fade out, so that none end at a step
_SET_BACK = 0.2  # of the face's depth: so far its middle lies behind its rim, and all of it looks outwards
_LEAST = 1e-4


class HeadTexture(nn.Module):
    """Two sheets of features, for the points of the face and for those of the shell around the head; summed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.face, self.head = (Sheet(channels, sides) for sides in SIDES)

    def forward(self, condition: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ h w"]:
        """Fetch the features of what each pixel shows, in float32; 0 where there is no head.

        Args:
            condition: of the current frame, -1..1, with `PLACE` and `SHELL`.
        """
        with torch.autocast(condition.device.type, enabled=False):
            place, shell = condition[:, PLACE].float(), condition[:, SHELL].float()
            radius = _length(shell)
            covered = _shown(shell) * ((1 - radius) / (1 - _BRIM)).clamp(0, 1)
            outwards = torch.cat([place[:, :2], (place[:, 2:] + 1) / 2 + _SET_BACK], dim=1)
            features: Tensor = _inside(_shown(place)) * self.face(outwards) + covered * self.head(shell)
        return features


class Sheet(nn.Module):
    """Features of all directions around a middle, flattened as a map around a pole is: straight ahead is its centre."""

    def __init__(self, channels: int, sides: Sequence[int]) -> None:
        super().__init__()
        self.scales = nn.ParameterList(nn.Parameter(torch.zeros(1, channels, side, side)) for side in sides)

    def forward(self, ways: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h w"]:
        """Fetch the features in directions (right, up, ahead) of any length."""
        *coarse, finest = self.scales
        size = finest.shape[-2:]
        sheet = finest + sum(F.interpolate(one, size=size, mode="bilinear", align_corners=False) for one in coarse)
        sheet = (_RATE * sheet).expand(len(ways), -1, -1, -1)
        return F.grid_sample(sheet, _on_map(ways), mode="bilinear", padding_mode="border", align_corners=False)


def _on_map(ways: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h w 2"]:
    """Where directions lie on the map, -1..1: the angle from straight ahead is the distance from the centre."""
    aside = _length(ways[:, :2]).clamp(min=_LEAST)
    angle = torch.atan2(aside, ways[:, 2:])
    places: Tensor = ways[:, :2] * (angle / aside / _SPREAD)
    return places.permute(0, 2, 3, 1)


def _length(ways: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
    """Of vectors that lie in channels; PyTorch's norm over channels takes several times as long on a processor."""
    return ways.square().sum(dim=1, keepdim=True).sqrt()


def _shown(place: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """1 where there is a place, 0 where it is black."""
    return (place.amax(dim=1, keepdim=True) > _NOTHING).float()


def _inside(shown: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Without the outermost pixels: those are a mean of places and black, which is another place."""
    return 1 - F.max_pool2d(1 - shown, 3, stride=1, padding=1)
