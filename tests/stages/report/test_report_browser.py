"""The page in a browser: all films show the frame that a click asks for, together; hostile names do nothing."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_pages import FRAMES, made_film, made_page, number_in

from pipeline.delivery import carry_sound, ffmpeg_program
from pipeline.video import Encoding
from stages.report.compare import compare_reports
from stages.report.content import Lane, Moment, Reel, ReportPage, Section
from stages.report.page import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="Python's playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine", allow_module_level=True)

SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--autoplay-policy=no-user-gesture-required"),
)
HOSTILE = """<script>document.title='owned'</script>"><img src=x onerror="document.title='owned'">"""
BEEP = Path(__file__).parents[3] / "sample_videos" / "red_dance.mp4"  # for its sound


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as play:
        window = play.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield window
        window.close()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Source, conditioning and result, encoded differently, the result with sound; frame i shows the picture of i."""
    folder = tmp_path_factory.mktemp("films")
    source = made_film(folder / "source #1 ?.mp4", encoding=Encoding(preset="medium"))
    told = made_film(folder / "50% told.mp4")
    result = carry_sound_of(BEEP, made_film(folder / "silent.mp4", encoding=Encoding(crf=30)), folder / "film.mp4")
    return source, told, result


def carry_sound_of(source: Path, film: Path, output: Path) -> Path:
    carry_sound(film, source, output)
    return output


class Opened:
    """A page in the browser and everything it complained of."""

    def __init__(self, browser: object, page: Path, width: int = 1280) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.tab = browser.new_page(viewport={"width": width, "height": 900})  # type: ignore[attr-defined]
        self.tab.on("console", lambda said: self.complaints.append(said.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.goto(page.as_uri())
        self.wait("videos().every((video) => video.readyState >= 2)")

    def wait(self, condition: str) -> None:
        videos = "const videos = () => [...document.querySelectorAll('video')];"
        self.tab.wait_for_function(f"() => {{ {videos} return {condition}; }}", timeout=10_000)

    def settled(self) -> None:
        self.wait("videos().every((video) => !video.seeking)")
        self.tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def shown(self) -> list[int]:
        """The numbers in the pictures that the films show."""
        self.settled()
        shots = [video.screenshot() for video in self.tab.query_selector_all("video")]
        return [number_in(cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)) for shot in shots]

    def comes_to_show(self, numbers: list[int]) -> bool:
        """Whether the films show these within five seconds: a busy machine paints a frame behind its seek."""
        for _ in range(25):
            if self.shown() == numbers:
                return True
            self.tab.wait_for_timeout(200)
        return False

    def frame(self) -> int:
        return int(self.tab.input_value("#frame"))

    def click_at(self, selector: str, share: float) -> None:
        element = self.tab.locator(selector).first
        element.scroll_into_view_if_needed()
        box = element.bounding_box()
        assert box is not None
        self.tab.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


@pytest.fixture
def page(films: tuple[Path, ...], tmp_path: Path, browser: object) -> Iterator[Opened]:
    opened = Opened(browser, write_report(made_page(films), tmp_path / "film.report.html"))
    yield opened
    opened.tab.close()


def test_a_page_loads_from_the_disk_without_a_complaint_and_asks_for_nothing_else(page: Opened) -> None:
    assert page.comes_to_show([0, 0, 0])
    assert page.complaints == []
    assert all(url.startswith(("file:", "data:")) for url in page.asked)
    assert page.tab.title() == "film.mp4"


def test_a_click_on_the_time_line_brings_all_films_to_the_same_frame(page: Opened) -> None:
    page.click_at(".lane canvas", 0.5)
    assert page.comes_to_show([45, 45, 45])  # the middle of 90 frames
    assert page.frame() == 45
    page.click_at(".lane.number canvas", 0.1)
    assert page.comes_to_show([9, 9, 9])


def test_the_scrubber_keeps_films_in_step_to_the_last_frame(page: Opened) -> None:
    for frame in (17, 89, 1):
        page.tab.evaluate("(frame) => { scrub.value = frame; scrub.dispatchEvent(new Event('input')); }", frame)
        assert page.comes_to_show([frame] * 3)


def test_keys_step_by_a_frame_and_by_a_second_and_stop_at_the_ends(page: Opened) -> None:
    for key, frame in (("ArrowRight", 1), ("Shift+ArrowRight", 31), ("ArrowLeft", 30), ("End", 89), ("ArrowRight", 89)):
        page.tab.keyboard.press(key)
        assert page.frame() == frame
    assert page.comes_to_show([89, 89, 89])
    page.tab.keyboard.press("Home")
    page.tab.keyboard.press("ArrowLeft")
    assert page.comes_to_show([0, 0, 0])


def test_films_that_played_stand_on_one_frame_when_they_are_stopped(page: Opened) -> None:
    page.tab.keyboard.press(" ")
    page.wait("Number(document.getElementById('frame').value) > 5")
    page.tab.keyboard.press(" ")
    frame = page.frame()
    assert frame > 5
    assert page.comes_to_show([frame] * 3)
    assert page.frame() == frame


def test_a_loop_is_marked_on_the_ruler_and_kept_to(page: Opened) -> None:
    box = page.tab.locator("#ruler").bounding_box()
    assert box is not None
    page.tab.mouse.move(box["x"] + box["width"] * 20.5 / 90, box["y"] + 5)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + box["width"] * 25.5 / 90, box["y"] + 5, steps=3)
    page.tab.mouse.up()
    page.tab.evaluate(
        "() => { window.seen = []; document.getElementById('play').click();"
        " const look = () => { seen.push(Number(frame.value)); requestAnimationFrame(look); }; look(); }"
    )
    page.wait("seen.filter((frame, place) => frame < seen[place - 1]).length >= 2")
    seen = page.tab.evaluate("() => seen")
    assert min(seen) == 20
    assert max(seen) < 60  # a busy machine may look a moment late, and never runs to the end, which is 89


def test_the_value_under_the_pointer_is_the_frames_own_and_no_mean(page: Opened) -> None:
    box = page.tab.locator(".lane.number canvas").bounding_box()
    assert box is not None
    said = page.tab.locator(".lane.number output")
    page.tab.mouse.move(box["x"] + box["width"] * 1.5 / 90, box["y"] + 10)
    assert said.inner_text() == "30.841 dB"  # 30 + sin 1
    page.tab.mouse.move(box["x"] + box["width"] * 65.5 / 90, box["y"] + 10)
    assert said.inner_text() == "20 dB"
    assert page.tab.locator(".lane.status output").inner_text() == "tracked"


def test_weak_moments_lead_to_their_worst_frame(page: Opened) -> None:
    page.tab.get_by_text("missing for 10 frames").click()
    assert page.comes_to_show([35, 35, 35])
    page.tab.keyboard.press("n")
    assert page.frame() in range(60, 70)


def test_the_time_line_comes_nearer_and_a_click_means_the_frame_that_it_shows(page: Opened) -> None:
    page.click_at(".lane canvas", 0.5)
    page.tab.keyboard.press("+")
    page.tab.keyboard.press("+")
    page.click_at(".lane canvas", 0.999)
    assert page.frame() in (56, 57)  # a quarter of the film is in view, around frame 45 and a half


def test_hostile_names_do_nothing_but_be_shown(films: tuple[Path, ...], tmp_path: Path, browser: object) -> None:
    named = tmp_path / f"{HOSTILE.replace('/', '∕')[:80]}.mp4"
    shutil.copyfile(films[0], named)
    lane = Lane(name=HOSTILE, values=np.zeros(FRAMES, np.int64), kind="status", labels=(HOSTILE,))
    moment = Moment(start=0, stop=1, frame=0, lane=HOSTILE, text=HOSTILE)
    page = replace(
        made_page([named]),
        title=HOSTILE,
        videos=(Reel(HOSTILE, named),),
        lanes=(lane,),
        moments=(moment,),
        facts=(Section(HOSTILE, ((HOSTILE, HOSTILE),)),),
    )
    opened = Opened(browser, write_report(page, tmp_path / "film.report.html"))
    assert opened.tab.title() == HOSTILE
    assert opened.tab.locator("h1").inner_text() == HOSTILE
    assert opened.tab.locator(".lane b").inner_text() == HOSTILE
    assert opened.shown() == [0]
    assert opened.complaints == []
    opened.tab.close()


def test_a_film_that_is_gone_says_so_and_the_others_play_on(
    films: tuple[Path, ...], tmp_path: Path, browser: object
) -> None:
    page = made_page([tmp_path / "gone.mp4", films[1]])
    opened = Opened(browser, write_report(page, tmp_path / "film.report.html"))
    opened.tab.keyboard.press("End")
    assert opened.shown() == [FRAMES - 1]
    assert "Not to be played from here: gone.mp4." in opened.tab.locator(".lost").inner_text()
    opened.tab.close()


def test_a_film_whose_pictures_start_late_is_in_step_with_one_that_starts_at_once(
    films: tuple[Path, ...], tmp_path: Path, browser: object
) -> None:
    late = late_film(films[2], tmp_path / "late.mp4")
    page = made_page([films[0], late])
    page = replace(page, videos=(page.videos[0], replace(page.videos[1], offset=0.5)))
    opened = Opened(browser, write_report(page, tmp_path / "film.report.html"))
    for share, frame in ((0.5, 45), (0.95, 85)):
        opened.click_at(".lane canvas", share)
        assert opened.shown() == [frame, frame]
    opened.tab.close()


def late_film(film: Path, output: Path) -> Path:
    """The same with its pictures half a second later than its sound."""
    shifted = ["-itsoffset", "0.5", "-i", film, "-i", film, "-map", "0:v", "-map", "1:a", "-c", "copy", output]
    subprocess.run([ffmpeg_program(), "-v", "error", *map(str, shifted)], check=True)
    return output


def test_runs_are_compared_frame_by_frame(films: tuple[Path, ...], tmp_path: Path, browser: object) -> None:
    pages = [
        write_report(made_page([films[0], film], title=film.name), tmp_path / f"{number}.report.html")
        for number, film in enumerate(films[1:])
    ]
    opened = Opened(browser, compare_reports(pages, tmp_path / "both.html"))
    opened.click_at(".lane canvas", 0.5)
    assert opened.shown() == [45, 45, 45]  # the common source once, and both results
    assert opened.tab.locator(".lane.number output").inner_text().count("dB") == 2
    assert opened.complaints == []
    opened.tab.close()


def test_a_run_that_ends_earlier_holds_its_last_frame_and_goes_along_again(
    films: tuple[Path, ...], tmp_path: Path, browser: object
) -> None:
    short = made_film(tmp_path / "short.mp4", frames=30)
    pages = [
        write_report(replace(made_page([films[1]]), moments=()), tmp_path / "long.report.html"),
        write_report(replace(made_page([short], "short.mp4", 30), moments=()), tmp_path / "short.report.html"),
    ]
    opened = Opened(browser, compare_reports(pages, tmp_path / "both.html"))
    opened.tab.select_option("#speed", "0.25")
    opened.click_at(".lane canvas", 0.4)
    assert opened.shown() == [36, 29]
    opened.tab.keyboard.press(" ")
    opened.wait("videos()[1].ended")
    opened.click_at(".lane canvas", 0.05)
    opened.wait("videos()[1].currentTime > 0.3 && !videos()[1].paused")
    opened.tab.keyboard.press(" ")
    assert opened.shown() == [opened.frame(), min(opened.frame(), 29)]
    opened.tab.close()


def test_the_page_fits_a_phone(films: tuple[Path, ...], tmp_path: Path, browser: object) -> None:
    page: ReportPage = made_page(films)
    opened = Opened(browser, write_report(page, tmp_path / "film.report.html"), width=390)
    assert opened.tab.evaluate("document.documentElement.scrollWidth") <= 390
    opened.click_at(".lane canvas", 0.5)
    assert opened.frame() == 45
    opened.tab.close()
