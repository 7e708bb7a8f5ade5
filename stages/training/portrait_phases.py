"""What the training of a portrait is made of: its phases, and the preset that names them; each checks itself."""

from dataclasses import dataclass, field
from typing import Literal

from models.deep_video_portraits.discriminators import PortraitJudgesConfig
from models.deep_video_portraits.light import LightPortraitConfig
from models.deep_video_portraits.objective import PortraitWeights
from models.deep_video_portraits.rendering_to_video import RenderingToVideoConfig
from stages.conditioning.face_images import CHANNELS, FaceImagesFormat
from stages.training.optimisers import OptimiserName
from stages.training.phases import SequencePhase, gaps_of

# Terms that need a judge.
JUDGED = tuple(f"{prefix}{term}" for prefix in ("", "mouth_", "eyes_") for term in ("gan", "feature_matching"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitPhase:
    """How Deep Video Portraits is trained: which network learns what, from single frames with what leads up to them."""

    network: RenderingToVideoConfig | LightPortraitConfig
    part: float = 1.0  # of the budget
    batch: int = 16
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam
    schedule: Literal["cosine", "linear"] = "cosine"
    optimiser: OptimiserName = "adam"  # of the generator; judges have Adam
    weights: PortraitWeights = field(default_factory=PortraitWeights)
    judges: PortraitJudgesConfig = field(default_factory=lambda: PortraitJudgesConfig(condition_channels=CHANNELS))
    judged_from: float = 0.0  # share of the phase before which nobody judges
    shift: float = 0.0  # random shift of the training pictures, share of their size
    begins: float = 0.1  # chance that a frame is shown as one of the first of a film, whose past is short
    ema: float = 0.999

    def __post_init__(self) -> None:
        seen = (self.network.condition_channels, self.judges.condition_channels)
        if seen != (CHANNELS, CHANNELS):
            raise ValueError(f"PortraitPhase's network and judges see {seen} channels of a frame, expected {CHANNELS}.")
        if self.judges.window > self.network.window and self.weights.judged:
            raise ValueError(
                f"PortraitPhase.judges.window is {self.judges.window}, expected at most the network's, "
                f"{self.network.window}."
            )

    def weights_now(self, done: float) -> PortraitWeights:
        """The weights when `done` (0 … 1) of the phase is used: at first perhaps nobody judges."""
        return self.weights.without(JUDGED) if done < self.judged_from else self.weights


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitPreset:
    """Everything that is fixed before training starts; saved in the model folder."""

    name: str
    pixels: int  # of the network's picture, about
    stride: int  # of its sides
    phases: tuple[PortraitPhase | SequencePhase, ...]  # one of Deep Video Portraits, or those of vid2vid
    style: FaceImagesFormat = field(default_factory=FaceImagesFormat)

    @property
    def gaps(self) -> tuple[int, ...]:
        """Frames of the film between those whose flow the training looks at; none where it looks at no flow."""
        return gaps_of(phase for phase in self.phases if isinstance(phase, SequencePhase))

    @property
    def method(self) -> str:
        """The word of its method."""
        return "vid2vid" if isinstance(self.phases[0], SequencePhase) else "deep-video-portraits"

    def __post_init__(self) -> None:
        if len(self.phases) != 1 and not all(isinstance(phase, SequencePhase) for phase in self.phases):
            raise ValueError("PortraitPreset.phases are several, expected one: only vid2vid's go on from each other.")
        for phase in self.phases:
            reduce = phase.reduce if isinstance(phase, SequencePhase) else 1
            if self.stride % (phase.network.stride * reduce):
                raise ValueError(
                    f"PortraitPreset.stride is {self.stride}, expected a multiple of {phase.network.stride} x "
                    f"{reduce}: what a phase's network takes, at the size it is trained at."
                )
            if isinstance(phase, SequencePhase):
                _refuse_bodies(phase)


def _refuse_bodies(phase: SequencePhase) -> None:
    """vid2vid's phases may be about dancers: their stick figures have other channels, and parts that may be missing."""
    seen = (phase.network.coarse.condition_channels, phase.judges.condition_channels)
    if seen != (CHANNELS, CHANNELS) or phase.drop > 0 or phase.judges.hand:
        raise ValueError(
            f"A portrait's SequencePhase sees {seen} channels of a frame, drops {phase.drop} of a body's parts and has "
            f"{'a' if phase.judges.hand else 'no'} judge of hands, expected {CHANNELS} channels, 0 and no judge."
        )
