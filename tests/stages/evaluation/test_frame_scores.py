"""Scores of every frame: worst moments by hand, columns side by side, a table that reads back bit for bit."""

import math
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import TrackError, UnknownChoice
from stages.evaluation.frame_scores import FrameScores, Moment, joined, worst_windows
from stages.evaluation.measures import Column, frame_scores, table
from stages.evaluation.score_file import read_scores, write_scores

NAN = math.nan


def scores(*columns: tuple[str, list[float]], rate: float = 4.0) -> FrameScores:
    times = np.arange(len(columns[0][1])) / rate
    return frame_scores(times, [Column(name, np.array(values)) for name, values in columns])


def test_the_worst_moment_lies_where_the_measure_is_bad_and_says_its_mean():
    dip = scores(("psnr_db", [30, 31, 30, 31, 20, 22, 30, 31]))
    assert dip.worst(1, 0.5) == [Moment(start=1.0, stop=1.5, name="psnr_db", value=21.0)]


def test_low_is_bad_for_likeness_and_high_is_bad_for_errors():
    both = scores(("ssim", [0.9, 0.8, 0.9, 0.8, 0.1, 0.9]), ("jitter_pct", [0.1, 0.2, 0.1, 0.2, 0.0, 0.1]))
    assert [moment.name for moment in both.worst(1, 0.25)] == ["ssim"]
    assert both.worst(1, 0.25)[0].start == 1.0


def test_measures_are_comparable_by_their_own_spread():
    # 8 dB is two deviations of a measure that swings by 4; 0.2 is twenty of one that swings by 0.01.
    mixed = scores(("psnr_db", [26, 34, 26, 34, 22, 30] * 2), ("ssim", [0.90, 0.92, 0.90, 0.92, 0.91, 0.70] * 2))
    assert mixed.worst(1, 0.25)[0].name == "ssim"


def test_moments_do_not_overlap_and_run_out_where_nothing_stands_out():
    film = scores(("missed", [0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0]))
    assert [(m.start, m.stop) for m in film.worst(5, 0.5)] == [(0.5, 1.0), (2.0, 2.5)]
    assert scores(("missed", [0, 0, 0, 0])).worst(5, 0.5) == []
    assert frame_scores(np.arange(3.0), []).worst(5, 0.5) == []


def test_frames_without_a_number_are_neither_good_nor_bad():
    film = scores(("pose_error_pct", [1, NAN, 1.2, NAN, 5, NAN, 1, 1.1]))
    assert film.worst(1, 0.5) == [Moment(0.75, 1.25, "pose_error_pct", 5.0)]


def test_a_film_shorter_than_a_moment_is_one_moment():
    assert scores(("jitter_pct", [0, 1, 3])).worst(3, 10.0) == [Moment(0.0, 0.75, "jitter_pct", 4 / 3)]


def test_windows_at_the_end_are_whole_ones():
    found = worst_windows(np.arange(10) / 2, np.array([[0.0] * 9 + [1.0]]), 2, 2.0)
    assert [(window.first, window.stop) for window in found] == [(6, 10)]


def test_what_cannot_be_asked_for_is_refused():
    with pytest.raises(ValueError, match="2 moments of 0 s were asked for"):
        scores(("ssim", [1.0])).worst(2, 0)
    with pytest.raises(KeyError, match="'lpips' was not measured, only ssim"):
        scores(("ssim", [1.0])).of("lpips")
    with pytest.raises(ValueError, match=r"values \(3, 1\) and 1 directions, expected \(2, 1\)"):
        FrameScores(("ssim",), np.arange(2.0), np.ones((3, 1)), ("high",))


def test_columns_that_no_frame_has_are_left_out():
    film = scores(("ssim", [0.5, 0.6]), ("lpips", [NAN, NAN]), ("jitter_pct", [NAN, 1.0]))
    assert (film.names, film.better) == (("ssim", "jitter_pct"), ("high", "low"))


def test_measures_of_the_same_frames_are_put_side_by_side():
    one, other = scores(("ssim", [0.5, 0.6])), scores(("missed", [0.0, 1.0]))
    assert joined((one, other)).names == ("ssim", "missed")
    assert joined((one, other)).of("missed").tolist() == [0, 1]
    with pytest.raises(ValueError, match="different frames"):
        joined((one, scores(("missed", [0.0]))))


def test_a_table_reads_back_bit_for_bit(tmp_path: Path):
    film = scores(("psnr_db", [1 / 3, NAN, 100]), ("identity_drift_de", [math.pi, 1e-17, NAN]), rate=29.97)
    write_scores(film, tmp_path / "scores.csv", first=7)
    back = read_scores(tmp_path / "scores.csv")
    assert (back.names, back.better) == (film.names, film.better)
    np.testing.assert_array_equal(back.times, film.times)
    np.testing.assert_array_equal(back.values, film.values)
    first, line = (tmp_path / "scores.csv").read_text().splitlines()[:2]
    assert first == "frame,seconds,psnr_db,identity_drift_de" and line.startswith("7,0.0,0.3333333333333333,3.14159")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "its first line is ''"),
        ("frame,ssim\n0,1\n", "its first line is 'frame,ssim'"),
        ("frame,seconds,ssim,ssim\n0,0,1,1\n", "its first line is 'frame,seconds,ssim,ssim'"),
        ("frame,seconds,ssim\n0,0\n", "line 2: it holds 2 cells; expected 3 numbers"),
        ("frame,seconds,ssim\n0,0,1\n1,0.5,high\n", "line 3: it holds could not convert string to float: 'high'"),
        ("frame,seconds,ssim\n0,0,inf\n", "line 2: it holds a number without an end"),
        ("frame,seconds,ssim\n0,0.5,1\n1,0.5,1\n", "its times do not rise"),
    ],
)
def test_a_table_that_is_none_is_refused_by_line(tmp_path: Path, text: str, complaint: str):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(TrackError) as error:
        read_scores(tmp_path / "scores.csv")
    assert complaint in str(error.value)


def test_a_measure_that_nobody_knows_is_refused(tmp_path: Path):
    (tmp_path / "scores.csv").write_text("frame,seconds,beauty\n0,0,1\n")
    with pytest.raises(UnknownChoice, match="there is no 'beauty'; expected one of face_lpips"):
        read_scores(tmp_path / "scores.csv")


def test_learned_numbers_that_are_not_there_take_no_line_but_say_why():
    numbers = {"ssim": "0.5000", "face_lpips": "none", "fid": "none", "jitter_pct": "none"}
    assert table(numbers, ("fid: not measured: why",)) == (
        "ssim           0.5000",
        "jitter_pct       none",
        "fid: not measured: why",
    )
