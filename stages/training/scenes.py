"""From a rollout and the take it was painted after to the scene that vid2vid's losses look at."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.region import Region, region_around
from models.vid2vid.discriminators import JudgesConfig, WindowedFrames, take_windows
from models.vid2vid.scene import Painted, Scene, Truth
from models.vid2vid.windows import temporal_windows
from stages.training.rollout import Rollout, in_time
from stages.training.takes import Take

NOSE = 0
HANDS = ((15, 19), (16, 20))  # wrist and index finger, left and right: the square lies between them


def scene_of(
    take: Take, rollout: Rollout, painted_before: Sequence[Tensor], judges: JudgesConfig, seen_from: float
) -> Scene:
    """Put true and painted frames of a rollout side by side, with their motion, faces and hands.

    Args:
        painted_before: the frames of the take painted before the rollout's first, each (b, 3, h, w), no gradient.
        judges: what is asked of windows, faces and hands.
        seen_from: confidence from which a joint counts as seen.
    """
    first, stop = rollout.first, rollout.stop
    frames = take.pictures[:, first:stop]
    one_step = take.taught[1]
    truth = Truth(
        conditions=take.conditions[:, first:stop],
        frames=frames,
        before=_one_before(take.pictures[:, first - 1] if first else frames[:, 0], frames),
        flow=one_step.flow[:, first:stop],
        confidence=one_step.confidence[:, first:stop],
        orphans=0 if first else 1,
    )
    painted = Painted(
        frames=rollout.image,
        before=_one_before(painted_before[-1] if first else rollout.image[:, 0].detach(), rollout.image),
        blend=rollout.blend,
    )
    joints = take.joints[:, first:stop].flatten(0, 1)
    return Scene(
        truth=truth,
        painted=painted,
        motion=_motion(take, rollout, painted_before, judges),
        faces=_squares(joints, ((NOSE, NOSE),), frames, seen_from, 4) if judges.face else (),
        hands=_squares(joints, HANDS, frames, seen_from, 8) if judges.hand else (),
    )


def _one_before(earlier: Tensor, frames: Tensor) -> Tensor:
    """For each of frames (b, t, 3, h, w) the one before it, the first's given."""
    return in_time([earlier, *frames[:, :-1].unbind(1)])


def _motion(
    take: Take, rollout: Rollout, painted_before: Sequence[Tensor], judges: JudgesConfig
) -> list[WindowedFrames | None]:
    """The windows of every temporal scale; only frames of this rollout carry a gradient."""
    kept = min(judges.history, rollout.first)
    start = rollout.first - kept
    real = take.pictures[:, start : rollout.stop]
    fake = torch.cat([*(frame[:, None] for frame in painted_before[rollout.first - kept :]), rollout.image], dim=1)
    fresh = rollout.stop - rollout.first
    found: list[WindowedFrames | None] = []
    for scale in range(judges.temporal_scales):
        windows = temporal_windows(kept + fresh, fresh, scale, judges.temporal_frames)
        gap = judges.temporal_frames**scale
        if not windows or gap not in take.taught:
            found.append(None)
            continue
        flow = take.taught[gap].flow[:, start : rollout.stop]
        found.append(
            WindowedFrames(
                real=take_windows(real, windows),
                fake=take_windows(fake, windows),
                flow=take_windows(flow, [window[1:] for window in windows]),
            )
        )
    return found


def _squares(
    joints: Tensor, pairs: Sequence[tuple[int, int]], frames: Tensor, seen_from: float, part: int
) -> list[Region]:
    """A square of the shorter side over `part`, midway between two joints of each pair, in every frame."""
    height, width = frames.shape[-2:]
    size = max(1, min(height, width) // part)
    return [
        region_around(
            (joints[:, one, :2] + joints[:, other, :2]) / 2,
            size,
            height,
            width,
            seen=(joints[:, one, 2] >= seen_from) & (joints[:, other, 2] >= seen_from),
        )
        for one, other in pairs
    ]
