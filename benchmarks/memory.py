"""Peak memory of rendering a long clip against a short one: it must not grow with the length.

    python benchmarks/memory.py MODEL [--seconds 30 600] [--workspace DIR]

The source is the sample dance, repeated without re-encoding. Tracks are made first, by a command of their own; what is
measured is the whole `understudy render` process, from its start to the finished film.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.delivery import ffmpeg_program

SAMPLE = Path(__file__).parents[1] / "sample_videos" / "red_dance.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=int, nargs="+", default=[30, 600])
    parser.add_argument("--workspace", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.workspace or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        peaks = [measure(options.model, seconds, folder) for seconds in options.seconds]
    print(f"longest / shortest: {peaks[-1] / peaks[0]:.3f}")


def measure(model: Path, seconds: int, folder: Path) -> float:
    """Render `seconds` of film; returns the process's peak resident memory in MiB."""
    source, runs = folder / f"source-{seconds}.mp4", folder / "runs"
    repeat(source, seconds)
    common = ["--workspace", str(runs), "--overwrite"]
    run(["track", str(source), "-o", str(folder / "track.npz"), *common])
    begun = time.perf_counter()
    peak = run(["render", str(source), "--model", str(model), "-o", str(folder / "film.mp4"), *common])
    print(f"{seconds} s of film: peak {peak:.0f} MiB, {time.perf_counter() - begun:.0f} s to render")
    return peak


def repeat(output: Path, seconds: int) -> None:
    """Write the sample over and over, for so many seconds, without encoding it again."""
    command = [ffmpeg_program(), "-y", "-v", "error", "-stream_loop", "-1", "-i", str(SAMPLE), "-t", str(seconds)]
    subprocess.run([*command, "-c", "copy", str(output)], check=True)


def run(words: list[str]) -> float:
    """Run one command of ours; returns its own peak resident memory, MiB, without its children's."""
    program = [sys.executable, "-m", "flows.cli", *words]
    child = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(program)} ended with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
