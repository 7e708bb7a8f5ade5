"""How fast frames come in and go out, against the ffmpeg program doing the same work in the same run.

    python benchmarks/video.py [CLIP …] [--rounds 3] [--save]

Reading: decode and convert to RGB, every frame thrown away. Writing: RGB frames to H.264 at the default encoding.
"The same work" includes the conversion: rounded, with chroma interpolated (`-sws_flags bilinear+accurate_rnd+
full_chroma_int`). ffmpeg left to its default converts more quickly and less exactly (1.2 levels too dark on average);
that is shown too. The best of the rounds counts, ours and theirs taking turns. The ratio of processor seconds stands
beside the one of the clock: it says what the work costs where other programs share the machine. --save keeps the table
in results/.
"""

import argparse
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipeline.delivery import ffmpeg_program
from pipeline.values import Frame, VideoInfo
from pipeline.video import DEFAULT_ENCODING, probe, read_video, write_video

EXACT = "bilinear+accurate_rnd+full_chroma_int"
WRITTEN_FRAMES = 60  # raw 1080p frames are 6 MB each
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work takes, at best."""

    clock: float  # seconds
    processor: float  # seconds, all threads together


@dataclass(frozen=True, slots=True)
class Timing:
    """One line of the table."""

    clip: str
    work: str
    frames: int
    ours: Cost
    theirs: Cost
    default: Cost | None  # theirs with ffmpeg's default conversion, where that differs

    def row(self) -> str:
        """As a line of Markdown."""
        speeds = f"{self.frames / self.ours.clock:.1f} | {self.frames / self.theirs.clock:.1f}"
        default = "–" if self.default is None else self._ratios(self.default)
        return f"| {self.clip} | {self.work} | {speeds} | {self._ratios(self.theirs)} | {default} |"

    def _ratios(self, theirs: Cost) -> str:
        return f"{theirs.clock / self.ours.clock:.2f} ({theirs.processor / self.ours.processor:.2f})"


HEAD = """| clip | work | ours, frames/s | ffmpeg, frames/s | against ffmpeg: clock (processor) | its default |
|---|---|---|---|---|---|"""


def best_of(rounds: int, works: Sequence[Callable[[], object]]) -> list[Cost]:
    """What each piece of work takes at best; they take turns, so that a busy machine is fair to all."""
    costs = [Cost(float("inf"), float("inf"))] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            clock, processor = time.perf_counter(), processor_seconds()
            work()
            clock, processor = time.perf_counter() - clock, processor_seconds() - processor
            costs[place] = Cost(min(costs[place].clock, clock), min(costs[place].processor, processor))
    return costs


def processor_seconds() -> float:
    """Of this process and of those it started and waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def ffmpeg(*arguments: str | Path) -> None:
    """Run the ffmpeg program, which overwrites and says nothing but errors."""
    subprocess.run([ffmpeg_program(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def read_all(clip: Path) -> None:
    """Decode a clip as the stages do, and throw it away."""
    with read_video(clip) as video:
        for _ in video:
            pass


def time_reading(clip: Path, rounds: int) -> Timing:
    """Decode a clip with ours, with ffmpeg to the same exact colours, and as ffmpeg usually does, in turns."""
    to_nothing = ("-an", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", os.devnull)
    ours, exact, default = best_of(
        rounds,
        (
            lambda: read_all(clip),
            lambda: ffmpeg("-i", clip, "-vf", f"scale=flags={EXACT}", *to_nothing),
            lambda: ffmpeg("-i", clip, *to_nothing),
        ),
    )
    return Timing(clip.name, "read", probe(clip).frames or 0, ours, exact, default)


def write_all(raw: Path, info: VideoInfo, count: int, output: Path) -> None:
    """Encode raw pictures, `count` of them, as the stages do."""
    images = np.memmap(raw, np.uint8, "r", shape=(count, info.height, info.width, 3))
    with write_video(output, info, overwrite=True) as film:
        for index, image in enumerate(images):
            film.write(Frame(image, index / info.frame_rate, index))


def time_writing(clip: Path, rounds: int, folder: Path) -> Timing:
    """Encode a clip's first pictures with ours and with ffmpeg, in turns; the fastest round of each."""
    raw, output, found = folder / "frames.rgb", folder / "film.mp4", probe(clip)
    with read_video(clip, stop_index=WRITTEN_FRAMES) as video, raw.open("wb") as file:
        count = sum(1 for frame in video if file.write(frame.image.data))
    info = VideoInfo(output, found.width, found.height, Fraction(30), Fraction(1, 30), colour=found.colour)
    given = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{info.width}x{info.height}", "-r", "30", "-i", raw)
    wanted = ("-c:v", DEFAULT_ENCODING.codec, "-preset", DEFAULT_ENCODING.preset, "-crf", str(DEFAULT_ENCODING.crf))
    finish = ("-pix_fmt", DEFAULT_ENCODING.pixel_format, "-movflags", "+faststart", output)
    ours, theirs = best_of(
        rounds,
        (
            lambda: write_all(raw, info, count, output),
            lambda: ffmpeg(*given, "-vf", f"scale=flags={EXACT}:out_color_matrix=bt709", *wanted, *finish),
        ),
    )
    return Timing(clip.name, "write", count, ours, theirs, None)


def generated(folder: Path) -> Path:
    """Five seconds of 1080p with film grain: something to decode."""
    clip = folder / "generated.mp4"
    source = "testsrc2=s=1920x1080:r=30:d=5,noise=alls=8:allf=t"
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", clip)
    return clip


def machine() -> str:
    """Date, machine and load, for the head of a page."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return f"{date.today()}, {platform.machine()} {platform.system()}, {cores} cores{load}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time reading and writing against the ffmpeg program.")
    parser.add_argument("clips", nargs="*", type=Path, help="besides a generated one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="keep the table in benchmarks/results/")
    arguments = parser.parse_args()
    lines = [f"Reading and writing video: {machine()}", "", HEAD]
    print(*lines, sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for clip in (*arguments.clips, generated(Path(name))):
            for timing in (time_reading(clip, arguments.rounds), time_writing(clip, arguments.rounds, Path(name))):
                lines.append(timing.row())
                print(lines[-1], flush=True)
    if arguments.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "video.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
