"""Pictures seen through a map: points, averages, sizes, what lies outside; from RGB and from planes alike."""

from fractions import Fraction

import numpy as np
import pytest

from pipeline.sampling import averaged, joined, sampled, shrinking, size_of
from pipeline.values import Planes

AS_IT_IS = np.array([[1.0, 0, 0], [0, 1.0, 0]])
GREY = np.array([[1.0, 0, 0, 0]] * 3)  # only luma counts
ROUNDED = 1  # level: OpenCV interpolates in steps of a 32nd


def planes_of(luma: np.ndarray, to_rgb: np.ndarray = GREY, black: int = 0, blue: int = 128, red: int = 128) -> Planes:
    height, width = luma.shape
    half = (-(-height // 2), -(-width // 2))
    return Planes(
        luma=luma,
        blue=np.full(half, blue, np.uint8),
        red=np.full(half, red, np.uint8),
        black=black,
        to_stored=AS_IT_IS,
        to_rgb=to_rgb,
        width=width,
        height=height,
        time=Fraction(0),
        index=0,
    )


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)


def test_a_map_that_changes_nothing_gives_the_picture(noise):
    picture = np.repeat(noise[..., None], 3, axis=2)
    for given in (picture, planes_of(noise)):
        assert size_of(given) == (60, 40)
        np.testing.assert_array_equal(sampled(given, AS_IT_IS, (60, 40)), picture)
        np.testing.assert_array_equal(averaged(given, AS_IT_IS, (60, 40)), picture)


def test_a_picture_averaged_to_a_quarter_is_the_mean_of_its_blocks(noise):
    blocks = noise.reshape(10, 4, 15, 4).astype(float).mean(axis=(1, 3))
    for given in (np.repeat(noise[..., None], 3, axis=2), planes_of(noise)):
        found = averaged(given, shrinking(60, 40, (15, 10)), (15, 10))
        assert found.shape == (10, 15, 3)
        assert np.abs(found[..., 1] - blocks).max() <= ROUNDED


@pytest.mark.parametrize("scale", [1.3, 2.2, 4.5])
def test_planes_are_averaged_as_rgb_is_through_a_turn_and_beyond_the_edge(scale):
    y, x = np.mgrid[:200, :300]
    waves = (128 + 100 * np.sin(x / 17) * np.cos(y / 23)).astype(np.uint8)
    turned = scale * np.array([[0.8, -0.6, 0], [0.6, 0.8, 0]]) + [[0, 0, 90], [0, 0, -30]]
    rgb, planes = (
        averaged(one, turned, (64, 64)) for one in (np.repeat(waves[..., None], 3, axis=2), planes_of(waves))
    )
    apart = np.abs(rgb.astype(int) - planes)
    assert (rgb == 0).all(axis=2).mean() > 0.02
    assert (
        np.mean(apart > 2 * ROUNDED) < 0.02
    )  # the rest lies on the frame's edge, where blocks of pixels may end apart


def test_a_point_between_two_pixels_is_their_mean():
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[2, 1], picture[2, 2] = 100, 200
    found = sampled(picture, np.array([[1.0, 0, 1.5], [0, 1.0, 2.0]]), (1, 1))
    assert found.tolist() == [[[150, 150, 150]]]


def test_what_lies_outside_the_frame_is_black_in_either_range():
    aside = np.array([[1.0, 0, -10], [0, 1.0, 0]])
    limited = np.array([[255 / 219, 0, 0, -16 * 255 / 219]] * 3)
    for given in (
        planes_of(np.full((20, 20), 200, np.uint8)),
        planes_of(np.full((20, 20), 200, np.uint8), limited, 16),
    ):
        for look in (sampled, averaged):
            found = look(given, aside, (20, 20))
            assert (found[:, :9] == 0).all()
            assert (found[:, 10:] >= 200).all()
            assert (look(given, aside - [[0, 0, 90], [0, 0, 0]], (20, 20)) == 0).all()


def test_chroma_counts_where_the_matrix_says_so():
    """Y 100, Cb 138, Cr 118, and a matrix that adds ten times the distance of Cb from 128 to blue alone."""
    to_rgb = np.array([[1.0, 0, 0, 0], [1.0, 0, 0, 0], [1.0, 10.0, 0, -1280.0]])
    planes = planes_of(np.full((9, 7), 100, np.uint8), to_rgb, blue=138, red=118)
    assert sampled(planes, AS_IT_IS, (7, 9))[4, 3].tolist() == [100, 100, 200]


def test_an_edge_of_colour_lies_where_the_edge_of_luma_does():
    """H.264 puts a chroma sample on every other column: sample 4 on column 8, between rows 2j and 2j + 1."""
    luma = np.zeros((16, 16), np.uint8)
    planes = planes_of(luma, np.array([[0.0, 1.0, 0, 0], [0, 0, 1.0, 0], [1.0, 0, 0, 0]]))
    planes.blue[:, 4:] = 228
    planes.red[4:] = 228
    found = sampled(planes, AS_IT_IS, (16, 16)).astype(int)
    assert found[5, 5:10, 0].tolist() == [128, 128, 178, 228, 228]
    assert found[5:11, 5, 1].tolist() == [128, 128, 153, 203, 228, 228]


def test_maps_are_joined_from_the_inside_out():
    turn, move = np.array([[0.0, -1, 0], [1, 0, 0]]), np.array([[1.0, 0, 5], [0, 1, 7]])
    np.testing.assert_array_equal(joined(turn, move) @ [1, 2, 1], [-9, 6])
    np.testing.assert_array_equal(joined(move, turn) @ [1, 2, 1], [3, 8])


def test_a_shrinking_map_sends_the_corners_of_the_small_picture_to_those_of_the_large():
    corners = shrinking(1280, 720, (448, 252)) @ [[-0.5, 447.5], [-0.5, 251.5], [1, 1]]
    np.testing.assert_allclose(corners, [[-0.5, 1279.5], [-0.5, 719.5]])
