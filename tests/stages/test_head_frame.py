"""leaning, leant, evened, anchored: what pictures leave open, put wrong by hand and found again."""

import numpy as np
import pytest
from numpy.typing import NDArray
from posed_heads import CAMERA, filmed, made_acting, made_head
from scipy.spatial.transform import Rotation

from stages.retargeting.head_frame import anchored, evened, leaning, leant
from stages.retargeting.head_pose import PlacedHeads

FRAMES = 60
ALL = np.ones(FRAMES, np.bool_)


def turned(yaw: float, lean: float = 0.0) -> PlacedHeads:
    """A head that turns by so many degrees to and fro, nods, and leans by a share of its turns."""
    phase = np.arange(FRAMES) * 2 * np.pi / 20
    turns = np.radians(np.stack((5 * np.cos(3 * phase), yaw * np.sin(phase), lean * yaw * np.sin(phase)), axis=1))
    return PlacedHeads(Rotation.from_rotvec(turns).as_matrix(), np.tile((1.0, 2.0, -40.0), (FRAMES, 1)))


def rolls(heads: PlacedHeads) -> NDArray[np.float64]:
    return Rotation.from_matrix(heads.rotation).as_rotvec()[:, 2]


def test_how_much_more_a_head_leans_by_its_face_is_a_share_of_its_turns() -> None:
    assert leaning(turned(20), turned(20, 0.05)) == pytest.approx(0.05, abs=0.002)
    assert leaning(turned(20, 0.03), turned(20, -0.01)) == pytest.approx(-0.04, abs=0.002)


def test_of_a_head_that_hardly_turns_little_is_believed() -> None:
    assert abs(leaning(turned(0.5), turned(0.5, 1.0))) < 0.1


def test_leant_heads_lean_by_their_turns_and_stay_in_place() -> None:
    heads = leant(turned(20), 0.05, ALL)
    np.testing.assert_allclose(rolls(heads), rolls(turned(20, 0.05)), atol=np.radians(0.1))
    np.testing.assert_array_equal(heads.translation, turned(20).translation)


def test_what_the_face_tells_of_leaning_undoes_what_hair_got_wrong() -> None:
    by_all, by_face = turned(25, -0.04), turned(25, 0.02)
    again = leant(by_all, leaning(by_all, by_face), ALL)
    np.testing.assert_allclose(again.rotation, by_face.rotation, atol=1e-3)


def test_a_head_that_comes_nearer_as_it_turns_aside_is_put_back() -> None:
    head, acting = made_head(), made_acting()
    rotation = Rotation.from_rotvec(acting.turns).as_matrix()
    seen = np.ones(len(rotation), np.bool_)
    points = filmed(head, acting).points
    nearer = acting.places * (1 - 0.03 * acting.turns[:, 1:2])  # by 3 % in a radian
    again = evened(PlacedHeads(rotation, nearer), CAMERA, points, head, seen)
    assert np.abs(again.translation - acting.places).max() < 0.1 * np.abs(nearer - acting.places).max()
    right = PlacedHeads(rotation, acting.places)
    np.testing.assert_allclose(evened(right, CAMERA, points, head, seen).translation, acting.places, atol=1e-2)


def test_an_origin_that_is_half_a_centimetre_off_is_brought_back() -> None:
    head, acting = made_head(), made_acting()
    rotation = Rotation.from_rotvec(acting.turns).as_matrix()
    shift = np.array((0.0, 0.1, -0.5))  # cm, head frame
    off = PlacedHeads(rotation, acting.places - rotation @ shift)
    seen = np.ones(len(rotation), np.bool_)
    points = filmed(head, acting).points
    again = anchored(off, CAMERA, points, head, seen)
    np.testing.assert_allclose(again.translation, acting.places, atol=0.1)
    assert np.abs(again.translation - acting.places).max() < 0.2 * np.abs(off.translation - acting.places).max()
    right = PlacedHeads(rotation, acting.places)
    np.testing.assert_allclose(anchored(right, CAMERA, points, head, seen).translation, acting.places, atol=1e-3)
