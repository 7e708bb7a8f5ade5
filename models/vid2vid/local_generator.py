"""vid2vid's generator at a finer scale: adds detail to the features of the scale below, for twice the size.

Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 (coarse to fine) and appendix, and its published code.
"""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.blocks import Norm, ResidualBlock, c7s1, down, out, up
from models.norms import NORMS, NormName
from models.vid2vid.generator import CompositeConfig, refuse_channels, refuse_missing
from models.vid2vid.synthesis import Features, Heads, Setting, Synthesis, in_float32, synthesise


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalConfig:
    """Shape of a finer generator; its features are half as wide as those of the scale below."""

    condition_channels: int = 3  # of one frame
    past_frames: int = 2  # L: own frames of this scale it looks back on
    base_channels: int = 64  # half of the scale below
    foreground_channels: int = 0  # likewise, of the foreground branch; 0: there is none
    blocks: int = 3  # residual, in each decoder
    norm: NormName = "instance"
    flow: bool = True
    flow_scale: float = 40.0  # pixels of flow for an output of 1: twice that of the scale below
    resize_up: bool = False
    plate: bool = False  # the plate lies behind at every scale; only the coarsest looks at it

    def __post_init__(self) -> None:
        for name in ("condition_channels", "past_frames", "base_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"LocalConfig.{name} is {getattr(self, name)}, expected 1 or more.")
        for name in ("foreground_channels", "blocks"):
            if getattr(self, name) < 0:
                raise ValueError(f"LocalConfig.{name} is {getattr(self, name)}, expected 0 or more.")

    @classmethod
    def above(cls, coarse: CompositeConfig, *, scale: int = 1, blocks: int = 3) -> "LocalConfig":
        """The generator `scale` (1 or more) doublings above the coarse one."""
        return cls(
            condition_channels=coarse.condition_channels,
            past_frames=coarse.past_frames,
            base_channels=coarse.base_channels // 2**scale,
            foreground_channels=coarse.foreground_widths[0] // 2**scale if coarse.foreground else 0,
            blocks=blocks,
            norm=coarse.norm,
            flow=coarse.flow,
            flow_scale=coarse.flow_scale * 2**scale,
            resize_up=coarse.resize_up,
            plate=coarse.plate,
        )


class CompositeLocalGenerator(nn.Module):
    """G1 and finer: c7s1-g, d-2g of conditions and of past frames; their sum and the coarse features through R, u-g.

    The parts and the published names: `see_conditions` model_down_seg, `see_previous` model_down_img, `decode_image`
    model_up_img, `decode_flow` model_up_flow, `heads` model_final_img, _flow and _w, `foreground` indv_down, _up and
    _final. Each scale predicts the whole flow itself; only features are handed up.
    """

    def __init__(self, config: LocalConfig) -> None:
        super().__init__()
        self.config = config
        norm, width = NORMS[config.norm], config.base_channels
        self.see_conditions = _front((config.past_frames + 1) * config.condition_channels, width, norm)
        self.see_previous = _front(3 * config.past_frames, width, norm)
        self.decode_image = _back(config, width)
        self.decode_flow = _back(config, width) if config.flow else None
        self.heads = Heads(width, flow_scale=config.flow_scale if config.flow else None, plate=config.plate)
        self.foreground = LocalForegroundBranch(config) if config.foreground_channels else None

    def forward(
        self,
        conditions: Float[Tensor, "b lc h w"],
        previous: Float[Tensor, "b l3 h w"],
        *,
        coarse: Synthesis,
        empty: Bool[Tensor, " b"] | None,
        backdrop: Float[Tensor, "b 3 h w"] | None = None,
        foreground_mask: Float[Tensor, "b 1 h w"] | None = None,
    ) -> Synthesis:
        """Paint one frame at this scale.

        Args:
            coarse: the same frame at half the size; its features are added.
            conditions, previous, empty, backdrop, foreground_mask: as `CompositeGenerator` takes them, at this size.
        Raises: ValueError where channels do not fit, or what the config needs is not given.
        """
        config = self.config
        refuse_channels(conditions, previous, config.condition_channels, config.past_frames)
        refuse_missing(config.plate, backdrop, config.foreground_channels > 0, foreground_mask)
        seen = self.see_conditions(conditions) + self.see_previous(previous)
        image_features = self.decode_image(seen + coarse.image_features)
        flow_features = None
        if self.decode_flow is not None and coarse.flow_features is not None:
            flow_features = self.decode_flow(seen + coarse.flow_features)
        foreground = foreground_features = None
        if self.foreground is not None and coarse.foreground_features is not None:
            foreground, foreground_features = self.foreground(conditions, coarse.foreground_features)
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


class LocalForegroundBranch(nn.Module):
    """The foreground classes at this scale, from the conditions and the coarse branch's features."""

    def __init__(self, config: LocalConfig) -> None:
        super().__init__()
        width = config.foreground_channels
        self.see = _front((config.past_frames + 1) * config.condition_channels, width, NORMS[config.norm])
        self.decode = _back(config, width)
        self.paint = nn.Sequential(*out(width, 3))

    def forward(
        self, conditions: Float[Tensor, "b lc h w"], coarse: Float[Tensor, "b _ _ _"]
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b _ h w"]]:
        """Return the picture, -1..1, and its features."""
        features: Tensor = self.decode(self.see(conditions) + coarse)
        return in_float32(self.paint, features), features


def _front(inputs: int, width: int, norm: Norm) -> nn.Sequential:
    return nn.Sequential(*c7s1(inputs, width, norm), *down(width, 2 * width, norm))


def _back(config: LocalConfig, width: int) -> nn.Sequential:
    norm = NORMS[config.norm]
    blocks = (ResidualBlock(2 * width, norm) for _ in range(config.blocks))
    return nn.Sequential(*blocks, *up(2 * width, width, norm, resize=config.resize_up))
