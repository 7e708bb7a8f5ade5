"""The z-buffer shows the nearest triangle, weighs its corners as perspective does, leaves out and doubles no pixel."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.conditioning.rasterise import Raster, rasterise

ONE = np.array([(0, 1, 2)], np.int32)
BOTH = np.array([(0, 1, 2), (3, 4, 5)], np.int32)


def covered(points: list[tuple[float, float, float]], width: int = 8, height: int = 8) -> NDArray[np.bool_]:
    return rasterise(np.array(points, np.float32), ONE, width, height).triangle >= 0


def bumpy_sheet(side: int, size: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """A sheet of side² points from (-2, -2) to size+2, every other point at whole pixels, the rest anywhere near."""
    rng = np.random.default_rng(3)
    columns, rows = np.meshgrid(*(np.linspace(-2, size + 2, side),) * 2)
    points = np.stack([columns, rows, 10 + rng.uniform(0, 2, columns.shape)], axis=-1).reshape(-1, 3).round()
    points[1::2, :2] += rng.uniform(-0.6, 0.6, points[1::2, :2].shape)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    upper = np.stack([corner, corner + side, corner + 1], axis=1)
    lower = np.stack([corner + 1, corner + side, corner + side + 1], axis=1)
    return points.astype(np.float32), np.concatenate([upper, lower]).astype(np.int32)


def test_a_right_angle_covers_the_pixels_whose_centres_lie_inside() -> None:
    # Left and upper edges belong to the triangle; the slanted one passes between pixels, at x + y = 3.5.
    picture = covered([(1, 1, 5), (1, 2.5, 5), (2.5, 1, 5)], 4, 4)
    assert picture.astype(int).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_of_two_triangles_that_pass_through_each_other_each_shows_where_it_is_nearer() -> None:
    # In row 4, from x = 0 to 8, one over depth of the first falls from 0.5 to 0.125; that of the second rises from
    # 0.125 to 0.55. They are equal where 0.375·x/8 + 0.425·x/8 = 0.375: at x = 3.75.
    first = [(0, -8, 2), (0, 16, 2), (8, 4, 8)]
    second = [(0, 4, 8), (8, 16, 1 / 0.55), (8, -8, 1 / 0.55)]
    for points, expected in ((first + second, [0] * 4 + [1] * 4), (second + first, [1] * 4 + [0] * 4)):
        raster = rasterise(np.array(points, np.float32), BOTH, 8, 8)
        assert raster.triangle[4].tolist() == expected


def test_weights_are_those_of_the_point_in_space_that_a_pixel_shows() -> None:
    # A steep triangle: the middle of its picture is not the middle of its area.
    space = np.array([(-2, -3, 4), (-1, 4, 9), (6, 0, 30)], np.float64)
    focal, centre = 12.0, 8.0
    points = np.column_stack([focal * space[:, :2] / space[:, 2:] + centre, space[:, 2]])
    raster = rasterise(points, ONE[:, ::-1] if turned(points) else ONE, 20, 20)
    shown = raster.interpolate(space.astype(np.float32))
    rows, columns = np.nonzero(raster.triangle == 0)
    assert len(rows) > 20
    seen = shown[rows, columns]
    np.testing.assert_allclose(focal * seen[:, 0] / seen[:, 2] + centre, columns, atol=1e-4)
    np.testing.assert_allclose(focal * seen[:, 1] / seen[:, 2] + centre, rows, atol=1e-4)
    np.testing.assert_allclose(raster.weights[rows, columns].sum(axis=1), 1, atol=1e-6)


def turned(points: NDArray[np.float64]) -> bool:
    """Whether the triangle's corners run clockwise in the picture."""
    (ax, ay), (bx, by) = points[1, :2] - points[0, :2], points[2, :2] - points[0, :2]
    return bool(ax * by - ay * bx > 0)


def test_halfway_between_depth_1_and_3_in_the_picture_a_quarter_of_the_way_is_gone() -> None:
    # One over depth is 2/3 there: depth 1.5, a quarter of the way from 1 to 3.
    raster = rasterise(np.array([(0, 0, 1), (0, 8, 1), (8, 0, 3)], np.float32), ONE, 8, 8)
    assert raster.interpolate(np.array([[0], [0], [1]], np.float32))[0, 4, 0] == pytest.approx(0.25, abs=1e-6)


def test_what_is_seen_from_behind_is_not_drawn() -> None:
    front = [(1.0, 1.0, 5.0), (1.0, 6.0, 5.0), (6.0, 1.0, 5.0)]
    assert covered(front).any()
    assert not covered(front[::-1]).any()


def test_triangles_that_share_edges_cover_every_pixel_exactly_once() -> None:
    points, triangles = bumpy_sheet(side=12, size=24)
    times = sum((rasterise(points, triangle[None], 24, 24).triangle >= 0).astype(int) for triangle in triangles)
    assert isinstance(times, np.ndarray)
    assert (times == 1).all()


def test_the_picture_is_a_window_onto_the_mesh() -> None:
    points, triangles = bumpy_sheet(side=9, size=40)
    whole = rasterise(points, triangles, 40, 40)
    part = rasterise(points - np.array([13, 7, 0], np.float32), triangles, 20, 24)
    assert np.array_equal(part.triangle, whole.triangle[7:31, 13:33])
    np.testing.assert_allclose(part.weights, whole.weights[7:31, 13:33], atol=1e-4)


def test_a_triangle_much_larger_than_the_picture_fills_it() -> None:
    assert covered([(-1e7, -1e7, 5), (-1e7, 1e7, 5), (1e8, 0, 5)]).all()


@pytest.mark.parametrize(
    "points",
    [
        [(1, 1, 5), (1, 1, 5), (6, 1, 5)],
        [(1, 1, 5), (3, 3, 5), (6, 6, 5)],
        [(1, 1, 5), (1, 6, float("nan")), (6, 1, 5)],
        [(1, 1, 5), (1, float("inf"), 5), (6, 1, 5)],
        [(1, 1, 5), (1, 6, -1), (6, 1, 5)],
        [(1, 1, 5), (1, 6, 0), (6, 1, 5)],
        [(101, 1, 5), (101, 6, 5), (106, 1, 5)],
    ],
    ids=["point", "line", "nan", "infinite", "behind", "at the eye", "aside"],
)
def test_what_has_no_area_or_no_place_before_the_camera_is_left_out(points: list[tuple[float, float, float]]) -> None:
    assert not covered(points).any()


def test_a_mesh_of_nothing_gives_an_empty_picture() -> None:
    raster: Raster = rasterise(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32), 5, 4)
    assert raster.interpolate(np.ones((3, 2), np.float32)).shape == (4, 5, 2)
    assert (raster.triangle == -1).all()
