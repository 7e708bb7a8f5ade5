"""Damaged files given to the commands themselves, as a user would: exit status, message, and what is left behind.

    python -m benchmarks.hostile_commands [--each 10] [--seed 0] [--save]

`track` gets damaged films, `render` damaged models, `batch --dry-run` damaged jobs files, `portrait` damaged edits.
Each must end with status 0, or with status 1, one line that says what is wrong, and no output. Commands start slowly,
so there are few of them: benchmarks/hostile.py gives many more files to the same readers. --save writes
results/hostile-commands.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.films import FILMS
from benchmarks.victims import VICTIMS, Victim, damage
from benchmarks.video import machine
from benchmarks.whole_files import made_film

RESULTS = Path(__file__).parent / "results" / "hostile-commands.md"
SECONDS = 300  # that a command may take

COMMANDS: dict[str, tuple[Victim, tuple[str, ...]]] = {
    "track FILM": (FILMS["H.264 in MP4"], ("track", "film.mp4", "-o", "out.npz")),
    "render --model": (VICTIMS["dance model"], ("render", "clip.mp4", "--model", ".", "-o", "out.mp4")),
    "batch --dry-run": (VICTIMS["jobs"], ("batch", "jobs.yaml", "--dry-run")),
    "portrait --edits": (
        VICTIMS["edits"],
        ("portrait", "clip.mp4", "--edits", "edits.yaml", "-o", "out.mp4", "--steps", "1", "--consent", "self"),
    ),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How one command ended."""

    command: str
    seed: int
    status: int | None  # None: it was stopped
    said: str  # its last line
    wrong: str  # why that must not be; empty where it may
    seconds: float


def run(command: str, seed: int) -> Ended:
    """Damage a file and give it to a command, in a folder of its own."""
    victim, words = COMMANDS[command]
    with tempfile.TemporaryDirectory() as place:
        folder, workspace = Path(place) / "files", Path(place) / "runs"
        folder.mkdir()
        victim.make(folder)
        damage(victim, folder, np.random.default_rng(seed))
        if not (folder / "clip.mp4").exists():
            made_film(folder / "clip.mp4")
        program = [sys.executable, "-m", "flows.cli", *words, "--workspace", str(workspace)]
        begun = time.monotonic()
        try:
            done = subprocess.run(program, cwd=folder, env=_environment(), capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return Ended(command, seed, None, "", f"stopped after {SECONDS} s", time.monotonic() - begun)
        text = done.stderr.decode(errors="replace").strip()
        said = text.splitlines()[-1] if text else ""
        left = sorted(path.name for path in folder.glob("*out*"))
        wrong = _fault(done.returncode, text, said, left)
        return Ended(command, seed, done.returncode, said, wrong, time.monotonic() - begun)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1", "COLUMNS": "10000"}


def _fault(status: int, text: str, said: str, left: Sequence[str]) -> str:
    if "Traceback" in text:
        return f"a traceback: {said}"
    if status not in (0, 1):
        return f"status {status}: {said}"
    if status == 1 and not said.startswith("understudy: "):
        return f"no clear message: {said!r}"
    return f"left behind: {', '.join(left)}" if status == 1 and left else ""


def table(ended: Sequence[Ended]) -> list[str]:
    """A row for each command, and a line for each end that must not be."""
    lines = [
        "| command | runs | status 0 | status 1 and one clear line | neither | slowest |",
        "|---|---|---|---|---|---|",
    ]
    for command in COMMANDS:
        own = [one for one in ended if one.command == command]
        good = [one.status for one in own if not one.wrong]
        slowest = max(one.seconds for one in own)
        bad = len(own) - len(good)
        lines.append(f"| {command} | {len(own)} | {good.count(0)} | {good.count(1)} | {bad} | {slowest:.0f} s |")
    return [*lines, "", *(f"- {one.command}, seed {one.seed}: {one.wrong}" for one in ended if one.wrong)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Give damaged files to the commands.")
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the table in benchmarks/results/")
    arguments = parser.parse_args()
    ended = []
    for number in range(arguments.each):
        for command in COMMANDS:
            ended.append(run(command, arguments.seed + number))
            print(ended[-1], flush=True)
    lines = table(ended)
    print("\n".join(lines))
    if arguments.save:
        head = ["# Damaged files given to commands", "", f"{machine()}. `python -m benchmarks.hostile_commands`.", ""]
        RESULTS.write_text("\n".join([*head, *lines, ""]), "utf-8")


if __name__ == "__main__":
    main()
