"""Patches of the body between two joints each: where their points lie in a picture, and how joints move them.

All patches of all frames at once, patches first: (p, n, …).
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

ALONG, ACROSS = 24, 9  # points of a patch
POINTS = ALONG * ACROSS
MOVES = 5  # products of place and slope that the four coordinates of two joints work through, see `moves`
SHORTEST = 0.15  # torso lengths: a limb that points at the camera has no direction

Joints = NDArray[np.float64]  # (n, 33, 2): x, y in pixels of each frame's crop


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle around the line between two joints; it turns and stretches with them and keeps its width."""

    begin: int  # joints
    end: int
    half_width: float  # torso lengths
    before: float = -0.15  # where it begins and ends along the line: 0 is at `begin`, 1 at `end`
    beyond: float = 1.15

    @property
    def along(self) -> NDArray[np.float64]:
        """The points' places along the line: (24,)."""
        return np.linspace(self.before, self.beyond, ALONG)

    @property
    def across(self) -> NDArray[np.float64]:
        """The points' places to the right of it, as seen on the way: (9,) torso lengths."""
        return np.linspace(-self.half_width, self.half_width, ACROSS)


# Left before right. Widths leave room for sleeves and for what the network misses; a seventh more or less costs less
# than a tenth of a pixel on the samples.
PATCHES = (
    *(Patch(*ends, 0.15) for ends in ((11, 13), (12, 14), (13, 15), (14, 16))),  # arms
    *(Patch(*ends, 0.18) for ends in ((23, 25), (24, 26), (25, 27), (26, 28))),  # legs
    *(Patch(*ends, 0.25, -0.1, 1.1) for ends in ((11, 23), (12, 24))),  # sides
    Patch(11, 12, 0.2, -0.1, 1.1),
    Patch(23, 24, 0.2, -0.2, 1.2),
    *(Patch(*ends, 0.15, -0.3, 1.3) for ends in ((27, 31), (28, 32))),  # feet
    Patch(7, 8, 0.3, -0.3, 1.3),  # head
)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The lines from one joint to another, p in each of n frames."""

    length: NDArray[np.float64]  # (p, n) pixels of the crop
    forth: NDArray[np.float64]  # (p, n, 2) unit vectors from `begin` to `end`
    right: NDArray[np.float64]  # (p, n, 2) a quarter turn on, y down
    torso: NDArray[np.float64]  # (n,) pixels of the crop


def lines(joints: Joints, torso: NDArray[np.float64], patches: tuple[Patch, ...] = PATCHES) -> Lines:
    """The patches' lines in every frame, of a body of that size (n,)."""
    way = _ends(joints, patches) - _begins(joints, patches)
    length = np.maximum(np.linalg.norm(way, axis=2), SHORTEST * torso)
    forth = way / length[..., None]
    return Lines(length, forth, np.stack([-forth[..., 1], forth[..., 0]], axis=2), torso)


def points(joints: Joints, torso: NDArray[np.float64], patches: tuple[Patch, ...] = PATCHES) -> NDArray[np.float32]:
    """Where the patches' points lie, (2, p, n, 216): columns, then rows, pixels of the crop."""
    begin = _begins(joints, patches)
    aside = lines(joints, torso, patches).right * torso[:, None]
    parts = np.stack([begin, _ends(joints, patches) - begin, aside], axis=-1)  # (p, n, 2, 3)
    return (np.moveaxis(parts, 2, 0) @ _grid(patches)).astype(np.float32)


def look(crops: NDArray[np.uint8], joints: Joints, torso: NDArray[np.float64]) -> NDArray[np.uint8]:
    """What the patches show, (p, n, 3, 216); beyond the crop its border repeats."""
    columns, rows = points(joints, torso)
    shown = np.empty((*rows.shape, 3), dtype=np.uint8)
    for frame, crop in enumerate(crops):
        places = columns[:, frame], rows[:, frame]
        cv2.remap(crop, *places, cv2.INTER_LINEAR, dst=shown[:, frame], borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(shown.swapaxes(2, 3))


def moves(picture: NDArray[np.float64], patches: tuple[Patch, ...] = PATCHES) -> NDArray[np.float64]:
    """How colours change as joints move, apart from length and direction of the line: (p, 3, 216, 5).

    A joint carries the points near to it: with u along the line, 1 - u for `begin` and u for `end`. Moved sideways it
    also turns the patch, and points beside the line go along it: by the last product, which `directions` shares out.

    Args:
        picture: (p, 3, 216) colours of the patches.
    """
    _, u, v = np.moveaxis(_grid(patches), 1, 0)[:, :, None]
    shape = picture.reshape(-1, 3, ALONG, ACROSS)
    steps = np.array([(patch.along[1] - patch.along[0], patch.across[1] - patch.across[0]) for patch in patches])
    forth, right = (
        np.gradient(shape, axis=axis).reshape(picture.shape) / step[:, None, None]
        for axis, step in zip((2, 3), steps.T, strict=True)  # per length of the line, per torso length
    )
    return np.stack([(1 - u) * forth, u * forth, (1 - u) * right, u * right, v * forth], axis=-1)


def directions(line: Lines) -> NDArray[np.float64]:
    """From x, y of `begin` and of `end` to the five products of `moves`: (p, n, 5, 4)."""
    shares = np.zeros((*line.length.shape, MOVES, 4))
    length, torso = line.length[..., None], line.torso[:, None]
    forth, right = line.forth / length, line.right / torso
    shares[..., 0, :2] = shares[..., 1, 2:] = forth
    shares[..., 2, :2] = shares[..., 3, 2:] = right
    turn = line.right * torso / length**2
    shares[..., 4, :2], shares[..., 4, 2:] = turn, -turn
    return shares


def _begins(joints: Joints, patches: tuple[Patch, ...]) -> NDArray[np.float64]:
    return joints[:, [patch.begin for patch in patches]].swapaxes(0, 1)


def _ends(joints: Joints, patches: tuple[Patch, ...]) -> NDArray[np.float64]:
    return joints[:, [patch.end for patch in patches]].swapaxes(0, 1)


@cache
def _grid(patches: tuple[Patch, ...]) -> NDArray[np.float64]:
    """Of every point, (p, 3, 216): 1, its places along the line and to the right of it."""
    u = np.stack([np.repeat(patch.along, ACROSS) for patch in patches])
    v = np.stack([np.tile(patch.across, ALONG) for patch in patches])
    return np.stack([np.ones_like(u), u, v], axis=1)
