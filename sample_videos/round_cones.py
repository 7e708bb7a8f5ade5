"""Casts rays at round cones: the one solid that limbs, heads, fingers and shoes are all made of.

A round cone is the hull of two balls. In a space of its own, reached by a linear map, it is also an ellipsoid (two
equal balls at one place), a flattened torso, a shoe. A view is a pinhole with one ray a pixel; a lamp that throws
shadows is a view too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]  # (3,): x to the picture's right, y up, z towards the camera; metres
Floats = NDArray[np.float32]

# (n, 3) points in the world, (n,) their place along the solid 0..1 -> (n, 3) colours, sRGB 0..1
Paint = Callable[[Floats, Floats], Floats]

NEVER = np.float32(1e9)
_MELT = 5.0  # pixels over which normals are averaged


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """The hull of a ball at `start` and a ball at `end`, both measured in the space that `into` maps to."""

    start: Vector  # world, metres
    end: Vector
    start_radius: float
    end_radius: float
    paint: Paint
    gloss: float = 0.0  # strength of the highlight
    melts: int = 0  # solids of one number above 0 are lit as one smooth surface
    into: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))  # (3, 3): world directions to own space
    open_end: bool = False  # a sleeve: the ball at `end` is not part of it
    cut: tuple[Vector, float] | None = None  # keeps own points with normal·p <= offset, p relative to `start`


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A pinhole camera and the ray through every pixel centre of its picture."""

    eye: Vector
    axes: NDArray[np.float64]  # (3, 3): rows right, down, forward
    focal: float  # pixels
    rays: Floats  # (h, w, 3): world directions; one unit of depth long

    @classmethod
    def looking(cls, eye: Vector, at: Vector, focal: float, width: int, height: int) -> "View":
        """A level camera at `eye` that has `at` in the middle of a `width` x `height` picture."""
        forward = (at - eye) / np.linalg.norm(at - eye)
        right = np.cross(forward, (0.0, 1.0, 0.0))
        right /= np.linalg.norm(right)
        axes = np.stack((right, np.cross(forward, right), forward))
        x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
        rays = np.stack((x / focal, y / focal, np.ones_like(x)), axis=-1) @ axes
        return cls(eye, axes, focal, rays.astype(np.float32))

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points (..., 3) to (..., 3): x, y in pixels with centres at integers, depth in metres."""
        seen = (points - self.eye) @ self.axes.T
        height, width = self.rays.shape[:2]
        centre = ((width - 1) / 2, (height - 1) / 2)
        return np.concatenate((seen[..., :2] / seen[..., 2:] * self.focal + centre, seen[..., 2:]), axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What every ray of a view met first."""

    depth: Floats  # (h, w): metres along the view's axis, NEVER where nothing was met
    normal: Floats  # (h, w, 3): world, unit length
    colour: Floats  # (h, w, 3): sRGB 0..1, before light
    gloss: Floats  # (h, w)
    melts: NDArray[np.uint8]  # (h, w)


def cast(solids: Iterable[Solid], view: View) -> Hits:
    """Find for every pixel of `view` the nearest surface of `solids`, its normal and its paint."""
    height, width = view.rays.shape[:2]
    hits = Hits(
        depth=np.full((height, width), NEVER, np.float32),
        normal=np.zeros((height, width, 3), np.float32),
        colour=np.zeros((height, width, 3), np.float32),
        gloss=np.zeros((height, width), np.float32),
        melts=np.zeros((height, width), np.uint8),
    )
    for solid in solids:
        _cast_one(solid, view, hits)
    for melt in range(1, int(hits.melts.max()) + 1):
        _smooth(hits, hits.melts == melt)
    return hits


def cast_depth(solids: Iterable[Solid], view: View) -> Floats:
    """As `cast`, depth (h, w) only: what a shadow needs."""
    depth = np.full(view.rays.shape[:2], NEVER, np.float32)
    for solid in solids:
        rows, columns = _window(solid, view)
        found = _meet(solid, view, rows, columns, depth[rows, columns])
        block = depth[rows, columns]
        block[np.unravel_index(found.pixels, block.shape)] = found.depth
    return depth


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    pixels: NDArray[np.intp]  # (n,): flat places within the window
    depth: Floats  # (n,)
    own: Floats  # (n, 3): the point in the solid's space, from its start
    along: Floats  # (n,): 0 start … 1 end


def _cast_one(solid: Solid, view: View, hits: Hits) -> None:
    rows, columns = _window(solid, view)
    depth = hits.depth[rows, columns]
    found = _meet(solid, view, rows, columns, depth)
    if not len(found.pixels):
        return
    axis = ((solid.end - solid.start) @ solid.into.T).astype(np.float32)
    outward = np.asarray((found.own - found.along[:, None] * axis) @ solid.into, np.float32)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    place = np.unravel_index(found.pixels, depth.shape)
    depth[place] = found.depth
    hits.normal[rows, columns][place] = outward
    world = np.asarray(view.rays[rows, columns][place] * found.depth[:, None] + view.eye, np.float32)
    hits.colour[rows, columns][place] = solid.paint(world, found.along)
    hits.gloss[rows, columns][place] = solid.gloss
    hits.melts[rows, columns][place] = solid.melts


def _smooth(hits: Hits, where: NDArray[np.bool_]) -> None:
    """Average the normals within `where`, so that no crease is left where its solids meet."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not len(rows):
        return
    block = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = where[block][..., None]
    soft = cv2.GaussianBlur(hits.normal[block] * inside, (0, 0), _MELT, borderType=cv2.BORDER_CONSTANT)
    length = np.linalg.norm(soft, axis=2, keepdims=True) + 1e-6
    hits.normal[block] = np.where(inside, soft / length, hits.normal[block])


def _window(solid: Solid, view: View) -> tuple[slice, slice]:
    """Rows and columns that can show the solid: the boxes of its two balls, as the view sees them."""
    height, width = view.rays.shape[:2]
    widest = 1 / np.linalg.svd(solid.into, compute_uv=False)[-1]  # own unit length, at most so many metres
    centres = view.project(np.stack((solid.start, solid.end)))
    radii = np.array((solid.start_radius, solid.end_radius)) * widest
    reach = 1.1 * view.focal * radii / (centres[:, 2] - radii) + 1
    low = np.floor((centres[:, :2] - reach[:, None]).min(0)).astype(int)
    high = np.ceil((centres[:, :2] + reach[:, None]).max(0)).astype(int) + 1
    left, right = np.clip((low[0], high[0]), 0, width)
    top, bottom = np.clip((low[1], high[1]), 0, height)
    return slice(top, bottom), slice(left, right)


def _meet(solid: Solid, view: View, rows: slice, columns: slice, nearer_than: Floats) -> _Found:
    """Where the rays of a window meet the solid in front of `nearer_than`.

    A point p is on the hull's side when, for the ball at p's own place t along the axis, |p - t·axis| equals the ball's
    radius r0 - t·taper, and t makes that distance least. Leaving t out gives one quadratic in the depth:
    k(|p|² - r0²) = (p·axis - r0·taper)², t = (p·axis - r0·taper) / k, k = |axis|² - taper².
    """
    rays = view.rays[rows, columns].reshape(-1, 3) @ solid.into.T.astype(np.float32)
    eye = solid.into @ (view.eye - solid.start)
    axis = solid.into @ (solid.end - solid.start)
    taper = solid.start_radius - solid.end_radius
    k = float(axis @ axis) - taper * taper
    best = np.full(len(rays), NEVER, np.float32)
    along = np.zeros(len(rays), np.float32)
    squared = np.einsum("ij,ij->i", rays, rays)
    towards = rays @ eye.astype(np.float32)
    if k > 0:
        advance = rays @ axis.astype(np.float32)
        offset = float(eye @ axis) - solid.start_radius * taper
        depth = _nearest_root(
            k * squared - advance * advance,
            k * towards - advance * np.float32(offset),
            k * (float(eye @ eye) - solid.start_radius**2) - offset * offset,
        )
        place = (depth * advance + np.float32(offset)) / np.float32(k)
        side = (depth < NEVER) & (place >= 0) & (place <= 1)
        best[side], along[side] = depth[side], place[side]
    for t, centre, radius in _balls(solid, eye, axis, k):
        depth = _nearest_root(squared, rays @ centre.astype(np.float32), float(centre @ centre) - radius * radius)
        closer = depth < best
        best[closer], along[closer] = depth[closer], t
    return _keep(solid, best, along, rays, eye, nearer_than.reshape(-1))


def _balls(solid: Solid, eye: Vector, axis: Vector, k: float) -> list[tuple[float, Vector, float]]:
    """The balls to test: (place, eye as the ball's centre sees it, radius)."""
    balls = [(0.0, eye, solid.start_radius)]
    if k > 0 and not solid.open_end:
        balls.append((1.0, eye - axis, solid.end_radius))
    return balls


def _nearest_root(a: Floats, half_b: Floats, c: float) -> Floats:
    """The smaller x with a·x² + 2·half_b·x + c = 0, NEVER where there is none."""
    inside = half_b * half_b - a * np.float32(c)
    real = inside > 0
    root = (-half_b - np.sqrt(np.where(real, inside, 0))) / np.where(a == 0, np.float32(1e-9), a)
    return np.where(real & (root > 0), root, NEVER).astype(np.float32)


def _keep(solid: Solid, depth: Floats, along: Floats, rays: Floats, eye: Vector, nearer_than: Floats) -> _Found:
    pixels = np.flatnonzero(depth < nearer_than)
    own = np.asarray(rays[pixels] * depth[pixels, None] + eye, np.float32)
    if solid.cut is not None:
        normal, offset = solid.cut
        kept = own @ normal.astype(np.float32) <= offset
        pixels, own = pixels[kept], own[kept]
    return _Found(pixels, depth[pixels], own, along[pixels])
