"""Squares are cut out of pictures and changed where they are."""

import torch

from models.region import Region, add_to_regions, cut_regions, region_around


def test_what_is_cut_out_and_added_again_is_twice_there() -> None:
    pictures = torch.arange(2 * 1 * 6 * 8, dtype=torch.float32).reshape(2, 1, 6, 8)
    region = Region(corner=torch.tensor([[3, 1], [0, 2]]), seen=torch.tensor([True, True]), size=4)
    doubled = add_to_regions(pictures, cut_regions(pictures, region), region)
    expected = pictures.clone()
    expected[0, :, 1:5, 3:7] *= 2
    expected[1, :, 2:6, 0:4] *= 2
    assert torch.equal(doubled, expected)


def test_a_square_out_of_sight_is_left_as_it_is() -> None:
    pictures = torch.zeros(1, 1, 6, 8)
    region = Region(corner=torch.tensor([[3, 1]]), seen=torch.tensor([False]), size=4)
    assert not add_to_regions(pictures, torch.full((1, 1, 4, 4), float("nan")), region).any()


def test_a_square_of_even_side_lies_around_the_pixel_before_its_middle() -> None:
    region = region_around(torch.tensor([[4.0, 3.0]]), size=4, height=6, width=8)
    assert region.corner.tolist() == [[2, 1]]
