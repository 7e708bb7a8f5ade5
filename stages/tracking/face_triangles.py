"""face_triangles: the surface of the face mesh, found again from the edges that the installed mediapipe draws."""

from collections import Counter
from collections.abc import Iterable
from functools import cache

import numpy as np
from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION
from numpy.typing import NDArray

from pipeline.face_landmarks import INNER_LIPS, LEFT_EYE, OVAL, RIGHT_EYE

OPEN_TRIANGLES = 852  # eyes and mouth are holes
FILLED_TRIANGLES = 898  # with 14 in each eye and 18 in the mouth, as many as mediapipe's canonical face has

_Triangle = tuple[int, int, int]
_Edge = frozenset[int]


def face_triangles(*, filled: bool = False) -> NDArray[np.int32]:
    """Corners of the face's triangles, (852, 3), counter-clockwise as seen from outside the face; a new array.

    The normal (b − a) × (c − a) points out of the face where x points to the picture's right, y up and z to the viewer.

    Args:
        filled: close the eyes and the mouth too, (898, 3); the first 852 are the same.
    Source: the edges in `mediapipe.solutions.face_mesh_connections`, which has them without order. Three points joined
        by three edges are a triangle, but for rings around several triangles.
    """
    return np.array(_triangles(filled), dtype=np.int32)


@cache
def _triangles(filled: bool) -> tuple[_Triangle, ...]:
    corners = sorted(_drawn())
    if len(corners) != OPEN_TRIANGLES:
        raise AssertionError(f"mediapipe's edges make {len(corners)} triangles, expected {OPEN_TRIANGLES}")
    if filled:
        corners += [*_across(RIGHT_EYE), *_across(LEFT_EYE), *_across(INNER_LIPS)]
    return tuple(_turned(corners))


def _drawn() -> list[_Triangle]:
    """Every three points that are joined to each other, without those whose edges each bear three such."""
    beside: dict[int, set[int]] = {}
    for start, end in FACEMESH_TESSELATION:
        beside.setdefault(start, set()).add(end)
        beside.setdefault(end, set()).add(start)
    found = {_sorted((a, b, c)) for a in beside for b in beside[a] for c in beside[a] & beside[b]}
    bears = Counter(edge for triangle in found for edge in _edges(triangle))
    return [triangle for triangle in found if any(bears[edge] < 3 for edge in _edges(triangle))]


def _across(ring: tuple[int, ...]) -> Iterable[_Triangle]:
    """Fill a ring that runs from corner to corner and back: a strip between its two halves."""
    half = len(ring) // 2
    there, back = ring[: half + 1], (ring[0], *ring[:half:-1], ring[half])
    for step in range(half):
        if step > 0:
            yield (there[step], there[step + 1], back[step])
        if step < half - 1:
            yield (there[step + 1], back[step + 1], back[step])


def _turned(corners: list[_Triangle]) -> list[_Triangle]:
    """The same triangles all facing out: two that share an edge run along it in opposite directions.

    The oval runs clockwise in the picture, so the triangle at its first edge runs along it backwards.
    """
    at_edge: dict[_Edge, list[int]] = {}
    for number, triangle in enumerate(corners):
        for edge in _edges(triangle):
            at_edge.setdefault(edge, []).append(number)
    turned: dict[int, _Triangle] = {}
    waiting = [(OVAL[1], OVAL[0])]
    while waiting:
        start, end = waiting.pop()
        for number in at_edge[frozenset((start, end))]:
            if number not in turned:
                third = next(corner for corner in corners[number] if corner not in (start, end))
                turned[number] = (start, end, third)
                waiting += [(third, end), (start, third)]  # the other two edges, as the neighbours run along them
    return [_from_smallest(turned[number]) for number in range(len(corners))]


def _edges(triangle: _Triangle) -> tuple[_Edge, _Edge, _Edge]:
    a, b, c = triangle
    return frozenset((a, b)), frozenset((b, c)), frozenset((c, a))


def _sorted(triangle: _Triangle) -> _Triangle:
    a, b, c = sorted(triangle)
    return a, b, c


def _from_smallest(triangle: _Triangle) -> _Triangle:
    """The same turn, told from its smallest number on."""
    a, b, c = triangle
    return min((a, b, c), (b, c, a), (c, a, b))
