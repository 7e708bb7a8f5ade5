"""The two-frame recipe: who is judged, with what, and where the gradients go."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from models.blocks import initialise
from models.everybody_dance_now.face_residual import FaceBox, face_box, refine_face
from models.everybody_dance_now.generator import GeneratorConfig, GlobalGenerator
from models.everybody_dance_now.objective import (
    FACE_STAGE,
    GLOBAL_STAGE,
    LOCAL_STAGE,
    Faces,
    ObjectiveWeights,
    Pair,
    discriminator_loss,
    frozen,
    generator_loss,
    two_frames,
)
from models.gan_losses import absolute_error
from models.patch_discriminator import DiscriminatorConfig, MultiscaleDiscriminator, PatchDiscriminator

SIZE = 32
NOT_VGG = GLOBAL_STAGE.without_perceptual()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair(seed: int) -> Pair:
    first, second = torch.rand(2, 1, 3, SIZE, SIZE, generator=seeded(seed)) * 2 - 1
    return first, second


def judge() -> MultiscaleDiscriminator:
    return initialise(MultiscaleDiscriminator(DiscriminatorConfig(base_channels=4, layers=2)), seeded(0))


def whole(size: int = 16, *, seen: bool = True) -> FaceBox:
    return face_box(torch.tensor([[16.0, 16.0]]), size, SIZE, SIZE, seen=torch.tensor([seen]))


def faces(*seen: bool) -> Faces:
    discriminator = initialise(PatchDiscriminator(in_channels=6, base_channels=4, layers=2), seeded(1))
    return Faces(boxes=(whole(seen=seen[0]), whole(seen=seen[1])), discriminator=discriminator)


class Remembers(nn.Module):
    """A discriminator of one scale that keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.0))
        self.shown: list[Tensor] = []

    def forward(self, picture: Tensor) -> list[list[Tensor]]:
        self.shown.append(picture)
        return [[self.gain * picture, self.gain * picture.mean(dim=1, keepdim=True)]]


class RemembersFaces(Remembers):
    """The same, as a single PatchGAN returns its features."""

    def forward(self, picture: Tensor) -> list[Tensor]:
        return super().forward(picture)[0]


def test_the_second_frame_is_painted_from_the_first_and_the_first_from_zero() -> None:
    first, second = pair(0)
    painted = two_frames(lambda condition, previous: condition + 10 * previous, first, second)
    assert torch.equal(painted[0], first)
    assert torch.equal(painted[1], second + 10 * first)


def test_the_gradient_of_the_second_frame_flows_through_the_first() -> None:
    gain = torch.tensor(3.0, requires_grad=True)
    one = torch.ones(1, 3, SIZE, SIZE)
    _, last = two_frames(lambda condition, previous: gain * condition + gain * previous, one, one)  # gain + gain²
    last.mean().backward()
    assert gain.grad is not None and gain.grad.item() == pytest.approx(1 + 2 * 3)


def test_the_discriminator_sees_both_conditions_then_both_frames() -> None:
    conditions, real, fake = pair(0), pair(1), pair(2)
    discriminator = Remembers()
    discriminator_loss(discriminator, conditions=conditions, real=real, fake=fake, weights=NOT_VGG)
    assert torch.equal(discriminator.shown[0], torch.cat((*conditions, *real), dim=1))
    assert torch.equal(discriminator.shown[1], torch.cat((*conditions, *fake), dim=1))


def test_terms_of_weight_zero_are_not_computed() -> None:
    def never(*_: Tensor) -> Tensor:
        raise AssertionError("asked")

    discriminator = Remembers()
    only_l1 = ObjectiveWeights(gan=0.0, feature_matching=0.0, perceptual=0.0, l1=1.0)
    real, fake = pair(1), pair(2)
    terms = generator_loss(
        discriminator,
        conditions=pair(0),
        real=real,
        fake=fake,
        weights=only_l1,
        perceptual=never,
        faces=faces(True, True),
    )
    of_d = discriminator_loss(discriminator, conditions=pair(0), real=real, fake=fake, weights=only_l1)
    assert not discriminator.shown
    assert terms.total(only_l1).item() == pytest.approx((torch.cat(fake) - torch.cat(real)).abs().mean().item())
    assert of_d.total().item() == 0
    generator_loss(discriminator, conditions=pair(0), real=real, fake=fake, weights=replace(only_l1, gan=1.0))
    assert len(discriminator.shown) == 1  # the true frames are only looked at to match features


def test_the_total_is_the_weighted_sum_by_name() -> None:
    weights = ObjectiveWeights(
        gan=2.0, feature_matching=3.0, perceptual=5.0, l1=7.0, face_gan=11.0, face_perceptual=13.0
    )
    terms = generator_loss(
        judge(), conditions=pair(0), real=pair(1), fake=pair(2), weights=weights,
        perceptual=absolute_error, faces=faces(True, True),
    )  # fmt: skip
    by_hand = (
        2 * terms.gan + 3 * terms.feature_matching + 5 * terms.perceptual
        + 7 * terms.l1 + 11 * terms.face_gan + 13 * terms.face_perceptual
    )  # fmt: skip
    assert terms.total(weights).item() == pytest.approx(by_hand.item())
    assert min(terms.gan, terms.feature_matching, terms.perceptual, terms.face_gan, terms.face_perceptual) > 0


def test_perfect_frames_cost_nothing_but_the_adversary() -> None:
    real = pair(1)
    terms = generator_loss(
        judge(),
        conditions=pair(0),
        real=real,
        fake=real,
        weights=replace(LOCAL_STAGE, l1=1.0),
        perceptual=absolute_error,
    )
    assert (terms.feature_matching.item(), terms.perceptual.item(), terms.l1.item()) == (0, 0, 0)
    assert terms.gan.item() > 0


def test_no_gradient_of_the_generators_loss_enters_a_discriminator() -> None:
    discriminator, judged_faces = judge(), faces(True, True)
    fake = tuple(frame.requires_grad_() for frame in pair(2))
    weights = replace(NOT_VGG, face_gan=1.0)
    terms = generator_loss(
        discriminator, conditions=pair(0), real=pair(1), fake=(fake[0], fake[1]), weights=weights, faces=judged_faces
    )
    terms.total(weights).backward()
    assert all(frame.grad is not None and frame.grad.any() for frame in fake)
    for player in (discriminator, judged_faces.discriminator):
        assert all(weight.requires_grad and weight.grad is None for weight in player.parameters())


def test_no_gradient_of_the_discriminators_loss_enters_the_generator() -> None:
    discriminator, judged_faces = judge(), faces(True, True)
    fake = tuple(frame.requires_grad_() for frame in pair(2))
    discriminator_loss(
        discriminator, conditions=pair(0), real=pair(1), fake=(fake[0], fake[1]),
        weights=replace(NOT_VGG, face_gan=1.0), faces=judged_faces,
    ).total().backward()  # fmt: skip
    assert all(frame.grad is None for frame in fake)
    for player in (discriminator, judged_faces.discriminator):
        assert all(weight.grad is not None for weight in player.parameters())


def test_frozen_weights_are_trained_again_afterwards_and_others_stay_as_they_were() -> None:
    layer = nn.Linear(1, 1)
    layer.bias.requires_grad_(False)
    with frozen(layer):
        assert not layer.weight.requires_grad
    assert layer.weight.requires_grad and not layer.bias.requires_grad


def test_only_faces_in_sight_are_judged() -> None:
    discriminator = RemembersFaces()
    both = Faces(boxes=(whole(seen=False), whole(seen=True)), discriminator=discriminator)
    conditions, real, fake = pair(0), pair(1), pair(2)
    discriminator_loss(judge(), conditions=conditions, real=real, fake=fake, weights=FACE_STAGE, faces=both)
    square = slice(8, 24)
    expected = torch.cat([conditions[1], fake[1]], dim=1)[:, :, square, square]
    assert torch.equal(discriminator.shown[1], expected)


def test_without_any_face_in_sight_the_face_stage_learns_nothing_and_goes_on() -> None:
    gain = torch.tensor(1.0, requires_grad=True)
    hidden = faces(False, False)
    first, second = pair(2)
    fake = tuple(refine_face(frame, frame, whole(seen=False), lambda _, face: gain * face) for frame in (first, second))
    terms = generator_loss(
        judge(), conditions=pair(0), real=pair(1), fake=(fake[0], fake[1]), weights=FACE_STAGE,
        perceptual=absolute_error, faces=hidden,
    )  # fmt: skip
    terms.total(FACE_STAGE).backward()
    assert gain.grad is not None and gain.grad.item() == 0
    of_d = discriminator_loss(
        judge(), conditions=pair(0), real=pair(1), fake=(fake[0], fake[1]), weights=FACE_STAGE, faces=hidden
    )
    assert of_d.total().item() == 0


def test_a_weight_without_what_it_needs_is_refused() -> None:
    given = {"conditions": pair(0), "real": pair(1), "fake": pair(2)}
    with pytest.raises(ValueError, match=r"give `perceptual`, or take weights\.without_perceptual"):
        generator_loss(judge(), weights=GLOBAL_STAGE, **given)
    with pytest.raises(ValueError, match="A face weight is above 0: give `faces`"):
        generator_loss(judge(), weights=FACE_STAGE, perceptual=absolute_error, **given)
    with pytest.raises(ValueError, match="face_gan is above 0: give `faces`"):
        discriminator_loss(judge(), weights=FACE_STAGE, **given)
    with pytest.raises(ValueError, match=r"ObjectiveWeights\.l1 is -1\.0, expected 0 or more"):
        ObjectiveWeights(l1=-1.0)
    with pytest.raises(ValueError, match=r"ObjectiveWeights\.gan is nan"):
        ObjectiveWeights(gan=float("nan"))


def test_without_vgg_the_absolute_error_takes_its_place() -> None:
    assert ObjectiveWeights(gan=1.0, feature_matching=10.0, perceptual=0.0, l1=10.0) == NOT_VGG


def test_the_gradient_of_the_whole_objective_is_that_of_its_formula() -> None:
    discriminator = judge().double()
    conditions, real, fake = (tuple(frame.double() for frame in pair(seed)) for seed in range(3))
    gain = torch.tensor([0.9, 1.1], dtype=torch.float64, requires_grad=True)

    def total(gain: Tensor) -> Tensor:
        scaled = (gain[0] * fake[0], gain[1] * fake[1])
        terms = generator_loss(
            discriminator,
            conditions=(conditions[0], conditions[1]),
            real=(real[0], real[1]),
            fake=scaled,
            weights=NOT_VGG,
        )
        return terms.total(NOT_VGG)

    assert torch.autograd.gradcheck(total, (gain,))


def test_twenty_steps_on_one_clip_lower_the_loss() -> None:
    generator = initialise(GlobalGenerator(GeneratorConfig(base_channels=8, downsamplings=2, blocks=2)), seeded(3))
    discriminator = judge()
    for_g = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    for_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    columns = torch.linspace(-1, 1, SIZE).expand(1, 3, SIZE, SIZE)
    conditions, real = (columns, columns.flip(-1)), (columns.mT, -columns.mT)
    errors = []
    for _ in range(20):
        fake = two_frames(generator, *conditions)
        terms = generator_loss(discriminator, conditions=conditions, real=real, fake=fake, weights=NOT_VGG)
        for_g.zero_grad()
        terms.total(NOT_VGG).backward()
        for_g.step()
        of_d = discriminator_loss(discriminator, conditions=conditions, real=real, fake=fake, weights=NOT_VGG)
        for_d.zero_grad()
        of_d.total().backward()
        for_d.step()
        errors.append((terms.total(NOT_VGG).item(), terms.l1.item()))
    assert errors[-1][0] < 0.7 * errors[0][0]
    assert errors[-1][1] < 0.7 * errors[0][1]
