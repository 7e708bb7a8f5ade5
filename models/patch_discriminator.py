"""Networks that judge patches: a PatchGAN, and several of them on a pyramid of the picture.

Sources: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", sec. 3.2.2 (70×70
patches); Wang et al. 2018, "High-Resolution Image Synthesis …", sec. 3.2 (scales, and features returned for matching).
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import Norm, half_size, instance_norm

MAX_CHANNELS = 512
WIDEST_START = 64  # where `widen_coarse` ends

Features = list[Float[Tensor, "b _ _ _"]]  # the output of every stage, shallow to deep; the last is the map of logits


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorConfig:
    """Shape of a multi-scale discriminator; saved with its weights. The defaults are Everybody Dance Now's."""

    in_channels: int = 12  # two conditions and two frames, three channels each
    base_channels: int = 64  # after the first stage; doubles at each stage up to 512
    layers: int = 3  # stages of stride 2; 3 judge patches of 70×70 pixels
    scales: int = 2  # each sees half the size of the one before
    fold: int = 1  # works at a size this many times smaller, pixels folded into channels: cheap on processors
    widen_coarse: bool = False  # each is twice as wide as the next finer one, up to 64 channels (vid2vid)

    def __post_init__(self) -> None:
        for name in ("in_channels", "base_channels", "layers", "scales", "fold"):
            if getattr(self, name) < 1:
                raise ValueError(f"DiscriminatorConfig.{name} is {getattr(self, name)}, expected 1 or more.")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels after the first stage of each scale, coarse to fine; the finest has those of `base_channels`."""
        if not self.widen_coarse:
            return (self.base_channels,) * self.scales
        return tuple(min(WIDEST_START, self.base_channels * 2**step) for step in reversed(range(self.scales)))


class PatchDiscriminator(nn.Module):
    """4×4 convolutions over zero borders of 2, LeakyReLU 0.2: `layers` of stride 2, one of 1, the logits."""

    def __init__(
        self, *, in_channels: int, base_channels: int = 64, layers: int = 3, norm: Norm = instance_norm
    ) -> None:
        super().__init__()
        widths = [min(base_channels * 2**step, MAX_CHANNELS) for step in range(layers + 1)]
        first = nn.Sequential(nn.Conv2d(in_channels, widths[0], 4, stride=2, padding=2), _leaky())
        middle = [
            nn.Sequential(
                nn.Conv2d(widths[step - 1], widths[step], 4, stride=stride, padding=2), norm(widths[step]), _leaky()
            )
            for step, stride in enumerate([2] * (layers - 1) + [1], start=1)
        ]
        logits = nn.Sequential(nn.Conv2d(widths[-1], 1, 4, padding=2))
        self.stages = nn.ModuleList([first, *middle, logits])

    def forward(self, picture: Float[Tensor, "b c h w"]) -> Features:
        """Return the output of each of `layers` + 2 stages; the last is (b, 1, h', w'), unbounded, real high, fake low.

        Args:
            picture: condition and frames put together along channels, -1..1, at least 16×16 pixels.
        """
        features = []
        for stage in self.stages:
            picture = stage(picture)
            features.append(picture)
        return features


class MultiscaleDiscriminator(nn.Module):
    """One PatchGAN for each size of the picture; the last of `scales` sees the full one, the first the smallest.

    The order of the weights is that of the published networks, which grow by appending finer scales.
    """

    def __init__(self, config: DiscriminatorConfig, *, norm: Norm = instance_norm) -> None:
        super().__init__()
        self.config = config
        self.scales = nn.ModuleList(
            PatchDiscriminator(
                in_channels=config.in_channels * config.fold**2, base_channels=width, layers=config.layers, norm=norm
            )
            for width in config.widths
        )
        self.half_size = half_size()

    def forward(self, picture: Float[Tensor, "b c h w"]) -> list[Features]:
        """Return the features of every scale, fine to coarse; see `PatchDiscriminator`.

        Args:
            picture: as there; at least 16×16 pixels at the coarsest scale; `fold` divides its sides at every scale.
        """
        judged: list[Features] = []
        for scale in reversed(self.scales):
            if judged:
                picture = self.half_size(picture)
            judged.append(scale(F.pixel_unshuffle(picture, self.config.fold)))
        return judged


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True)
