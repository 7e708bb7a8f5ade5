"""Weak moments: what is badly tracked, by how long and how badly; what falls far enough off its usual range."""

from pathlib import Path

import cv2
import numpy as np
from made_pages import made_film, numbered

from stages.report.content import Lane
from stages.report.moments import THUMBNAIL, jpeg, with_thumbnails, worst_moments

TIMES = np.arange(100) / 10  # ten frames a second
STATES = ("tracked", "interpolated", "held", "missing")


def status(**stretches: tuple[int, int]) -> Lane:
    values = np.zeros(100, np.int64)
    for state, (start, stop) in stretches.items():
        values[start:stop] = STATES.index(state)
    return Lane(name="tracking", values=values, kind="status", labels=STATES)


def steady(fall: slice | None = None, by: float = 0.0, **lane: object) -> Lane:
    """30 and 31 in turns, and lower in some frames."""
    values = 30.0 + np.arange(100) % 2
    if fall is not None:
        values[fall] -= by
    return Lane(name="PSNR", values=values, **{"better": "high", "unit": "dB", **lane})  # type: ignore[arg-type]


def test_frames_in_which_nobody_is_seen_come_before_frames_that_were_bridged() -> None:
    found = worst_moments((status(interpolated=(10, 14), missing=(60, 64)),), TIMES)
    assert [(moment.start, moment.stop, moment.text) for moment in found] == [
        (60, 64, "missing for 4 frames"),
        (10, 14, "interpolated for 4 frames"),
    ]


def test_two_bad_stretches_with_two_good_frames_between_are_one_moment() -> None:
    (moment,) = worst_moments((status(missing=(20, 24), held=(26, 30)),), TIMES)
    assert (moment.start, moment.stop, moment.text) == (20, 30, "missing for 4 frames")
    assert 20 <= moment.frame < 24


def test_a_number_far_below_its_usual_range_is_a_moment_where_it_is_lowest() -> None:
    values = steady(slice(50, 54), by=10)
    values.values[52] -= 3
    (moment,) = worst_moments((values,), TIMES)
    assert (moment.start, moment.stop, moment.frame) == (50, 54, 52)
    assert moment.text == "17 dB, usually 30"


def test_a_rise_is_no_weak_moment_where_high_is_good_and_one_where_low_is() -> None:
    risen = slice(50, 54)
    assert worst_moments((steady(risen, by=-10),), TIMES) == ()
    (moment,) = worst_moments((steady(risen, by=-10, better="low"),), TIMES)
    assert (moment.start, moment.stop) == (50, 54)


def test_numbers_of_which_neither_end_is_bad_and_numbers_that_never_change_have_no_moments() -> None:
    assert worst_moments((steady(slice(50, 54), by=10, better=None),), TIMES) == ()
    assert worst_moments((Lane(name="x", values=np.full(100, 7.0), better="high"),), TIMES) == ()
    assert worst_moments((Lane(name="x", values=np.full(100, np.nan), better="high"),), TIMES) == ()


def test_a_fall_that_is_small_on_the_lanes_scale_is_no_moment() -> None:
    values = np.full(100, 0.99)
    values[50:54] = 0.97
    values[::2] += 0.001
    assert worst_moments((Lane(name="confidence", values=values, better="high"),), TIMES) != ()
    assert worst_moments((Lane(name="confidence", values=values, better="high", scale=(0, 1)),), TIMES) == ()


def test_there_are_no_more_moments_than_asked_for_and_one_lane_does_not_take_them_all() -> None:
    blinking = Lane(name="tracking", values=(np.arange(100) % 10 == 0).astype(np.int64), kind="status", labels=STATES)
    lanes = (blinking, steady(slice(50, 54), by=10))
    assert [moment.lane for moment in worst_moments(lanes, TIMES)].count("tracking") == 4
    assert len(worst_moments(lanes, TIMES, most=2)) == 2


def test_a_moment_shows_its_worst_frame(tmp_path: Path) -> None:
    film = made_film(tmp_path / "film.mp4", frames=60)
    (moment,) = with_thumbnails(worst_moments((status(missing=(40, 43)),), TIMES), film)
    assert moment.thumbnail is not None
    picture = cv2.imdecode(np.frombuffer(moment.thumbnail, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(picture.astype(int) - numbered(41)).mean() < 6  # the middle of the three, but for two encodings


def test_a_thumbnail_is_made_smaller_and_never_larger() -> None:
    high = cv2.imdecode(np.frombuffer(jpeg(np.zeros((1080, 1920, 3), np.uint8), height=THUMBNAIL), np.uint8), 1)
    assert high.shape == (144, 256, 3)
    low = cv2.imdecode(np.frombuffer(jpeg(np.zeros((40, 30, 3), np.uint8), height=THUMBNAIL), np.uint8), 1)
    assert low.shape == (40, 30, 3)
