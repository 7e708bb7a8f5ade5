"""What a portrait is trained for: every term by name, computed only where it has a weight.

Sources: Kim et al. 2018, "Deep Video Portraits", sec. 6: adversary and mean absolute error with weight 100; Wang et
al. 2018, "High-Resolution Image Synthesis …": features matched, VGG-19; Koujan et al. 2020, "Head2Head": the mouth
judged on its own. The error weighted around mouth and eyes and the judge of the eyes are ours.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.deep_video_portraits.discriminators import PortraitJudges, shown_regions, shown_whole
from models.exhibits import Exhibit, persuasion, scrutiny
from models.gan_losses import absolute_error
from models.matting import MattingTerms, MattingWeights, matting_loss
from models.performance import Performance
from models.region import Region, cut_regions
from pipeline.errors import UnknownChoice

PictureLoss = Callable[[Tensor, Tensor], Tensor]  # (fake, real) → a number, mean over the batch

OF_MATTE = ("structure", "mask", "foreground")


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitWeights:
    """How much each term counts; a term of weight 0 is not computed. The defaults are the published ones."""

    gan: float = 1.0
    feature_matching: float = 0.0
    perceptual: float = 0.0
    l1: float = 100.0
    region_l1: float = 0.0  # the error around the mouth once more, and around the eyes; each a mean over its squares
    mouth_gan: float = 0.0
    mouth_feature_matching: float = 0.0
    eyes_gan: float = 0.0
    eyes_feature_matching: float = 0.0
    structure: float = 0.0  # 1 − SSIM of the finished picture
    mask: float = 0.0  # matte against the person's silhouette
    foreground: float = 0.0  # error of the person before blending

    def __post_init__(self) -> None:
        for term in fields(self):
            if not getattr(self, term.name) >= 0:
                raise ValueError(f"PortraitWeights.{term.name} is {getattr(self, term.name)}, expected 0 or more.")

    @property
    def judged(self) -> bool:
        """Whether any judge is asked, and therefore trained."""
        return any(getattr(self, term.name) > 0 for term in fields(self) if term.name.endswith(("gan", "matching")))

    @property
    def matting(self) -> MattingWeights:
        """Those of a generator with a matte."""
        return MattingWeights(structure=self.structure, mask=self.mask, foreground=self.foreground)

    def without(self, names: Iterable[str]) -> "PortraitWeights":
        """Switch terms off, for an ablation.

        Raises: UnknownChoice listing all terms.
        """
        known = [term.name for term in fields(self)]
        off = dict.fromkeys(names, 0.0)
        for name in off:
            if name not in known:
                raise UnknownChoice.among("loss term", name, known)
        return replace(self, **off)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PortraitScene:
    """All that a step of training looks at: pictures of one person, in any order."""

    window: Float[Tensor, "b wc h w"]  # conditions as the generator saw them, the current one last
    picture: Float[Tensor, "b 3 h w"]  # the true ones, -1..1
    made: Performance  # the same painted; carries its graph
    person: Float[Tensor, "b 1 h w"] | None = None  # silhouette, 0..1; for a generator with a matte
    mouth: Sequence[Region] = ()  # one, with a square for every picture
    eyes: Sequence[Region] = ()  # two, right and left, of one size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PortraitGeneratorTerms:
    """The generator's losses before weighting, named as their weights are; 0 where not computed."""

    gan: Float[Tensor, ""]
    feature_matching: Float[Tensor, ""]
    perceptual: Float[Tensor, ""]
    l1: Float[Tensor, ""]
    region_l1: Float[Tensor, ""]
    mouth_gan: Float[Tensor, ""]
    mouth_feature_matching: Float[Tensor, ""]
    eyes_gan: Float[Tensor, ""]
    eyes_feature_matching: Float[Tensor, ""]
    structure: Float[Tensor, ""]
    mask: Float[Tensor, ""]
    foreground: Float[Tensor, ""]

    def total(self, weights: PortraitWeights) -> Float[Tensor, ""]:
        """Return the weighted sum: what to call `backward` on."""
        return torch.stack([getattr(weights, term.name) * getattr(self, term.name) for term in fields(self)]).sum()

    def named(self) -> dict[str, Tensor]:
        """Return each term under its name, without its graph, for curves."""
        return {term.name: getattr(self, term.name).detach() for term in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PortraitDiscriminatorTerms:
    """The judges' losses; 0 where nobody is asked."""

    picture: Float[Tensor, ""]
    mouth: Float[Tensor, ""]
    eyes: Float[Tensor, ""]

    def total(self) -> Float[Tensor, ""]:
        """Return the sum: what to call `backward` on. The judges share no weights."""
        return self.picture + self.mouth + self.eyes

    def named(self) -> dict[str, Tensor]:
        """Return each term under its name, without its graph, for curves."""
        return {term.name: getattr(self, term.name).detach() for term in fields(self)}


def portrait_generator_terms(
    judges: PortraitJudges | None,
    scene: PortraitScene,
    weights: PortraitWeights,
    *,
    perceptual: PictureLoss | None = None,
) -> PortraitGeneratorTerms:
    """Compute each loss of the generator that has a weight. The judges' weights receive no gradient.

    Args:
        judges: None where no verdict has a weight.
        perceptual: VGG-19's, where its weights are at hand.
    Raises: ValueError where a term has a weight and what it needs is not there.
    """
    nothing, shown = scene.picture.new_zeros(()), _exhibits(judges, scene, weights)

    def persuaded(exhibits: Sequence[Exhibit], gan: float, matching: float) -> tuple[Tensor, Tensor]:
        if judges is None or not exhibits:
            return nothing, nothing
        return persuasion(exhibits, nothing, gan=gan > 0, matching=matching > 0, adversary=judges.adversary)

    picture = persuaded(shown.picture, weights.gan, weights.feature_matching)
    mouth = persuaded(shown.mouth, weights.mouth_gan, weights.mouth_feature_matching)
    eyes = persuaded(shown.eyes, weights.eyes_gan, weights.eyes_feature_matching)
    matte = _matting(scene, weights, nothing)
    return PortraitGeneratorTerms(
        gan=picture[0],
        feature_matching=picture[1],
        perceptual=_likeness(scene, perceptual) if weights.perceptual > 0 else nothing,
        l1=absolute_error(scene.made.image, scene.picture) if weights.l1 > 0 else nothing,
        region_l1=_region_error(scene) if weights.region_l1 > 0 else nothing,
        mouth_gan=mouth[0],
        mouth_feature_matching=mouth[1],
        eyes_gan=eyes[0],
        eyes_feature_matching=eyes[1],
        structure=matte.structure,
        mask=matte.mask,
        foreground=matte.foreground,
    )


def portrait_discriminator_terms(
    judges: PortraitJudges, scene: PortraitScene, weights: PortraitWeights
) -> PortraitDiscriminatorTerms:
    """Compute the loss of each judge that `portrait_generator_terms` asks; no gradient reaches the generator.

    Raises: ValueError where a term has a weight and its judge or its regions are not there.
    """
    shown, nothing = _exhibits(judges, scene, weights), scene.picture.new_zeros(())
    return PortraitDiscriminatorTerms(
        picture=scrutiny(shown.picture, nothing, adversary=judges.adversary),
        mouth=scrutiny(shown.mouth, nothing, adversary=judges.adversary),
        eyes=scrutiny(shown.eyes, nothing, adversary=judges.adversary),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Exhibits:
    """What is shown to whom; nothing to those whose verdict has no weight."""

    picture: list[Exhibit]
    mouth: list[Exhibit]
    eyes: list[Exhibit]


def _exhibits(judges: PortraitJudges | None, scene: PortraitScene, weights: PortraitWeights) -> _Exhibits:
    if not weights.judged:
        return _Exhibits(picture=[], mouth=[], eyes=[])
    if judges is None:
        raise ValueError("A weight of a judge is above 0: give `judges`, or switch its terms off with weights.without.")
    mouth = weights.mouth_gan > 0 or weights.mouth_feature_matching > 0
    eyes = weights.eyes_gan > 0 or weights.eyes_feature_matching > 0
    channels = judges.config.condition_channels
    return _Exhibits(
        picture=_whole(judges, scene) if weights.gan > 0 or weights.feature_matching > 0 else [],
        mouth=_regions(judges.mouth, scene, scene.mouth, channels, "mouth") if mouth else [],
        eyes=_regions(judges.eyes, scene, scene.eyes, channels, "eyes") if eyes else [],
    )


def _whole(judges: PortraitJudges, scene: PortraitScene) -> list[Exhibit]:
    channels = judges.config.window * judges.config.condition_channels
    real, fake = (shown_whole(scene.window, one, channels) for one in (scene.picture, scene.made.image))
    return [Exhibit(judge=judges.picture, real=real, fakes=[fake])]


def _regions(
    judge: nn.Module | None, scene: PortraitScene, regions: Sequence[Region], channels: int, name: str
) -> list[Exhibit]:
    if judge is None or not regions:
        raise ValueError(
            f"The weights judge the {name}, and there is no judge or no region: say PortraitJudgesConfig({name}=True) "
            f"and give PortraitScene.{name}, or take weights.without(['{name}_gan', '{name}_feature_matching'])."
        )
    condition = scene.window[:, -channels:]
    real, fake = (shown_regions(condition, one, regions) for one in (scene.picture, scene.made.image))
    return [Exhibit(judge=judge, real=real, fakes=[fake])]


def _region_error(scene: PortraitScene) -> Tensor:
    """Mean absolute error in the squares around the mouth, and in those around the eyes."""
    if not scene.mouth or not scene.eyes:
        raise ValueError("PortraitWeights.region_l1 is above 0: give PortraitScene.mouth and PortraitScene.eyes.")
    return _error_in(scene, scene.mouth) + _error_in(scene, scene.eyes)


def _error_in(scene: PortraitScene, regions: Sequence[Region]) -> Tensor:
    apart = (scene.made.image - scene.picture).abs()
    errors = torch.cat([cut_regions(apart, region)[region.seen] for region in regions])
    return errors.mean() if len(errors) else errors.sum()  # nobody in sight: 0, and still part of the graph


def _likeness(scene: PortraitScene, perceptual: PictureLoss | None) -> Tensor:
    if perceptual is None:
        raise ValueError("PortraitWeights.perceptual is above 0: give `perceptual`, or switch it off.")
    return perceptual(scene.made.image, scene.picture)


def _matting(scene: PortraitScene, weights: PortraitWeights, nothing: Tensor) -> MattingTerms:
    if not any(getattr(weights, name) > 0 for name in OF_MATTE):
        return MattingTerms(structure=nothing, mask=nothing, foreground=nothing)
    if scene.person is None:
        raise ValueError("A weight of the matte is above 0: give PortraitScene.person, or take weights.without.")
    return matting_loss(scene.made, scene.picture, scene.person, weights.matting)
