"""A workspace that is served, how it is started and loses its power, and how an operator looks at it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State

from flows.operating.holder import Holder
from flows.operating.job_runs import find_run, standing
from flows.operating.server import Server, recorded
from flows.store.workspace import CACHE_VARIABLE, Workspace

PATIENCE = 400  # seconds for what takes ten; machines of tests are shared
SERVE = (
    "import sys; from functools import partial; from flows.operating import serving; "
    "from flows.store.workspace import Workspace; serving.ROUND_SECONDS = 1.0; "
    "serving.serve(Workspace.at(sys.argv[1]), 'understudy', 4, 5, partial(print, flush=True))"
)


def wait(what: str, until: Callable[[], object]) -> None:
    begun = time.monotonic()
    while not until():
        assert time.monotonic() - begun < PATIENCE, what
        time.sleep(0.2)


@dataclass
class House:
    """A `serve` process over a workspace, with its server and worker."""

    workspace: Workspace  # as its machine sees it: with a cache of its own, where it is at a URL
    process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        return (self.workspace.root / "serve.txt").read_text()

    @property
    def server(self) -> Server:
        known = recorded(self.workspace)
        assert known is not None
        return known

    def start(self) -> None:
        """Serve, from the moment on that the worker takes jobs."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        place = {CACHE_VARIABLE: str(self.workspace.root.parent), "HOME": str(self.workspace.root)}
        own = {**place, "PREFECT_WORKER_QUERY_SECONDS": "1", "OMP_NUM_THREADS": "1"}
        with (self.workspace.root / "serve.txt").open("ab") as output:
            begun = output.tell()
            self.process = process = subprocess.Popen(
                [sys.executable, "-c", SERVE, self.workspace.address],
                env={**kept, **own},
                cwd=Path(__file__).parents[3],
                stdout=output,
                stderr=output,
            )
        ready = "takes up to 4 jobs"
        wait("a worker that takes jobs", lambda: ready in self.said[begun:] or process.poll() is not None)
        assert process.poll() is None, self.said

    def lose_power(self) -> None:
        """Kill `serve` and all that it has started, server, worker and jobs, in one moment."""
        assert self.process is not None
        known = recorded(self.workspace)
        there = [pid for pid in (self.process.pid, known and known.pid) if pid and psutil.pid_exists(pid)]
        for process in map(psutil.Process, there):
            for each in (*process.children(recursive=True), process):
                with suppress(psutil.NoSuchProcess):
                    each.kill()
        self.process.wait()


@dataclass
class Served:
    """What the tests ask of a served workspace."""

    house: House
    workspace: Workspace  # as the operator sees it
    client: SyncPrefectClient
    folder: Path  # where jobs put what they make
    opens: datetime  # when the job `night` may run
    heard: list[dict[str, str]] = field(default_factory=list)  # by the webhook

    @property
    def late(self) -> Path:
        """What the job `late` tracks; missing."""
        return self.folder / "late.mp4"

    def run(self, name: str) -> FlowRun:
        return find_run(self.client, name)

    def state(self, name: str) -> str:
        return standing(self.run(name)).state

    def states(self, name: str) -> list[State[Any]]:
        return self.client.read_flow_run_states(self.run(name).id)

    def holder(self, name: str) -> Holder:
        holder = Holder.of(self.run(name).labels)
        assert holder is not None
        return holder

    def journal(self, name: str) -> list[dict[str, Any]]:
        log = standing(self.run(name)).log
        return [] if log is None else [json.loads(line) for line in log.read_text().splitlines()]

    def chunks(self, name: str) -> Counter[str]:
        """How often each chunk of a film was made."""
        made = (line for line in self.journal(name) if line["message"] == "translate chunk: done")
        return Counter(str(line["artifacts"]) for line in made)


class listening:  # noqa: N801  # a context manager
    """A web server of this machine that notes what it is told."""

    def __init__(self, heard: list[dict[str, str]]) -> None:
        class Note(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *said: object) -> None:
                """Not on the terminal of the tests."""

        self.server = HTTPServer(("127.0.0.1", 0), Note)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/failed"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
