"""Every term has a name and a weight; what has no weight is not computed; what is missing is said."""

import math
from dataclasses import fields, replace

import pytest
import torch
from made_pictures import random
from torch import Tensor

from models.gan_losses import feature_matching_loss
from models.region import Region
from models.vid2vid.discriminators import Judges, JudgesConfig, WindowedFrames, take_windows
from models.vid2vid.objective import (
    DiscriminatorTerms,
    GeneratorTerms,
    Vid2VidWeights,
    discriminator_terms,
    first_bad,
    generator_terms,
)
from models.vid2vid.scene import Blend, Painted, Scene, Truth
from models.vid2vid.terms import mask_loss
from models.vid2vid.windows import temporal_windows
from pipeline.errors import UnknownChoice

BATCH, FRAMES, SIDE = 1, 7, 32
EVERY_TERM = Vid2VidWeights(
    l1=1.0, mask=1.0, face_gan=2.0, face_feature_matching=20.0, hand_gan=10.0, hand_feature_matching=10.0
)
NAMES = [term.name for term in fields(Vid2VidWeights)]


def nothing() -> Vid2VidWeights:
    return Vid2VidWeights().without(NAMES)


def judges() -> Judges:
    config = JudgesConfig(base_channels=2, layers=1, scales=1, face=True, hand=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Judges(config)


def square(*, seen: bool = True) -> Region:
    return Region(corner=torch.full((BATCH * FRAMES, 2), 4), seen=torch.full((BATCH * FRAMES,), seen), size=16)


def scene(frames: Tensor | None = None, *, blended: bool = True, face_seen: bool = True) -> Scene:
    """Seven frames, the last of which is fresh: a window at stride 1 and one at stride 3."""
    real = random(BATCH, FRAMES, 3, SIDE, SIDE, seed=1)
    fake = random(BATCH, FRAMES, 3, SIDE, SIDE, seed=2) if frames is None else frames
    flow = 3 * random(BATCH, FRAMES, 2, SIDE, SIDE, seed=3)
    mask = (random(BATCH, FRAMES, 1, SIDE, SIDE, seed=4) + 1) / 2
    blend = Blend(raw=fake.roll(1, dims=3), flow=flow + 1, mask=mask, warped=fake.roll(1, dims=4))
    windows = [temporal_windows(FRAMES, 1, scale) for scale in range(2)]
    return Scene(
        truth=Truth(
            conditions=random(BATCH, FRAMES, 3, SIDE, SIDE, seed=5),
            frames=real,
            before=real.roll(1, dims=1),
            flow=flow,
            confidence=torch.ones(BATCH, FRAMES, 1, SIDE, SIDE),
        ),
        painted=Painted(frames=fake, before=fake.roll(1, dims=1), blend=blend if blended else None),
        motion=[
            WindowedFrames(real=take_windows(real, one), fake=take_windows(fake, one), flow=flow[:, 1:3])
            for one in windows
        ],
        faces=[square(seen=face_seen)],
        hands=[square(), square()],
    )


def mean_error(fake: Tensor, real: Tensor) -> Tensor:
    return (fake - real).abs().mean()


class Counted:
    """How often each judge was asked."""

    def __init__(self, judges: Judges) -> None:
        self.calls: dict[str, int] = {}
        for name in ("image", "temporal.0", "temporal.1", "face", "hand"):
            judges.get_submodule(name).register_forward_hook(self._counter(name))

    def _counter(self, name: str) -> object:
        def count(*_: object) -> None:
            self.calls[name] = self.calls.get(name, 0) + 1

        return count


def test_terms_and_weights_have_the_same_names_in_the_same_order() -> None:
    assert [term.name for term in fields(GeneratorTerms)] == NAMES


def test_the_published_weights() -> None:
    published = Vid2VidWeights()
    assert (published.gan, published.feature_matching, published.perceptual) == (1, 10, 10)
    assert (published.warp, published.flow, published.flow_warp, published.mask_confident) == (10, 10, 10, 1)
    assert (published.temporal_gan, published.temporal_feature_matching) == (1, 10)
    assert published.l1 == published.mask == published.face_gan == published.hand_gan == 0
    assert published.at_scales(3).flow == 2.5


def test_each_term_is_its_weight_times_what_it_is_alone() -> None:
    who, what = judges(), scene()
    terms = generator_terms(who, what, EVERY_TERM, perceptual=mean_error)
    assert all(value > 0 for value in terms.named().values())
    by_hand = sum(getattr(EVERY_TERM, name) * value for name, value in terms.named().items())
    torch.testing.assert_close(terms.total(EVERY_TERM), by_hand)


@pytest.mark.parametrize("name", NAMES)
def test_any_term_can_be_switched_off_by_its_name(name: str) -> None:
    who, what, weights = judges(), scene(), EVERY_TERM.without([name])
    terms = generator_terms(who, what, weights, perceptual=mean_error)
    named = terms.named()
    assert named.pop(name) == 0
    assert all(value > 0 for value in named.values())


def test_an_unknown_term_is_refused_with_all_there_are() -> None:
    with pytest.raises(UnknownChoice, match=r"there is no 'wrap'; expected one of face_feature_matching, .*warp"):
        Vid2VidWeights().without(["warp", "wrap"])


def test_without_weight_nothing_is_computed() -> None:
    who = judges()
    asked = Counted(who)

    def perceptual(fake: Tensor, real: Tensor) -> Tensor:
        raise AssertionError("asked")

    terms = generator_terms(who, scene(), nothing(), perceptual=perceptual)
    found = discriminator_terms(who, scene(), nothing())
    assert asked.calls == {}
    assert terms.total(nothing()) == found.total() == 0


@pytest.mark.parametrize(
    ("weights", "calls"),
    [
        # The finished and the raw frames; the true ones only where features are matched.
        ({"gan": 1.0}, {"image": 2}),
        ({"feature_matching": 1.0}, {"image": 3}),
        ({"gan": 1.0, "feature_matching": 1.0}, {"image": 3}),
        ({"temporal_gan": 1.0}, {"temporal.0": 1, "temporal.1": 1}),
        ({"face_gan": 1.0}, {"face": 1}),
        ({"hand_feature_matching": 1.0}, {"hand": 2}),
    ],
)
def test_only_the_judges_whose_verdict_counts_are_asked(weights: dict[str, float], calls: dict[str, int]) -> None:
    who = judges()
    asked = Counted(who)
    generator_terms(who, scene(), replace(nothing(), **weights))
    assert asked.calls == calls


def test_the_raw_frames_are_judged_and_compared_beside_the_finished_ones() -> None:
    who, weights = judges(), replace(nothing(), gan=1.0, perceptual=1.0, l1=1.0)
    both, what = generator_terms(who, scene(), weights, perceptual=mean_error), scene()
    assert what.painted.blend is not None
    apart = [
        generator_terms(who, scene(frames, blended=False), weights, perceptual=mean_error)
        for frames in (what.painted.frames, what.painted.blend.raw)
    ]
    for name in ("gan", "perceptual", "l1"):
        torch.testing.assert_close(getattr(both, name), sum(getattr(one, name) for one in apart))


def test_frames_like_the_true_ones_match_all_features() -> None:
    real = scene().truth.frames
    weights = replace(nothing(), feature_matching=1.0, temporal_feature_matching=1.0, face_feature_matching=1.0)
    terms = generator_terms(judges(), scene(real, blended=False), weights)
    assert terms.feature_matching == terms.temporal_feature_matching == terms.face_feature_matching == 0


def test_the_generators_step_gives_the_judges_no_gradient_and_theirs_gives_it_none() -> None:
    who, painted = judges(), random(BATCH, FRAMES, 3, SIDE, SIDE, seed=2).requires_grad_()
    what = scene(painted)
    generator_terms(who, what, EVERY_TERM, perceptual=mean_error).total(EVERY_TERM).backward()
    assert painted.grad is not None and painted.grad.any()
    assert all(weight.grad is None for weight in who.parameters())
    painted.grad = None
    discriminator_terms(who, scene(painted), EVERY_TERM).total().backward()
    assert painted.grad is None
    assert all(weight.grad is not None for weight in who.parameters())


def test_the_judges_loss_is_half_the_distance_to_one_and_zero_for_finished_and_raw_frames_each() -> None:
    who = judges()
    with torch.no_grad():
        for scale in who.image.scales:
            scale.stages[-1][0].weight.zero_()
            scale.stages[-1][0].bias.fill_(0.5)  # undecided everywhere
    terms = discriminator_terms(who, scene(), replace(nothing(), gan=1.0))
    # Each: (0.25 + 0.25) / 2.
    torch.testing.assert_close(terms.image, torch.tensor(0.5))
    torch.testing.assert_close(generator_terms(who, scene(), replace(nothing(), gan=1.0)).gan, torch.tensor(0.5))


def test_a_temporal_scale_without_a_window_is_passed_over() -> None:
    who, what = judges(), scene()
    what = replace(what, motion=[what.motion[0], None])
    asked = Counted(who)
    generator_terms(who, what, replace(nothing(), temporal_gan=1.0))
    assert asked.calls == {"temporal.0": 1}


def test_no_face_in_sight_costs_nothing_and_is_still_part_of_the_graph() -> None:
    who, painted = judges(), random(BATCH, FRAMES, 3, SIDE, SIDE, seed=2).requires_grad_()
    weights = replace(nothing(), face_gan=1.0, face_feature_matching=1.0)
    terms = generator_terms(who, scene(painted, face_seen=False), weights)
    assert terms.face_gan == terms.face_feature_matching == 0
    terms.total(weights).backward()
    assert painted.grad is not None and not painted.grad.any()
    assert discriminator_terms(who, scene(painted, face_seen=False), weights).face == 0


def test_a_generator_without_flow_has_weights_for_the_rest() -> None:
    weights = Vid2VidWeights().without_flow().without_perceptual()
    assert weights.flow == weights.flow_warp == weights.mask == weights.mask_confident == 0
    assert (weights.warp, weights.l1, weights.perceptual) == (10, 10, 0)
    assert math.isfinite(generator_terms(judges(), scene(blended=False), weights).total(weights))


@pytest.mark.parametrize(
    ("weights", "change", "message"),
    [
        ({"perceptual": 1.0}, {}, r"perceptual is above 0: give `perceptual`, or take weights\.without_perceptual"),
        ({"flow": 1.0}, {"blended": False}, r"none is predicted: take weights\.without_flow"),
        ({"mask": 1.0}, {"blended": False}, r"none is predicted: take weights\.without_flow"),
    ],
)
def test_what_a_term_needs_and_is_not_there_is_said(
    weights: dict[str, float], change: dict[str, bool], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generator_terms(judges(), scene(**change), replace(nothing(), **weights))


@pytest.mark.parametrize("part", ["faces", "hands"])
def test_a_region_with_weight_and_without_squares_or_judge_is_refused(part: str) -> None:
    weights = replace(nothing(), **{f"{part[:-1]}_gan": 1.0})
    with pytest.raises(ValueError, match=f"The weights judge {part}, and there is no judge of them or no region"):
        generator_terms(judges(), replace(scene(), **{part: []}), weights)
    with pytest.raises(ValueError, match=rf"say JudgesConfig\({part[:-1]}=True\) and give Scene\.{part}"):
        discriminator_terms(Judges(JudgesConfig(base_channels=2)), scene(), weights)


def test_motion_with_weight_and_without_an_entry_for_each_judge_is_refused() -> None:
    weights = replace(nothing(), temporal_gan=1.0)
    with pytest.raises(
        ValueError, match=r"there are 2 judges of it and Scene\.motion has 1 entries: give one for each"
    ):
        generator_terms(judges(), replace(scene(), motion=scene().motion[:1]), weights)
    with pytest.raises(ValueError, match="there are 0 judges of it"):
        generator_terms(Judges(JudgesConfig(base_channels=2, temporal_scales=0)), replace(scene(), motion=[]), weights)


def test_a_weight_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Vid2VidWeights\.flow is -1\.0, expected 0 or more"):
        Vid2VidWeights(flow=-1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_first_term_that_is_no_number_is_named(bad: float) -> None:
    fine = torch.tensor(1.0)
    terms = GeneratorTerms(**dict.fromkeys(NAMES, fine))
    assert first_bad(terms) is None
    assert first_bad(replace(terms, warp=torch.tensor(bad), hand_gan=torch.tensor(bad))) == "warp"
    found = DiscriminatorTerms(image=fine, temporal=torch.tensor(bad), face=fine, hand=fine)
    assert first_bad(found) == "temporal"


def test_matching_is_that_of_the_judge() -> None:
    who, what = judges(), scene(blended=False)
    terms = generator_terms(who, what, replace(nothing(), feature_matching=1.0))
    shown = [torch.cat([what.truth.conditions, one], 2)[0] for one in (what.painted.frames, what.truth.frames)]
    torch.testing.assert_close(terms.feature_matching, feature_matching_loss(who.image(shown[0]), who.image(shown[1])))


def test_all_judges_are_one_network_to_save() -> None:
    names = {name.split(".")[0] for name in judges().state_dict()}
    assert names == {"image", "temporal", "face", "hand"}


def test_frames_without_one_before_them_are_neither_followed_nor_fetched() -> None:
    whole = scene()
    sure = whole.truth.confidence.clone()
    sure[:, 0] = 0
    orphaned = replace(whole, truth=replace(whole.truth, confidence=sure, orphans=1))
    weights = replace(nothing(), warp=1.0, mask=1.0)
    followed = replace(orphaned, truth=replace(orphaned.truth, orphans=0))
    terms, plain = (generator_terms(judges(), one, weights) for one in (orphaned, followed))
    torch.testing.assert_close(terms.warp, plain.warp)  # confidence 0 adds nothing either
    blend = whole.painted.blend
    assert blend is not None
    later = mask_loss(blend.mask[:, 1:], blend.warped[:, 1:], whole.truth.frames[:, 1:])
    torch.testing.assert_close(terms.mask, later * (FRAMES - 1) / FRAMES)


def test_a_stretch_of_one_first_frame_has_no_motion() -> None:
    whole = scene()
    alone = replace(whole, truth=replace(whole.truth, orphans=FRAMES))
    terms = generator_terms(judges(), alone, replace(nothing(), warp=1.0, mask=1.0))
    assert terms.warp == 0 and terms.mask == 0
