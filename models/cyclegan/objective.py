"""What CycleGAN trains for: pictures of each domain that pass for the other's, and come back as they were.

Domain A's pictures are translated by `to_b`, judged as B's, and brought back by `to_a`; B's the other way round. A
batch may hold neighbouring frames of a film: then what the two generators paint shall move as the film does.

Source: Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", sec. 3 and
5.2 (identity); least squares as in its sec. 4.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.cyclegan.restraint import edge_aware_loss
from models.exhibits import Exhibit, persuasion, scrutiny
from models.gan_losses import absolute_error
from models.loss_terms import named_terms, refuse_negative, weighted_sum, without_terms
from models.patch_discriminator import DiscriminatorConfig
from models.steadiness import Motion, flow_consistency_loss

JUDGE = DiscriminatorConfig(in_channels=3, scales=1, padding=1)  # the published one of either domain: 2,764,737 weights

# Ours, for processors: sees pixels folded as the light generator does.
LIGHT_JUDGE = DiscriminatorConfig(in_channels=3, base_channels=32, layers=2, scales=1, fold=2, padding=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleWeights:
    """How much each term counts, in both directions alike; a term of weight 0 is not computed.

    The defaults are the published ones; they know neither flow nor restraint (models/cyclegan/restraint.py).
    """

    gan: float = 1.0
    cycle: float = 10.0
    identity: float = 5.0  # half of the cycle's, as published; keeps colours; spares two passes where 0
    flow: float = 0.0  # steadiness of neighbouring frames
    edges: float = 0.0  # what a residual generator paints beyond its beginning ends where the picture has edges
    change: float = 0.0  # and is small: mean absolute difference
    colours: float = 0.0  # all that it makes of the picture stays near the other look's usual colours, likewise

    def __post_init__(self) -> None:
        refuse_negative(self)

    def without(self, names: Iterable[str]) -> "CycleWeights":
        """Switch terms off, for an ablation.

        Raises: UnknownChoice listing all terms.
        """
        return without_terms(self, names)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Translators:
    """The two generators."""

    to_a: nn.Module
    to_b: nn.Module


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DomainJudges:
    """Who tells true pictures of a domain from painted ones: discriminators that return a judgement."""

    a: nn.Module
    b: nn.Module


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Footage:
    """A batch of one domain."""

    pictures: Float[Tensor, "b c h w"]  # -1..1
    motion: Motion | None = None  # where some of them are neighbouring frames of a film


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundTrip:
    """One domain's pictures and what became of them."""

    footage: Footage
    painted: Float[Tensor, "b _ h w"]  # in the other domain
    returned: Float[Tensor, "b c h w"] | None  # painted back; None where nobody asks
    kept: Float[Tensor, "b c h w"] | None  # by the generator that paints this very domain; None where nobody asks
    change: Float[Tensor, "b c h w"] | None  # from what the generator begins with to `painted`; likewise
    odd: Float[Tensor, "b c h w"] | None  # from the usual colours to `painted`; None where nobody asks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cycle:
    """Both ways round."""

    a: RoundTrip  # begins in A; `painted` is a picture of B
    b: RoundTrip  # begins in B; `painted` is a picture of A


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CycleGeneratorTerms:
    """The generators' losses before weighting, each the sum of both directions; 0 where not computed."""

    gan: Float[Tensor, ""]
    cycle: Float[Tensor, ""]
    identity: Float[Tensor, ""]
    flow: Float[Tensor, ""]
    edges: Float[Tensor, ""]
    change: Float[Tensor, ""]
    colours: Float[Tensor, ""]

    def total(self, weights: CycleWeights) -> Float[Tensor, ""]:
        """Return the weighted sum: what to call `backward` on."""
        return weighted_sum(self, weights)

    def named(self) -> dict[str, Tensor]:
        """Return each term under its name, without its graph, for curves."""
        return named_terms(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CycleDiscriminatorTerms:
    """The judges' losses."""

    a: Float[Tensor, ""]
    b: Float[Tensor, ""]

    def total(self) -> Float[Tensor, ""]:
        """Return the sum: what to call `backward` on. The judges share no weights."""
        return self.a + self.b

    def named(self) -> dict[str, Tensor]:
        """Return each term under its name, without its graph, for curves."""
        return named_terms(self)


def go_round(translators: Translators, a: Footage, b: Footage, weights: CycleWeights) -> Cycle:
    """Translate both batches, back again, and each by the generator that should leave it alone, as weights ask for."""
    return Cycle(
        a=_round_trip(a, out=translators.to_b, home=translators.to_a, weights=weights),
        b=_round_trip(b, out=translators.to_a, home=translators.to_b, weights=weights),
    )


def cycle_generator_terms(judges: DomainJudges, cycle: Cycle, weights: CycleWeights) -> CycleGeneratorTerms:
    """Compute each loss of the generators that has a weight. The judges' weights receive no gradient.

    Args:
        cycle: of `go_round` under the same weights.
    """
    nothing = cycle.a.painted.new_zeros(())
    exhibits = [_exhibit(judges.b, cycle.b, cycle.a.painted), _exhibit(judges.a, cycle.a, cycle.b.painted)]
    gan, _ = persuasion(exhibits, nothing, gan=weights.gan > 0, matching=False)
    trips = (cycle.a, cycle.b)
    return CycleGeneratorTerms(
        gan=gan,
        cycle=_sum(nothing, (_distance(trip.returned, trip) for trip in trips)) if weights.cycle > 0 else nothing,
        identity=_sum(nothing, (_distance(trip.kept, trip) for trip in trips)) if weights.identity > 0 else nothing,
        flow=_sum(nothing, map(_unsteadiness, trips)) if weights.flow > 0 else nothing,
        edges=_sum(nothing, map(_looseness, trips)) if weights.edges > 0 else nothing,
        change=_sum(nothing, (_given(trip.change).abs().mean() for trip in trips)) if weights.change > 0 else nothing,
        colours=_sum(nothing, (_given(trip.odd).abs().mean() for trip in trips)) if weights.colours > 0 else nothing,
    )


def cycle_discriminator_terms(
    judges: DomainJudges,
    cycle: Cycle,
    *,
    shown_a: Float[Tensor, "n c h w"],
    shown_b: Float[Tensor, "n c h w"],
) -> CycleDiscriminatorTerms:
    """Compute the judges' losses, 0.5·(real + painted) each; no gradient reaches the generators.

    Args:
        shown_a, shown_b: painted pictures of either domain: `cycle.b.painted` and `cycle.a.painted` as they came out of
            each domain's pool.
    """
    nothing = cycle.a.painted.new_zeros(())
    return CycleDiscriminatorTerms(
        a=scrutiny([_exhibit(judges.a, cycle.a, shown_a)], nothing),
        b=scrutiny([_exhibit(judges.b, cycle.b, shown_b)], nothing),
    )


def _round_trip(footage: Footage, *, out: nn.Module, home: nn.Module, weights: CycleWeights) -> RoundTrip:
    painted = out(footage.pictures)
    return RoundTrip(
        footage=footage,
        painted=painted,
        returned=home(painted) if weights.cycle > 0 else None,
        kept=home(footage.pictures) if weights.identity > 0 else None,
        change=painted - _before(out, "begin", footage.pictures) if weights.edges + weights.change > 0 else None,
        odd=painted - _before(out, "usual", footage.pictures) if weights.colours > 0 else None,
    )


def _exhibit(judge: nn.Module, true: RoundTrip, painted: Tensor) -> Exhibit:
    return Exhibit(judge=judge, real=true.footage.pictures, fakes=[painted])


def _distance(picture: Tensor | None, trip: RoundTrip) -> Tensor:
    if picture is None:
        raise ValueError("A weight of cycle or identity is above 0 and was 0 in go_round: give both the same weights.")
    return absolute_error(picture, trip.footage.pictures)


def _before(generator: nn.Module, what: str, pictures: Tensor) -> Tensor:
    """What a residual generator makes of pictures before it paints: its `begin`, or their `usual` colours."""
    make: Callable[[Tensor], Tensor] | None = getattr(generator, what, None)
    if make is None:
        raise ValueError("A weight of edges, change or colours is above 0 and the generator begins with no picture.")
    return make(pictures)


def _given(change: Tensor | None) -> Tensor:
    if change is None:
        raise ValueError("A weight of restraint is above 0 and was 0 in go_round: give both the same weights.")
    return change


def _looseness(trip: RoundTrip) -> Tensor:
    return edge_aware_loss(_given(trip.change), trip.footage.pictures)


def _unsteadiness(trip: RoundTrip) -> Tensor:
    motion = trip.footage.motion
    return flow_consistency_loss(trip.painted, motion) if motion is not None else trip.painted.new_zeros(())


def _sum(nothing: Tensor, losses: Iterable[Tensor]) -> Tensor:
    return torch.stack([nothing, *losses]).sum()
