"""What a portrait is trained for: named terms with weights, what they need, and where their gradients go."""

import math
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from models.blocks import initialise
from models.deep_video_portraits.discriminators import PortraitJudges, PortraitJudgesConfig
from models.deep_video_portraits.light import LightPortraitConfig, LightPortraitGenerator
from models.deep_video_portraits.objective import (
    PortraitGeneratorTerms,
    PortraitScene,
    PortraitWeights,
    portrait_discriminator_terms,
    portrait_generator_terms,
)
from models.deep_video_portraits.rendering_to_video import RenderingToVideo, RenderingToVideoConfig
from models.gan_losses import log_discriminator_loss, log_generator_loss
from models.performance import Performance
from models.region import Region, region_around
from models.vid2vid.objective import first_bad
from pipeline.errors import UnknownChoice

SIDE = 32
NAMES = [term.name for term in fields(PortraitWeights)]
EVERY_TERM = PortraitWeights(
    gan=2.0,
    feature_matching=3.0,
    perceptual=5.0,
    l1=7.0,
    region_l1=11.0,
    mouth_gan=13.0,
    mouth_feature_matching=17.0,
    eyes_gan=19.0,
    eyes_feature_matching=23.0,
    structure=29.0,
    mask=31.0,
    foreground=37.0,
)


def random(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def only(**weights: float) -> PortraitWeights:
    return replace(PortraitWeights().without(NAMES), **weights)


def judges(**changes: object) -> PortraitJudges:
    config = PortraitJudgesConfig(window=2, base_channels=2, layers=1, mouth=True, eyes=True, norm="instance")
    return initialise(PortraitJudges(replace(config, **changes)), torch.Generator().manual_seed(0))


def square(x: float, y: float, *, seen: bool = True) -> Region:
    return region_around(torch.tensor([[x, y]]), 8, SIDE, SIDE, seen=torch.tensor([seen]))


def scene(image: Tensor | None = None, *, matte: bool = True, seen: bool = True) -> PortraitScene:
    image = random(1, 3, SIDE, SIDE, seed=2) if image is None else image
    made = Performance(image, image.roll(1, 2), random(1, 1, SIDE, SIDE, seed=6)) if matte else Performance(image)
    return PortraitScene(
        window=random(1, 18, SIDE, SIDE, seed=5),
        picture=random(1, 3, SIDE, SIDE, seed=1),
        made=made,
        person=(random(1, 1, SIDE, SIDE, seed=4) + 1) / 2,
        mouth=[square(16.0, 24.0, seen=seen)],
        eyes=[square(8.0, 10.0, seen=seen), square(24.0, 10.0, seen=seen)],
    )


def mean_error(fake: Tensor, real: Tensor) -> Tensor:
    return (fake - real).abs().mean()


def test_terms_and_weights_have_the_same_names_in_the_same_order() -> None:
    assert [term.name for term in fields(PortraitGeneratorTerms)] == NAMES


def test_the_published_weights_are_the_adversary_and_a_hundred_times_the_error() -> None:
    published = PortraitWeights()
    assert (published.gan, published.l1) == (1, 100)
    assert published == only(gan=1.0, l1=100.0)


def test_each_term_is_its_weight_times_what_it_is_alone() -> None:
    terms = portrait_generator_terms(judges(), scene(), EVERY_TERM, perceptual=mean_error)
    assert all(value > 0 for value in terms.named().values())
    by_hand = sum(getattr(EVERY_TERM, name) * value for name, value in terms.named().items())
    torch.testing.assert_close(terms.total(EVERY_TERM), by_hand)


@pytest.mark.parametrize("name", NAMES)
def test_any_term_can_be_switched_off_by_its_name_and_is_not_computed(name: str) -> None:
    terms = portrait_generator_terms(judges(), scene(), EVERY_TERM.without([name]), perceptual=mean_error).named()
    assert terms.pop(name) == 0
    assert all(value > 0 for value in terms.values())


def test_a_term_that_is_not_known_cannot_be_switched_off() -> None:
    with pytest.raises(UnknownChoice, match="mouths"):
        PortraitWeights().without(["mouths"])


def test_without_verdicts_no_judge_is_needed() -> None:
    what = scene(matte=False)
    terms = portrait_generator_terms(None, what, only(l1=1.0))
    torch.testing.assert_close(terms.total(only(l1=1.0)), mean_error(what.made.image, what.picture))
    assert not only(l1=1.0).judged and PortraitWeights().judged and only(eyes_feature_matching=1.0).judged


def test_the_error_around_mouth_and_eyes_is_a_mean_over_their_squares() -> None:
    """Off by 1 in the mouth's square alone and by 3 in one of the two eyes': 1 + 3/2, wherever the rest is."""
    what = scene()
    change = torch.full_like(what.picture, 0.25)
    change[..., 20:28, 12:20] = 1.0
    change[..., 6:14, 4:12] = 3.0
    change[..., 6:14, 20:28] = 0.0
    moved = replace(what, made=Performance(what.picture + change))
    terms = portrait_generator_terms(None, moved, only(region_l1=1.0))
    torch.testing.assert_close(terms.region_l1, torch.tensor(1.0 + 1.5))


def test_the_log_loss_is_that_of_the_judge_of_the_whole_window() -> None:
    who, what = judges(), scene()
    fake, real = (torch.cat([what.window, one], dim=1) for one in (what.made.image, what.picture))
    terms = portrait_generator_terms(who, what, only(gan=1.0))
    torch.testing.assert_close(terms.gan, log_generator_loss(who.picture(fake)))
    verdict = portrait_discriminator_terms(who, what, only(gan=1.0))
    torch.testing.assert_close(verdict.picture, log_discriminator_loss(who.picture(real), who.picture(fake)))
    assert verdict.mouth == verdict.eyes == 0


def test_least_squares_are_a_choice_of_the_judges() -> None:
    who, what = judges(adversary="squares"), scene()
    fake = torch.cat([what.window, what.made.image], dim=1)
    terms = portrait_generator_terms(who, what, only(gan=1.0))
    torch.testing.assert_close(terms.gan, ((who.picture(fake)[0][-1] - 1) ** 2).mean())


def test_the_judges_of_regions_see_the_current_condition_alone() -> None:
    what = scene()
    other = replace(what, window=torch.cat([-what.window[:, :9], what.window[:, 9:]], dim=1))
    weights = only(mouth_gan=1.0, eyes_gan=1.0)
    first, second = (portrait_generator_terms(judges(), one, weights) for one in (what, other))
    assert torch.equal(first.mouth_gan, second.mouth_gan) and torch.equal(first.eyes_gan, second.eyes_gan)
    assert first.mouth_gan > 0 and first.eyes_gan > 0


def test_no_gradient_of_the_generators_loss_enters_a_judge() -> None:
    who, image = judges(), random(1, 3, SIDE, SIDE, seed=2).requires_grad_()
    terms = portrait_generator_terms(who, scene(image), EVERY_TERM, perceptual=mean_error)
    terms.total(EVERY_TERM).backward()
    assert image.grad is not None and image.grad.any()
    assert all(weight.requires_grad and weight.grad is None for weight in who.parameters())


def test_no_gradient_of_the_judges_loss_enters_the_generator() -> None:
    who, image = judges(), random(1, 3, SIDE, SIDE, seed=2).requires_grad_()
    portrait_discriminator_terms(who, scene(image), EVERY_TERM).total().backward()
    assert image.grad is None
    assert all(weight.grad is not None for weight in who.parameters())


def test_a_face_out_of_sight_costs_nothing_and_is_still_part_of_the_graph() -> None:
    image = random(1, 3, SIDE, SIDE, seed=2).requires_grad_()
    weights = only(region_l1=1.0, mouth_gan=1.0, eyes_gan=1.0, eyes_feature_matching=1.0)
    terms = portrait_generator_terms(judges(), scene(image, seen=False), weights)
    assert terms.total(weights) == 0
    terms.total(weights).backward()
    assert image.grad is not None and not image.grad.any()
    assert portrait_discriminator_terms(judges(), scene(image, seen=False), weights).total() == 0


def test_the_first_term_that_is_no_number_is_named() -> None:
    what = scene(torch.full((1, 3, SIDE, SIDE), math.nan), matte=False)
    assert first_bad(portrait_generator_terms(None, what, only(region_l1=1.0, l1=1.0))) == "l1"
    assert first_bad(portrait_discriminator_terms(judges(), scene(), PortraitWeights())) is None


@pytest.mark.parametrize(
    ("weights", "change", "message"),
    [
        ({"perceptual": 1.0}, {}, "perceptual is above 0: give `perceptual`"),
        ({"region_l1": 1.0}, {"eyes": ()}, r"region_l1 is above 0: give PortraitScene\.mouth and PortraitScene\.eyes"),
        ({"mask": 1.0}, {"person": None}, r"the matte is above 0: give PortraitScene\.person"),
        ({"mask": 1.0}, {"made": Performance(torch.zeros(1, 3, SIDE, SIDE))}, "a performance without a mask"),
        ({"mouth_gan": 1.0}, {"mouth": ()}, r"judge the mouth, and there is no judge or no region: say Portrait"),
        ({"eyes_gan": 1.0}, {"eyes": ()}, r"take weights\.without\(\['eyes_gan', 'eyes_feature_matching'\]\)"),
    ],
)
def test_what_a_term_needs_and_is_not_there_is_said(
    weights: dict[str, float], change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        portrait_generator_terms(judges(), replace(scene(), **change), only(**weights))


def test_a_verdict_with_weight_and_without_a_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="A weight of a judge is above 0: give `judges`"):
        portrait_generator_terms(None, scene(), PortraitWeights())
    with pytest.raises(ValueError, match=r"say PortraitJudgesConfig\(mouth=True\)"):
        portrait_discriminator_terms(judges(mouth=False), scene(), only(mouth_gan=1.0))


def test_a_weight_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"PortraitWeights\.l1 is -1\.0, expected 0 or more"):
        PortraitWeights(l1=-1.0)


def light() -> LightPortraitGenerator:
    return LightPortraitGenerator(
        LightPortraitConfig(
            condition_channels=9, texture_channels=0, window=2, base_channels=8, most_channels=16, halvings=2
        )
    )


def published() -> RenderingToVideo:
    return RenderingToVideo(RenderingToVideoConfig(window=2, base_channels=8, levels=3))


@pytest.mark.parametrize(
    ("build", "weights"),
    [
        (light, only(l1=1.0, region_l1=0.2, structure=0.1, mask=0.05, foreground=0.5)),
        (published, only(gan=1.0, l1=100.0, mouth_gan=0.1)),
    ],
    ids=["light", "published"],
)
def test_twenty_steps_on_two_pictures_bring_them_nearer(build: object, weights: PortraitWeights) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network, who = build(), judges(norm="batch")  # type: ignore[operator]
        ours, theirs = (torch.optim.Adam(one.parameters(), 1e-3, betas=(0.5, 0.999)) for one in (network, who))
        what = _two_smooth_pictures()
        errors = []
        for _ in range(20):
            painted = replace(what, made=network.paint_window(what.window, torch.zeros_like(what.picture)))
            terms = portrait_generator_terms(who, painted, weights)
            ours.zero_grad()
            terms.total(weights).backward()
            ours.step()
            if weights.judged:
                theirs.zero_grad()
                portrait_discriminator_terms(who, painted, weights).total().backward()
                theirs.step()
            errors.append(terms.l1.item())
    assert errors[-1] < 0.7 * errors[0]


def _two_smooth_pictures() -> PortraitScene:
    """Their conditions show them in other colours; everything in the pictures belongs to the person."""
    along = torch.linspace(-1, 1, SIDE)
    x, y = along[None, :].expand(SIDE, SIDE), along[:, None].expand(SIDE, SIDE)
    picture = torch.stack([torch.stack([x, y, x * y]), torch.stack([-y, x, -x * y])]) * 0.8
    mouth, eye = torch.tensor([[16.0, 24.0]] * 2), torch.tensor([[8.0, 10.0]] * 2)
    return PortraitScene(
        window=-picture.repeat(1, 6, 1, 1),
        picture=picture,
        made=Performance(picture),
        person=torch.ones(2, 1, SIDE, SIDE),
        mouth=[region_around(mouth, 8, SIDE, SIDE)],
        eyes=[region_around(eye, 8, SIDE, SIDE)],
    )
