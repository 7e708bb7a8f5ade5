"""What Everybody Dance Now trains for: two consecutive frames, judged together with their stick figures.

Every term is a mean over pixels, batch and both frames. Nothing here knows which network paints: a generator is any
function of a condition and the frame painted before.

Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.2 (temporal smoothing), 3.3 (face GAN), 3.4 (full objective).
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.everybody_dance_now.face_residual import FaceBox, cut_faces
from models.gan_losses import (
    absolute_error,
    feature_matching_loss,
    frozen,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
)

FrameGenerator = Callable[[Tensor, Tensor], Tensor]  # (condition, previous frame) → frame
PictureLoss = Callable[[Tensor, Tensor], Tensor]  # (fake, real) → a number, mean over the batch
Pair = tuple[Float[Tensor, "b _ h w"], Float[Tensor, "b _ h w"]]  # two consecutive frames, -1..1


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveWeights:
    """How much each term counts; a term of weight 0 is not computed. The defaults are the paper's global stage."""

    gan: float = 1.0
    feature_matching: float = 10.0
    perceptual: float = 10.0
    l1: float = 0.0
    face_gan: float = 0.0
    face_perceptual: float = 0.0

    def __post_init__(self) -> None:
        for term in fields(self):
            if not getattr(self, term.name) >= 0:
                raise ValueError(f"ObjectiveWeights.{term.name} is {getattr(self, term.name)}, expected 0 or more.")

    @property
    def judged(self) -> bool:
        """Whether the discriminator of whole frames is asked at all, and therefore trained."""
        return self.gan > 0 or self.feature_matching > 0

    def without_perceptual(self) -> "ObjectiveWeights":
        """Do without VGG-19: the mean absolute error takes the perceptual loss's place, with weight 10."""
        return replace(self, perceptual=0.0, face_perceptual=0.0, l1=10.0)


GLOBAL_STAGE = ObjectiveWeights()
LOCAL_STAGE = ObjectiveWeights(perceptual=20.0)  # 10 for each of both frames; the global stage halves it
FACE_STAGE = ObjectiveWeights(gan=0.0, feature_matching=0.0, perceptual=0.0, face_gan=1.0, face_perceptual=10.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Faces:
    """Where the faces of both frames are, and who judges them."""

    boxes: tuple[FaceBox, FaceBox]
    discriminator: nn.Module  # a PatchDiscriminator of 6 channels: condition and face


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratorTerms:
    """The generator's losses before weighting; 0 where not computed."""

    gan: Float[Tensor, ""]
    feature_matching: Float[Tensor, ""]
    perceptual: Float[Tensor, ""]
    l1: Float[Tensor, ""]
    face_gan: Float[Tensor, ""]
    face_perceptual: Float[Tensor, ""]

    def total(self, weights: ObjectiveWeights) -> Float[Tensor, ""]:
        """Return the weighted sum: what to call `backward` on."""
        return torch.stack([getattr(weights, term.name) * getattr(self, term.name) for term in fields(self)]).sum()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiscriminatorTerms:
    """The discriminators' losses; 0 where not computed."""

    frames: Float[Tensor, ""]
    face: Float[Tensor, ""]

    def total(self) -> Float[Tensor, ""]:
        """Return the sum: what to call `backward` on. The two share no weights."""
        return self.frames + self.face


def two_frames(
    generator: FrameGenerator, first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"]
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 3 h w"]]:
    """Paint two frames one after the other: I0 = G(s0, 0), I1 = G(s1, I0). The gradient of I1 flows through I0.

    Source: Chan et al. 2019, sec. 3.2; the zero image stands before the first frame in training as in rendering.

    Args:
        first, second: conditions of consecutive frames of one shot, -1..1.
    """
    batch, _, height, width = first.shape
    start = generator(first, first.new_zeros(batch, 3, height, width))
    return start, generator(second, start)


def generator_loss(
    discriminator: nn.Module,
    *,
    conditions: Pair,
    real: Pair,
    fake: Pair,
    weights: ObjectiveWeights,
    perceptual: PictureLoss | None = None,
    faces: Faces | None = None,
) -> GeneratorTerms:
    """Compute each loss of the generator that has a weight. The discriminators' weights receive no gradient.

    Args:
        discriminator: a MultiscaleDiscriminator of 12 channels: both conditions, then both frames.
        conditions, real, fake: of the same two frames; `fake` carries the generator's graph.
        perceptual: VGG-19's, where its weights are at hand.
        faces: needed for the face terms.
    Raises: ValueError where a term has a weight and what it needs is not given.
    """
    _refuse_missing(weights, perceptual, faces)
    gan, matching = _judged_terms(discriminator, conditions, real, fake, weights)
    nothing = fake[0].new_zeros(())
    return GeneratorTerms(
        gan=gan,
        feature_matching=matching,
        perceptual=perceptual(torch.cat(fake), torch.cat(real)) if perceptual and weights.perceptual > 0 else nothing,
        l1=absolute_error(torch.cat(fake), torch.cat(real)) if weights.l1 > 0 else nothing,
        face_gan=_face_gan(faces, conditions, fake) if faces and weights.face_gan > 0 else nothing,
        face_perceptual=(
            _face_likeness(faces, fake, real, perceptual)
            if faces and perceptual and weights.face_perceptual > 0
            else nothing
        ),
    )


def discriminator_loss(
    discriminator: nn.Module,
    *,
    conditions: Pair,
    real: Pair,
    fake: Pair,
    weights: ObjectiveWeights,
    faces: Faces | None = None,
) -> DiscriminatorTerms:
    """Compute the loss of each discriminator that `generator_loss` asks under these weights.

    No gradient reaches the generator: `fake` is detached here. Arguments and errors as there.
    """
    if weights.face_gan > 0 and faces is None:
        raise ValueError("ObjectiveWeights.face_gan is above 0: give `faces`.")
    fake = (fake[0].detach(), fake[1].detach())
    of_frames = of_face = fake[0].new_zeros(())
    if weights.judged:
        of_frames = least_squares_discriminator_loss(
            discriminator(_shown(conditions, real)), discriminator(_shown(conditions, fake))
        )
    if weights.face_gan > 0 and faces:
        true, painted = _shown_faces(faces, conditions, real), _shown_faces(faces, conditions, fake)
        if len(painted):
            of_face = least_squares_discriminator_loss([faces.discriminator(true)], [faces.discriminator(painted)])
    return DiscriminatorTerms(frames=of_frames, face=of_face)


def _refuse_missing(weights: ObjectiveWeights, perceptual: PictureLoss | None, faces: Faces | None) -> None:
    if perceptual is None and (weights.perceptual > 0 or weights.face_perceptual > 0):
        raise ValueError("A perceptual weight is above 0: give `perceptual`, or take weights.without_perceptual().")
    if faces is None and (weights.face_gan > 0 or weights.face_perceptual > 0):
        raise ValueError("A face weight is above 0: give `faces`.")


def _judged_terms(
    discriminator: nn.Module, conditions: Pair, real: Pair, fake: Pair, weights: ObjectiveWeights
) -> tuple[Tensor, Tensor]:
    """The losses that the discriminator's eyes give: adversarial, and its features of fake and real matched."""
    gan = matching = fake[0].new_zeros(())
    if not weights.judged:
        return gan, matching
    with frozen(discriminator):
        of_fake = discriminator(_shown(conditions, fake))
        if weights.feature_matching > 0:
            with torch.no_grad():
                of_real = discriminator(_shown(conditions, real))
            matching = feature_matching_loss(of_fake, of_real)
    if weights.gan > 0:
        gan = least_squares_generator_loss(of_fake)
    return gan, matching


def _shown(conditions: Pair, frames: Pair) -> Tensor:
    """What the discriminator sees: s0, s1, x0, x1 along channels."""
    return torch.cat((*conditions, *frames), dim=1)


def _seen_faces(faces: Faces, frames: Pair) -> Tensor:
    """The faces in sight of both frames in one batch, possibly of none."""
    return torch.cat([cut_faces(frame, box)[box.seen] for frame, box in zip(frames, faces.boxes, strict=True)])


def _shown_faces(faces: Faces, conditions: Pair, frames: Pair) -> Tensor:
    return torch.cat([_seen_faces(faces, conditions), _seen_faces(faces, frames)], dim=1)


def _face_gan(faces: Faces, conditions: Pair, fake: Pair) -> Tensor:
    painted = _shown_faces(faces, conditions, fake)
    if not len(painted):
        return painted.sum()  # 0, and still part of the graph: the loop calls backward on it
    with frozen(faces.discriminator):
        return least_squares_generator_loss([faces.discriminator(painted)])


def _face_likeness(faces: Faces, fake: Pair, real: Pair, perceptual: PictureLoss) -> Tensor:
    painted = _seen_faces(faces, fake)
    return perceptual(painted, _seen_faces(faces, real)) if len(painted) else painted.sum()
