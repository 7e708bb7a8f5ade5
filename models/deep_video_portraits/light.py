"""The light portrait generator: a small U-Net that paints only the person and a soft mask, before a clean plate.

Ours, not the paper's: the same window of conditions in, trained in minutes on a processor. It works at half size, the
current condition folded into channels; the past ones reach it halved, through one 1×1 convolution. What keeps its place
on the head comes from a learnt texture at full size: the network sees it and paints what is to be added. It sees no
frame of its own, so that training needs no order and errors cannot build up.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import affine_norm
from models.deep_video_portraits.head_texture import SHELL, HeadTexture
from models.deep_video_portraits.remembers_conditions import RemembersConditions
from models.performance import Performance
from models.unet import UNetDecoder, UNetEncoder

FOLD = 2  # works at a size this many times smaller, pixels folded into channels at either end
KERNEL = 3
PAINTED = 4  # colours and mask


@dataclass(frozen=True, slots=True, kw_only=True)
class LightPortraitConfig:
    """Shape of the light generator; saved with its weights."""

    condition_channels: int = 12  # of one frame: four pictures
    window: int = 3  # frames it sees, the current one last
    texture_channels: int = 8  # features of the learnt texture, the first four as painted; 0: no texture
    past_channels: int = 8  # that all conditions of the past are summed up in
    base_channels: int = 32  # at half size; doubles with every halving up to `most_channels`
    most_channels: int = 64
    halvings: int = 3  # below half size
    blocks: int = 3  # residual at the coarsest size: the larger half in the encoder

    def __post_init__(self) -> None:
        for name in ("condition_channels", "window", "past_channels", "base_channels", "halvings", "blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"LightPortraitConfig.{name} is {getattr(self, name)}, expected 1 or more.")
        if self.texture_channels and (self.texture_channels < PAINTED or self.condition_channels < SHELL.stop):
            raise ValueError(
                f"LightPortraitConfig.texture_channels is {self.texture_channels} and condition_channels "
                f"{self.condition_channels}, expected 0, or {PAINTED} or more with {SHELL.stop} or more: "
                "the texture is fetched by the places that conditions show."
            )
        if self.most_channels < self.base_channels:
            raise ValueError(
                f"LightPortraitConfig.most_channels is {self.most_channels}, expected at least the base, "
                f"{self.base_channels}."
            )

    @property
    def stride(self) -> int:
        """Width and height of the pictures are multiples of this, at least twice it."""
        return int(FOLD * 2**self.halvings)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at each size, fine to coarse."""
        return tuple(min(self.base_channels * 2**level, self.most_channels) for level in range(self.halvings + 1))


class LightPortraitGenerator(RemembersConditions):
    """U-Net over the current condition, its texture, a summary of the past ones, and the plate; see the file's head."""

    def __init__(self, config: LightPortraitConfig) -> None:
        super().__init__()
        self.config, self.window, self.condition_channels = config, config.window, config.condition_channels
        past = (config.window - 1) * config.condition_channels
        folded = (config.condition_channels + config.texture_channels + 3) * FOLD**2
        self.texture = HeadTexture(config.texture_channels) if config.texture_channels else None
        self.summarise = nn.Conv2d(past, config.past_channels, 1) if past else None
        self.encode = UNetEncoder(
            folded + (config.past_channels if past else 0),
            widths=config.widths,
            blocks=config.blocks - config.blocks // 2,
            kernel=KERNEL,
            norm=affine_norm,
        )
        self.decode = UNetDecoder(widths=config.widths, blocks=config.blocks // 2, resize=True, norm=affine_norm)
        self.paint = nn.Conv2d(config.widths[0], PAINTED * FOLD**2, KERNEL, padding=1)

    def paint_window(self, window: Float[Tensor, "b wc h w"], backdrop: Float[Tensor, "b 3 h w"]) -> Performance:
        """Paint the last frame of a window over the backdrop.

        Args:
            window: conditions, oldest first, -1..1; height and width are multiples of `config.stride`, at least twice.
            backdrop: the clean plate, -1..1.
        Raises: ValueError where size or channels do not fit.
        """
        self._refuse(window, self.config.stride, 2 * self.config.stride)
        known = self._fetched(window)
        features = self.decode(self.encode(self._seen(window, backdrop, known)))
        # Blending and what follows stay float32: bfloat16 has too few levels for smooth skin.
        with torch.autocast(features.device.type, enabled=False):
            painted = F.pixel_shuffle(self.paint(features.float()), FOLD).contiguous()
            if known is not None:
                painted = painted + known[:, :PAINTED]
        foreground, mask = torch.tanh(painted[:, :3]), painted[:, 3:]
        share = torch.sigmoid(mask)
        return Performance(share * foreground + (1 - share) * backdrop.float(), foreground, mask)

    def _fetched(self, window: Tensor) -> Tensor | None:
        """What the texture knows of each pixel of the current condition."""
        return None if self.texture is None else self.texture(window[:, -self.condition_channels :])

    def _seen(self, window: Tensor, backdrop: Tensor, known: Tensor | None) -> Tensor:
        """All inputs at half size, the current ones with every pixel, those of the past as a few means."""
        past, current = window[:, : -self.condition_channels], window[:, -self.condition_channels :]
        whole = [current, backdrop] if known is None else [current, known, backdrop]
        seen = [F.pixel_unshuffle(picture.to(_precision(window)), FOLD) for picture in whole]
        if self.summarise is not None:
            seen.append(self.summarise(F.avg_pool2d(past, FOLD)))
        return torch.cat(seen, dim=1)


def _precision(pictures: Tensor) -> torch.dtype:
    """What convolutions of these pictures are computed in: there is less to fold and to join in it."""
    device = pictures.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else pictures.dtype
