"""Times of frames without their pictures are those that reading gives."""

from fractions import Fraction
from pathlib import Path

import pytest
from made_films import even_times, ffmpeg_makes, frames_at, save

from pipeline.errors import VideoError
from pipeline.video import frame_times, read_video


def test_times_of_an_even_film_are_exact(tmp_path: Path) -> None:
    film = save(tmp_path / "film.mp4", frames_at(even_times(5)))
    assert frame_times(film) == tuple(Fraction(1001 * index, 30000) for index in range(5))


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_times_are_those_of_reading_in_containers_that_tell_pictures_and_in_others(tmp_path: Path, suffix: str) -> None:
    film = save(tmp_path / "film.mp4", frames_at([Fraction(0), Fraction(1, 30), Fraction(1, 10), Fraction(1, 5)]))
    other = ffmpeg_makes(tmp_path / f"other{suffix}", "-i", film, "-c:v", "mpeg4", "-bf", "2")
    with read_video(other) as video:
        assert frame_times(other) == tuple(frame.time for frame in video)


def test_what_is_no_film_has_no_times(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    with pytest.raises(VideoError):
        frame_times(tmp_path / "film.mp4")
