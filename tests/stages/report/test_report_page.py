"""A report page is one file that needs only its films, tells the browser so, and takes no word of a file for a tag."""

import base64
import hashlib
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_pages import FRAMES, made_page

from pipeline.errors import OutputExists, ReportError
from stages.report.content import Lane, Moment, Reel, Section, Sheet
from stages.report.page import write_report
from stages.report.place import address_of, path_of
from stages.report.record import LaneRecord, read_report

HOSTILE = """<script>document.title='owned'</script>"><img src=x onerror="document.title='owned'">'</title>&amp;"""


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Where a film would be; pages do not look into it."""
    return tmp_path / "film.mp4"


def test_films_are_named_by_their_relative_paths_and_not_embedded(tmp_path: Path) -> None:
    page = write_report(
        made_page([tmp_path / "clips" / "source.mp4", tmp_path / "out" / "film.mp4"]), tmp_path / "out" / "r.html"
    )
    assert [video["src"] for video in Tags(page).of("video")] == ["../clips/source.mp4", "film.mp4"]


def test_nothing_is_fetched_from_the_network_and_the_browser_is_told_so(film: Path, tmp_path: Path) -> None:
    page = write_report(made_page([film]), tmp_path / "r.html")
    tags = Tags(page)
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?\s*(https?:)?//", page.read_text("utf-8"))
    assert not tags.of("link") and not tags.of("iframe")
    (policy,) = (meta["content"] for meta in tags.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none';") and "unsafe" not in policy


def test_only_our_own_script_and_style_may_run_known_by_their_hashes(film: Path, tmp_path: Path) -> None:
    text = write_report(made_page([film]), tmp_path / "r.html").read_text("utf-8")
    for kind, inside in (("script", r"<script>(.*?)</script>"), ("style", r"<style>(.*?)</style>")):
        (code,) = re.findall(inside, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in text
    assert not re.search(r"<[^>]+\s(style|on\w+)=", text)  # attributes that a policy by hashes would block


def test_what_files_are_called_becomes_no_tag(film: Path, tmp_path: Path) -> None:
    moment = Moment(start=0, stop=1, frame=0, lane=HOSTILE, text=HOSTILE)
    lane = Lane(name=HOSTILE, values=np.zeros(FRAMES, np.int64), kind="status", labels=(HOSTILE,))
    harmless = made_page([film])
    page = replace(
        harmless,
        title=HOSTILE,
        videos=(Reel(HOSTILE, tmp_path / HOSTILE.replace("/", "∕")),),
        lanes=(lane, *harmless.lanes[1:]),
        moments=(moment, *harmless.moments[1:]),
        facts=(Section(HOSTILE, ((HOSTILE, HOSTILE), ("network", HOSTILE))),),
        sheets=(Sheet(HOSTILE, b"jpeg"),),
    )
    hostile, plain = Tags(write_report(page, tmp_path / "h.html")), Tags(write_report(harmless, tmp_path / "p.html"))
    more_than_plain = ["h3", "figure", "img", "section", "h2", "div"]  # the contact sheet
    assert sorted(tag for tag, _ in hostile.found) == sorted([tag for tag, _ in plain.found] + more_than_plain)
    assert not any(name.startswith("on") for _, attributes in hostile.found for name in attributes)
    assert hostile.of("video")[0]["src"] is not None and "<" not in hostile.of("video")[0]["src"]


def test_the_data_of_a_page_ends_no_script(film: Path, tmp_path: Path) -> None:
    page = write_report(replace(made_page([film]), title="</script><!--<script>\u2028"), tmp_path / "r.html")
    assert read_report(page).title == "</script><!--<script>\u2028"
    assert page.read_text("utf-8").count("</script>") == 2


def test_a_name_of_bytes_that_are_no_characters_is_shown_as_far_as_it_has_any(tmp_path: Path) -> None:
    page = write_report(made_page([tmp_path / "film\udcff.mp4"], title="film\udcff.mp4"), tmp_path / "r.html")
    assert read_report(page).title == "film?.mp4"
    assert Tags(page).of("video")[0]["src"] == "film%FF.mp4"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("a b.mp4", "a%20b.mp4"),
        ("50%.mp4", "50%25.mp4"),
        ("take#2?.mp4", "take%232%3F.mp4"),
        ("javascript:alert(1).mp4", "javascript%3Aalert(1).mp4"),
        ("déjà.mp4", "d%C3%A9j%C3%A0.mp4"),
    ],
)
def test_an_address_means_its_file_whatever_it_is_called(tmp_path: Path, name: str, address: str) -> None:
    assert address_of(tmp_path / name, tmp_path) == address
    assert path_of(address, tmp_path) == tmp_path / name


def test_what_is_written_can_be_read_again(film: Path, tmp_path: Path) -> None:
    (run,) = read_report(write_report(made_page([film]), tmp_path / "r.html")).runs
    tracking, psnr = run.lanes
    assert (run.name, run.rate, run.frames, run.times) == ("film.mp4", (30000, 1001), FRAMES, ())
    assert tracking.runs == ((0, 30), (3, 10), (0, 50))
    assert psnr.values[61] == 20 and psnr.values[1] == 30.841  # sin 1 is 0.84147: five digits are kept


def test_times_that_are_not_regular_are_kept_one_by_one(film: Path, tmp_path: Path) -> None:
    page = replace(made_page([film], frames=3), lanes=(), moments=(), times=np.array([0.0, 0.04, 0.5]))
    assert read_report(write_report(page, tmp_path / "r.html")).runs[0].times == (0.0, 0.04, 0.5)


def test_a_number_that_is_none_is_empty(film: Path, tmp_path: Path) -> None:
    lane = Lane(name="PSNR", values=np.array([np.nan, np.inf, 1 / 3]), better="high")
    page = replace(made_page([film], frames=3), lanes=(lane,), moments=())
    (read,) = read_report(write_report(page, tmp_path / "r.html")).runs[0].lanes
    assert isinstance(read, LaneRecord) and read.values == (None, None, 0.33333)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('<script type="application/json" id="report">', "<script>", "holds no report"),
        ('"version":1', '"version":2', "is of version 2"),
        ('"frames":90', '"frames":91', "lane 'tracking' does not fit its 91 frames"),
        ('"rate":[30000,1001]', '"rate":[30000,0]', "run 'film.mp4' has no times"),
        ('"rate":[30000,1001]', '"rate":"fast"', "runs.0.rate: Input should be a valid array"),
        ('"offset":0.0', '"offset":NaN', "runs.0.videos.0.offset: Input should be a finite number"),
        ('"stop":40', '"stop":400', "run 'film.mp4' has a moment outside its 90 frames"),
        ('"src":"film.mp4"', '"src":"%00"', "run 'film.mp4' has no films"),
    ],
)
def test_a_page_that_somebody_changed_is_refused_with_the_place(
    film: Path, tmp_path: Path, old: str, new: str, found: str
) -> None:
    page = write_report(made_page([film]), tmp_path / "r.html")
    text = page.read_text("utf-8")
    assert old in text
    page.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ReportError) as raised:
        read_report(page)
    assert str(raised.value) == (
        f"{page}: {found}; expected a report page of version 1. Give a film that has its report beside it, or the "
        "report."
    )


def test_a_page_is_replaced_only_where_that_is_allowed(film: Path, tmp_path: Path) -> None:
    page = write_report(made_page([film]), tmp_path / "r.html")
    with pytest.raises(OutputExists):
        write_report(made_page([film]), page, overwrite=False)
    assert write_report(made_page([film], title="second"), page) == page
    assert read_report(page).title == "second"


def test_a_lane_without_a_value_for_every_frame_is_refused(film: Path) -> None:
    lane = Lane(name="PSNR", values=np.zeros(7))
    with pytest.raises(ValueError, match=r"Lane 'PSNR' has shape \(7,\), expected one value for each of the 90 frames"):
        replace(made_page([film]), lanes=(lane,))


def test_a_status_without_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="expected whole numbers from 0 to 1, one for each of its labels"):
        Lane(name="tracking", values=np.array([0, 2]), kind="status", labels=("good", "bad"))


def test_facts_and_costs_are_told_in_words(film: Path, tmp_path: Path) -> None:
    text = write_report(made_page([film]), tmp_path / "r.html").read_text("utf-8")
    assert "<dt>preset</dt><dd>draft</dd>" in text
    assert '<td>train</td><td class="amount">4 min 05 s</td>' in text and "2,100 MiB" in text
    assert "0:03.003, 29.97 frames/s, 90 frames" in text  # 90 · 1001/30000 s


def test_a_film_of_even_rate_has_its_length_to_the_millisecond(film: Path, tmp_path: Path) -> None:
    page = replace(
        made_page([film], frames=50), frame_rate=Fraction(25), times=np.arange(50) / 25, lanes=(), moments=()
    )
    assert "0:02.000, 25 frames/s, 50 frames" in write_report(page, tmp_path / "r.html").read_text("utf-8")
