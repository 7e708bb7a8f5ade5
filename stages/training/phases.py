"""What a training is made of: its budget, its phases, and the preset that names them; each checks itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from models.deep_video_portraits.light import LightPortraitConfig
from models.deep_video_portraits.rendering_to_video import RenderingToVideoConfig
from models.everybody_dance_now.draft import DraftConfig
from models.everybody_dance_now.generator import EnhancerConfig, GeneratorConfig
from models.everybody_dance_now.objective import GLOBAL_STAGE, ObjectiveWeights
from models.matting import MattingWeights
from models.patch_discriminator import DiscriminatorConfig
from models.vid2vid.discriminators import JudgesConfig
from models.vid2vid.objective import Vid2VidWeights
from models.vid2vid.pyramid import PyramidConfig
from pipeline.errors import UnderstudyError
from stages.conditioning.stick_figure import StickFigureFormat
from stages.training.optimisers import OptimiserName

# Terms of vid2vid that need a judge.
JUDGED = tuple(
    f"{prefix}{term}" for prefix in ("", "temporal_", "face_", "hand_") for term in ("gan", "feature_matching")
)

NetworkConfig = (
    DraftConfig | GeneratorConfig | EnhancerConfig | PyramidConfig | RenderingToVideoConfig | LightPortraitConfig
)


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
class PairPhase:
    """One stretch of Everybody Dance Now's training: which network learns what, from pairs of frames."""

    network: DraftConfig | GeneratorConfig | EnhancerConfig
    part: float  # of the budget
    reduce: int = 1  # pictures are this many times smaller than the clip was prepared
    batch: int = 1
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam
    schedule: Literal["cosine", "linear"] = "linear"
    optimiser: OptimiserName = "adam"  # of the generator; judges have Adam
    weights: ObjectiveWeights = GLOBAL_STAGE
    matting: MattingWeights | None = None  # only for generators that paint a mask
    discriminator: DiscriminatorConfig = field(default_factory=lambda: DiscriminatorConfig(in_channels=12))
    shift: float = 0.0  # random shift of the training pictures, share of their size
    ema: float = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencePhase:
    """One stretch of vid2vid's training: which pyramid learns what, from takes that grow longer.

    Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 and its published training (methods 6.7).
    """

    network: PyramidConfig
    part: float  # of the budget
    reduce: int = 1  # pictures are this many times smaller than the clip was prepared
    batch: int = 1  # takes painted side by side
    frames: tuple[int, ...] = (4, 8, 16)  # of a take: each length for an equal share of the phase
    chunk: int = 4  # frames painted between two steps of the optimisers
    backprop: tuple[int, ...] = (1,)  # frames after which the gradient through the memory ends, growing likewise
    most_stride: int = 1  # frames of the film between those of a take, drawn from 1 … this
    drop: float = 0.05  # chance that a part of the body is not drawn
    shift: float = 0.0  # random shift of the training pictures, share of their size
    learning_rate: float = 2e-4  # of the generator; the discriminators' is the same but for `ttur`
    ttur: bool = False  # generator at half, discriminators at twice the rate, and no momentum (betas 0, 0.9)
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam
    schedule: Literal["cosine", "linear"] = "linear"
    optimiser: OptimiserName = "adam"  # of the generator; judges have Adam
    weights: Vid2VidWeights = field(default_factory=Vid2VidWeights)
    matting: MattingWeights | None = None  # only for generators that paint a mask
    judges: JudgesConfig = field(default_factory=JudgesConfig)
    seen_from: float = 0.5  # confidence from which a face or hand is judged
    judged_from: float = 0.0  # share of the phase before which nobody judges
    judged_every: int = 1  # stretches: the judges look at each so many-th, and are asked and trained only then
    coarse_fixed: float = 0.0  # share of the phase in which only the finest scale learns
    checkpointing: bool = False  # paint every frame once more on the way back instead of keeping its activations
    ema: float = 0.999

    def __post_init__(self) -> None:
        if not self.frames or min(self.frames) < 2:
            raise ValueError(f"SequencePhase.frames is {self.frames}, expected lengths of 2 or more.")
        if self.judged_every < 1:
            raise ValueError(f"SequencePhase.judged_every is {self.judged_every}, expected 1 or more.")
        if self.chunk < 1 or min(self.backprop, default=0) < 1:
            raise ValueError(f"SequencePhase.chunk is {self.chunk}, .backprop {self.backprop}, expected 1 or more.")
        if (self.matting is not None) != self.network.coarse.plate:
            raise ValueError("SequencePhase.matting goes with a network that paints over a plate, and only with it.")

    @property
    def gaps(self) -> tuple[int, ...]:
        """Steps of a take between frames whose flow is looked at: neighbours', and those of each scale in time."""
        return tuple(self.judges.temporal_frames**scale for scale in range(max(1, self.judges.temporal_scales)))

    @property
    def strides(self) -> range:
        """Frames of the film between those of a take."""
        return range(1, self.most_stride + 1)

    def weights_now(self, done: float, stretch: int) -> Vid2VidWeights:
        """The weights of a stretch of a take when `done` of the phase is used: often nobody judges.

        Where the judges look at every n-th stretch alone, their terms count n times there, and as much on the whole.
        """
        if done < self.judged_from or (stretch + 1) % self.judged_every:
            return self.weights.without(JUDGED)
        return replace(self.weights, **{term: self.judged_every * getattr(self.weights, term) for term in JUDGED})

    def longest_now(self, done: float) -> int:
        """Frames of a take when `done` (0 … 1) of the phase is used."""
        return _in_turn(self.frames, done)

    def backprop_now(self, done: float) -> int:
        """Frames that the gradient flows back through when `done` of the phase is used."""
        return _in_turn(self.backprop, done)


def _in_turn(values: tuple[int, ...], done: float) -> int:
    return values[min(int(done * len(values)), len(values) - 1)]


def gaps_of(phases: Iterable[SequencePhase]) -> tuple[int, ...]:
    """Frames of the film between those whose flow these phases look at."""
    return tuple(sorted({gap * stride for phase in phases for gap in phase.gaps for stride in phase.strides}))


Phase = PairPhase | SequencePhase


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

    @property
    def gaps(self) -> tuple[int, ...]:
        """Frames of the film between those whose flow the training looks at; none where it looks at no flow."""
        return gaps_of(phase for phase in self.phases if isinstance(phase, SequencePhase))

    @property
    def method(self) -> str:
        """The word of its method."""
        return "vid2vid" if isinstance(self.phases[0], SequencePhase) else "everybody-dance-now"

    def __post_init__(self) -> None:
        if self.face_part and isinstance(self.phases[-1].network, DraftConfig):
            raise ValueError("DancePreset.face_part is above 0, expected 0: the draft has no whole frame to refine.")
        for phase in self.phases:
            if self.stride % (phase.network.stride * phase.reduce):
                raise ValueError(
                    f"DancePreset.stride is {self.stride}, expected a multiple of {phase.network.stride} x "
                    f"{phase.reduce}: what a phase's network takes, at the size it is trained at."
                )
