"""Draw single frames of a head, each with the conditions that lead up to it, cut alike throughout."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.region import Region, region_around
from pipeline.compute import Compute
from pipeline.image import crop, to_planes
from stages.training.bricks import moved_view
from stages.training.clips import PreparedClip
from stages.training.portrait_clip import LEFT_EYE, MOUTH_LEFT, MOUTH_RIGHT, RIGHT_EYE

# Sides of the squares around each eye with its brow, and around the mouth, in distances from eye to eye.
EYE_SIDE, MOUTH_SIDE = 0.9, 1.3
LEAST_SQUARE = 16  # pixels: discriminators judge no smaller ones
SEEN = 0.5  # confidence from which a face is judged


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """b single frames and what leads up to them; all on the training device."""

    conditions: Tensor  # (b, window·c, h, w), -1..1: oldest first
    pictures: Tensor  # (b, 3, h, w), -1..1
    persons: Tensor  # (b, 1, h, w), 0..1
    backdrop: Tensor  # (b, 3, h, w), -1..1
    joints: Tensor  # (b, 33, 3): x, y in pixels of these pictures, confidence


def draw_windows(
    clip: PreparedClip,
    count: int,
    window: int,
    chance: np.random.Generator,
    *,
    shift: float,
    begins: float,
    compute: Compute,
) -> Windows:
    """Draw frames that may be learnt from, each moved by up to `shift` of its size, the same way throughout.

    Args:
        clip: shows the face in some frame that may be learnt from.
        window: conditions that lead up to a frame, its own the last. They are of one shot: at its start the first one
            stands for those before it.
        shift: share of the picture's size.
        begins: chance that a frame is shown as though its shot had begun within the window, as every film does.
    """
    frames = chance.choice(np.flatnonzero(clip.present[: clip.trained]), count)
    views = [moved_view(clip.framing.width, clip.framing.height, shift, chance) for _ in frames]
    past = np.minimum(clip.unbroken[frames], window - 1)
    past = np.where(chance.random(count) < begins, np.minimum(past, chance.integers(0, window, count)), past)
    rows = frames[:, None] - np.minimum(np.arange(window - 1, -1, -1), past[:, None])

    def cut(array: NDArray[np.uint8], indices: Iterable[int]) -> NDArray[np.uint8]:
        return np.stack([crop(array[index], view) for index, view in zip(indices, views, strict=True)])

    def picture(array: NDArray[np.uint8], indices: Iterable[int]) -> Tensor:
        return to_planes(cut(array, indices), compute.device)

    corners = np.array([(view.left, view.top) for view in views], np.float32)
    joints = np.concatenate([clip.joints[frames, :, :2] - corners[:, None], clip.joints[frames, :, 2:]], axis=2)
    return Windows(
        conditions=torch.cat([picture(clip.conditions, column) for column in rows.T], dim=1),
        pictures=picture(clip.pictures, frames),
        persons=torch.from_numpy(cut(clip.masks, frames)).to(compute.device)[:, None].float() / 255,
        backdrop=picture(clip.plates, clip.plate_of[frames]),
        joints=torch.from_numpy(joints).to(compute.device),
    )


def square_sides(clip: PreparedClip) -> tuple[int, int]:
    """Sides of the squares around an eye and around the mouth, pixels; one for the whole clip, as judges need them.

    Each is even and fits into the picture.
    """
    joints = clip.joints[: clip.trained][clip.present[: clip.trained]]
    apart = float(np.median(np.linalg.norm(joints[:, LEFT_EYE, :2] - joints[:, RIGHT_EYE, :2], axis=1)))
    most = min(clip.framing.width, clip.framing.height)
    eye, mouth = (min(most, max(LEAST_SQUARE, 2 * round(side * apart / 2))) for side in (EYE_SIDE, MOUTH_SIDE))
    return eye, mouth


def eye_squares(windows: Windows, side: int) -> tuple[Region, ...]:
    """The squares around the right and around the left eye, in every picture."""
    return tuple(_square(windows, windows.joints[:, eye], side) for eye in (RIGHT_EYE, LEFT_EYE))


def mouth_squares(windows: Windows, side: int) -> tuple[Region, ...]:
    """The square around the mouth, in every picture."""
    return (_square(windows, windows.joints[:, [MOUTH_LEFT, MOUTH_RIGHT]].mean(dim=1), side),)


def _square(windows: Windows, joint: Tensor, side: int) -> Region:
    """Around (b, 3): x, y, confidence."""
    height, width = windows.pictures.shape[2:]
    return region_around(joint[:, :2], side, height, width, seen=joint[:, 2] >= SEEN)
