"""vid2vid's generator at the coarsest scale, from the published one to a light one for processors, by config alone.

It sees the conditions of L + 1 frames and the L frames it painted before, and paints the next: an image, a flow to the
frame before, and a mask that says which of the two to believe.

Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 (sequential generator, foreground-background prior) and
appendix (coarse generator), and its published code for the numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks import out
from models.norms import NORMS, NormName
from models.unet import UNetDecoder, UNetEncoder
from models.vid2vid.synthesis import Features, Heads, Setting, Synthesis, in_float32, synthesise
from models.vid2vid.trunk import ResidualDecoder, ResidualEncoder, fused


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeConfig:
    """Shape of the coarse generator; saved with its weights. The defaults are the published ones."""

    condition_channels: int = 3  # of one frame; 6 in the published pose task
    past_frames: int = 2  # L: own frames it looks back on
    base_channels: int = 128  # at the size it works at; doubles at each of `downsamplings`
    downsamplings: int = 3
    blocks: int = 9  # residual at the coarsest size: the larger half in each encoder, the rest in each decoder
    norm: NormName = "instance"
    foreground: bool = False  # a branch of its own for some classes, from the conditions alone
    flow: bool = True  # False: every frame is painted whole (the paper's ablation)
    flow_scale: float = 20.0  # pixels of flow for an output of 1
    # What follows makes it light, each alone or together.
    fold: int = 1  # works at a size this many times smaller, pixels folded into channels at either end
    kernel: int = 7  # of the first and last convolutions
    skips: bool = False  # a U-Net of plain residual blocks instead of the published halves
    twin_encoder: bool = True  # False: one encoder sees conditions and past frames together
    twin_decoder: bool = True  # False: flow and mask are read off the image's features
    resize_up: bool = False  # nearest neighbours and a convolution instead of transposed ones
    most_channels: int | None = None  # where doubling ends
    plate: bool = False  # sees a clean backdrop, and paints only the performer and a matte before it

    def __post_init__(self) -> None:
        for name in ("condition_channels", "past_frames", "base_channels", "downsamplings", "fold"):
            if getattr(self, name) < 1:
                raise ValueError(f"CompositeConfig.{name} is {getattr(self, name)}, expected 1 or more.")
        if self.blocks < 0:
            raise ValueError(f"CompositeConfig.blocks is {self.blocks}, expected 0 or more.")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"CompositeConfig.kernel is {self.kernel}, expected an odd number.")
        if self.norm not in NORMS:
            raise ValueError(f"CompositeConfig.norm is {self.norm!r}, expected one of {', '.join(sorted(NORMS))}.")
        if not self.flow_scale > 0:
            raise ValueError(f"CompositeConfig.flow_scale is {self.flow_scale}, expected more than 0.")
        if self.most_channels is not None and self.most_channels < self.base_channels:
            raise ValueError(
                f"CompositeConfig.most_channels is {self.most_channels}, expected at least the base, "
                f"{self.base_channels}, or None."
            )

    @property
    def stride(self) -> int:
        """Width and height of the pictures are multiples of this, at least twice it."""
        return int(self.fold * 2**self.downsamplings)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at each size, fine to coarse."""
        return self._doubled(self.base_channels)

    @property
    def foreground_widths(self) -> tuple[int, ...]:
        """The same in the foreground branch, which is half as wide where it is deep."""
        return self._doubled(max(1, self.base_channels // 2) if self.downsamplings > 2 else self.base_channels)

    def _doubled(self, base: int) -> tuple[int, ...]:
        widths = [base * 2**level for level in range(self.downsamplings + 1)]
        return tuple(widths if self.most_channels is None else (min(width, self.most_channels) for width in widths))


# Minutes on a processor, at about 144x256: half size, narrow, a backdrop behind the performer.
LIGHT = CompositeConfig(
    past_frames=1,
    base_channels=32,
    blocks=3,
    norm="affine",
    flow_scale=4.0,
    fold=2,
    kernel=3,
    skips=True,
    twin_encoder=False,
    twin_decoder=False,
    resize_up=True,
    most_channels=96,
    plate=True,
)


class CompositeGenerator(nn.Module):
    """G0: two encoders whose features are summed, a decoder for the image, another for flow and mask.

    The parts and the published names: `encode_conditions` model_down_seg, `encode_previous` model_down_img,
    `decode_image` model_res_img and model_up_img, `decode_flow` model_res_flow and model_up_flow, `heads`
    model_final_img, _flow and _w, `foreground` indv_down, _res, _up and _final.
    """

    def __init__(self, config: CompositeConfig) -> None:
        super().__init__()
        self.config = config
        sees = (config.past_frames + 1) * config.condition_channels + 3 * config.plate
        remembers = 3 * config.past_frames
        encoder, decoder = _halves(config, config.widths, in_decoder=config.blocks // 2)
        self.encode_conditions = encoder(sees if config.twin_encoder else sees + remembers)
        self.encode_previous = encoder(remembers) if config.twin_encoder else None
        self.decode_image = decoder()
        self.decode_flow = decoder() if config.flow and config.twin_decoder else None
        self.heads = Heads(
            config.base_channels,
            kernel=config.kernel,
            fold=config.fold,
            flow_scale=config.flow_scale if config.flow else None,
            plate=config.plate,
        )
        self.foreground = ForegroundBranch(config) if config.foreground else None

    def forward(
        self,
        conditions: Float[Tensor, "b lc h w"],
        previous: Float[Tensor, "b l3 h w"],
        *,
        empty: Bool[Tensor, " b"] | None,
        backdrop: Float[Tensor, "b 3 h w"] | None = None,
        foreground_mask: Float[Tensor, "b 1 h w"] | None = None,
    ) -> Synthesis:
        """Paint one frame.

        Args:
            conditions: of the L frames before and this one, (L + 1)·condition_channels, oldest first, as trained.
            previous: the L frames painted before, 3·L channels, oldest first, -1..1; zeros where there are none.
            empty: whose history is: the frame is the raw one there, whatever flow and mask say (methods 6.4). None:
                everybody's, and nothing is fetched at all.
            backdrop: the clean plate, -1..1; needed with `plate`, else not looked at.
            foreground_mask: where the classes of the foreground branch are, 0..1; needed with that branch.
        Raises: ValueError where sizes or channels do not fit, or what the config needs is not given.
        """
        self._refuse(conditions, previous, backdrop, foreground_mask)
        levels = self._encode(conditions, previous, backdrop)
        image_features = self.decode_image(levels)
        flow_features = self._flow_features(levels, image_features)
        foreground, foreground_features = self.foreground(conditions) if self.foreground else (None, None)
        return synthesise(
            self.heads(image_features, flow_features),
            Setting(
                newest=previous[:, -3:],
                empty=empty,
                backdrop=backdrop,
                foreground=foreground,
                foreground_mask=foreground_mask,
            ),
            Features(image=image_features, flow=flow_features, foreground=foreground_features),
        )

    def _encode(self, conditions: Tensor, previous: Tensor, backdrop: Tensor | None) -> list[Tensor]:
        seen = [conditions, backdrop] if self.config.plate and backdrop is not None else [conditions]
        if self.encode_previous is None:
            together: list[Tensor] = self.encode_conditions(self._folded(*seen, previous))
            return together
        return fused([self.encode_conditions(self._folded(*seen)), self.encode_previous(self._folded(previous))])

    def _folded(self, *pictures: Tensor) -> Tensor:
        return torch.cat([F.pixel_unshuffle(picture, self.config.fold) for picture in pictures], dim=1)

    def _flow_features(self, levels: list[Tensor], image_features: Tensor) -> Tensor | None:
        if not self.config.flow:
            return None
        return image_features if self.decode_flow is None else self.decode_flow(levels)

    def _refuse(
        self, conditions: Tensor, previous: Tensor, backdrop: Tensor | None, foreground_mask: Tensor | None
    ) -> None:
        config = self.config
        refuse_channels(conditions, previous, config.condition_channels, config.past_frames)
        refuse_size(conditions, config.stride)
        refuse_missing(config.plate, backdrop, config.foreground, foreground_mask)


class ForegroundBranch(nn.Module):
    """Paints some classes (cars) from the conditions alone, at half the width: they do not follow the background."""

    def __init__(self, config: CompositeConfig) -> None:
        super().__init__()
        self.fold = config.fold
        encoder, decoder = _halves(config, config.foreground_widths, in_decoder=config.blocks)
        self.encode = encoder((config.past_frames + 1) * config.condition_channels)
        self.decode = decoder()
        self.paint = nn.Sequential(*out(config.foreground_widths[0], 3 * config.fold**2, kernel=config.kernel))

    def forward(
        self, conditions: Float[Tensor, "b lc h w"]
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b c fh fw"]]:
        """Return the picture, -1..1, and its features."""
        features = self.decode(self.encode(F.pixel_unshuffle(conditions, self.fold)))
        return in_float32(self.paint, features, fold=self.fold), features


def _halves(
    config: CompositeConfig, widths: Sequence[int], *, in_decoder: int
) -> tuple[Callable[[int], nn.Module], Callable[[], nn.Module]]:
    """Return how to build an encoder, for so many channels, and a decoder with `in_decoder` of the residual blocks."""
    norm, in_encoder = NORMS[config.norm], config.blocks - in_decoder
    encode, decode = (UNetEncoder, UNetDecoder) if config.skips else (ResidualEncoder, ResidualDecoder)
    return (
        lambda channels: encode(
            channels * config.fold**2, widths=widths, blocks=in_encoder, kernel=config.kernel, norm=norm
        ),
        lambda: decode(widths=widths, blocks=in_decoder, resize=config.resize_up, norm=norm),
    )


def refuse_size(picture: Tensor, stride: int) -> None:
    """Raise ValueError where a network with this stride cannot take pictures of this size."""
    height, width = picture.shape[2:]
    if height % stride or width % stride or min(height, width) < 2 * stride:
        raise ValueError(
            f"The picture is {width}x{height}, expected multiples of {stride}, at least {2 * stride}: "
            "pad it, and crop the result."
        )


def refuse_channels(conditions: Tensor, previous: Tensor, condition_channels: int, past_frames: int) -> None:
    """Raise ValueError where conditions or frames are not as many as the generator looks at."""
    expected = (past_frames + 1) * condition_channels, past_frames * 3
    found = conditions.shape[1], previous.shape[1]
    if found != expected:
        raise ValueError(
            f"Conditions and previous frames have {found[0]} and {found[1]} channels, expected {expected[0]} and "
            f"{expected[1]}: {past_frames + 1} conditions of {condition_channels} and {past_frames} frames of 3."
        )


def refuse_missing(plate: bool, backdrop: Tensor | None, foreground: bool, foreground_mask: Tensor | None) -> None:
    """Raise ValueError where the config wants a backdrop or a foreground mask and there is none."""
    if plate and backdrop is None:
        raise ValueError("The config says plate, and no backdrop is given: give `backdrop`.")
    if foreground and foreground_mask is None:
        raise ValueError("The config says foreground, and no mask is given: give `foreground_mask`.")
