"""draft, standard, hd: what is trained, at what size and how; each number in sight."""

from dataclasses import dataclass, field
from typing import Literal

from models.everybody_dance_now.draft import DraftConfig
from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig
from models.everybody_dance_now.objective import FACE_STAGE, GLOBAL_STAGE, LOCAL_STAGE, ObjectiveWeights
from models.matting import MattingWeights
from models.patch_discriminator import DiscriminatorConfig
from pipeline.errors import UnderstudyError, UnknownChoice
from stages.conditioning.stick_figure import StickFigureFormat

NetworkConfig = DraftConfig | GeneratorConfig | EnhancerConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long to train: minutes of training time or steps, exactly one of them."""

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise UnderstudyError("--minutes / --steps", "both or neither", "exactly one of them", "Give one.")
        if not (self.minutes or self.steps or 0) > 0:
            raise UnderstudyError("--minutes / --steps", "0 or less", "more than 0", "Give a larger budget.")

    def done(self, step: int, seconds: float) -> float:
        """The share of the budget that is used up, 0 … 1."""
        used = seconds / (60 * self.minutes) if self.minutes is not None else step / (self.steps or 1)
        return min(used, 1.0)

    def share(self, part: float) -> "Budget":
        """A part of this budget; never less than one step."""
        if self.minutes is not None:
            return Budget(minutes=self.minutes * part)
        return Budget(steps=max(1, round((self.steps or 1) * part)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One stretch of training: which network learns what, from what it is continued."""

    network: NetworkConfig
    part: float  # of the budget
    reduce: int = 1  # pictures are this many times smaller than the clip was prepared
    batch: int = 1
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam
    schedule: Literal["cosine", "linear"] = "linear"
    weights: ObjectiveWeights = GLOBAL_STAGE
    matting: MattingWeights | None = None  # only for generators that paint a mask
    discriminator: DiscriminatorConfig = field(default_factory=lambda: DiscriminatorConfig(in_channels=12))
    shift: float = 0.0  # random shift of the training pictures, share of their size
    ema: float = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class DancePreset:
    """Everything that is fixed before training starts; saved in the model folder."""

    name: str
    pixels: int  # of the network's picture, about
    stride: int  # of its sides
    phases: tuple[Phase, ...]
    face_part: float = 0.0  # of the budget, after the phases, for the face residual
    face_size: int = 0  # pixels, side of the face box
    style: StickFigureFormat = field(default_factory=StickFigureFormat)

    def __post_init__(self) -> None:
        if self.face_part and isinstance(self.phases[-1].network, DraftConfig):
            raise ValueError("DancePreset.face_part is above 0, expected 0: the draft has no whole frame to refine.")
        for phase in self.phases:
            if self.stride % (phase.network.stride * phase.reduce):
                raise ValueError(
                    f"DancePreset.stride is {self.stride}, expected a multiple of {phase.network.stride} x "
                    f"{phase.reduce}: what a phase's network takes, at the size it is trained at."
                )


PRESETS = {
    # Minutes on a processor: no discriminator, one small network, the background given.
    "draft": DancePreset(
        name="draft",
        pixels=144 * 256,
        stride=16,
        phases=(
            Phase(
                network=DraftConfig(),
                part=1.0,
                batch=2,
                learning_rate=1e-3,
                betas=(0.9, 0.99),
                schedule="cosine",
                weights=ObjectiveWeights(gan=0.0, feature_matching=0.0, perceptual=0.0, l1=1.0),
                matting=MattingWeights(),
                shift=0.04,
                ema=0.998,
            ),
        ),
    ),
    # The paper's global stage and its face residual: hours on a GPU.
    "standard": DancePreset(
        name="standard",
        pixels=512 * 256,
        stride=16,
        phases=(Phase(network=GeneratorConfig(), part=0.85),),
        face_part=0.15,
        face_size=64,
    ),
    # The paper's whole recipe: global at half size, the local enhancer on it, the face residual.
    "hd": DancePreset(
        name="hd",
        pixels=1024 * 512,
        stride=32,
        phases=(
            Phase(network=GeneratorConfig(), part=0.4, reduce=2),
            Phase(
                network=EnhancerConfig(),
                part=0.45,
                weights=LOCAL_STAGE,
                discriminator=DiscriminatorConfig(in_channels=12, scales=3),
            ),
        ),
        face_part=0.15,
        face_size=128,
    ),
}

FACE_WEIGHTS = FACE_STAGE


def preset_named(name: str) -> DancePreset:
    """Look a preset up.

    Raises: UnknownChoice.
    """
    if name not in PRESETS:
        raise UnknownChoice.among("preset", name, PRESETS)
    return PRESETS[name]
