"""What is shown to vid2vid's judges, true beside painted.

Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 (eq. 6 to 8), with the sums of its published training.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.exhibits import Exhibit
from models.region import Region
from models.vid2vid.discriminators import Judges, shown_in_regions, shown_in_time
from models.vid2vid.scene import Scene


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
