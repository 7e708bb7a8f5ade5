"""Networks that judge patches: a PatchGAN, and several of them on a pyramid of the picture.

Sources: Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", sec. 3.2.2 (70×70
patches); Wang et al. 2018, "High-Resolution Image Synthesis …", sec. 3.2 (scales, and features returned for matching).
"""

from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import Norm, half_size, instance_norm

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
    most_channels: int = 512  # where doubling ends
    padding: int = 2  # zeros around what each convolution sees; 1 in CycleGAN and pix2pix
    bias: bool = True  # of convolutions before a norm; none where that shifts, in pix2pix

    def __post_init__(self) -> None:
        for name in ("in_channels", "base_channels", "layers", "scales", "fold", "most_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"DiscriminatorConfig.{name} is {getattr(self, name)}, expected 1 or more.")
        if self.padding not in (1, 2):
            raise ValueError(f"DiscriminatorConfig.padding is {self.padding}, expected 1 or 2.")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels after the first stage of each scale, coarse to fine; the finest has those of `base_channels`."""
        if not self.widen_coarse:
            return (self.base_channels,) * self.scales
        return tuple(min(WIDEST_START, self.base_channels * 2**step) for step in reversed(range(self.scales)))


class PatchDiscriminator(nn.Module):
    """4×4 convolutions over zero borders, LeakyReLU 0.2: `layers` of stride 2, one of 1, the logits.

    Its arguments are fields of `DiscriminatorConfig`.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        base_channels: int = 64,
        layers: int = 3,
        most_channels: int = 512,
        padding: int = 2,
        bias: bool = True,
        norm: Norm = instance_norm,
    ) -> None:
        super().__init__()
        widths = [min(base_channels * 2**step, most_channels) for step in range(layers + 1)]

        def convolution(inputs: int, outputs: int, stride: int, *, bias: bool = True) -> nn.Module:
            return nn.Conv2d(inputs, outputs, 4, stride=stride, padding=padding, bias=bias)

        first = nn.Sequential(convolution(in_channels, widths[0], 2), _leaky())
        middle = [
            nn.Sequential(convolution(*sizes, stride, bias=bias), norm(sizes[1]), _leaky())
            for sizes, stride in zip(pairwise(widths), [2] * (layers - 1) + [1], strict=True)
        ]
        logits = nn.Sequential(convolution(widths[-1], 1, 1))
        self.stages = nn.ModuleList([first, *middle, logits])

    def forward(self, picture: Float[Tensor, "b c h w"]) -> Features:
        """Return the output of each of `layers` + 2 stages; the last is (b, 1, h', w'), unbounded, real high, fake low.

        Args:
            picture: condition and frames put together along channels, -1..1; with `layers` of 3 at least 16×16 pixels
                over borders of 2, and 24×24 over borders of 1.
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
                in_channels=config.in_channels * config.fold**2,
                base_channels=width,
                layers=config.layers,
                most_channels=config.most_channels,
                padding=config.padding,
                bias=config.bias,
                norm=norm,
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
