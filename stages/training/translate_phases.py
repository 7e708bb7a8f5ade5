"""What a training of translators is made of, without pairs and with them; each preset checks itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from models.cyclegan.generator import ResnetGeneratorConfig
from models.cyclegan.objective import JUDGE, CycleWeights
from models.everybody_dance_now.generator import GeneratorConfig
from models.norms import NORMS, NormName
from models.patch_discriminator import DiscriminatorConfig
from models.pix2pix.objective import PIX2PIX_JUDGE, AdversaryName, PairedWeights
from models.pix2pix.unet import UNetGeneratorConfig
from stages.training.flow_teacher import FlowTeacherConfig
from stages.training.picture_store import StoreConfig

TranslatorConfig = ResnetGeneratorConfig | UNetGeneratorConfig | GeneratorConfig
Schedule = Literal["cosine", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What of the pictures is seen at a step."""

    height: int = 256  # pixels, cut out of the store's pictures; less where those are smaller
    width: int = 256
    batch: int = 1  # of each domain; as many companions come with it where steadiness is learnt
    shrink: bool = False  # windows of any size up to the whole picture, made smaller
    flip: bool = True

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.batch) < 1:
            raise ValueError(f"Drawing is {self.batch} of {self.width}x{self.height}, expected 1 or more each.")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpairedPreset:
    """CycleGAN: two generators and two judges. The defaults are the paper's, but for the running average."""

    name: str
    store: StoreConfig = field(default_factory=StoreConfig)
    drawing: Drawing = field(default_factory=Drawing)
    generator: ResnetGeneratorConfig = field(default_factory=ResnetGeneratorConfig)
    judge: DiscriminatorConfig = JUDGE
    weights: CycleWeights = field(default_factory=CycleWeights)
    teacher: FlowTeacherConfig = field(default_factory=FlowTeacherConfig)
    learning_rate: float = 2e-4
    judges_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam
    schedule: Schedule = "linear"
    steady_from: float = 0.0  # share of the budget before which pictures come without neighbours, at half the cost
    pool: int = 50  # painted pictures of each domain that its judge is shown again
    ema: float = 0.999

    @property
    def method(self) -> str:
        """The word of its method."""
        return "cyclegan"

    def without(self, terms: Iterable[str]) -> "UnpairedPreset":
        """Switch loss terms off, for an ablation.

        Raises: UnknownChoice listing all terms.
        """
        off = tuple(terms)
        name = f"{self.name} without {', '.join(off)}" if off else self.name
        return replace(self, name=name, weights=self.weights.without(off))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedPreset:
    """pix2pix and pix2pixHD: one generator, one judge that sees input and picture. The defaults are pix2pix's."""

    name: str
    method: Literal["pix2pix", "pix2pixhd"] = "pix2pix"
    store: StoreConfig = field(default_factory=StoreConfig)
    drawing: Drawing = field(default_factory=Drawing)
    generator: TranslatorConfig = field(default_factory=UNetGeneratorConfig)
    judge: DiscriminatorConfig = PIX2PIX_JUDGE
    judge_norm: NormName = "affine"
    judge_first: bool = True  # pix2pix's order of steps; pix2pixHD's generator goes first
    adversary: AdversaryName = "log"
    weights: PairedWeights = field(default_factory=PairedWeights)
    teacher: FlowTeacherConfig = field(default_factory=FlowTeacherConfig)
    learning_rate: float = 2e-4
    judges_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam
    schedule: Schedule = "linear"
    steady_from: float = 0.0  # share of the budget before which pictures come without neighbours, at half the cost
    ema: float = 0.999

    def __post_init__(self) -> None:
        if self.judge_norm not in NORMS:
            raise ValueError(f"PairedPreset.judge_norm is {self.judge_norm!r}, expected one of {', '.join(NORMS)}.")
        if self.judge.in_channels != self.generator.in_channels + self.generator.out_channels:
            raise ValueError(
                f"PairedPreset.judge takes {self.judge.in_channels} channels, expected "
                f"{self.generator.in_channels + self.generator.out_channels}: those of input and picture together."
            )

    def without(self, terms: Iterable[str]) -> "PairedPreset":
        """Switch loss terms off, for an ablation.

        Raises: UnknownChoice listing all terms.
        """
        off = tuple(terms)
        name = f"{self.name} without {', '.join(off)}" if off else self.name
        return replace(self, name=name, weights=self.weights.without(off))


TranslatePreset = UnpairedPreset | PairedPreset
