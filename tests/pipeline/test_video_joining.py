"""Joining: segments rendered apart make one film in which every frame has its exact time."""

import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_films import QUICK, even_times, frames_at, info_of, number_in, save

from pipeline.errors import OutputExists, VideoError
from pipeline.values import Frame
from pipeline.video import LOSSLESS, Encoding, join_segments, probe, read_video

WITH_B_FRAMES = Encoding(preset="veryfast", b_frames=3)
HEVC = Encoding(codec="libx265", preset="ultrafast", b_frames=2)


def uneven_times(count: int) -> list[Fraction]:
    """Frames between 0.2 ms and 33 ms apart, on a clock of 90 kHz, long ones before short ones and after."""
    chance = random.Random(3)
    ticks = [0]
    for _ in range(count - 1):
        ticks.append(ticks[-1] + chance.choice((20, 40, 400, 3000, 3003)))
    return [Fraction(tick, 90000) for tick in ticks]


def segments_of(folder: Path, frames: list[Frame], lengths: list[int], encoding: Encoding) -> list[Path]:
    paths, begin = [], 0
    info = info_of(frames, time_base=Fraction(1, 90000))
    for number, length in enumerate(lengths):
        paths.append(save(folder / f"{number}.mp4", frames[begin : begin + length], info, encoding))
        begin += length
    return paths


@pytest.mark.parametrize("encoding", [WITH_B_FRAMES, HEVC, LOSSLESS], ids=["H.264", "HEVC", "lossless"])
@pytest.mark.parametrize("times", [even_times(60), uneven_times(60)], ids=["30000/1001", "uneven"])
def test_every_frame_of_the_joined_film_is_at_its_exact_time(
    tmp_path: Path, times: list[Fraction], encoding: Encoding
) -> None:
    segments = segments_of(tmp_path, frames_at(times), [20, 1, 19, 20], encoding)
    join_segments(segments, tmp_path / "film.mp4")
    with read_video(tmp_path / "film.mp4") as video:
        assert [(frame.time, number_in(frame.image)) for frame in video] == list(zip(times, range(60), strict=True))


def test_joining_changes_no_picture(tmp_path: Path) -> None:
    segments = segments_of(tmp_path, frames_at(even_times(30)), [10, 10, 10], WITH_B_FRAMES)
    join_segments(segments, tmp_path / "film.mp4")
    apart = [frame.image for path in segments for frame in frames_in(path)]
    assert all(
        np.array_equal(one.image, other) for one, other in zip(frames_in(tmp_path / "film.mp4"), apart, strict=True)
    )


def frames_in(path: Path, start_index: int = 0) -> list[Frame]:
    with read_video(path, start_index=start_index) as video:
        return list(video)


def test_a_joined_film_can_be_read_from_its_middle(tmp_path: Path) -> None:
    segments = segments_of(tmp_path, frames_at(even_times(30)), [10, 10, 10], WITH_B_FRAMES)
    join_segments(segments, tmp_path / "film.mp4")
    for start in (9, 10, 11, 25):
        assert [number_in(frame.image) for frame in frames_in(tmp_path / "film.mp4", start)] == list(range(start, 30))


def test_one_segment_is_a_film(tmp_path: Path) -> None:
    join_segments(segments_of(tmp_path, frames_at(even_times(5)), [5], QUICK), tmp_path / "film.mp4")
    assert probe(tmp_path / "film.mp4").duration == Fraction(5 * 1001, 30000).limit_denominator(90000)


def test_colours_and_rate_are_those_of_the_segments(tmp_path: Path) -> None:
    segments = segments_of(tmp_path, frames_at(even_times(20)), [10, 10], QUICK)
    join_segments(segments, tmp_path / "film.mp4")
    film, segment = probe(tmp_path / "film.mp4"), probe(segments[0])
    assert (film.colour, film.time_base, film.codec) == (segment.colour, segment.time_base, segment.codec)
    assert film.frame_rate == Fraction(30000, 1001)


def test_a_later_start_is_kept(tmp_path: Path) -> None:
    frames = frames_at([2 + time for time in even_times(20)])
    join_segments(segments_of(tmp_path, frames, [10, 10], QUICK), tmp_path / "film.mp4")
    assert probe(tmp_path / "film.mp4").start == 2


def test_segments_out_of_order_are_an_error_and_leave_nothing(tmp_path: Path) -> None:
    first, second = segments_of(tmp_path, frames_at(even_times(20)), [10, 10], QUICK)
    with pytest.raises(VideoError, match=r"0\.mp4: begins at 0 s, before .*1\.mp4 ends; expected segments in order"):
        join_segments([second, first], tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()


def test_segments_whose_times_begin_again_are_an_error(tmp_path: Path) -> None:
    one = save(tmp_path / "one.mp4", frames_at(even_times(10)))
    other = save(tmp_path / "other.mp4", frames_at(even_times(10)))
    with pytest.raises(VideoError, match=r"Check the order, and that frames were written with their own time"):
        join_segments([one, other], tmp_path / "film.mp4")


def test_segments_encoded_differently_are_an_error(tmp_path: Path) -> None:
    frames = frames_at(even_times(20))
    one = save(tmp_path / "one.mp4", frames[:10], encoding=QUICK)
    other = save(tmp_path / "other.mp4", frames[10:], encoding=Encoding(preset="slow"))
    with pytest.raises(VideoError, match=r"other\.mp4: is encoded differently from .*one\.mp4"):
        join_segments([one, other], tmp_path / "film.mp4")


def test_no_segments_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"film\.mp4: there are no segments to join"):
        join_segments([], tmp_path / "film.mp4")


def test_a_taken_path_is_refused_unless_told(tmp_path: Path) -> None:
    segments = segments_of(tmp_path, frames_at(even_times(10)), [5, 5], QUICK)
    join_segments(segments, tmp_path / "film.mp4")
    with pytest.raises(OutputExists):
        join_segments(segments, tmp_path / "film.mp4")
    join_segments(segments[:1], tmp_path / "film.mp4", overwrite=True)
    assert probe(tmp_path / "film.mp4").frames == 5
