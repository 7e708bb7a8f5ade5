"""A job goes on while Prefect's server is gone: killed in the middle of a run, started again over the same database.

    python -m benchmarks.server_gone [--seconds 60]

The job is a flow of twelve stages of a second each; the server is killed in its third and stays away so long. Shown are
how the job ended, what the server says of it, and how long it took more than undisturbed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOB = """
import sys, time
from pathlib import Path
from flows.engine import Engine
from flows.store.workspace import Workspace

place = Workspace(Path(sys.argv[1]))
engine = Engine(place).start()
from prefect import flow
from prefect.runtime import flow_run
from flows.store.caching import stage, whole
from pipeline.artifacts import FileRef


@stage("second", version=1)
def second(number: int, workspace: Workspace) -> FileRef:
    time.sleep(1)
    path = workspace.place("seconds", f"{number:020d}", ".txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(number))
    print(number, flush=True)
    return FileRef.of(path)


@flow
def twelve() -> str:
    for number in range(12):
        whole(second, number, place)
    return str(flow_run.id)


print(engine.run(twelve), flush=True)
"""


def start_server(home: Path, port: int) -> "subprocess.Popen[bytes]":
    """A server over the database in `home`; returns when it answers."""
    from flows.operating.server import answers

    settings = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home}/server.db",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not answers(f"http://127.0.0.1:{port}/api", 1.0):
        time.sleep(0.5)
    return server


def state_of(run: str, url: str) -> str:
    """What the server says of a run."""
    os.environ["PREFECT_API_URL"] = url
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state  # type: ignore[arg-type]  # an id as text will do
    return "unknown" if state is None else str(state.type.value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--port", type=int, default=4321)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, url = Path(folder), f"http://127.0.0.1:{options.port}/api"
        server = start_server(home, options.port)
        try:
            command = [sys.executable, "-W", "ignore", "-c", JOB, str(home / "runs")]
            job = subprocess.Popen(
                command, env={**os.environ, "PREFECT_API_URL": url}, stdout=subprocess.PIPE, text=True
            )
            assert job.stdout is not None
            while job.stdout.readline().strip() != "2":
                pass
            begun = time.monotonic()
            server.send_signal(signal.SIGKILL)
            server.wait()
            time.sleep(options.seconds)
            server = start_server(home, options.port)
            away = time.monotonic() - begun
            rest = job.stdout.read().split()
            code = job.wait()
            took = time.monotonic() - begun
            print(f"server away {away:.0f} s; job ended with {code} after {took:.0f} s; stages {rest[:-1]}")
            print(f"the server says: {state_of(rest[-1], url)}" if code == 0 else "the job failed")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
