"""A process that runs commands one after the other as the command line's own `main` does, and tells how each ended.

    python -m benchmarks.command_child     # reads requests from standard input, a line of JSON each; see `Call`

What a command prints, also from libraries in C, goes into files. A command that takes too long is not waited for: where
it was by then stands in its words, and the process ends.
"""

import faulthandler
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

CRASHED = 70  # what an exception that `main` lets through is told as


@dataclass(frozen=True, slots=True)
class Call:
    """One command."""

    words: tuple[str, ...]
    said: str  # file for what it prints
    told: str  # file for what it prints to standard error
    seconds: float  # that it may take


@dataclass(frozen=True, slots=True)
class Status:
    """How it ended."""

    status: int
    seconds: float


def run(call: Call) -> Status:
    """Run a command in this process."""
    from flows.cli import main

    sys.argv = ["understudy", *call.words]
    begun = time.monotonic()
    with _printing_to(Path(call.said), Path(call.told)):
        watch = os.dup(2)
        faulthandler.dump_traceback_later(call.seconds, exit=True, file=watch)
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
            status = CRASHED
        finally:
            faulthandler.cancel_dump_traceback_later()
            os.close(watch)
    return Status(status, time.monotonic() - begun)


@contextmanager
def _printing_to(said: Path, told: Path) -> Iterator[None]:
    """Let standard output and error go into files, for everything in this process and those that it starts."""
    kept = [os.dup(stream) for stream in (1, 2)]
    for stream, path in ((1, said), (2, told)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, old in zip((1, 2), kept, strict=True):
            os.dup2(old, stream)
            os.close(old)


def main() -> None:
    """Answer every request with a line."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(asdict(run(Call(**request)))) + "\n")


if __name__ == "__main__":
    main()
