"""Who judges a portrait: the whole picture with its window of conditions, the mouth, and the eyes.

Sources: Kim et al. 2018, "Deep Video Portraits", sec. 6 (the conditional judge of patches); the judge of the mouth
follows Koujan et al. 2020, "Head2Head", and that of the eyes does for them what that one does for teeth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.deep_video_portraits.rendering_to_video import NORMS, NormName
from models.gan_losses import LEAST_SQUARES, LOG, Adversary
from models.patch_discriminator import DiscriminatorConfig, MultiscaleDiscriminator
from models.region import Region, cut_regions

AdversaryName = Literal["log", "squares"]

ADVERSARIES: dict[AdversaryName, Adversary] = {"log": LOG, "squares": LEAST_SQUARES}


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitJudgesConfig:
    """Shape of all judges; saved with their weights. The defaults are the published ones: one judge of 102 channels."""

    condition_channels: int = 9  # of one frame
    window: int = 11  # conditions that the judge of the picture sees, the current one last
    base_channels: int = 64
    layers: int = 3  # stages of stride 2: 64, 128, 256 channels; then 512 and the logits of stride 1
    scales: int = 1  # sizes of the picture that are judged
    fold: int = 1  # see DiscriminatorConfig
    mouth: bool = False  # a judge of the square around the mouth
    eyes: bool = False  # a judge of the squares around the eyes, one for both
    norm: NormName = "batch"
    adversary: AdversaryName = "log"  # what the logits mean

    def __post_init__(self) -> None:
        for name in ("condition_channels", "window", "base_channels", "layers", "scales", "fold"):
            if getattr(self, name) < 1:
                raise ValueError(f"PortraitJudgesConfig.{name} is {getattr(self, name)}, expected 1 or more.")
        for name, choice in (("norm", NORMS), ("adversary", ADVERSARIES)):
            if getattr(self, name) not in choice:
                raise ValueError(
                    f"PortraitJudgesConfig.{name} is {getattr(self, name)!r}, expected one of {', '.join(choice)}."
                )

    @property
    def picture(self) -> DiscriminatorConfig:
        """A picture and its window of conditions."""
        return self._of(self.window, self.scales)

    @property
    def region(self) -> DiscriminatorConfig:
        """A square of a picture and of its own condition, at one scale."""
        return self._of(1, 1)

    def _of(self, window: int, scales: int) -> DiscriminatorConfig:
        return DiscriminatorConfig(
            in_channels=window * self.condition_channels + 3,
            base_channels=self.base_channels,
            layers=self.layers,
            scales=scales,
            fold=self.fold,
        )


class PortraitJudges(nn.Module):
    """All judges together: one network to train, save and freeze."""

    def __init__(self, config: PortraitJudgesConfig) -> None:
        super().__init__()
        self.config = config
        norm = NORMS[config.norm]
        self.picture = MultiscaleDiscriminator(config.picture, norm=norm)
        self.mouth = MultiscaleDiscriminator(config.region, norm=norm) if config.mouth else None
        self.eyes = MultiscaleDiscriminator(config.region, norm=norm) if config.eyes else None

    @property
    def adversary(self) -> Adversary:
        """What their logits are worth."""
        return ADVERSARIES[self.config.adversary]


def shown_whole(
    window: Float[Tensor, "b wc h w"], picture: Float[Tensor, "b 3 h w"], channels: int
) -> Float[Tensor, "b _ h w"]:
    """What the judge of the picture sees: the newest conditions, as many as it looks at, then the picture.

    Args:
        window: conditions, oldest first, as the generator sees them; at least those that the judge looks at.
        channels: of the conditions the judge looks at.
    Raises: ValueError where the window has fewer.
    """
    if window.shape[1] < channels:
        raise ValueError(
            f"The judge of the picture looks at {channels} channels of conditions and the window has "
            f"{window.shape[1]}: give PortraitJudgesConfig the generator's window."
        )
    return torch.cat([window[:, window.shape[1] - channels :], picture], dim=1)


def shown_regions(
    condition: Float[Tensor, "b c h w"], picture: Float[Tensor, "b 3 h w"], regions: Sequence[Region]
) -> Float[Tensor, "n _ _ _"]:
    """What a judge of regions sees: condition and picture in each square that is in sight, possibly in none.

    Args:
        condition: of the picture alone.
        regions: one for the mouth, two for the eyes, all of one size; each with a square for every picture.
    """
    seen = torch.cat([condition, picture], dim=1)
    return torch.cat([cut_regions(seen, region)[region.seen] for region in regions])
