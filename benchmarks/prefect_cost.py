"""What Prefect costs: seconds until the first stage starts, with a new and with a used home, and per chunk.

    python benchmarks/prefect_cost.py [--chunks 40]

A chunk is a cached task that does nothing, called as `render_chunk` is; a reused one is the same call again.
"""

import argparse
import subprocess
import sys
import tempfile
import time

PROBE = """
import sys, time
begun = time.perf_counter()
from pathlib import Path
from flows.engine import Engine
from flows.store.workspace import Workspace

place = Workspace(Path(sys.argv[1]))
engine = Engine(place).start()
import flows.dance  # what a real command loads while the server comes up
loaded = time.perf_counter() - begun
from prefect import flow
from flows.store.caching import stage, whole
from pipeline.artifacts import FileRef


@stage("chunk", version=1)
def chunk(number: int, workspace: Workspace) -> FileRef:
    path = workspace.place("chunks", f"{number:020d}", ".txt")
    path.parent.mkdir(exist_ok=True)
    path.write_text(str(number))
    return FileRef.of(path)


@flow
def probe(chunks: int) -> tuple[float, float, float]:
    first = time.perf_counter()
    for number in range(chunks):
        whole(chunk, number, place)
    second = time.perf_counter()
    for number in range(chunks):
        whole(chunk, number, place)
    return first - begun, (second - first) / chunks, (time.perf_counter() - second) / chunks


started, each, again = engine.run(lambda: probe(int(sys.argv[2])))
print(f"{loaded:.2f} {started:.2f} {each * 1000:.1f} {again * 1000:.1f}")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        for title in ("new home", "used home"):
            begun = time.perf_counter()
            command = [sys.executable, "-c", PROBE, home, str(options.chunks)]
            shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            loaded, started, each, again = shown.split()[-4:]
            print(
                f"{title}: first stage after {started} s (the stages' own imports take {loaded} s of them), "
                f"{each} ms a chunk, {again} ms a reused chunk, {time.perf_counter() - begun:.1f} s in all"
            )


if __name__ == "__main__":
    main()
