"""Plates show what lies behind the person: what is free and lit, nearest in time first, inpainted only at last."""

import numpy as np
from numpy.typing import NDArray

from stages.conditioning.background import (
    MOST_PLATES,
    fill_plate,
    free_pixels,
    make_plates,
    plate_frames,
    plate_of_frames,
    unshaded_view,
)

PACE = 1 / 24  # seconds a frame
STREAKS = 10  # of 255: inpainting after Telea leaves faint ones even in one flat colour


def grey(*values: int) -> list[NDArray[np.uint8]]:
    """Pictures of one pixel."""
    return [np.full((1, 1, 3), value, np.uint8) for value in values]


def free(*values: bool) -> list[NDArray[np.bool_]]:
    return [np.full((1, 1), value) for value in values]


def test_the_view_looks_at_free_pixels_only() -> None:
    view, known = unshaded_view(grey(10, 200, 30, 20), free(True, False, True, True))
    assert view.tolist() == [[[20, 20, 20]]]
    assert known.all()


def seen_in_ten(usually: int, *seldom: int) -> int:
    """What is taken for the background where `usually` shows in eight or nine of ten free frames."""
    values = [usually] * (10 - len(seldom)) + list(seldom)
    return int(unshaded_view(grey(*values), free(*[True] * 10))[0][0, 0, 0])


def test_a_shadow_that_lies_there_most_of_the_time_is_not_background() -> None:
    assert seen_in_ten(150, 190, 194) == 192  # the mean of what is lit


def test_what_is_brighter_once_in_ten_is_an_accident() -> None:
    assert seen_in_ten(150, 190) == 150


def test_what_differs_by_more_than_a_shadow_came_and_went_and_the_usual_is_taken() -> None:
    assert seen_in_ten(60, 250, 250) == 60


def test_between_a_shadow_and_something_else_there_is_no_edge() -> None:
    assert seen_in_ten(100, 170, 170) == 135  # 70 darker, half way from 60 to 80


def test_noise_is_no_light() -> None:
    assert seen_in_ten(100, 102, 104) == 100


def test_a_slight_shadow_counts_in_part_so_that_it_has_no_edge() -> None:
    assert (
        seen_in_ten(100, 106, 106) == 101
    )  # two thirds of the way from 2 to 8; all are as bright, their mean is 101.2


def test_what_is_brighter_in_one_colour_alone_was_in_no_shadow() -> None:
    leaf, caption = np.array([[[250, 220, 20]]], np.uint8), np.array([[[250, 230, 70]]], np.uint8)
    view, _ = unshaded_view([leaf] * 8 + [caption] * 2, free(*[True] * 10))
    assert view.tolist() == [[[250, 220, 20]]]


def test_white_can_be_background() -> None:
    view, known = unshaded_view(grey(255, 0), free(True, False))
    assert (int(view[0, 0, 0]), bool(known[0, 0])) == (255, True)


def test_a_pixel_that_was_never_free_is_unknown() -> None:
    assert not unshaded_view(grey(10, 20), free(False, False))[1].any()


def test_colours_are_taken_from_their_own_channel() -> None:
    pictures = [np.array([[[red, 5, 9]]], np.uint8) for red in (1, 2, 3)]
    assert unshaded_view(pictures, free(True, True, True))[0].tolist() == [[[2, 5, 9]]]


def test_tall_pictures_are_the_same_as_computed_row_by_row() -> None:
    chance = np.random.default_rng(0)
    pictures = list(chance.integers(0, 256, (5, 300, 4, 3)).astype(np.uint8))
    seen = list(chance.random((5, 300, 4)) < 0.8)
    rows = [
        unshaded_view([one[row : row + 1] for one in pictures], [one[row : row + 1] for one in seen])[0]
        for row in range(300)
    ]
    assert np.array_equal(unshaded_view(pictures, seen)[0], np.concatenate(rows))


def test_a_margin_around_the_person_is_not_free() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[50, 50] = 255
    open_pixels = free_pixels(mask)
    assert not open_pixels[50, 49:52].any()
    assert open_pixels[50, 52] and open_pixels[0, 0]


def test_a_faint_mask_counts_as_free() -> None:
    assert free_pixels(np.full((10, 10), 25, np.uint8)).all()  # 0.098
    assert not free_pixels(np.full((10, 10), 26, np.uint8)).any()


def layer(value: int, known: list[bool]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    return np.full((1, len(known), 3), value, np.uint8), np.array([known])


def test_what_differs_clearly_comes_from_the_layer_nearest_in_time_that_knows_it() -> None:
    plate = fill_plate([layer(0, [True, False, False]), layer(100, [True, True, False]), layer(200, [True] * 3)])
    assert plate[0, :, 0].tolist() == [0, 100, 200]


def test_a_shadow_of_60_levels_that_stays_near_the_dancer_is_not_taken_for_background() -> None:
    shaded, bright = np.full((100, 60, 3), 140, np.uint8), np.full((100, 60, 3), 200, np.uint8)
    known = np.ones((100, 60), dtype=bool)
    assert (fill_plate([(shaded, known), (bright, known)]) == 200).all()


def test_what_is_darker_in_one_colour_near_in_time_is_taken() -> None:
    known = np.ones((100, 60), dtype=bool)
    now, mostly = np.full((100, 60, 3), 200, np.uint8), np.full((100, 60, 3), 200, np.uint8)
    now[..., 1] -= 55
    assert (fill_plate([(now, known), (mostly, known)]) == (200, 145, 200)).all()


def test_a_caption_replaces_the_one_that_stood_there_most_of_the_time_and_nothing_else() -> None:
    now, mostly = np.full((100, 60, 3), 200, np.uint8), np.full((100, 60, 3), 200, np.uint8)
    now[80:90, 10:50] = 60
    mostly[80:90, 10:50] = 250
    now[10:20] -= 20  # a passing shade
    known = np.ones((100, 60), dtype=bool)
    plate = fill_plate([(now, known), (mostly, known)])
    assert (plate[80:90, 10:50] == 60).all()
    assert (plate[:70] == 200).all()


def test_what_the_whole_clip_never_showed_comes_from_near_in_time() -> None:
    plate = fill_plate([layer(190, [True, True]), layer(200, [True, False])])
    assert plate[0, :, 0].tolist() == [200, 190]


def test_filling_leaves_the_layers_as_they_were() -> None:
    first = layer(10, [True, False])
    fill_plate([first, layer(20, [True, True])])
    assert first[0].max() == 10 and first[1].tolist() == [[True, False]]


def test_a_hole_is_inpainted_with_what_surrounds_it_and_nothing_else_changes() -> None:
    plate, known = np.full((40, 40, 3), 120, np.uint8), np.ones((40, 40), dtype=bool)
    known[15:25, 15:25], plate[15:25, 15:25] = False, 255
    plate[0, 0] = 7
    filled = fill_plate([(plate, known)])
    assert np.abs(filled[15:25, 15:25].astype(int) - 120).max() <= STREAKS
    assert np.array_equal(filled[known], plate[known])


def test_large_holes_are_filled_at_a_reduced_size_without_a_trace_of_the_person() -> None:
    plate, known = np.full((1000, 600, 3), 90, np.uint8), np.ones((1000, 600), dtype=bool)
    known[100:900, 201:399], plate[100:900, 201:399] = False, 255
    assert np.abs(fill_plate([(plate, known)]).astype(int) - 90).max() <= STREAKS


def test_a_picture_that_is_never_free_still_gives_a_plate() -> None:
    assert fill_plate([(np.full((20, 20, 3), 9, np.uint8), np.zeros((20, 20), dtype=bool))]).shape == (20, 20, 3)


def test_frames_of_a_plate_lie_around_it_then_farther_then_everywhere() -> None:
    near, far, whole = plate_frames(1000, PACE, 500)
    assert (near[0], near[-1], len(near)) == (482, 518, 12)  # 0.75 s
    assert (far[0], far[-1], len(far)) == (404, 596, 12)  # 4 s
    assert (whole[0], whole[-1], len(whole)) == (0, 999, 96)


def test_fewer_frames_are_taken_where_memory_allows_fewer() -> None:
    assert [len(group) for group in plate_frames(1000, PACE, 999, 7)] == [3, 3, 7]


def test_no_plate_looks_beyond_the_clip() -> None:
    assert {index for group in plate_frames(5, PACE, 4) for index in group} == {0, 1, 2, 3, 4}


def test_there_is_a_plate_for_every_half_second() -> None:
    assert plate_of_frames(30, PACE).tolist() == [0] * 12 + [1] * 12 + [2] * 6


def test_a_long_clip_has_no_more_plates_than_a_film_of_two_minutes() -> None:
    assert plate_of_frames(24 * 3600, PACE).max() + 1 == MOST_PLATES == 240


def test_a_screen_that_changes_behind_the_person_changes_from_plate_to_plate() -> None:
    pictures = np.zeros((96, 8, 8, 3), np.uint8)
    pictures[48:] = 200
    masks = np.zeros((96, 8, 8), np.uint8)
    masks[:, 3, 3] = 255
    plates = list(make_plates(pictures, masks, PACE))
    assert len(plates) == plate_of_frames(96, PACE)[-1] + 1 == 8
    assert plates[0].max() == 0
    assert plates[-1].min() > 200 - STREAKS
