"""Damaged films given to the commands themselves, as a user would: exit status, message, and what is left behind.

    python -m benchmarks.hostile_commands [--films 200] [--seed 0] [--seconds 90] [--minutes M] [--alone] [--save]

Small films of eight kinds, of dancers and of heads, are damaged by benchmarks/mutations.py. Each goes through `track`,
`render`, `translate`, `portrait`, `evaluate`, `verify` and `batch --dry-run`; with each, a film of ours that was signed
and its report, damaged by the same chance, go through `verify` and `report`. Each command must end with status 0 and
what it makes of a whole film, or with status 1 and one clear line and nothing else: no traceback, no partial output, no
file left in the folder, the workspace or the folder for temporary files. Commands run one after the other in one
process (benchmarks/command_child.py); with --alone those of the first film also in a process each, where they must end
in the same way. --minutes ends it earlier; --room is a folder that keeps films and models for another time. --save
adds the table to results/hostile.md.
"""

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.command_child import Status
from benchmarks.films import KINDS
from benchmarks.hostile_stage import (
    COMMANDS,
    SETUP_SECONDS,
    SUBJECTS,
    UNPLACED,
    Child,
    Stage,
    environment,
    lay_out,
    names_in,
    set_up,
)
from benchmarks.mutations import damaged
from benchmarks.video import machine
from pipeline.video import frame_times

RESULTS = Path(__file__).parent / "results" / "hostile.md"
TITLE = "## Damaged films given to the commands"
COPIES = "report-films"  # of sources that browsers cannot show: their names say which
FINDINGS = (*UNPLACED[:2], "batch --dry-run")  # whose status 1 may be explained on standard output


@dataclass(frozen=True, slots=True)
class Case:
    """One damaged film, made again by its seed."""

    kind: str
    subject: str
    seed: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How one command ended on one film."""

    command: str
    case: Case
    status: int | None  # None: the process died or was stopped
    said: str  # its one line, or where it hung
    wrong: str  # why that must not be; empty where it may
    seconds: float


def cases(films: int, seed: int) -> list[Case]:
    """As many of each kind as goes evenly, dancers and heads in turn."""
    each, subjects = -(-films // len(KINDS)), tuple(SUBJECTS)
    return [Case(kind, subjects[n % 2], seed + n) for n in range(each) for kind in KINDS]


def run(stage: Stage, child: Child, case: Case, seconds: float) -> Iterator[Ended]:
    """Give a damaged film to every command."""
    chance = np.random.default_rng(case.seed)
    whole = stage.whole(case.kind, case.subject)
    folder = lay_out(stage, whole, damaged(whole.read_bytes(), chance), chance)
    for command in COMMANDS:
        before, others, begun = names_in(folder), leftovers(stage), time.monotonic()
        film = folder / whole.name
        status, said, told = child.run(stage.words(command, folder, film, whole), seconds)
        took, made = time.monotonic() - begun, names_in(folder) - before
        due = stage.made[command] if status is not None and status.status == 0 else frozenset()
        extra = {name for name in made - due if not (due and name.startswith(COPIES))}
        left = frozenset(extra) | (leftovers(stage) - others)
        wrong = fault(command, status, said, told) or unlike(left, due - made) or shortened(film, folder / "out.mp4")
        yield Ended(command, case, None if status is None else status.status, gist(status, said, told), wrong, took)
        clear(folder, made)
    shutil.rmtree(folder)


def clear(folder: Path, made: frozenset[str]) -> None:
    """Take away what a command has made."""
    for name in sorted(made, reverse=True):
        place = folder / name
        place.rmdir() if place.is_dir() else place.unlink()


def gist(status: Status | None, said: str, told: str) -> str:
    """The line that counts; where there was no end, the last that is known of the process."""
    if status is None:
        return " | ".join(told.splitlines()[-40:])
    return last_line(said) if status.status == 0 else last_line(told) or last_line(said)


def leftovers(stage: Stage) -> frozenset[str]:
    """What is only there while something is being made: temporary files, half files of the workspace."""
    temporary = names_in(stage.room / "temporary")
    halves = {str(path.name) for path in stage.workspace.rglob("*.part*")}
    return temporary | halves


def fault(command: str, status: Status | None, said: str, told: str) -> str:
    """Why an end must not be, by what was said; empty where it may."""
    if status is None:
        return f"died or hung: {gist(status, said, told)}"
    if "Traceback" in told + said:
        return f"a traceback: {last_line(told)}"
    if status.status not in (0, 1):
        return f"status {status.status}: {last_line(told)}"
    clear_lines = [line for line in told.splitlines() if line.startswith("understudy: ")]
    if status.status == 0:
        return f"done, and yet {clear_lines[0]}" if clear_lines else ""
    if len(clear_lines) == 1 and "; expected " in clear_lines[0]:
        return ""
    found = command in FINDINGS and said.strip() and not clear_lines
    return "" if found else f"no clear message: {told[-300:]!r}"


def unlike(left: frozenset[str], missing: frozenset[str]) -> str:
    """Why the files that a command has left must not be."""
    if left:
        return f"left behind: {', '.join(sorted(left))}"
    return f"not made: {', '.join(sorted(missing))}" if missing else ""


def shortened(film: Path, output: Path) -> str:
    """Why a finished film must not be: it has not a frame for every one of its source."""
    if not output.exists():
        return ""
    frames, made = len(frame_times(film)), len(frame_times(output))
    return "" if frames == made else f"{made} frames of {frames}"


def last_line(text: str) -> str:
    """The last line of what was said; empty where nothing was."""
    return (text.strip().splitlines() or [""])[-1]


def alone(stage: Stage, case: Case, inside: Sequence[Ended]) -> list[str]:
    """Give a film to every command in a process of its own; which ended otherwise than those in one process."""
    chance = np.random.default_rng(case.seed)
    whole = stage.whole(case.kind, case.subject)
    folder = lay_out(stage, whole, damaged(whole.read_bytes(), chance), chance)
    different = []
    for before in inside:
        others = names_in(folder)
        program = [sys.executable, "-m", "flows.cli"]
        program += stage.words(before.command, folder, folder / whole.name, whole)
        done = subprocess.run(program, env=environment(stage.room), capture_output=True, timeout=SETUP_SECONDS)
        said, told = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        said = gist(Status(done.returncode, 0.0), said, told)
        if (done.returncode, said) != (before.status, before.said):
            different.append(f"{before.command}: {done.returncode}, {said!r}; not {before.status}, {before.said!r}")
        clear(folder, names_in(folder) - others)
    shutil.rmtree(folder)
    return different


def table(ended: Sequence[Ended]) -> list[str]:
    """A row for each command, and a line for each end that must not be."""
    lines = [
        "| command | films | status 0 | status 1, one clear line | neither | slowest |",
        "|---|---|---|---|---|---|",
    ]
    for command in COMMANDS:
        own = [one for one in ended if one.command == command]
        good = [one.status for one in own if not one.wrong]
        slowest = max(one.seconds for one in own)
        bad = len(own) - len(good)
        lines.append(f"| {command} | {len(own)} | {good.count(0)} | {good.count(1)} | {bad} | {slowest:.1f} s |")
    wrong = [one for one in ended if one.wrong]
    lines += ["", f"{len(ended)} commands, {len(wrong)} of them ended otherwise than they should."]
    return [*lines, *(f"- {one.command}, {one.case}: {one.wrong}"[:600] for one in wrong)]


def save(lines: Sequence[str]) -> None:
    """Put the section into the results, in place of an earlier one; what else stands there stays."""
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Damaged files\n"
    before, _, rest = text.partition(f"\n{TITLE}\n")
    behind = rest.find("\n## ")
    after = rest[behind:] if behind >= 0 else ""
    RESULTS.write_text("\n".join([before.rstrip("\n"), "", TITLE, "", *lines, ""]) + after, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Give damaged films to the commands.")
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=90.0, help="that a command may take")
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which no more films are begun")
    parser.add_argument("--room", type=Path, help="folder for films and models, kept")
    parser.add_argument("--alone", action="store_true", help="the first film's commands in a process each, too")
    parser.add_argument("--save", action="store_true", help="add the table to benchmarks/results/hostile.md")
    arguments = parser.parse_args()
    head, begun = machine(), time.monotonic()
    with tempfile.TemporaryDirectory() as passing:
        room = (arguments.room or Path(passing)).resolve()
        (room / "temporary").mkdir(parents=True, exist_ok=True)
        child = Child(room)
        try:
            stage = set_up(room, child)
            print(f"set up in {time.monotonic() - begun:.0f} s: {stage.made}", flush=True)
            ended: list[Ended] = []
            for number, case in enumerate(cases(arguments.films, arguments.seed)):
                if number % len(KINDS) == 0 and time.monotonic() - begun > 60 * arguments.minutes:
                    break
                for one in run(stage, child, case, arguments.seconds):
                    ended.append(one)
                    print(one if one.wrong else f"{one.command} {case}: {one.status}, {one.seconds:.1f} s", flush=True)
        finally:
            child.close()
        different = alone(stage, ended[0].case, ended[: len(COMMANDS)]) if arguments.alone else None
    minutes = (time.monotonic() - begun) / 60
    lines = [f"{head}. `python -m benchmarks.hostile_commands`, seed {arguments.seed}, {minutes:.1f} minutes.", ""]
    lines += table(ended)
    if different is not None:
        lines += ["", f"Of the first film's {len(COMMANDS)} in a process each, {len(different)} ended otherwise."]
        lines += [f"- {line}" for line in different]
    print("\n".join(lines))
    if arguments.save:
        save(lines)


if __name__ == "__main__":
    main()
