"""What is shown to the judges, true beside painted, and the two losses that come of it.

Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 (eq. 6 to 8), with the sums of its published training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.gan_losses import (
    Judgement,
    feature_matching_loss,
    frozen,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
)
from models.region import Region
from models.vid2vid.discriminators import Judges, shown_in_regions, shown_in_time
from models.vid2vid.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exhibit:
    """One judge, the true pictures it sees, and painted ones beside them; possibly none at all."""

    judge: nn.Module
    real: Float[Tensor, "n c h w"]
    fakes: Sequence[Float[Tensor, "n c h w"]]


def pictures_shown(judges: Judges, scene: Scene) -> list[Exhibit]:
    """Single frames with their conditions: the finished ones, and the raw ones, whose losses are added."""
    conditions = scene.truth.conditions

    def shown(frames: Tensor) -> Tensor:
        return torch.cat([conditions, frames], dim=2).flatten(0, 1)

    fakes = [shown(frames) for frames in scene.painted.pictures]
    return [Exhibit(judge=judges.image, real=shown(scene.truth.frames), fakes=fakes)]


def motion_shown(judges: Judges, scene: Scene) -> list[Exhibit]:
    """Frames in a row with the flow of the true ones; only the temporal scales that have windows already."""
    return [
        Exhibit(
            judge=judge,
            real=shown_in_time(windows.real, windows.flow),
            fakes=[shown_in_time(windows.fake, windows.flow)],
        )
        for judge, windows in zip(judges.temporal, scene.motion, strict=True)
        if windows is not None
    ]


def regions_shown(judge: nn.Module, scene: Scene, regions: Sequence[Region]) -> list[Exhibit]:
    """Squares of the finished frames and of their conditions."""
    conditions = scene.truth.conditions.flatten(0, 1)
    real, fake = (
        shown_in_regions(conditions, frames.flatten(0, 1), regions)
        for frames in (scene.truth.frames, scene.painted.frames)
    )
    return [Exhibit(judge=judge, real=real, fakes=[fake])]


def persuasion(
    exhibits: Sequence[Exhibit], nothing: Float[Tensor, ""], *, gan: bool, matching: bool
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The generator's side: least squares, and the judges' features of painted and true pictures matched.

    Both summed over exhibits and their fakes; `nothing` (0) where not wanted. The judges' weights get no gradient, and
    an exhibit without pictures counts 0, still part of the graph.
    """
    least_squares, matched = nothing, nothing
    for exhibit in exhibits if gan or matching else ():
        if not len(exhibit.real):
            least_squares = least_squares + sum(fake.sum() for fake in exhibit.fakes)
            continue
        of_real = _unmoved(exhibit) if matching else []
        with frozen(exhibit.judge):
            for of_fake in (exhibit.judge(fake) for fake in exhibit.fakes):
                if gan:
                    least_squares = least_squares + least_squares_generator_loss(of_fake)
                if matching:
                    matched = matched + feature_matching_loss(of_fake, of_real)
    return least_squares, matched


def scrutiny(exhibits: Sequence[Exhibit], nothing: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The judges' side: true is 1, painted is 0, summed over exhibits and fakes. No gradient reaches the generator."""
    loss = nothing
    for exhibit in exhibits:
        if len(exhibit.real):
            of_real = exhibit.judge(exhibit.real)
            for fake in exhibit.fakes:
                loss = loss + least_squares_discriminator_loss(of_real, exhibit.judge(fake.detach()))
    return loss


def _unmoved(exhibit: Exhibit) -> Judgement:
    """What the judge says of the true pictures, nothing to learn from."""
    with torch.no_grad():
        judgement: Judgement = exhibit.judge(exhibit.real)
    return judgement
