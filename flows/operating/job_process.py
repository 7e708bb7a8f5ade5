"""`python -m flows.operating.job_process`: the process of one run, started by a worker; then Prefect's own engine.

It leaves the terminal's group, or Ctrl-C for the worker would end the job in the middle of a chunk. What it prints goes
to a file: a worker that dies would leave a pipe that nobody reads, and the job would die of its next line.
"""

import os
import runpy
import sys
from pathlib import Path
from uuid import UUID

RUN = "PREFECT__FLOW_RUN_ID"  # what workers name the run by


def output_of(run: str | UUID) -> Path:
    """Where a run's process on this machine prints to; below Prefect's home."""
    from prefect.settings import PREFECT_HOME

    return Path(PREFECT_HOME.value()) / "output" / f"{run}.txt"


def main() -> None:
    """Leave the worker's group, say who does the run, and do it."""
    if hasattr(os, "setsid"):
        os.setsid()
    run = os.environ[RUN]
    _print_to(output_of(run))
    _take(UUID(run))
    sys.argv = ["prefect.engine"]
    runpy.run_module("prefect.engine", run_name="__main__")


def _print_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.close(handle)


def _take(run: UUID) -> None:
    """Before everything heavy is imported, so that a death meanwhile is noticed at once."""
    from prefect.client.orchestration import get_client

    from flows.operating.holder import Holder

    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(run, Holder.here().labels())


if __name__ == "__main__":
    main()
