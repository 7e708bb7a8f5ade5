"""register: lay every picture of a head onto the mean of all, by turning and shifting the head: Gauss–Newton.

Analysis by synthesis: where each place of the surface lies in a picture follows from the head's pose. What the pictures
show at a place on average is what it looks like; a pose is better the more alike its picture is to that. Poses, looks
and the surface's shape improve each other in turn. A wrong relief would pass for larger or smaller turns.

Source: Baker & Matthews 2004, "Lucas-Kanade 20 Years On" (gradients of the mean instead of the picture's, robust
weights); Alismail et al. 2016, "Photometric Bundle Adjustment for Vision-Based SLAM" (shape along with poses).
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from stages.retargeting.face_pictures import SIDE, HeadPictures
from stages.retargeting.face_surface import HeadSurface
from stages.retargeting.head_pose import PlacedHeads

BATCH = 32  # frames at a time
FACING = 0.1, 0.4  # cosine between the surface and the way to the camera: from where on it counts, counts in full
UNLIKE = 1.5  # usual contrasts: what differs by so much counts a quarter
TRUST = 0.1  # squared usual contrasts, added to how much a place varies: the steadiest is trusted ten times at most
SEEN_SHARE = 0.1  # of the frames, in which a place must be seen to be looked at
LEAST_AREA = 0.05  # squared samples that a step on the map by one place must cover, or it is seen from the side
DAMPING = 2e-5  # of a place's weight, for turns of `_TURN` and ways of `_WAY`
_TURN, _WAY = 0.1, (0.5, 0.5, 1.5)  # radians; cm
_LONGEST = 0.5  # radians or cm in one step
RELIEF_SMOOTH, RELIEF_DAMPING, RELIEF_STEP, RELIEF_LIMIT = 1.0, 0.002, 0.3, 2.5  # places; share; cm; cm

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What k places look like, in usual contrasts."""

    mean: Singles  # (k,)
    trust: Singles  # (k,): 0 … 10
    across: Singles  # (k,): how much the next place on the map's row differs
    down: Singles  # (k,): … in its column


@dataclass(slots=True, eq=False)
class Tally:
    """Sums over frames, from which the next looks and the next surface follow; each (k,)."""

    weight: Floats
    values: Floats
    squares: Floats
    seen: Floats
    pull: Floats
    stiffness: Floats
    frames: int = field(default=0, init=False)

    @classmethod
    def of(cls, count: int) -> "Tally":
        """Nothing counted yet, for so many places."""
        return cls(*(np.zeros(count) for _ in range(6)))

    def looks(self, surface: HeadSurface) -> Looks:
        """What the counted frames show on average."""
        mean = self.values / np.maximum(self.weight, 1e-6)
        variance = np.maximum(self.squares / np.maximum(self.weight, 1e-6) - mean**2, 0)
        trust = np.where(self.seen > SEEN_SHARE * self.frames, 1 / (variance + TRUST), 0)
        down, across = (slope[surface.still] for slope in np.gradient(surface.spread(mean)))
        return Looks(*(part.astype(np.float32) for part in (mean, trust, across, down)))

    def reshaped(self, surface: HeadSurface, first: HeadSurface) -> HeadSurface:
        """The surface raised or sunk to where the frames agree better, smoothly, and never far from the first one."""
        pull, stiffness = (gaussian_filter(surface.spread(part), RELIEF_SMOOTH) for part in (self.pull, self.stiffness))
        held = RELIEF_DAMPING * float(np.percentile(stiffness[surface.still], 80)) + 1e-9
        raised = surface.radii + np.clip(pull / (stiffness + held), -RELIEF_STEP, RELIEF_STEP)
        return replace(surface, radii=np.clip(raised, first.radii - RELIEF_LIMIT, first.radii + RELIEF_LIMIT))


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """What a batch of b frames shows of k places."""

    turned: Singles  # (b, 3, k): the places about the head's origin, camera's axes, cm
    right: Singles  # (b, k): slope of the ray, over forward
    up: Singles  # (b, k)
    samples: Singles  # (b, k): in a cm across the line of sight
    weight: Singles  # (b, k): 0 … 1: turned to the camera, inside the picture
    shown: Singles  # (b, k): usual contrasts


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """Heads laid onto looks."""

    heads: PlacedHeads  # n
    likeness: Floats  # (n,): correlation of each picture with the looks, before the last step; -1 … 1


def register(
    pictures: HeadPictures, frames: NDArray[np.intp], heads: PlacedHeads, surface: HeadSurface, looks: Looks | None
) -> tuple[Registered, Tally]:
    """One step of the heads towards the looks, and what the pictures show where the heads were before it.

    Args:
        pictures: of a clip.
        frames: (n,) which of them are looked at.
        heads: n, in these frames.
        surface: of the head.
        looks: of its places; None: nothing moves.
    """
    tally, likeness = Tally.of(int(surface.still.sum())), np.zeros(len(frames))
    rotation, translation = heads.rotation.copy(), heads.translation.copy()
    for start in range(0, len(frames), BATCH):
        batch = slice(start, start + BATCH)
        sight = _look(pictures, frames[batch], rotation[batch], translation[batch], surface)
        believed = sight.weight
        if looks is not None:
            unlike = looks.mean - sight.shown
            believed = believed / (1 + (unlike / UNLIKE) ** 2) ** 2
            step, pull, stiffness = _step(sight, believed * looks.trust, unlike, rotation[batch], surface, looks)
            likeness[batch] = _likeness(sight, looks)
            rotation[batch] = Rotation.from_rotvec(step[:, :3]).as_matrix() @ rotation[batch]
            translation[batch] += step[:, 3:]
            tally.pull += pull.sum(axis=0)
            tally.stiffness += stiffness.sum(axis=0)
        _count(tally, sight, believed)
    return Registered(PlacedHeads(rotation, translation), likeness), tally


def _look(
    pictures: HeadPictures, frames: NDArray[np.intp], rotation: Floats, translation: Floats, surface: HeadSurface
) -> _Sight:
    places, camera = surface.places, pictures.camera
    turned = _turned(rotation, places.points)
    x, y, z = (turned[:, axis] + translation[:, axis, None].astype(np.float32) for axis in range(3))
    right, up = x / -z, y / -z
    scale = pictures.scales[frames].astype(np.float32)[:, None]
    corners = pictures.corners[frames].astype(np.float32)[..., None]
    focal = np.float32(camera.focal)
    columns = (focal * right + np.float32(camera.width / 2 - 0.5) - corners[:, 0]) * scale
    rows = (np.float32(camera.height / 2 - 0.5) - focal * up - corners[:, 1]) * scale
    inside = (columns > 1) & (columns < SIDE - 2) & (rows > 1) & (rows < SIDE - 2)
    across, upwards, ahead = _turned(rotation, places.normals).transpose(1, 0, 2)
    facing = (ahead - across * right - upwards * up) / np.sqrt(1 + right * right + up * up)
    weight = np.clip((facing - FACING[0]) / (FACING[1] - FACING[0]), 0, 1) * inside
    return _Sight(turned, right, up, focal * scale / -z, weight, pictures.fetch(frames, columns, rows))


def _turned(rotation: Floats, ways: Singles) -> Singles:
    """Ways (k, 3) of the head frame along the camera's axes, for every head (b, 3, 3): (b, 3, k)."""
    return np.asarray((rotation.reshape(-1, 3).astype(np.float32) @ ways.T).reshape(len(rotation), 3, -1))


def _step(
    sight: _Sight, weight: Singles, unlike: Singles, rotation: Floats, surface: HeadSurface, looks: Looks
) -> tuple[Floats, Singles, Singles]:
    """How each head turns and shifts, (b, 6), and how much its picture asks of each place's radius: (b, k) twice."""
    gradient = _camera_gradient(sight, rotation, surface, looks)
    slopes = np.concatenate((_crossed(sight.turned, gradient), gradient), axis=1)  # (b, 6, k)
    weighted = slopes * weight[:, None]
    energy = (weighted @ slopes.transpose(0, 2, 1)).astype(np.float64)
    asked = (weighted @ unlike[..., None]).astype(np.float64)
    energy += weight.sum(axis=1)[:, None, None] * DAMPING * np.diag(1 / np.square((_TURN, _TURN, _TURN, *_WAY)))
    energy += np.eye(6) * 1e-9
    step = np.clip(np.linalg.solve(energy, asked), -_LONGEST, _LONGEST)
    left = unlike - (step.astype(np.float32).transpose(0, 2, 1) @ slopes)[:, 0]
    rise = np.asarray((gradient * _turned(rotation, surface.places.outwards)).sum(axis=1))
    return step[..., 0], weight * rise * left, weight * rise * rise


def _crossed(one: Singles, other: Singles) -> Singles:
    """Their cross product: (b, 3, k)."""
    (a, b, c), (x, y, z) = one.transpose(1, 0, 2), other.transpose(1, 0, 2)
    return np.stack((b * z - c * y, c * x - a * z, a * y - b * x), axis=1)


def _camera_gradient(sight: _Sight, rotation: Floats, surface: HeadSurface, looks: Looks) -> Singles:
    """(b, 3, k): how much what is shown of a place changes as it moves by a cm along the camera's axes.

    The looks change by so much from place to place, and places lie so far apart in the picture.
    """
    places = surface.places
    (a_x, a_y), (d_x, d_y) = (_shifts(_turned(rotation, way), sight) for way in (places.across, places.down))
    area = a_x * d_y - a_y * d_x
    area = np.where(np.abs(area) < LEAST_AREA, np.copysign(np.float32(LEAST_AREA), area), area)
    by_column = (d_y * looks.across - a_y * looks.down) / area
    by_row = (a_x * looks.down - d_x * looks.across) / area
    gentle = sight.samples / np.maximum(np.sqrt(by_column**2 + by_row**2), 1)  # a usual contrast within a sample:
    x, y = gentle * by_column, -gentle * by_row  # there is nothing sharper
    return np.stack((x, y, x * sight.right + y * sight.up), axis=1)


def _shifts(ways: Singles, sight: _Sight) -> tuple[Singles, Singles]:
    """How far places move in the picture, columns and rows, as they move by `ways` (b, 3, k) cm."""
    columns = sight.samples * (ways[:, 0] + sight.right * ways[:, 2])
    return columns, -sight.samples * (ways[:, 1] + sight.up * ways[:, 2])


def _likeness(sight: _Sight, looks: Looks) -> Floats:
    weight = sight.weight * looks.trust
    both, own = (weight * looks.mean * sight.shown).sum(axis=1), (weight * sight.shown**2).sum(axis=1)
    return np.asarray(both / np.sqrt(own * (weight * looks.mean**2).sum(axis=1) + 1e-9), np.float64)


def _count(tally: Tally, sight: _Sight, believed: Singles) -> None:
    counted = believed * sight.shown
    tally.weight += believed.sum(axis=0)
    tally.values += counted.sum(axis=0)
    tally.squares += (counted * sight.shown).sum(axis=0)
    tally.seen += sight.weight.sum(axis=0)
    tally.frames += len(believed)
