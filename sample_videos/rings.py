"""Skins stretched over rings around an upright axis: heads, hair, necks and shoulders, as grids of points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Points = NDArray[np.float64]  # (rows, columns, 3): centimetres
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ring:
    """One horizontal cut through a body, centimetres."""

    y: float  # how high it lies
    half_width: float
    front: float  # z of its foremost point
    back: float  # z of its hindmost point
    middle: float  # z where it is widest


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """A closed sheet at rest: rows from the top to the bottom, columns once around it."""

    rest: Points
    triangles: NDArray[np.int32]  # (t, 3): numbers of points row by row, counter-clockwise seen from outside
    split: int | None = None  # the first row below a cut, across which no normal is smoothed

    def normals(self, moved: Points) -> Points:
        """Unit normals, outwards, of the sheet with its points at `moved`."""
        around = np.roll(moved, -1, axis=1) - np.roll(moved, 1, axis=1)
        halves = (moved,) if self.split is None else (moved[: self.split], moved[self.split :])
        down = np.concatenate([np.gradient(half, axis=0) for half in halves])
        across = np.cross(down, around)
        length = np.linalg.norm(across, axis=2, keepdims=True)
        return np.asarray(across / np.maximum(length, 1e-9))


def skin_over(rings: tuple[Ring, ...], heights: NDArray[np.float64], turns: NDArray[np.float64], bulge: float) -> Skin:
    """Stretch a skin over rings.

    Args:
        rings: from the top down.
        heights: where a row is wanted: 0 the first ring, 1 the second …; smooth in between.
        turns: where a column is wanted, rising, radians: 0 the front, positive to the side of +x.
        bulge: 1 an ellipse in front, less a squarer cut.
    """
    known = np.array([(ring.y, ring.half_width, ring.front, ring.back, ring.middle) for ring in rings])
    y, half_width, front, back, middle = PchipInterpolator(np.arange(len(rings)), known)(heights).T[..., None]
    sideways, forward = np.sin(turns), np.cos(turns)
    x = half_width * np.sign(sideways) * np.abs(sideways) ** bulge
    before = (front - middle) * np.maximum(forward, 0) ** bulge
    behind = (middle - back) * np.minimum(forward, 0)
    rest = np.stack(np.broadcast_arrays(x, y, middle + before + behind), axis=2)
    return Skin(rest, sheet_triangles(*rest.shape[:2]))


def sheet_triangles(rows: int, columns: int) -> NDArray[np.int32]:
    """The triangles between neighbouring rows, and from the last column on to the first."""
    top = np.arange((rows - 1) * columns).reshape(rows - 1, columns)
    beside = np.roll(top, -1, axis=1)
    below, across = top + columns, beside + columns
    halves = np.stack((top, below, beside)), np.stack((beside, below, across))
    return np.asarray(np.concatenate([half.reshape(3, -1).T for half in halves]), np.int32)


def egg(
    centre: tuple[float, float, float], sizes: tuple[float, float, float], rows: int, columns: int, boxy: float = 1.0
) -> Skin:
    """An ellipsoid with half axes `sizes`; the less `boxy` is below 1, the more upright its wall."""
    fall = np.linspace(0, np.pi, rows)[:, None]
    turns = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    wide, high = np.sin(fall) ** boxy, np.sign(np.cos(fall)) * np.abs(np.cos(fall)) ** boxy
    ball = np.stack(np.broadcast_arrays(wide * np.sin(turns), high, wide * np.cos(turns)), 2)
    return Skin(ball * sizes + centre, sheet_triangles(rows, columns))


def smooth_step(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """0 below `low`, 1 above `high` (which may be the lower one), smooth in between."""
    part = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part))


def hill(x: NDArray[np.float64], y: NDArray[np.float64], wide: float, high: float) -> NDArray[np.float64]:
    """1 at (0, 0), falling like a Gaussian with these standard deviations."""
    return np.asarray(np.exp(-0.5 * ((x / wide) ** 2 + (y / high) ** 2)))
