"""All scales of vid2vid's generator, coarse to fine, as one network; one scale alone is the pyramid of one.

Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 (coarse to fine), and its published code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.blocks import half_size
from models.vid2vid.generator import CompositeConfig, CompositeGenerator, refuse_size
from models.vid2vid.local_generator import CompositeLocalGenerator, LocalConfig
from models.vid2vid.synthesis import Synthesis


@dataclass(frozen=True, slots=True, kw_only=True)
class PyramidConfig:
    """Shape of all scales together; saved with their weights."""

    coarse: CompositeConfig = field(default_factory=CompositeConfig)
    scales: int = 1  # each above the first doubles the size
    local_blocks: int = 3  # residual, in each decoder of the finer scales

    def __post_init__(self) -> None:
        if self.scales < 1:
            raise ValueError(f"PyramidConfig.scales is {self.scales}, expected 1 or more.")
        if self.scales > 1 and self.coarse.fold > 1:
            raise ValueError(
                f"PyramidConfig.scales is {self.scales} and coarse.fold is {self.coarse.fold}, expected fold 1: "
                "a finer scale takes the coarse one's features at full size."
            )
        narrowest = self.coarse.base_channels
        if self.coarse.foreground:
            narrowest = min(narrowest, self.coarse.foreground_widths[0])
        if narrowest % 2 ** (self.scales - 1):
            raise ValueError(
                f"PyramidConfig.coarse begins with {narrowest} channels, expected what can be halved "
                f"{self.scales - 1} times: every finer scale is half as wide."
            )

    @property
    def finer(self) -> tuple[LocalConfig, ...]:
        """The scales above the coarse one."""
        return tuple(
            LocalConfig.above(self.coarse, scale=scale, blocks=self.local_blocks) for scale in range(1, self.scales)
        )

    @property
    def past_frames(self) -> int:
        """L: own frames that every scale looks back on."""
        return self.coarse.past_frames

    @property
    def stride(self) -> int:
        """Width and height of the finest pictures are multiples of this, at least twice it."""
        return int(self.coarse.stride * 2 ** (self.scales - 1))


class PyramidGenerator(nn.Module):
    """The coarse generator and a local one for every finer scale; each looks back on its own frames."""

    def __init__(self, config: PyramidConfig) -> None:
        super().__init__()
        self.config = config
        self.coarse = CompositeGenerator(config.coarse)
        self.finer = nn.ModuleList(CompositeLocalGenerator(one) for one in config.finer)

    def forward(
        self,
        conditions: Float[Tensor, "b lc h w"],
        previous: Sequence[Float[Tensor, "b l3 _ _"]],
        *,
        empty: Bool[Tensor, " b"] | None,
        backdrop: Float[Tensor, "b 3 h w"] | None = None,
        foreground_mask: Float[Tensor, "b 1 h w"] | None = None,
    ) -> tuple[Synthesis, ...]:
        """Paint one frame at every scale, coarse to fine.

        Args:
            conditions: at the finest size; see `CompositeGenerator`.
            previous: of every scale, coarse to fine, the L frames painted there; sizes as `sizes` says.
            empty, backdrop, foreground_mask: see `CompositeGenerator`; at the finest size.
        Raises: ValueError where sizes or channels do not fit, or what the config needs is not given.
        """
        scales = self.config.scales
        refuse_size(conditions, self.config.stride)
        if len(previous) != scales:
            raise ValueError(f"Previous frames of {len(previous)} scales are given, expected {scales}, coarse to fine.")
        shown = pyramid(conditions, scales)
        plates = pyramid(backdrop, scales) if backdrop is not None else [None] * scales
        masks = pyramid(foreground_mask, scales) if foreground_mask is not None else [None] * scales
        made: list[Synthesis] = [
            self.coarse(shown[0], previous[0], empty=empty, backdrop=plates[0], foreground_mask=masks[0])
        ]
        for scale, generator in enumerate(self.finer, start=1):
            made.append(
                generator(
                    shown[scale],
                    previous[scale],
                    coarse=made[-1],
                    empty=empty,
                    backdrop=plates[scale],
                    foreground_mask=masks[scale],
                )
            )
        return tuple(made)

    def sizes(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """Height and width at every scale, coarse to fine, of pictures whose finest is this large."""
        return tuple((height // 2**step, width // 2**step) for step in reversed(range(self.config.scales)))

    def continue_from(self, coarser: "PyramidGenerator") -> None:
        """Take over what a pyramid with fewer scales has learnt; the finer scales keep their first weights.

        Raises: ValueError where it is not this one without its finest scales.
        """
        if replace(coarser.config, scales=self.config.scales) != self.config or len(coarser.finer) > len(self.finer):
            raise ValueError(f"The trained pyramid is {coarser.config}, expected fewer scales of {self.config}.")
        self.coarse.load_state_dict(coarser.coarse.state_dict())
        for own, learnt in zip(self.finer, coarser.finer, strict=False):
            own.load_state_dict(learnt.state_dict())


def pyramid(picture: Float[Tensor, "b c h w"], scales: int) -> list[Float[Tensor, "b c _ _"]]:
    """Halve a picture `scales` - 1 times, by means of 3×3; return all sizes, coarse to fine (methods 6.3)."""
    halve, sizes = half_size(), [picture]
    for _ in range(scales - 1):
        sizes.append(halve(sizes[-1]))
    return sizes[::-1]
