"""One `serve`, with its server and worker, as an operator uses it: jobs end exactly once, whatever happens."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.jobs.specs import Job, TrackJob, TrainJob
from flows.operating import control, schedules
from flows.operating.deploying import submit
from flows.operating.holder import Holder, restarts
from flows.operating.job_runs import find_run, standing
from flows.operating.notifying import notify
from flows.operating.server import Server, answers, recorded
from flows.store.workspace import Workspace
from pipeline.errors import OperatingError

SAMPLES = Path(__file__).parents[3] / "sample_videos"
PATIENCE = 300  # seconds for what takes ten; machines of tests are shared
SERVE = (
    "import sys; from functools import partial; from flows.operating.serving import serve; "
    "from flows.store.workspace import Workspace; "
    "serve(Workspace.at(sys.argv[1]), 'understudy', 2, 5, partial(print, flush=True))"
)


@dataclass
class Served:
    """A workspace that is served, and how to look at it."""

    workspace: Workspace
    process: subprocess.Popen[bytes]
    client: SyncPrefectClient
    opens: datetime  # when the job `night` may run
    late: Path  # what the job `late` tracks; missing at first
    clips: dict[str, Path]

    def run(self, name: str) -> FlowRun:
        return find_run(self.client, name)

    def state(self, name: str) -> str:
        return standing(self.run(name)).state

    def journal(self, name: str) -> list[dict[str, object]]:
        log = standing(self.run(name)).log
        return [] if log is None else [json.loads(line) for line in log.read_text().splitlines()]

    @property
    def said(self) -> str:
        return (self.workspace.root / "serve.txt").read_text()


def wait(what: str, until: Callable[[], object]) -> None:
    begun = time.monotonic()
    while not until():
        assert time.monotonic() - begun < PATIENCE, what
        time.sleep(0.5)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, streets, clips) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    workspace = Workspace(folder / "runs")
    workspace.root.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    own = {"HOME": str(folder), "PREFECT_WORKER_QUERY_SECONDS": "1", "OMP_NUM_THREADS": "1"}
    with (workspace.root / "serve.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(workspace.root)],
            env={**kept, **own},
            cwd=Path(__file__).parents[3],
            stdout=output,
            stderr=output,
        )
    said = workspace.root / "serve.txt"
    try:
        wait("a worker that takes jobs", lambda: "takes up to 2 jobs" in said.read_text() or process.poll() is not None)
        assert process.poll() is None, said.read_text()
        server = recorded(workspace)
        assert server is not None
        with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
            opens = (datetime.now(UTC) + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
            found = Served(
                workspace, process, client, opens, folder / "late.mp4", {"day": streets[0], "dusk": streets[1]}
            )
            for job, between in jobs_for(found, folder, streets, clips[0]):
                submit(job, workspace, between)
            yield found
    finally:
        end(process, recorded(workspace))


def jobs_for(served: Served, folder: Path, streets: tuple[Path, Path], red: Path) -> list[tuple[Job, str | None]]:
    """All are handed in at once, as the tests look at each in turn."""
    day, dusk = ((street,) for street in streets)
    budget = {"steps": 100, "perceptual": "none", "device": "cpu", "threads": 1}
    hours = f"{served.opens:%H:%M}-{served.opens + timedelta(hours=1):%H:%M}"
    return [
        (TrainJob(name="dusk", what="translate", a=day, b=dusk, output=folder / "dusk", **budget), None),
        (TrackJob(name="late", clip=served.late, output=folder / "late.npz", workers=1), None),
        (TrackJob(name="night", clip=red, output=folder / "night.npz", workers=1), hours),
    ]


def end(process: subprocess.Popen[bytes], server: Server | None) -> None:
    """As `serve` does it where it still lives; and nothing is left over in any case."""
    left = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
    if server is not None and psutil.pid_exists(server.pid):
        left.append(psutil.Process(server.pid))
    for each in left:
        if each.is_running():
            each.kill()


def test_a_training_is_paused_resumed_and_killed_and_ends_once(served: Served):
    wait("steps of the training", lambda: trains(served, times=1))
    said = control.pause(served.client, served.run("dusk"))
    assert said == "pauses at the end of the chunk, or with a checkpoint of the training"
    wait("the pause", lambda: served.state("dusk") == "Suspended")
    assert "Pausing" in [state.name for state in states(served, "dusk")]
    holder = Holder.of(served.run("dusk").labels)
    assert holder is not None
    wait("the end of its process", lambda: holder.is_gone(0, 0))

    control.resume(served.client, served.run("dusk"))
    wait("steps after the pause", lambda: trains(served, times=2))
    holder = Holder.of(served.run("dusk").labels)
    assert holder is not None
    psutil.Process(holder.pid).kill()

    wait("the end of the training", lambda: served.run("dusk").state.is_final() and served.state("dusk") != "Crashed")
    run = served.run("dusk")
    assert (served.state("dusk"), restarts(run.labels)) == ("Completed", 1)
    assert [line["message"] for line in served.journal("dusk")].count("begun") == 3
    assert [state.name for state in states(served, "dusk")].count("Completed") == 1
    assert (served.late.parent / "dusk" / "model.json").exists()
    assert f"dusk ({str(run.id)[:8]}): started again, 1 of at most 5" in served.said
    assert "started again, 1 of at most 5" in [line["message"] for line in served.journal("dusk")]


def trains(served: Served, times: int) -> bool:
    """Whether a step was told since the job began for so many times."""
    assert served.state("dusk") != "Failed", standing(served.run("dusk")).message
    lines = served.journal("dusk")
    begun = [number for number, line in enumerate(lines) if line["message"] == "begun"]
    return len(begun) == times and any(" step " in str(line["message"]) for line in lines[begun[-1] :])


def states(served: Served, name: str) -> list:
    return served.client.read_flow_run_states(served.run(name).id)


def test_a_job_of_another_hour_waits_for_its_hours_and_can_be_cancelled_meanwhile(served: Served):
    wait("its hours", lambda: "Outside its hours" in standing(served.run("night")).message)
    run = served.run("night")
    assert run.state is not None and run.state.is_scheduled()
    assert run.state.state_details.scheduled_time == served.opens
    assert control.cancel(served.client, run) == "cancelled"
    assert served.state("night") == "Cancelled"


def test_a_job_that_fails_says_why_and_can_be_tried_again(served: Served):
    wait("the failure", lambda: served.state("late") == "Failed")
    assert f"{served.late}:" in standing(served.run("late")).message
    with pytest.raises(OperatingError) as refused:
        control.pause(served.client, served.run("late"))
    assert str(refused.value) == (
        "job late: its state is Failed; expected a job that waits or runs. "
        "Jobs that only just start can be paused in a moment."
    )
    served.late.write_bytes((SAMPLES / "red_portrait.mp4").read_bytes()[:1000])
    heard: list[dict[str, str]] = []
    with listening(heard) as url:
        notify(url)
        assert control.retry(served.client, served.run("late")) == "runs again when a worker takes it"
        wait("the webhook", lambda: heard)
    assert (heard[0]["job"], heard[0]["kind"], heard[0]["state"]) == ("late", "track job", "Failed")
    assert f"{served.late}:" in heard[0]["message"]


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


def test_a_running_job_is_ended_at_once_where_that_is_asked_for(served: Served):
    street, look = (served.clips[name] for name in ("day", "dusk"))
    job = TrainJob(name="never", what="translate", a=(street,), b=(look,), output=served.late.parent / "never")
    submit(job, served.workspace)
    wait("its start", lambda: served.state("never") == "Running")
    assert control.cancel(served.client, served.run("never"), now=True) == "is ended now"
    wait("its end", lambda: served.state("never") == "Cancelled")
    holder = Holder.of(served.run("never").labels)
    assert holder is not None
    wait("the end of its process", lambda: holder.is_gone(0, 0))


def test_schedules_are_added_listed_rest_and_are_removed(served: Served, tmp_path: Path):
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text("jobs: []\n")
    made = schedules.add(
        "nightly",
        jobs,
        "0 2 * * *",
        "Europe/Berlin",
        "22:00-07:00",
        pool="understudy",
        workspace=served.workspace.address,
    )
    (listed,) = schedules.planned(served.client)
    assert listed == made
    assert (listed.cron, listed.between, listed.active) == ("0 2 * * *", "22:00-07:00 Europe/Berlin", True)
    schedules.set_active(served.client, "nightly", False)
    assert schedules.planned(served.client)[0].next_start is None
    schedules.remove(served.client, "nightly")
    assert schedules.planned(served.client) == []
    with pytest.raises(OperatingError) as refused:
        schedules.remove(served.client, "nightly")
    assert str(refused.value) == (
        "schedule nightly: it is not there; expected one that is: none is. See `schedule list`."
    )


def test_a_job_is_found_by_the_beginning_of_its_id_and_a_wrong_one_is_said(served: Served):
    run = served.run("late")
    assert find_run(served.client, str(run.id)[:8]).id == run.id
    with pytest.raises(OperatingError) as refused:
        find_run(served.client, "zzz")
    assert str(refused.value).startswith("job zzz: there is no such job; expected the beginning of one job's id.")


def test_a_server_that_was_killed_comes_back_with_all_it_knew(served: Served):
    server = recorded(served.workspace)
    assert server is not None
    psutil.Process(server.pid).kill()
    wait("another server", lambda: recorded(served.workspace) != server and answers(server.url))
    assert served.state("dusk") == "Completed"
    assert "Prefect's server is gone; it is started again, with the same database" in served.said
