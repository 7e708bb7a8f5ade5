"""HeadSurface: what of a head holds still on the skull, as places on its face and on the shell around it."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.face_landmarks import INNER_LIPS, LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE
from stages.conditioning.head_shell import HeadShell
from stages.conditioning.rasterise import rasterise

SIDE = 96  # places along each side of the map: 3 to 4 mm of a grown-up's head
SPREAD = 1.9  # radians from straight ahead to the map's edge: somewhat behind the ears
CLEAR, CLEAR_OF_BROWS = 0.6, 1.2  # cm: skin this near to lids and lips, or to brows, moves with them
_NOSTRILS = (129, 358)  # the nose's lower corners: hair and ears are looked for above them, below comes the neck
_FARTHEST = 50.0  # cm: farther than any surface from the middle of its head

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """k places of a surface that are looked at, in the head frame, cm."""

    points: NDArray[np.float32]  # (k, 3)
    normals: NDArray[np.float32]  # (k, 3)
    across: NDArray[np.float32]  # (k, 3): the way to the next place on the map's row
    down: NDArray[np.float32]  # (k, 3): … in its column
    outwards: NDArray[np.float32]  # (k, 3): unit, from the head's middle


@dataclass(frozen=True, eq=False)
class HeadSurface:
    """A head as distances from its middle in all directions of a map, whose centre is straight ahead."""

    middle: Floats  # (3,): cm, head frame
    radii: Floats  # (SIDE, SIDE): cm
    still: NDArray[np.bool_]  # (SIDE, SIDE): what moves with the skull alone, and is neither neck nor background
    skin: NDArray[np.bool_]  # (SIDE, SIDE): where the tracker's mesh lies

    @classmethod
    def around(cls, neutral: NDArray[np.float32], triangles: NDArray[np.int32]) -> "HeadSurface":
        """The face where the mesh is, the shell elsewhere; neutral (468, 3) cm, head frame, triangles (t, 3)."""
        shell = HeadShell.around(neutral)
        face = _on_map(neutral.astype(np.float64) - shell.centre)
        raster = rasterise(face, triangles, SIDE, SIDE)
        carried = raster.interpolate(np.column_stack((neutral - shell.centre, _stillness(neutral))).astype(np.float32))
        covered, skin = raster.triangle >= 0, np.linalg.norm(carried[..., :3], axis=-1)
        radii = np.where(covered, skin, 1 / np.linalg.norm(_WAYS / shell.radii, axis=-1))
        above = (shell.centre + radii[..., None] * _WAYS)[..., 1] > neutral[list(_NOSTRILS), 1].mean()
        return cls(shell.centre, radii, _ON_MAP & np.where(covered, carried[..., 3] > 0.5, above), covered)

    def face_alone(self) -> "HeadSurface":
        """The same without hair, ears and all else that no mesh tells the relief of."""
        return replace(self, still=self.still & self.skin)

    @cached_property
    def places(self) -> Places:
        """Those that hold still, in the order of `still`."""
        points = self.middle + self.radii[..., None] * _WAYS
        down, across = np.gradient(points, axis=(0, 1))
        normals = np.cross(down, across)  # rows run down: out of the head
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
        parts = (points, normals, across, down, _WAYS)
        return Places(*(part[self.still].astype(np.float32) for part in parts))

    def spread(self, values: Floats) -> Floats:
        """Values (k, …) of the places on the map, 0 elsewhere: (SIDE, SIDE, …)."""
        picture = np.zeros((SIDE, SIDE, *values.shape[1:]))
        picture[self.still] = values
        return picture


def _stillness(neutral: NDArray[np.float32]) -> Floats:
    """(468,): 0 for points near lids, brows and lips, and for all below the lips' upper rim; 1 for the others."""
    lids_and_lips = sorted({*RIGHT_EYE, *LEFT_EYE, *OUTER_LIPS, *INNER_LIPS})
    still = neutral[:, 1] > neutral[list(OUTER_LIPS), 1].max()
    for lively, clear in ((lids_and_lips, CLEAR), ([*RIGHT_BROW, *LEFT_BROW], CLEAR_OF_BROWS)):
        away, _ = cKDTree(neutral[lively]).query(neutral)
        still &= away > clear
    return np.asarray(still, np.float64)


def _on_map(ways: Floats) -> Floats:
    """Where directions (v, 3) lie on the map: (v, 3) column, row, and a depth that is less the farther they reach."""
    aside = np.linalg.norm(ways[:, :2], axis=1)
    angle = np.arctan2(aside, ways[:, 2])
    place = ways[:, :2] * (angle / np.maximum(aside, 1e-9) / SPREAD)[:, None]
    columns_rows = (place * (1, -1) + 1) * (SIDE - 1) / 2
    return np.column_stack((columns_rows, _FARTHEST - np.linalg.norm(ways, axis=1)))


def _ways() -> Floats:
    """(SIDE, SIDE, 3): the unit directions of the map, the angle from straight ahead as distance from its centre."""
    steps = np.linspace(-1, 1, SIDE)
    right, up = np.meshgrid(steps, -steps)
    share = np.hypot(right, up)
    aside = SPREAD * np.sinc(SPREAD * share / np.pi)
    return np.stack((right * aside, up * aside, np.cos(SPREAD * share)), axis=-1)


_WAYS = _ways()
_ON_MAP = np.hypot(*np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))) <= 1
