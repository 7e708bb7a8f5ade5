"""The face's surface: as many triangles as mediapipe's canonical face, all facing out, closed but for its rims."""

from collections import Counter

import numpy as np
import pytest

from pipeline.face_landmarks import INNER_LIPS, LEFT_EYE, OVAL, RIGHT_EYE
from stages.tracking.face_triangles import face_triangles


def rims(triangles: np.ndarray) -> set[frozenset[int]]:
    """Edges that belong to one triangle alone."""
    edges = Counter(frozenset(edge) for a, b, c in triangles.tolist() for edge in ((a, b), (b, c), (c, a)))
    assert max(edges.values()) == 2
    return {edge for edge, count in edges.items() if count == 1}


def ring(*points: int) -> set[frozenset[int]]:
    return {frozenset(edge) for edge in zip(points, (*points[1:], points[0]), strict=True)}


@pytest.mark.parametrize(("filled", "count"), [(False, 852), (True, 898)])
def test_every_point_of_the_skin_belongs_to_a_triangle(filled: bool, count: int):
    triangles = face_triangles(filled=filled)
    assert triangles.shape == (count, 3) and triangles.dtype == np.int32
    assert np.unique(triangles).tolist() == list(range(468))


def test_the_open_face_has_four_rims_and_the_filled_one_only_the_oval():
    assert rims(face_triangles()) == ring(*OVAL) | ring(*RIGHT_EYE) | ring(*LEFT_EYE) | ring(*INNER_LIPS)
    assert rims(face_triangles(filled=True)) == ring(*OVAL)


def test_the_fills_come_last():
    np.testing.assert_array_equal(face_triangles(filled=True)[:852], face_triangles())


def test_neighbours_run_along_their_edge_in_opposite_directions():
    corners = face_triangles(filled=True).tolist()
    directed = [edge for a, b, c in corners for edge in ((a, b), (b, c), (c, a))]
    assert len(set(directed)) == len(directed)


def test_the_surface_faces_out():
    directed = {edge for a, b, c in face_triangles().tolist() for edge in ((a, b), (b, c), (c, a))}
    assert (OVAL[1], OVAL[0]) in directed  # seen from outside, counter-clockwise: the oval runs clockwise


def test_the_caller_may_write_into_what_it_was_given():
    face_triangles()[:] = 0
    assert face_triangles().max() == 467
