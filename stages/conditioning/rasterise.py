"""Find which triangle of a mesh every pixel shows: a z-buffer filled by spans, those of all triangles at once.

In every row a triangle covers the pixels between two of its edges, rounded by one rule: the left end belongs to it, the
right end does not. Two triangles that share an edge compute its crossing from the same two points, so along that edge
every pixel is painted once and none is left out.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """What a mesh shows in a picture; only pixels that it covers are stored."""

    width: int
    height: int
    triangles: NDArray[np.int32]  # (t, 3): the mesh's, as given
    pixels: NDArray[np.intp]  # (n,): covered pixels, row · width + column, each once
    shown: NDArray[np.intp]  # (n,): the triangle nearest to the camera there
    corners: NDArray[np.float32]  # (n, 3): perspective-correct weights of that triangle's points, sum 1

    @property
    def triangle(self) -> NDArray[np.int32]:
        """(h, w): the triangle shown, −1 where there is none."""
        picture = np.full(self.height * self.width, -1, np.int32)
        picture[self.pixels] = self.shown
        return picture.reshape(self.height, self.width)

    @property
    def weights(self) -> NDArray[np.float32]:
        """(h, w, 3): the weights of its points, 0 where there is no triangle."""
        return self.spread(self.corners)

    def values(self, attributes: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, c): what the points of the mesh carry, (v, c), interpolated at the covered pixels."""
        return self.values_between(attributes[self.triangles])

    def values_between(self, corners: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, c): what the triangles' corners carry, (t, 3, c), interpolated; neighbours may differ in a point."""
        return np.asarray(np.einsum("nk,nkc->nc", self.corners, np.take(corners, self.shown, axis=0)))

    def spread(self, values: NDArray[Number]) -> NDArray[Number]:
        """(h, w, c): values of the covered pixels, (n, c), in their places, 0 elsewhere."""
        picture = np.zeros((self.height * self.width, values.shape[1]), values.dtype)
        row = np.dtype((np.void, values.itemsize * values.shape[1]))  # moved as one, six times as fast
        picture.view(row)[self.pixels] = np.ascontiguousarray(values).view(row)
        return picture.reshape(self.height, self.width, -1)

    def interpolate(self, attributes: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w, c): what the points of the mesh carry, (v, c), at every pixel, 0 where there is no triangle."""
        return self.spread(self.values(attributes))


def rasterise(points: NDArray[np.floating[Any]], triangles: NDArray[np.int32], width: int, height: int) -> Raster:
    """Find the nearest triangle at the centre of every pixel.

    Left out are triangles seen from behind (their corners run clockwise in the picture), those without area or with a
    coordinate that is no number, and those that reach behind the camera. Of two equally near one is taken.

    Args:
        points: (v, 3): x, y in pixels, centres at integers; depth > 0, any unit, growing away from the camera.
        triangles: (t, 3): points of each, counter-clockwise as its outside is seen.

    Source: Heckbert & Moreton 1991, "Interpolation for Polygon Texture Mapping and Shading", sec. 3: what is divided by
    the depth is linear in the picture.
    """
    corners = points.astype(np.float64)[triangles]
    front = np.flatnonzero(_faces_camera(corners))
    spans = _find_spans(corners[front, :, :2], width, height)
    span, along = _in_turn(spans.length)
    pixels = along + np.repeat(spans.row * width + spans.left, spans.length)
    parts = _over_depth(corners[front], spans, along.astype(np.float32))
    nearness = parts[0] + parts[1] + parts[2]
    winners = _nearest(pixels, nearness)
    return Raster(
        width=width,
        height=height,
        triangles=triangles,
        pixels=np.take(pixels, winners),
        shown=np.take(front[spans.triangle], np.take(span, winners)),
        corners=np.ascontiguousarray((np.take(parts, winners, axis=1) / np.take(nearness, winners)).T),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """What triangles cover in the rows of a picture."""

    triangle: NDArray[np.intp]  # (s,)
    row: NDArray[np.intp]  # (s,)
    left: NDArray[np.intp]  # (s,): the first column covered
    length: NDArray[np.intp]  # (s,): columns covered, at least one


def _faces_camera(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(t,): which are drawn. As rows run downwards, what turns counter-clockwise to the eye has negative area."""
    sound = np.isfinite(corners).all(axis=(1, 2)) & (corners[..., 2] > 0).all(axis=1)
    first, second, third = np.where(sound[:, None, None], corners, 0)[..., :2].transpose(1, 0, 2)
    return np.asarray(_cross(second - first, third - first) < 0)


def _cross(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0])


def _find_spans(corners: NDArray[np.float64], width: int, height: int) -> _Spans:
    """The spans of triangles, (t, 3, 2), inside the picture.

    The point of middle height cuts a triangle into an upper and a lower part, each between two straight edges.
    """
    order = np.argsort(corners[..., 1], axis=1)
    high, middle, low = np.take_along_axis(corners, order[..., None], axis=1).transpose(1, 0, 2)
    long, upper, lower = _lines(high, low), _lines(high, middle), _lines(middle, low)
    long_is_left = (_cross(middle - high, low - high) > 0)[:, None]
    left = np.concatenate([np.where(long_is_left, long, short) for short in (upper, lower)])
    right = np.concatenate([np.where(long_is_left, short, long) for short in (upper, lower)])
    first, cut, end = (_first_from(point[:, 1], height) for point in (high, middle, low))
    rows = np.concatenate([cut - first, end - cut])
    part, down = _in_turn(rows)
    row = down + np.repeat(np.concatenate([first, cut]), rows)
    start, stop = _first_from(_crossings(left, part, row), width), _first_from(_crossings(right, part, row), width)
    kept = np.flatnonzero(stop > start)
    return _Spans(part[kept] % len(corners), row[kept], start[kept], (stop - start)[kept])


def _lines(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """(t, 3): the higher point's x and y, and columns per row; of a level edge, which crosses no row, any number."""
    run, fall = (end - start).T
    return np.column_stack([start, np.divide(run, fall, out=np.zeros_like(run), where=fall > 0)])


def _crossings(lines: NDArray[np.float64], part: NDArray[np.intp], row: NDArray[np.intp]) -> NDArray[np.float64]:
    """(s,): where the lines of the parts cross the rows, columns."""
    x, y, slope = np.take(lines.T, part, axis=1)
    return np.asarray(x + (row - y) * slope)


def _first_from(place: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """The first pixel whose centre does not lie before `place`, 0 … size."""
    return np.asarray(np.clip(np.ceil(place), 0, size).astype(np.intp))


def _in_turn(counts: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """List 0, 1, … of every entry, as many as it counts: (m,) whose entry it is, (m,) the numbers."""
    entry = np.repeat(np.arange(len(counts)), counts)
    return entry, np.arange(len(entry)) - np.repeat(np.cumsum(counts) - counts, counts)


def _over_depth(corners: NDArray[np.float64], spans: _Spans, along: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, m): the corners' weights in the picture, each over its corner's depth, at pixels counted along their spans.

    Counted from each span's first pixel, so that from there on single precision is enough.
    """
    opposite = np.roll(corners[..., :2], -1, axis=1), np.roll(corners[..., :2], 1, axis=1)  # each corner's edge
    across, down = (opposite[1] - opposite[0]).transpose(2, 0, 1)
    scale = 1 / (_cross(corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]))[:, None]
    scale = scale / corners[..., 2]
    parts = np.empty((3, len(along)), np.float32)
    planes = zip((_cross(*opposite) * scale).T, (across * scale).T, (-down * scale).T, parts, strict=True)
    for level, by_row, by_column, part in planes:
        level, by_row, by_column = (np.take(slope, spans.triangle) for slope in (level, by_row, by_column))
        start = level + by_row * spans.row + by_column * spans.left
        np.multiply(np.repeat(by_column.astype(np.float32), spans.length), along, out=part)
        part += np.repeat(start.astype(np.float32), spans.length)
    return parts


def _nearest(pixels: NDArray[np.intp], nearness: NDArray[np.float32]) -> NDArray[np.intp]:
    """(n,): for every pixel that is covered, the one candidate that is nearest; of equally near ones the last."""
    wins = np.ones(len(pixels), bool)
    contested = np.flatnonzero(np.take(np.bincount(pixels), pixels) > 1)
    far_to_near = contested[np.lexsort((nearness[contested], pixels[contested]))]  # pixel by pixel
    wins[far_to_near[:-1][np.diff(pixels[far_to_near]) == 0]] = False
    return np.flatnonzero(wins)
