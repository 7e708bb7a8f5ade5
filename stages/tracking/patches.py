"""Patches of the body between two joints each: where their points lie in a picture, and how joints move them."""

from dataclasses import dataclass

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
    """The lines from one joint to another in n frames."""

    length: NDArray[np.float64]  # (n,) pixels of the crop
    forth: NDArray[np.float64]  # (n, 2) unit vectors from `begin` to `end`
    right: NDArray[np.float64]  # (n, 2) a quarter turn on, y down
    torso: NDArray[np.float64]  # (n,) pixels of the crop


def lines(joints: Joints, torso: NDArray[np.float64], patch: Patch) -> Lines:
    """The patch's line in every frame, of a body of that size (n,)."""
    way = joints[:, patch.end] - joints[:, patch.begin]
    length = np.maximum(np.linalg.norm(way, axis=1), SHORTEST * torso)
    forth = way / length[:, None]
    return Lines(length, forth, np.stack([-forth[:, 1], forth[:, 0]], axis=1), torso)


def points(joints: Joints, torso: NDArray[np.float64], patch: Patch) -> NDArray[np.float64]:
    """Where the patch's points lie, (n, 216, 2), pixels of the crop."""
    way = joints[:, patch.end] - joints[:, patch.begin]
    right = lines(joints, torso, patch).right * torso[:, None]
    placed: NDArray[np.float64] = (
        joints[:, None, None, patch.begin]
        + patch.along[:, None, None] * way[:, None, None]
        + patch.across[:, None] * right[:, None, None]
    )
    return placed.reshape(len(joints), POINTS, 2)


def look(crops: NDArray[np.uint8], joints: Joints, torso: NDArray[np.float64]) -> NDArray[np.float32]:
    """What the patches show, (patches, n, 216, 3), 0 … 1; beyond the crop its border repeats."""
    places = np.concatenate([points(joints, torso, patch) for patch in PATCHES], axis=1, dtype=np.float32)
    shown = np.empty((*places.shape[:2], 3), dtype=np.float32)
    for crop, place, colours in zip(crops, places, shown, strict=True):
        columns, rows = np.ascontiguousarray(place.T)
        seen = cv2.remap(crop, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        colours[:] = np.asarray(seen)[:, 0]
    return shown.reshape(len(crops), len(PATCHES), POINTS, 3).swapaxes(0, 1) / 255


def moves(patch: Patch, picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """How a patch's colours change as its joints move, apart from length and direction of the line: (216, 3, 5).

    A joint carries the points near to it: with u along the line, 1 - u for `begin` and u for `end`. Moved sideways it
    also turns the patch, and points beside the line go along it: by the last product, which `directions` shares out.

    Args:
        picture: (216, 3) colours of the patch.
    """
    shape = picture.reshape(ALONG, ACROSS, 3)
    forth = np.gradient(shape, patch.along, axis=0).reshape(POINTS, 3)  # per length of the line
    right = np.gradient(shape, patch.across, axis=1).reshape(POINTS, 3)  # per torso length
    u, v = np.repeat(patch.along, ACROSS)[:, None], np.tile(patch.across, ALONG)[:, None]
    return np.stack([(1 - u) * forth, u * forth, (1 - u) * right, u * right, v * forth], axis=-1)


def directions(line: Lines) -> NDArray[np.float64]:
    """From x, y of `begin` and of `end` to the five products of `moves`: (n, 5, 4)."""
    shares = np.zeros((len(line.length), MOVES, 4))
    length, torso = line.length[:, None], line.torso[:, None]
    forth, right = line.forth / length, line.right / torso
    shares[:, 0, :2] = shares[:, 1, 2:] = forth
    shares[:, 2, :2] = shares[:, 3, 2:] = right
    turn = line.right * torso / length**2
    shares[:, 4, :2], shares[:, 4, 2:] = turn, -turn
    return shares
