"""How vid2vid puts a frame together: painted, or fetched from the frame before, as a mask says; and the last layers.

x̃ₜ = mₜ ⊙ hₜ + (1 − mₜ) ⊙ w̃ₜ(x̃ₜ₋₁)

Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3, eq. 4 with the sign of its published code: the mask is 1
where the frame is painted anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from models.ops.warp import compose


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layers:
    """What the last layers paint for one frame, before it is put together; float32."""

    raw: Float[Tensor, "b 3 h w"]  # the hallucinated frame, -1..1
    flow: Float[Tensor, "b 2 h w"] | None  # pixels, x and y, from here to the frame before; None: not predicted
    mask: Float[Tensor, "b 1 h w"] | None  # 1 painted … 0 fetched by the flow
    matte: Float[Tensor, "b 1 h w"] | None  # logits: the performer's share before the plate; None: no plate is used


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """What the frame is put together with."""

    newest: Float[Tensor, "b 3 h w"]  # the frame before, -1..1
    empty: Bool[Tensor, " b"] | None  # there is none: the frame is the raw one; None: there is none for any
    backdrop: Float[Tensor, "b 3 h w"] | None = None  # the clean plate, -1..1
    foreground: Float[Tensor, "b 3 h w"] | None = None  # as the foreground branch paints it, -1..1
    foreground_mask: Float[Tensor, "b 1 h w"] | None = None  # where it stands, 0..1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """What a scale hands to the next finer one."""

    image: Float[Tensor, "b c h w"]
    flow: Float[Tensor, "b c h w"] | None
    foreground: Float[Tensor, "b _ h w"] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Synthesis:
    """One frame at one scale and all it was made of; pictures are float32 under autocast too."""

    image: Float[Tensor, "b 3 h w"]  # the finished frame, -1..1
    raw: Float[Tensor, "b 3 h w"]  # the same without anything fetched from the frame before
    flow: Float[Tensor, "b 2 h w"] | None  # see `Layers`
    mask: Float[Tensor, "b 1 h w"] | None
    warped: Float[Tensor, "b 3 h w"] | None  # the frame before, fetched by the flow
    matte: Float[Tensor, "b 1 h w"] | None
    foreground: Float[Tensor, "b 3 h w"] | None  # with a matte: the blended performer, before the plate is laid behind
    image_features: Float[Tensor, "b c fh fw"]  # for the next finer scale
    flow_features: Float[Tensor, "b c fh fw"] | None
    foreground_features: Float[Tensor, "b _ fh fw"] | None


def synthesise(layers: Layers, setting: Setting, features: Features) -> Synthesis:
    """Blend, lay the foreground branch over it, and the plate behind it.

    The foreground is laid over after blending, as the published code does: it is never fetched from another frame.
    """
    raw = blended = layers.raw
    warped = None
    if layers.flow is not None and layers.mask is not None:
        warped = newest = setting.newest.float()
        if setting.empty is not None:
            made = compose(raw, newest, layers.flow, layers.mask)
            warped = made.warped
            blended = torch.where(setting.empty[:, None, None, None], raw, made.image)
    if setting.foreground is not None and setting.foreground_mask is not None:
        raw = over(setting.foreground, setting.foreground_mask, raw)
        blended = over(setting.foreground, setting.foreground_mask, blended)
    performer = None
    if layers.matte is not None and setting.backdrop is not None:
        performer, share, plate = blended, torch.sigmoid(layers.matte), setting.backdrop.float()
        raw, blended = over(raw, share, plate), over(blended, share, plate)
    return Synthesis(
        image=blended,
        raw=raw,
        flow=layers.flow,
        mask=layers.mask,
        warped=warped,
        matte=layers.matte,
        foreground=performer,
        image_features=features.image,
        flow_features=features.flow,
        foreground_features=features.foreground,
    )


def over(
    front: Float[Tensor, "b 3 h w"], share: Float[Tensor, "b 1 h w"], back: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Lay `front` over `back` where `share` is 1; where it is 0, `back` comes out bit by bit."""
    return share * front + (1 - share) * back


class Heads(nn.Module):
    """The last convolutions, each over mirrored borders, from features to layers."""

    def __init__(
        self, channels: int, *, kernel: int = 7, fold: int = 1, flow_scale: float | None, plate: bool = False
    ) -> None:
        """Build those that are needed.

        Args:
            channels: of the features.
            kernel: of the convolutions, odd.
            fold: the features are this many times smaller than the picture.
            flow_scale: pixels of flow for an output of 1; None: neither flow nor mask.
            plate: with a matte.
        """
        super().__init__()
        self.fold, self.flow_scale = fold, flow_scale
        self.raw = _linear(channels, 3 * fold**2, kernel)  # the tanh behind it is in `forward`
        self.flow = _linear(channels, 2, kernel) if flow_scale is not None else None
        self.mask = _linear(channels, fold**2, kernel) if flow_scale is not None else None
        self.matte = _linear(channels, fold**2, kernel) if plate else None

    def forward(
        self, image_features: Float[Tensor, "b c fh fw"], flow_features: Float[Tensor, "b c fh fw"] | None
    ) -> Layers:
        """Paint in float32, whatever autocast says: bfloat16 has no parts of pixels for a flow, nor a smooth sky."""
        of_image = [head for head in (self.raw, self.matte) if head is not None]
        of_flow = [head for head in (self.mask, self.flow) if head is not None]
        if flow_features is image_features or flow_features is None:
            layers = self._painted([*of_image, *of_flow], image_features)
        else:
            layers = self._painted(of_image, image_features) + self._painted(of_flow, flow_features)
        mask, flow = layers[-2:] if of_flow else (None, None)
        return Layers(
            raw=torch.tanh(layers[0]),
            flow=None if flow is None or self.flow_scale is None else self._to_full_size(flow) * self.flow_scale,
            mask=None if mask is None else torch.sigmoid(mask),
            matte=None if self.matte is None else layers[1],
        )

    def _painted(self, heads: Sequence[nn.Sequential], features: Tensor) -> list[Tensor]:
        """What several heads make of the same features, all but the flow at full size, in float32.

        One convolution instead of several small ones spares the light generator on a processor 4 of 70 milliseconds a
        frame, one unfolding instead of three another 1 where it learns.
        """
        convolutions = [layer for head in heads for layer in head if isinstance(layer, nn.Conv2d)]
        weight = torch.cat([convolution.weight for convolution in convolutions])
        bias = torch.cat([convolution.bias for convolution in convolutions if convolution.bias is not None])
        with torch.autocast(features.device.type, enabled=False):
            together = F.conv2d(heads[0][0](features.float()), weight, bias)
        channels = [convolution.out_channels for convolution in convolutions]
        if self.fold == 1:
            return list(together.split(channels, dim=1))
        small = channels.pop() if heads[-1] is self.flow else 0
        folded, flow = together.split([sum(channels), small], dim=1)
        full = F.pixel_shuffle(folded, self.fold).contiguous()
        return [*full.split([count // self.fold**2 for count in channels], dim=1), *([flow] if small else [])]

    def _to_full_size(self, flow: Tensor) -> Tensor:
        """Flows are smooth: they are painted at the features' size, in pixels of the full picture.

        Two channels are enlarged three times as fast where they do not lie last.
        """
        if self.fold == 1:
            return flow
        return F.interpolate(flow.contiguous(), scale_factor=self.fold, mode="bilinear", align_corners=False)


def in_float32(head: nn.Module, features: Float[Tensor, "b c fh fw"], *, fold: int = 1) -> Float[Tensor, "b _ h w"]:
    """Run a head on features of any precision, and unfold its channels into pixels, `fold` in each direction."""
    with torch.autocast(features.device.type, enabled=False):
        return F.pixel_shuffle(head(features.float()), fold)


def _linear(channels: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.ReflectionPad2d(kernel // 2), nn.Conv2d(channels, outputs, kernel))
