"""Small films whose pictures carry their number, and pages about them."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from pipeline.values import Frame, VideoInfo
from pipeline.video import Encoding, write_video
from stages.report.content import Curve, Lane, Reel, ReportPage, Section, StageCost
from stages.report.moments import worst_moments

BITS = 8
RATE = Fraction(30000, 1001)
FRAMES = 90  # three seconds
WIDTH, HEIGHT = 128, 96


def numbered(number: int) -> NDArray[uint8]:
    """A picture of eight upright bars, black or white: the number in binary, lowest bit at the left."""
    bits = np.array([number >> place & 1 for place in range(BITS)], np.uint8)
    columns = bits[np.arange(WIDTH) * BITS // WIDTH] * 255
    return np.ascontiguousarray(np.broadcast_to(columns[None, :, None], (HEIGHT, WIDTH, 3)))


def number_in(image: NDArray[uint8]) -> int:
    """The number that a picture carries, at any size, after any encoding."""
    width = image.shape[1]
    middles = [(2 * place + 1) * width // (2 * BITS) for place in range(BITS)]
    return sum(int(image[image.shape[0] // 2, middle, 1] > 127) << place for place, middle in enumerate(middles))


def made_film(path: Path, frames: int = FRAMES, rate: Fraction = RATE, encoding: Encoding | None = None) -> Path:
    """A film whose frame i is the picture of i."""
    info = VideoInfo(path, WIDTH, HEIGHT, rate, 1 / rate)
    with write_video(path, info, encoding=encoding or Encoding(preset="ultrafast")) as film:
        for index in range(frames):
            film.write(Frame(numbered(index), index / rate, index))
    return path


def made_page(videos: Sequence[Path], title: str = "film.mp4", frames: int = FRAMES) -> ReportPage:
    """A page on films: nobody tracked in frames 30 to 39, PSNR ten decibels lower in frames 60 to 69."""
    times = np.array([float(index / RATE) for index in range(frames)])
    status, psnr = np.zeros(frames, np.int64), 30 + np.sin(np.arange(frames))
    status[30:40], psnr[60:70] = 3, 20
    tracking = Lane(
        name="tracking", values=status, kind="status", labels=("tracked", "interpolated", "held", "missing")
    )
    lanes = (tracking, Lane(name="PSNR", values=psnr, better="high", unit="dB"))
    labels = ("source", "conditioning", "result")[-len(videos) :]
    steps = np.arange(1.0, 4.0)
    return ReportPage(
        title=title,
        videos=tuple(Reel(label, path, 0.0, (WIDTH, HEIGHT)) for label, path in zip(labels, videos, strict=True)),
        frame_rate=RATE,
        times=times,
        lanes=lanes,
        moments=worst_moments(lanes, times),
        curves=(Curve("generator", steps, 1 / steps, 0.9 / steps, 1.1 / steps),),
        facts=(Section("Model", (("preset", "draft"), ("network", "vid2vid"))),),
        stages=(StageCost(name="train", seconds=245.0, peak_mib=2100.0), StageCost(name="render", seconds=3.0)),
    )


def with_facts(page: ReportPage, *rows: tuple[str, str]) -> ReportPage:
    return replace(page, facts=(Section("Model", rows),))
