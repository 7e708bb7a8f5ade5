"""Damaged films and damaged files of our own, each given to its reader in a process that may die.

    python -m benchmarks.hostile [--films 200] [--files 500] [--seed 0] [--seconds 30] [--save]

Whole small films of eight kinds, and whole files of every form that we read, are damaged by benchmarks/mutations.py;
each is then read as commands read it: a film is looked at, shown anew with its sound, entered in the middle
(benchmarks/films.py), a file of ours is loaded (benchmarks/victims.py). Counted is how each ended: in a value; in one
UnderstudyError of one line; or in what must not be: another exception, a process that died, one that had to be stopped
after --seconds, files left behind by a failure. Those are listed with the seed that makes them again. --save writes
results/hostile.md.
"""

import argparse
import multiprocessing
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.films import FILMS
from benchmarks.victims import VICTIMS, Victim, damage
from benchmarks.video import machine
from pipeline.errors import UnderstudyError

RESULTS = Path(__file__).parent / "results" / "hostile.md"

End = Literal["value", "error", "traceback", "died", "hung", "left files"]
ALLOWED: tuple[End, ...] = ("value", "error")


@dataclass(frozen=True, slots=True)
class Case:
    """One damaged file, made again by its seed."""

    kind: str
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How reading it ended."""

    case: Case
    end: End
    words: str  # of the error, or where the traceback ends
    seconds: float


def victims() -> dict[str, Victim]:
    """Everything that is damaged."""
    return FILMS | VICTIMS


def cases(films: int, files: int, seed: int) -> list[Case]:
    """As many of each kind as goes evenly, no fewer than asked for in all."""
    chosen = []
    for kinds, count in ((FILMS, films), (VICTIMS, files)):
        each = -(-count // len(kinds))
        chosen += [Case(kind, seed + number) for kind in kinds for number in range(each)]
    return chosen


def read(victim: Victim, folder: Path) -> tuple[End, str]:
    """Read a damaged file in this process; the verdict and the words of it."""
    before = set(folder.rglob("*"))
    try:
        victim.read(folder)
    except UnderstudyError as error:
        said = str(error)
        if "\n" in said or not all((error.where, error.found, error.expected, error.remedy)):
            return "traceback", f"a message of other than one line in four parts: {said!r}"
        left = {path.name for path in set(folder.rglob("*")) - before}
        return ("left files", f"{sorted(left)} after {said}") if left else ("error", said)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return "traceback", f"{type(error).__name__} ({error}) at {Path(place.filename).name}:{place.lineno}"
    return "value", ""


def _serve(pipe: Connection) -> None:
    import torch

    torch.set_num_threads(1)
    known = victims()
    while True:
        kind, folder = pipe.recv()
        pipe.send(read(known[kind], folder))


class Child:
    """A process that reads; after it died, another one."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def read(self, kind: str, folder: Path, seconds: float) -> tuple[End, str]:
        """Let it read, for so long; a process that is new may take as long again to start."""
        self._pipe.send((kind, folder))
        try:
            if self._pipe.poll(seconds):
                verdict: tuple[End, str] = self._pipe.recv()
                return verdict
        except (EOFError, ConnectionError):
            self._process.join()
            verdict = "died", f"exit status {self._process.exitcode}"
            self._start()
            return verdict
        self.close()
        self._start()
        return "hung", f"stopped after {seconds:.0f} s"

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def run(chosen: Sequence[Case], seconds: float) -> Iterator[Outcome]:
    """Damage and read one after the other."""
    child = Child()
    with tempfile.TemporaryDirectory() as room:
        known = victims()
        for kind in dict.fromkeys(case.kind for case in chosen):
            (Path(room) / kind).mkdir()
            known[kind].make(Path(room) / kind)
            whole = child.read(kind, Path(room) / kind, 10 * seconds)  # with the imports of a new process
            assert whole[0] == "value", (kind, whole)
            for left in (Path(room) / kind).glob("out.*"):
                left.unlink()
        for case in chosen:
            folder = Path(room) / "damaged"
            shutil.copytree(Path(room) / case.kind, folder)
            damage(known[case.kind], folder, np.random.default_rng(case.seed))
            begun = time.monotonic()
            end, words = child.read(case.kind, folder, seconds)
            yield Outcome(case, end, words, time.monotonic() - begun)
            shutil.rmtree(folder)
    child.close()


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """A row for each kind, and a line for each outcome that must not be."""
    lines = ["| file | damaged | a value | one clear error | neither | slowest |", "|---|---|---|---|---|---|"]
    for kind in dict.fromkeys(outcome.case.kind for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.case.kind == kind]
        ends = Counter(outcome.end for outcome in own)
        bad = len(own) - ends["value"] - ends["error"]
        slowest = max(outcome.seconds for outcome in own)
        lines.append(f"| {kind} | {len(own)} | {ends['value']} | {ends['error']} | {bad} | {slowest:.1f} s |")
    wrong = [outcome for outcome in outcomes if outcome.end not in ALLOWED]
    lines += ["", f"{len(outcomes)} files, {len(wrong)} of them ended otherwise than they should."]
    lines += [f"- {each.case.kind}, seed {each.case.seed}: {each.end}, {each.words[:300]}" for each in wrong]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Read damaged films and files in a process that may die.")
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30.0, help="that a file may take")
    parser.add_argument("--kind", help="this kind alone")
    parser.add_argument("--save", action="store_true", help="keep the table in benchmarks/results/")
    arguments = parser.parse_args()
    chosen = cases(arguments.films, arguments.files, arguments.seed)
    chosen = [case for case in chosen if arguments.kind in (None, case.kind)]
    show = partial(print, flush=True)
    outcomes = []
    for outcome in run(chosen, arguments.seconds):
        outcomes.append(outcome)
        if outcome.end not in ALLOWED:
            show(outcome)
    lines = table(outcomes)
    show("\n".join(lines))
    if arguments.save:
        head = ["# Damaged files", "", f"{machine()}. `python -m benchmarks.hostile`, seed {arguments.seed}.", ""]
        RESULTS.write_text("\n".join([*head, *lines, ""]), "utf-8")


if __name__ == "__main__":
    main()
