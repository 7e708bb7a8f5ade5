"""Curves and sheets of a training, small enough for a page and true to their extremes."""

from pathlib import Path

import cv2
import numpy as np

from pipeline.image import write_png
from stages.report.training import BINS, binned, curves_of, read_curve, sheets_of


def test_a_short_curve_is_kept_step_by_step(tmp_path: Path) -> None:
    (tmp_path / "generator.csv").write_text("1,2.5\n2,1.5\n3,0.5\n")
    (curve,) = curves_of(tmp_path)
    assert curve.name == "generator"
    assert curve.steps.tolist() == [1, 2, 3]
    assert curve.mean.tolist() == curve.low.tolist() == curve.high.tolist() == [2.5, 1.5, 0.5]


def test_a_long_curve_keeps_the_mean_and_the_extremes_of_each_bin() -> None:
    values = np.tile([1.0, 3.0], BINS)
    values[101] = 50
    curve = binned("loss", np.arange(2 * BINS, dtype=np.float64), values)
    assert len(curve.steps) == BINS
    assert (curve.steps[0], curve.mean[0], curve.low[0], curve.high[0]) == (1, 2, 1, 3)
    assert (curve.mean[50], curve.low[50], curve.high[50]) == (25.5, 1, 50)


def test_a_line_that_a_crash_cut_short_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "loss.csv").write_text("1,2.5\n2,\nx,1\n3,0.5\n4")
    assert read_curve(tmp_path / "loss.csv").steps.tolist() == [1, 3]


def test_a_file_without_a_number_is_no_curve(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "prose.csv").write_bytes(b"\xff\xfe no numbers")
    assert curves_of(tmp_path) == ()
    assert curves_of(tmp_path / "not there") == ()


def test_a_contact_sheet_is_made_as_wide_as_a_page_at_most(tmp_path: Path) -> None:
    write_png(tmp_path / "held_out.png", np.zeros((100, 3200, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (sheet,) = sheets_of(tmp_path)
    assert sheet.name == "held_out"
    assert cv2.imdecode(np.frombuffer(sheet.jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (50, 1600, 3)
