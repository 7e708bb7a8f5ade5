"""HeadSurface: a made head as distances in all directions, and what of it holds still."""

import numpy as np
from posed_heads import made_head, made_triangles

from pipeline.face_landmarks import CHIN, LEFT_BROW, OUTER_LIPS
from stages.conditioning.head_shell import HeadShell
from stages.retargeting.face_surface import SIDE, SPREAD, HeadSurface

HEAD = made_head()
SURFACE = HeadSurface.around(HEAD.astype(np.float32), made_triangles(HEAD))
SHELL = HeadShell.around(HEAD.astype(np.float32))


def texel(place: tuple[float, float, float]) -> tuple[int, int]:
    """Row and column of the direction from the head's middle to a place, cm."""
    x, y, z = np.array(place) - SURFACE.middle
    share = np.arctan2(np.hypot(x, y), z) / SPREAD / np.hypot(x, y)
    return round((1 - y * share) * (SIDE - 1) / 2), round((1 + x * share) * (SIDE - 1) / 2)


def test_straight_ahead_of_the_middle_lies_the_face_s_skin() -> None:
    assert np.abs(np.linalg.norm(SURFACE.places.outwards, axis=1) - 1).max() < 1e-6
    bridge = HEAD[6]  # the nose's bridge, 5.3 cm before the origin
    assert abs(SURFACE.radii[texel(bridge)] - np.linalg.norm(bridge - SURFACE.middle)) < 0.5


def test_behind_the_face_lies_the_shell() -> None:
    top = (0.0, SHELL.centre[1] + SHELL.radii[1], SHELL.centre[2])
    assert abs(SURFACE.radii[texel(top)] - SHELL.radii[1]) < 0.1


def test_lips_brows_and_chin_do_not_hold_still() -> None:
    for moving in (HEAD[OUTER_LIPS[5]], HEAD[LEFT_BROW[2]], HEAD[CHIN]):
        assert not SURFACE.still[texel(moving)]


def test_bridge_and_hair_hold_still() -> None:
    assert SURFACE.still[texel(HEAD[6])]
    assert SURFACE.still[texel((0.0, SHELL.centre[1] + SHELL.radii[1], SHELL.centre[2]))]


def test_the_face_alone_is_what_holds_still_under_the_mesh() -> None:
    alone = SURFACE.face_alone()
    top = (0.0, SHELL.centre[1] + SHELL.radii[1], SHELL.centre[2])
    assert alone.still[texel(HEAD[6])]
    assert not alone.still[texel(top)]
    assert not (alone.still & ~SURFACE.still).any()
    np.testing.assert_array_equal(alone.radii, SURFACE.radii)


def test_the_neck_is_not_the_head_s() -> None:
    assert not SURFACE.still[texel((0.0, SHELL.centre[1] - 10.0, 0.0))]


def test_normals_point_out_of_the_head() -> None:
    places = SURFACE.places
    assert ((places.normals * places.outwards).sum(axis=1) > 0).mean() > 0.99


def test_values_of_places_lie_where_the_places_are() -> None:
    spread = SURFACE.spread(SURFACE.places.points.astype(np.float64))
    row, column = texel(HEAD[6])
    np.testing.assert_allclose(spread[row, column], HEAD[6], atol=0.5)
    assert not spread[~SURFACE.still].any()
