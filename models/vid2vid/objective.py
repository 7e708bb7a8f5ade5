"""What vid2vid trains for, over a stretch of frames: every term by name, computed only where it has a weight.

Sources: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 (eq. 6, 9) and its published training (methods 6.6); the
two-sided mask loss and the judge of hands follow its later versions. The mean absolute error `l1` is ours: it stands in
for VGG-19 where its weights are not at hand.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.exhibits import Exhibit, persuasion, scrutiny
from models.gan_losses import absolute_error
from models.region import Region
from models.vid2vid.discriminators import Judges
from models.vid2vid.exhibits import motion_shown, pictures_shown, regions_shown
from models.vid2vid.scene import Blend, Scene
from models.vid2vid.terms import (
    PictureLoss,
    confident_mask_loss,
    flow_loss,
    flow_warp_loss,
    follow_loss,
    likeness,
    mask_loss,
)
from pipeline.errors import UnknownChoice

OF_PREDICTED_FLOW = ("flow", "flow_warp", "mask", "mask_confident")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vid2VidWeights:
    """How much each term counts; a term of weight 0 is not computed. The defaults are the published ones.

    The published training judges faces from 512 pixels on, with 2 and 20, and no hands.
    """

    gan: float = 1.0
    feature_matching: float = 10.0
    perceptual: float = 10.0
    l1: float = 0.0
    warp: float = 10.0  # painted frames move as the true ones
    flow: float = 10.0  # predicted flow as the teacher's
    flow_warp: float = 10.0  # predicted flow fetches the true frame
    mask: float = 0.0  # two-sided; 10 in the later version, which needs no teacher for it
    mask_confident: float = 1.0  # fetch where the teacher is sure
    temporal_gan: float = 1.0
    temporal_feature_matching: float = 10.0
    face_gan: float = 0.0
    face_feature_matching: float = 0.0
    hand_gan: float = 0.0
    hand_feature_matching: float = 0.0

    def __post_init__(self) -> None:
        for term in fields(self):
            if not getattr(self, term.name) >= 0:
                raise ValueError(f"Vid2VidWeights.{term.name} is {getattr(self, term.name)}, expected 0 or more.")

    def without(self, names: Iterable[str]) -> "Vid2VidWeights":
        """Switch terms off, for an ablation.

        Raises: UnknownChoice listing all terms.
        """
        known = [term.name for term in fields(self)]
        off = dict.fromkeys(names, 0.0)
        for name in off:
            if name not in known:
                raise UnknownChoice.among("loss term", name, known)
        return replace(self, **off)

    def without_perceptual(self) -> "Vid2VidWeights":
        """Do without VGG-19: the mean absolute error takes its place, with weight 10."""
        return replace(self, perceptual=0.0, l1=10.0)

    def without_flow(self) -> "Vid2VidWeights":
        """For a generator that predicts no flow: what looks at flow or mask is off."""
        return self.without(OF_PREDICTED_FLOW)

    def at_scales(self, scales: int) -> "Vid2VidWeights":
        """For a pyramid of so many scales: flow errors are in pixels, which are twice as many at every doubling."""
        return replace(self, flow=self.flow / 2 ** (scales - 1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratorTerms:
    """The generator's losses before weighting, named as their weights are; 0 where not computed."""

    gan: Float[Tensor, ""]
    feature_matching: Float[Tensor, ""]
    perceptual: Float[Tensor, ""]
    l1: Float[Tensor, ""]
    warp: Float[Tensor, ""]
    flow: Float[Tensor, ""]
    flow_warp: Float[Tensor, ""]
    mask: Float[Tensor, ""]
    mask_confident: Float[Tensor, ""]
    temporal_gan: Float[Tensor, ""]
    temporal_feature_matching: Float[Tensor, ""]
    face_gan: Float[Tensor, ""]
    face_feature_matching: Float[Tensor, ""]
    hand_gan: Float[Tensor, ""]
    hand_feature_matching: Float[Tensor, ""]

    def total(self, weights: Vid2VidWeights) -> Float[Tensor, ""]:
        """Return the weighted sum: what to call `backward` on."""
        return torch.stack([getattr(weights, term.name) * getattr(self, term.name) for term in fields(self)]).sum()

    def named(self) -> dict[str, Tensor]:
        """Return each term under its name, without its graph, for curves."""
        return _named(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiscriminatorTerms:
    """The judges' losses; 0 where nobody is asked."""

    image: Float[Tensor, ""]
    temporal: Float[Tensor, ""]
    face: Float[Tensor, ""]
    hand: Float[Tensor, ""]

    def total(self) -> Float[Tensor, ""]:
        """Return the sum: what to call `backward` on. The judges share no weights."""
        return self.image + self.temporal + self.face + self.hand

    def named(self) -> dict[str, Tensor]:
        """Return each term under its name, without its graph, for curves."""
        return _named(self)


@runtime_checkable
class NamedTerms(Protocol):
    """Any method's losses by name."""

    def named(self) -> dict[str, Tensor]:
        """Return each term under its name, without its graph."""
        ...


def first_bad(terms: NamedTerms) -> str | None:
    """Return the name of the first term that is not a finite number, None where all are: what to stop training with."""
    named = terms.named()
    finite = torch.isfinite(torch.stack(list(named.values()))).tolist()  # one trip to the device for all
    return next((name for name, fine in zip(named, finite, strict=True) if not fine), None)


def generator_terms(
    judges: Judges, scene: Scene, weights: Vid2VidWeights, *, perceptual: PictureLoss | None = None
) -> GeneratorTerms:
    """Compute each loss of the generator that has a weight. The judges' weights receive no gradient.

    Args:
        perceptual: VGG-19's, where its weights are at hand.
    Raises: ValueError where a term has a weight and what it needs is not there.
    """
    truth, painted, shown = scene.truth, scene.painted, _exhibits(judges, scene, weights)
    nothing = painted.frames.new_zeros(())

    def if_counted(weight: float, term: Callable[[], Tensor]) -> Tensor:
        return term() if weight > 0 else nothing

    def persuaded(exhibits: Sequence[Exhibit], gan: float, matching: float) -> tuple[Tensor, Tensor]:
        return persuasion(exhibits, nothing, gan=gan > 0, matching=matching > 0)

    image = persuaded(shown.image, weights.gan, weights.feature_matching)
    temporal = persuaded(shown.temporal, weights.temporal_gan, weights.temporal_feature_matching)
    face = persuaded(shown.face, weights.face_gan, weights.face_feature_matching)
    hand = persuaded(shown.hand, weights.hand_gan, weights.hand_feature_matching)
    return GeneratorTerms(
        gan=image[0],
        feature_matching=image[1],
        perceptual=if_counted(weights.perceptual, lambda: _likeness(scene, perceptual)),
        l1=if_counted(weights.l1, lambda: _error(scene)),
        warp=if_counted(weights.warp, lambda: _followed(scene)),
        flow=if_counted(weights.flow, lambda: flow_loss(_blend(scene).flow, truth.flow, truth.confidence)),
        flow_warp=if_counted(
            weights.flow_warp,
            lambda: flow_warp_loss(_blend(scene).flow, truth.frames, truth.before, truth.confidence),
        ),
        mask=if_counted(weights.mask, lambda: _masked(scene)),
        mask_confident=if_counted(
            weights.mask_confident, lambda: confident_mask_loss(_blend(scene).mask, truth.confidence)
        ),
        temporal_gan=temporal[0],
        temporal_feature_matching=temporal[1],
        face_gan=face[0],
        face_feature_matching=face[1],
        hand_gan=hand[0],
        hand_feature_matching=hand[1],
    )


def discriminator_terms(judges: Judges, scene: Scene, weights: Vid2VidWeights) -> DiscriminatorTerms:
    """Compute the loss of each judge that `generator_terms` asks under these weights; none reaches the generator.

    Raises: ValueError where a term has a weight and its judge is not there.
    """
    shown, nothing = _exhibits(judges, scene, weights), scene.painted.frames.new_zeros(())
    return DiscriminatorTerms(
        image=scrutiny(shown.image, nothing),
        temporal=scrutiny(shown.temporal, nothing),
        face=scrutiny(shown.face, nothing),
        hand=scrutiny(shown.hand, nothing),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Exhibits:
    """What is shown to whom; nothing to those whose verdict has no weight."""

    image: list[Exhibit]
    temporal: list[Exhibit]
    face: list[Exhibit]
    hand: list[Exhibit]


def _exhibits(judges: Judges, scene: Scene, weights: Vid2VidWeights) -> _Exhibits:
    def of_regions(judge: nn.Module | None, regions: Sequence[Region], name: str) -> list[Exhibit]:
        if judge is None or not regions:
            raise ValueError(
                f"The weights judge {name}s, and there is no judge of them or no region: say JudgesConfig({name}=True) "
                f"and give Scene.{name}s, or take weights.without(['{name}_gan', '{name}_feature_matching'])."
            )
        return regions_shown(judge, scene, regions)

    temporal = weights.temporal_gan > 0 or weights.temporal_feature_matching > 0
    if temporal and not 0 < len(judges.temporal) == len(scene.motion):
        raise ValueError(
            f"The weights judge motion; there are {len(judges.temporal)} judges of it and Scene.motion has "
            f"{len(scene.motion)} entries: give one for each, None where no window fits yet, or take "
            "weights.without(['temporal_gan', 'temporal_feature_matching'])."
        )
    face = weights.face_gan > 0 or weights.face_feature_matching > 0
    hand = weights.hand_gan > 0 or weights.hand_feature_matching > 0
    return _Exhibits(
        image=pictures_shown(judges, scene) if weights.gan > 0 or weights.feature_matching > 0 else [],
        temporal=motion_shown(judges, scene) if temporal else [],
        face=of_regions(judges.face, scene.faces, "face") if face else [],
        hand=of_regions(judges.hand, scene.hands, "hand") if hand else [],
    )


def _followed(scene: Scene) -> Tensor:
    """`follow_loss`; frames without one before them would add nothing, and are not warped for it."""
    truth, painted = scene.truth, scene.painted
    parts = (painted.frames, painted.before, truth.flow, truth.confidence)
    return _of_followers(scene, lambda: follow_loss(*(part[:, truth.orphans :] for part in parts)))


def _masked(scene: Scene) -> Tensor:
    """`mask_loss`; where there is no frame before, nothing is fetched that the mask could choose."""
    blend, known = _blend(scene), slice(scene.truth.orphans, None)
    parts = (blend.mask, blend.warped, scene.truth.frames)
    return _of_followers(scene, lambda: mask_loss(*(part[:, known] for part in parts)))


def _of_followers(scene: Scene, term: Callable[[], Tensor]) -> Tensor:
    """A mean over the frames that have one before them, as a share of the mean over all."""
    count = scene.painted.frames.shape[1]
    known = count - scene.truth.orphans
    return term() * (known / count) if known else scene.painted.frames.new_zeros(())


def _likeness(scene: Scene, perceptual: PictureLoss | None) -> Tensor:
    if perceptual is None:
        raise ValueError(
            "Vid2VidWeights.perceptual is above 0: give `perceptual`, or take weights.without_perceptual()."
        )
    return torch.stack([likeness(one, scene.truth.frames, perceptual) for one in scene.painted.pictures]).sum()


def _error(scene: Scene) -> Tensor:
    return torch.stack([absolute_error(one, scene.truth.frames) for one in scene.painted.pictures]).sum()


def _blend(scene: Scene) -> Blend:
    if scene.painted.blend is None:
        raise ValueError("A weight of flow or mask is above 0 and none is predicted: take weights.without_flow().")
    return scene.painted.blend


def _named(terms: GeneratorTerms | DiscriminatorTerms) -> dict[str, Tensor]:
    return {term.name: getattr(terms, term.name).detach() for term in fields(terms)}
