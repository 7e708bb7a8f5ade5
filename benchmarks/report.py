"""How large and how fast the report of a ten-minute film is: bytes, time to write it, first paint, a click to pictures.

    python -m benchmarks.report [--film FILM.mp4] [--rounds 3] [--save]

The data is made: 18,000 frames at 30000/1001, a status, confidence, two flags and six scores, sixty curves of 20,000
steps, four contact sheets, a night's stages. The film is a test picture of ten minutes by the ffmpeg program, 640x360,
unless one is given; it stands for all three films. Each round starts a new Chromium, reads the page from the disk and
then asks for eight frames all over the film; the best round counts. --save keeps the table in results/.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from pipeline.delivery import ffmpeg_program
from stages.evaluation.frame_scores import FrameScores
from stages.report.content import Lane, Reel, ReportPage, Section, Sheet, StageCost
from stages.report.lanes import confidence_lane, flag_lane, score_lanes, tracking_lane
from stages.report.moments import jpeg, with_thumbnails, worst_moments
from stages.report.page import write_report
from stages.report.training import binned

RESULT = Path(__file__).parent / "results" / "report.md"
RATE = Fraction(30000, 1001)
FRAMES = 18_000
CURVES, STEPS, SHEETS, STAGES = 60, 20_000, 4, 40
SCORES = ("psnr_db", "person_psnr_db", "ssim", "pose_error_pct", "warp_error_ratio", "jitter_pct")
SWITCHES = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
SEEKS = (17_000, 400, 9_000, 9_001, 3_333, 15_151, 42, 12_000)


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of the page, seconds."""

    first_paint: float
    drawn: float  # until the time line stands
    seek: float  # mean, from asking for a frame until all three films show it


def test_film(path: Path) -> Path:
    """Ten minutes of ffmpeg's test picture."""
    picture = f"testsrc2=size=640x360:rate={RATE}"
    command = ["-f", "lavfi", "-i", picture, "-frames:v", str(FRAMES), "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    subprocess.run([ffmpeg_program(), "-v", "error", "-y", *command, str(path)], check=True)
    return path


def made_lanes(rng: np.random.Generator, times: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[Lane, ...]:
    """Made-up lanes of a film's report, as long as FRAMES."""
    status = np.repeat(rng.choice(4, FRAMES // 20, p=(0.94, 0.03, 0.02, 0.01)), 20).astype(np.uint8)
    confidence = np.clip(rng.normal(0.9, 0.03, FRAMES), 0, 1).astype(np.float32)
    values = rng.normal(30, 1, (FRAMES, len(SCORES)))
    better = tuple("high" if name.endswith(("db", "ssim")) else "low" for name in SCORES)
    scores = FrameScores(SCORES, times, values, better)  # type: ignore[arg-type]
    return (
        tracking_lane(status),
        confidence_lane(confidence),
        flag_lane("distance", rng.random(FRAMES) < 0.02, good="in range", bad="held back"),
        flag_lane("place", rng.random(FRAMES) < 0.001, good="in the picture", bad="leaves the picture"),
        *score_lanes(scores),
    )


def made_page(film: Path) -> ReportPage:
    """A made-up report of a film, with all that a real one has."""
    rng = np.random.default_rng(0)
    times, steps = np.arange(FRAMES) / float(RATE), np.arange(1.0, STEPS + 1)
    lanes = made_lanes(rng, times)
    curves = tuple(binned(f"phase{i}", steps, np.exp(-steps / 5000) + rng.random(STEPS) / 5) for i in range(CURVES))
    sheet = rng.integers(0, 255, (90, 160, 3), np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    return ReportPage(
        title=film.name,
        videos=tuple(Reel(label, film, 0.0, (640, 360)) for label in ("source", "conditioning", "result")),
        frame_rate=RATE,
        times=times,
        lanes=lanes,
        moments=with_thumbnails(worst_moments(lanes, times), film),
        curves=curves,
        sheets=tuple(Sheet(f"held_out_{i}", jpeg(sheet)) for i in range(SHEETS)),
        facts=tuple(Section(f"Settings {i}", tuple((f"key {j}", f"value {j}") for j in range(30))) for i in range(5)),
        stages=tuple(StageCost(name=f"stage {i}", seconds=10.0 * i, peak_mib=2000) for i in range(STAGES)),
    )


def opened(page: Path, chromium: str) -> Opening:
    """Open a report in a browser: when it shows something, when its lanes are drawn, how long a seek takes."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(SWITCHES))
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        tab.add_init_script(
            "new MutationObserver((_, watch) => { if (document.querySelector('.lane canvas')) {"
            " watch.disconnect(); requestAnimationFrame(() => { window.drawn = performance.now(); }); } })"
            ".observe(document, {childList: true, subtree: true});"
        )
        tab.goto(page.as_uri())
        tab.wait_for_function("() => window.drawn && performance.getEntriesByType('paint').length == 2")
        paint = tab.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
        drawn = tab.evaluate("() => window.drawn")
        tab.wait_for_function("() => [...document.querySelectorAll('video')].every((video) => video.readyState >= 2)")
        took = [tab.evaluate(SEEK, frame) for frame in SEEKS]
        browser.close()
    return Opening(paint / 1000, drawn / 1000, float(np.mean(took)) / 1000)


SEEK = """async (frame) => {
  const films = [...document.querySelectorAll("video")], begun = performance.now();
  const shown = films.map((film) => new Promise((done) => film.requestVideoFrameCallback(done)));
  const scrub = document.getElementById("scrub");
  scrub.value = frame;
  scrub.dispatchEvent(new Event("input"));
  await Promise.all(shown);
  return performance.now() - begun;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--film", type=Path, help="ten minutes or more at 30000/1001")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        parser.error("no Chromium on this machine")
    with tempfile.TemporaryDirectory() as folder:
        film = options.film or test_film(Path(folder) / "ten minutes.mp4")
        begun = time.perf_counter()
        made = made_page(film)
        gathered, begun = time.perf_counter() - begun, time.perf_counter()
        page = write_report(made, Path(folder) / "film.report.html")
        written, size = time.perf_counter() - begun, page.stat().st_size
        rounds = [opened(page, chromium) for _ in range(options.rounds)]
    rows = [
        ("the page", f"{size / 2**20:.2f} MiB"),
        ("finding weak moments, their pictures, binning curves", f"{gathered:.1f} s"),
        ("writing it", f"{written:.2f} s"),
        ("first contentful paint", f"{min(opening.first_paint for opening in rounds):.2f} s"),
        ("time line drawn", f"{min(opening.drawn for opening in rounds):.2f} s"),
        ("a frame asked for until three films show it, mean", f"{min(opening.seek for opening in rounds):.2f} s"),
    ]
    table = "\n".join(["| what | figure |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    print(table)
    if options.save:
        head = f"{date.today()}, x86_64 Linux, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}."
        RESULT.write_text(f"# The report of a ten-minute film\n\n{head} `python -m benchmarks.report`.\n\n{table}\n")


if __name__ == "__main__":
    main()
