"""Who judges vid2vid's frames: single frames with their conditions, frames in a row with the flow, faces and hands.

Sources: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 (conditional image and video discriminators) and its
published code; the judge of hands follows the later version (Mallya et al. 2020, "World-Consistent Video-to-Video
Synthesis", published code).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.norms import NORMS, NormName
from models.patch_discriminator import DiscriminatorConfig, MultiscaleDiscriminator
from models.region import Region, cut_regions
from models.vid2vid.windows import Window, history_needed

FLOW_UNIT = 20.0  # pixels: the temporal judges see flows divided by this


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgesConfig:
    """Shape of all judges; saved with their weights. The defaults are the published ones at the lowest resolution."""

    condition_channels: int = 3  # of one frame
    base_channels: int = 64
    layers: int = 3  # stages of stride 2
    fold: int = 1  # see DiscriminatorConfig
    scales: int = 2  # sizes of the picture that are judged; the published training adds one for each doubling
    temporal_scales: int = 2  # strides in time that are judged: 1, K, K² …; 0: nobody judges motion
    temporal_frames: int = 3  # K: frames that are judged together
    face: bool = False
    hand: bool = False
    norm: NormName = "instance"

    def __post_init__(self) -> None:
        least = {"temporal_scales": 0, "temporal_frames": 2, "face": 0, "hand": 0}
        for name in (one.name for one in fields(self) if one.name != "norm"):
            if getattr(self, name) < least.get(name, 1):
                raise ValueError(
                    f"JudgesConfig.{name} is {getattr(self, name)}, expected {least.get(name, 1)} or more."
                )
        if self.norm not in NORMS:
            raise ValueError(f"JudgesConfig.norm is {self.norm!r}, expected one of {', '.join(sorted(NORMS))}.")

    @property
    def image(self) -> DiscriminatorConfig:
        """One frame and its condition."""
        return self._of(self.condition_channels + 3, self.scales)

    @property
    def temporal(self) -> DiscriminatorConfig:
        """K frames and the K − 1 flows between them, 13 channels for the published three."""
        return self._of(3 * self.temporal_frames + 2 * (self.temporal_frames - 1), self.scales)

    @property
    def region(self) -> DiscriminatorConfig:
        """A square of one frame and of its condition: two scales fewer than the whole frame, at least one."""
        return self._of(self.condition_channels + 3, max(1, self.scales - 2))

    @property
    def history(self) -> int:
        """How many frames before a chunk the temporal judges look back on."""
        return history_needed(self.temporal_scales, self.temporal_frames)

    def _of(self, channels: int, scales: int) -> DiscriminatorConfig:
        return DiscriminatorConfig(
            in_channels=channels,
            base_channels=self.base_channels,
            layers=self.layers,
            scales=scales,
            fold=self.fold,
            widen_coarse=True,
        )


class Judges(nn.Module):
    """All judges together: one network to train, save and freeze."""

    def __init__(self, config: JudgesConfig) -> None:
        super().__init__()
        self.config = config
        norm = NORMS[config.norm]
        self.image = MultiscaleDiscriminator(config.image, norm=norm)
        self.temporal = nn.ModuleList(
            MultiscaleDiscriminator(config.temporal, norm=norm) for _ in range(config.temporal_scales)
        )
        self.face = MultiscaleDiscriminator(config.region, norm=norm) if config.face else None
        self.hand = MultiscaleDiscriminator(config.region, norm=norm) if config.hand else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowedFrames:
    """All windows of one temporal scale, of every clip of the batch; K frames each, oldest first."""

    real: Float[Tensor, "n k 3 h w"]  # true frames, -1..1
    fake: Float[Tensor, "n k 3 h w"]  # the same painted; frames of earlier chunks are detached
    flow: Float[Tensor, "n k1 2 h w"]  # pixels, of the true frames: from each but the first to the one before it here


def take_windows(frames: Float[Tensor, "b t c h w"], windows: Sequence[Window]) -> Float[Tensor, "n k c h w"]:
    """Cut windows out of every clip of a batch; window after window, in each the clips of the batch.

    Args:
        frames: at hand, history and fresh ones; the gradient flows through.
        windows: of `temporal_windows`, at least one.
    """
    return torch.cat([frames[:, list(window)] for window in windows])


def shown_in_time(frames: Float[Tensor, "n k 3 h w"], flow: Float[Tensor, "n k1 2 h w"]) -> Float[Tensor, "n _ h w"]:
    """What a temporal judge sees: K frames, then K − 1 flows in units of 20 pixels, along channels."""
    return torch.cat([frames.flatten(1, 2), flow.flatten(1, 2) / FLOW_UNIT], dim=1)


def shown_in_regions(
    conditions: Float[Tensor, "n c h w"], frames: Float[Tensor, "n 3 h w"], regions: Sequence[Region]
) -> Float[Tensor, "m _ _ _"]:
    """What a judge of faces or hands sees: condition and frame of each square that is in sight, possibly of none.

    Args:
        regions: one for the face, two for the hands, all of one size; each with a square for every frame.
    """
    seen = torch.cat([conditions, frames], dim=1)
    return torch.cat([cut_regions(seen, region)[region.seen] for region in regions])
