"""The rendered streets: what they promise to everybody who measures with them."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.delivery import ffmpeg_program
from pipeline.video import probe, read_video

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from sample_videos.street import STREETS, Street, see  # noqa: E402
from sample_videos.street_look import DUSK as DUSK_LOOK  # noqa: E402
from sample_videos.street_look import light_street  # noqa: E402
from sample_videos.street_sheets import FAR, Eye, Sheet, Sight, Texture  # noqa: E402
from sample_videos.street_town import Town  # noqa: E402
from sample_videos.street_truth import StreetTruth, read_street_truth  # noqa: E402

FOLDER = ROOT / "sample_videos"
DAY, DUSK, ANSWER = STREETS

CODEC_PSNR = 30.0  # dB between a rendered frame and the film's
LOOKS_APART = (10.0, 14.0)  # dB between day and answer: far from each other, not beyond learning
FILM_BYTES, TRUTH_BYTES = 500_000, 120_000
ALIKE = 25.0  # grey levels between the two dusks' mean colours, over every third of the picture
SOUND_RATE = 8_000
MOMENT = 100  # the frame looked at

every_street = pytest.mark.parametrize("street", STREETS, ids=lambda street: street.name)


def film_of(street: Street) -> Path:
    return FOLDER / f"{street.name}.mp4"


@cache
def stored(street: Street) -> StreetTruth:
    return read_street_truth(FOLDER / f"{street.name}.json")


@cache
def pictures(street: Street) -> NDArray[np.uint8]:
    with read_video(film_of(street)) as film:
        return np.stack([frame.image for frame in film])


@cache
def grown(seed: int) -> Town:
    return next(street for street in STREETS if street.seed == seed).town()


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(-10 * np.log10((((one.astype(np.float64) - other) / 255) ** 2).mean()))


def wall(depth: float, tone: float) -> Sheet:
    """An upright square of 4 metres across the street, in the middle of the view."""
    texture = Texture.of(np.full((8, 8, 3), tone, np.float32))
    return Sheet(np.array((-2.0, -2.0, depth)), np.array((4.0, 0, 0)), np.array((0, 4.0, 0)), texture, 1.0)


def sight_of_a_camera_at_the_origin() -> Sight:
    return Sight.empty(Eye.looking(np.zeros(3), 0.0, 0.0, 20.0, (41, 31)))


@every_street
def test_a_street_is_filmed_for_nine_seconds_at_24_frames_a_second(street):
    info = probe(film_of(street))
    assert (info.width, info.height, info.frame_rate, info.frames) == (256, 144, Fraction(24), 216)


@every_street
def test_the_truth_has_a_row_for_each_frame_at_its_time(street):
    with read_video(film_of(street)) as film:
        assert tuple(frame.time for frame in film) == stored(street).times == street.times
    assert len(stored(street).seen) == 216


@every_street
def test_film_and_truth_are_small(street):
    assert film_of(street).stat().st_size < FILM_BYTES
    assert (FOLDER / f"{street.name}.json").stat().st_size < TRUTH_BYTES


@every_street
def test_the_program_still_renders_what_the_film_shows(street):
    town, time = grown(street.seed), float(street.times[MOMENT])
    sight = see(town, street.drive.eye(time, street.seconds), time)
    rendered = light_street(sight, town, street.look, time, street.size)
    assert psnr(rendered, pictures(street)[MOMENT]) > CODEC_PSNR


def test_the_answer_is_the_day_in_another_look():
    assert replace(DAY, name="", look=DUSK_LOOK) == replace(ANSWER, name="")
    assert stored(DAY).seen == stored(ANSWER).seen


def test_day_and_answer_are_far_apart_in_every_frame():
    apart = [psnr(day, answer) for day, answer in zip(pictures(DAY), pictures(ANSWER), strict=True)]
    assert LOOKS_APART[0] < min(apart) and max(apart) < LOOKS_APART[1]


def test_the_dusk_that_is_learnt_from_shows_another_street():
    assert (DUSK.seed, DUSK.drive, DUSK.cars) != (DAY.seed, DAY.drive, DAY.cars)
    assert psnr(pictures(DUSK)[MOMENT], pictures(ANSWER)[MOMENT]) < 18


def test_both_dusks_have_the_same_colours_above_amid_and_below():
    for rows in (slice(0, 48), slice(48, 96), slice(96, 144)):
        means = [pictures(street)[:, rows].mean((0, 1, 2)) for street in (DUSK, ANSWER)]
        assert np.abs(means[0] - means[1]).max() < ALIKE


@every_street
def test_something_moves_in_every_frame_and_its_box_lies_in_the_picture(street):
    for seen in stored(street).seen:
        assert {one.kind for one in seen} == {"car", "walker"}
        for one in seen:
            assert 0 <= one.left < one.right <= 255 and 0 <= one.top < one.bottom <= 143


@pytest.mark.parametrize("street", (DAY, DUSK), ids=lambda street: street.name)
def test_what_moves_is_seen_inside_its_boxes_and_nowhere_else(street):
    town, time = grown(street.seed), float(street.times[MOMENT])
    eye = street.drive.eye(time, street.seconds)
    moved = see(town, eye, time).depth != see(replace(town, moving=()), eye, time).depth
    boxed = np.zeros_like(moved)
    for one in stored(street).seen[MOMENT]:
        rows, columns = (int(2 * one.top), int(2 * one.bottom) + 4), (int(2 * one.left), int(2 * one.right) + 4)
        box = slice(max(rows[0] - 1, 0), rows[1]), slice(max(columns[0] - 1, 0), columns[1])
        boxed[box] = True
        if one.kind == "car" and one.bottom < 143:
            assert moved[box].mean() > 0.3
    assert moved.any() and not moved[~boxed].any()


@pytest.mark.parametrize("street", (DAY, DUSK), ids=lambda street: street.name)
def test_nothing_moves_through_anything_else(street):
    for time in map(float, street.times[::8]):
        plans = [thing.outline(time)[:, ::2] for thing in grown(street.seed).moving]
        low, high = np.stack([plan.min(0) for plan in plans]), np.stack([plan.max(0) for plan in plans])
        meets = ((low[:, None] < high) & (low < high[:, None])).all(2)
        assert np.array_equal(meets, np.eye(len(plans), dtype=bool))


@pytest.mark.parametrize("street", (DAY, ANSWER), ids=lambda street: street.name)
def test_the_sound_lasts_as_long_as_the_film(street):
    command = [ffmpeg_program(), "-v", "error", "-i", str(film_of(street)), "-ac", "1", "-ar", str(SOUND_RATE)]
    sound = np.frombuffer(subprocess.run([*command, "-f", "s16le", "-"], check=True, capture_output=True).stdout, "<i2")
    assert abs(len(sound) / SOUND_RATE - 9.0) < 0.05
    assert np.abs(sound).max() > 1000


def test_the_dusk_has_no_sound():
    assert not probe(film_of(DUSK)).has_sound


def test_a_nearer_sheet_hides_a_farther_one_whatever_the_order():
    for sheets in ((wall(5.0, 0.2), wall(9.0, 0.9)), (wall(9.0, 0.9), wall(5.0, 0.2))):
        sight = sight_of_a_camera_at_the_origin()
        sight.draw(sheets)
        assert sight.depth[15, 20] == pytest.approx(5.0)
        np.testing.assert_allclose(sight.paint[15, 20], 0.2**2.2, rtol=1e-4)


def test_a_sheet_covers_the_pixels_that_perspective_gives_it():
    sight = sight_of_a_camera_at_the_origin()
    sight.draw([wall(5.0, 0.5)])  # 4 metres at 5 metres with a focal length of 20 pixels: 16 pixels, around (20, 15)
    rows, columns = np.nonzero(sight.depth < FAR)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (12, 27, 8, 23)


def test_what_is_behind_the_camera_is_not_drawn():
    sight = sight_of_a_camera_at_the_origin()
    sight.draw([wall(-5.0, 0.5)])
    assert (sight.depth == FAR).all()


def test_the_camera_sees_a_point_to_its_right_and_above_in_the_upper_right():
    eye = Eye.looking(np.zeros(3), 0.0, 0.0, 20.0, (41, 31))
    np.testing.assert_allclose(eye.project(np.array([[1.0, 2.0, 10.0]])), [[22.0, 11.0, 10.0]])
