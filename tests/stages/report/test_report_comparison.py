"""Runs side by side: their films from wherever they lie, the figures that are better, the facts that differ."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_pages import FRAMES, made_page, with_facts

from pipeline.errors import OutputExists, ReportError
from stages.report.compare import compare_reports, report_beside, reports_of
from stages.report.content import Lane
from stages.report.page import write_report
from stages.report.record import read_report


@pytest.fixture
def pages(tmp_path: Path) -> tuple[Path, Path]:
    """Two films of one source in two folders; the second was trained longer, and has better PSNR."""
    source = tmp_path / "source.mp4"
    found = []
    for folder, preset, psnr in (("one", "draft", 30.0), ("two", "standard", 32.0)):
        film = tmp_path / folder / "film.mp4"
        page = with_facts(made_page([source, film]), ("preset", preset), ("network", "vid2vid"))
        lanes = (Lane(name="PSNR", values=np.full(FRAMES, psnr), better="high", unit="dB"),)
        found.append(write_report(replace(page, lanes=lanes, moments=()), report_beside(film)))
    return found[0], found[1]


def test_films_are_found_from_the_new_page_and_a_common_source_is_shown_once(
    pages: tuple[Path, Path], tmp_path: Path
) -> None:
    made = read_report(compare_reports(pages, tmp_path / "three" / "both.html"))
    assert [[video.src for video in run.videos] for run in made.runs] == [
        ["../source.mp4", "../one/film.mp4"],
        ["../two/film.mp4"],
    ]


def test_films_of_one_name_are_told_apart_by_their_folders(pages: tuple[Path, Path], tmp_path: Path) -> None:
    made = read_report(compare_reports(pages, tmp_path / "both.html"))
    assert [run.name for run in made.runs] == ["one/film.mp4", "two/film.mp4"]
    assert made.title == "one/film.mp4 / two/film.mp4"


def test_facts_that_differ_are_marked_and_others_are_not(pages: tuple[Path, Path], tmp_path: Path) -> None:
    text = compare_reports(pages, tmp_path / "both.html").read_text("utf-8")
    assert '<tr class="differs"><th>preset</th><td>draft</td><td>standard</td></tr>' in text
    assert "<tr><th>network</th><td>vid2vid</td><td>vid2vid</td></tr>" in text


def test_the_better_figure_stands_out(pages: tuple[Path, Path], tmp_path: Path) -> None:
    text = compare_reports(pages, tmp_path / "both.html").read_text("utf-8")
    assert re.search(r'PSNR: mean</th><td class="amount">30 dB</td><td class="amount"><b>32 dB</b></td>', text)


def test_a_run_stands_for_its_report(pages: tuple[Path, Path], tmp_path: Path) -> None:
    page, film = pages[0], tmp_path / "one" / "film.mp4"
    assert report_beside(film) == page
    assert reports_of(film) == reports_of(page) == reports_of(page.parent) == (page,)


def test_a_film_without_a_report_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ReportError) as raised:
        reports_of(tmp_path / "film.mp4")
    assert str(raised.value) == (
        f"{tmp_path}/film.mp4: no report is there; expected a film with its .report.html beside it, such a page, or a "
        "folder of them. Render the film again: every render writes its report."
    )


def test_one_run_is_not_compared_nor_are_seven(pages: tuple[Path, Path], tmp_path: Path) -> None:
    for chosen, count in ((pages[:1], 1), (pages[:1] * 7, 7)):
        with pytest.raises(ReportError, match=f"{count} runs were given; expected 2 to 6 runs to compare"):
            compare_reports(chosen, tmp_path / "both.html")


def test_a_comparison_can_be_compared_further(pages: tuple[Path, Path], tmp_path: Path) -> None:
    both = compare_reports(pages, tmp_path / "both.html")
    third = write_report(made_page([tmp_path / "third.mp4"], title="third.mp4"), tmp_path / "third.report.html")
    made = read_report(compare_reports([both, third], tmp_path / "all.html"))
    assert [run.name for run in made.runs] == ["one/film.mp4", "two/film.mp4", "third.mp4"]


def test_runs_of_the_very_same_report_are_numbered(pages: tuple[Path, Path], tmp_path: Path) -> None:
    made = read_report(compare_reports([pages[0], pages[0]], tmp_path / "both.html"))
    assert len({run.name for run in made.runs}) == 2


def test_a_comparison_is_replaced_only_where_that_is_allowed(pages: tuple[Path, Path], tmp_path: Path) -> None:
    compare_reports(pages, tmp_path / "both.html")
    with pytest.raises(OutputExists):
        compare_reports(pages, tmp_path / "both.html")
