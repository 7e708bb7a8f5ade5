"""Numbers and pixels meet in one place: exactly there and back, and what lies outside a picture repeats its border."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.image import crop, read_png, resize, to_images, to_planes, to_tensor, write_png
from pipeline.values import Box

EVERY_VALUE = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)


def test_black_is_minus_one_and_white_is_one() -> None:
    picture = np.array([[[0, 255, 51]]], np.uint8)
    torch.testing.assert_close(to_tensor(picture).flatten(), torch.tensor([-1.0, 1.0, -0.6]))


def test_every_value_comes_back_from_a_tensor_as_it_was() -> None:
    assert np.array_equal(to_images(to_tensor(EVERY_VALUE))[0], EVERY_VALUE)


def test_a_tensor_of_pictures_lies_in_memory_channels_last() -> None:
    tensor = to_tensor(np.zeros((2, 4, 6, 3), np.uint8))
    assert tensor.shape == (2, 3, 4, 6)
    assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_values_beyond_the_range_are_clamped_not_wrapped() -> None:
    assert to_images(torch.tensor([-1.2, 0.0, 1.2]).reshape(1, 3, 1, 1)).tolist() == [[[[0, 128, 255]]]]


def test_a_read_only_picture_can_be_turned_into_a_tensor() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture.flags.writeable = False
    assert to_tensor(picture).sum() == -12


def test_shrinking_takes_the_mean_of_the_area() -> None:
    picture = np.array([[0, 100], [100, 200]], np.uint8)
    assert resize(picture, 1, 1).tolist() == [[100]]


def test_resizing_keeps_the_kind_of_number() -> None:
    assert resize(np.zeros((4, 4), np.float32), 8, 8).dtype == np.float32
    assert resize(np.zeros((4, 4, 3), np.uint8), 8, 2).shape == (2, 8, 3)


def test_a_box_inside_is_cut_out() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert crop(picture, Box(1, 0, 3, 2)).tolist() == [[1, 2], [5, 6]]


def test_what_lies_outside_repeats_the_border() -> None:
    picture = np.array([[1, 2], [3, 4]], np.uint8)
    assert crop(picture, Box(-1, -1, 3, 2)).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4]]


def test_a_box_that_misses_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="lies outside the picture of 4x3, expected a box that overlaps it"):
        crop(np.zeros((3, 4), np.uint8), Box(4, 0, 6, 2))


def test_a_png_keeps_every_pixel_and_its_colour_order(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    write_png(tmp_path / "Bühne.png", picture)
    found = read_png(tmp_path / "Bühne.png")
    assert found is not None
    assert np.array_equal(found, picture)


def test_a_file_that_is_no_picture_reads_as_none(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "words.png").write_bytes(b"no picture")
    assert read_png(tmp_path / "empty.png") is None
    assert read_png(tmp_path / "words.png") is None


def test_planes_are_the_same_numbers_channel_by_channel() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 12)).astype(np.uint8)
    planes = to_planes(pictures)
    assert planes.is_contiguous() and torch.equal(planes, to_tensor(pictures))
