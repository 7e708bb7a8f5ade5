"""Chaos: jobs on two workers that are killed at random moments; every film must equal that of an undisturbed run.

    python -m benchmarks.chaos WORK [--jobs 12] [--workers 2] [--kills 20] [--frames 600] [--shared URL] [--save]

A server, and workers with a local folder each over one shared folder: file:// in WORK, or any other URL, such as that
of a local S3 server (`moto_server`; AWS_ENDPOINT_URL and keys say where). A kill is SIGKILL for a worker and all its
children, as if its machine had lost power; two seconds later it starts again. Films are brought from the shared folder
as `batch --pool` does it and compared frame by frame; the journals tell which finished chunks were done twice. --save
writes benchmarks/results/chaos.md.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.video import machine
from flows.engine import Engine
from flows.operating import server as servers
from flows.store.workspace import CACHE_VARIABLE, Workspace
from pipeline.artifacts import atomic_file
from pipeline.video import read_video, write_video

STREETS = Path(__file__).parents[1] / "sample_videos"
PAGE = Path(__file__).parent / "results" / "chaos.md"
BREATH = 2.0  # seconds from a death to the next start
SERVE = (
    "import sys; from functools import partial; from flows.operating.serving import serve; "
    "from flows.store.workspace import Workspace; "
    "serve(Workspace.at(sys.argv[1]), 'understudy', 1, 1000, partial(print, flush=True))"
)


@dataclass
class Machine:
    """A worker with a folder of its own, that can lose its power."""

    folder: Path
    shared: str
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Let a worker take jobs, one at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        own = {CACHE_VARIABLE: str(self.folder), "OMP_NUM_THREADS": "1", "PREFECT_WORKER_QUERY_SECONDS": "2"}
        foreign = ("PREFECT_HOME", "PREFECT_LOCAL_STORAGE_PATH")
        environment = {name: value for name, value in os.environ.items() if name not in foreign}
        with (self.folder / "serve.txt").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, self.shared], env={**environment, **own}, stdout=output, stderr=output
            )

    def lose_power(self) -> None:
        """End the worker and all that it started, without a word."""
        assert self.process is not None
        worker = psutil.Process(self.process.pid)
        for process in (worker, *worker.children(recursive=True)):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()


@dataclass
class Storm:
    """Kills at random moments, of machines by chance."""

    chance: random.Random
    machines: list[Machine]
    at_most: int
    between: float  # seconds, on average
    kills: int = 0
    due: float | None = None  # time.monotonic() of the next

    def strike(self) -> None:
        """Kill a machine where the time has come, and start it again."""
        if self.due is not None and time.monotonic() > self.due and self.kills < self.at_most:
            victim = self.chance.choice(self.machines)
            victim.lose_power()
            time.sleep(BREATH)
            victim.start()
            self.kills += 1
            self.due = None
        if self.due is None:
            self.due = time.monotonic() + self.chance.uniform(0.1, 1.9) * self.between


def main() -> None:
    arguments = read_arguments()
    work = arguments.work.resolve()
    clips = cut_clips(work / "clips", arguments.jobs, arguments.frames)
    control = Workspace.at(work / "control")
    os.environ[CACHE_VARIABLE] = str(work / "operator")  # of who hands jobs over; every machine has its own
    Engine(control)
    server = servers.recorded(control)
    if server is None or not servers.answers(server.url):
        server = servers.start(control)
    os.environ[servers.API_URL] = server.url
    Engine(control)
    shared = arguments.shared or f"file://{work / 'shared'}"
    machines = [Machine(work / f"machine-{number}", shared) for number in range(arguments.workers)]
    try:
        told = go_through(arguments, work, clips, control, machines)
    finally:
        for each in machines:
            if each.process is not None and each.process.poll() is None:
                each.lose_power()
        server.stop()
    print(told)
    if arguments.save:
        with atomic_file(PAGE) as beside:
            beside.write_text(f"# Chaos\n\n{machine()}\n\n{told}\n")


def go_through(
    arguments: argparse.Namespace, work: Path, clips: list[Path], control: Workspace, machines: list[Machine]
) -> str:
    """Make the jobs without and with kills, and compare; the report, Markdown."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import StateType

    from flows.jobs.perform import perform
    from flows.jobs.specs import TrainJob, TranslateJob
    from flows.operating.bringing import bring
    from flows.operating.deploying import deploy, submit
    from flows.operating.job_runs import runs_of

    day, dusk = (STREETS / f"street_{name}.mp4" for name in ("day", "dusk"))
    model, alone = work / "model", {"device": "cpu", "threads": 1}
    perform(TrainJob(what="translate", a=(day,), b=(dusk,), steps=2, perceptual="none", output=model, **alone), control)
    right = [TranslateJob(clip=clip, model=model, output=work / "right" / clip.name, **alone) for clip in clips]
    jobs = [job.model_copy(update={"output": work / "films" / job.output.name}) for job in right]
    begun = time.monotonic()
    for job in right:
        perform(job, control)
    undisturbed = time.monotonic() - begun

    deploy("understudy")
    shared = Workspace.at(machines[0].shared)
    for each in machines:
        each.start()
    begun = time.monotonic()
    for job in jobs:
        submit(job, shared, to_workspace=True)
    storm = Storm(random.Random(arguments.seed), machines, arguments.kills, arguments.between)
    with get_client(sync_client=True) as client:
        while True:
            runs = runs_of(client)
            if all(run.state is not None and run.state.type == StateType.COMPLETED for run in runs):
                break
            if storm.kills or any(run.state is not None and run.state.type == StateType.RUNNING for run in runs):
                storm.strike()
            time.sleep(2)
        ends = Counter(str(run.state_name) for run in runs)
        completed = [
            sum(state.type == StateType.COMPLETED for state in client.read_flow_run_states(run.id)) for run in runs
        ]
    seconds = time.monotonic() - begun
    for run in runs:
        bring(run)
    return report(ends, completed, storm.kills, films_alike(right, jobs), redone(machines), undisturbed, seconds)


def report(
    ends: Counter[str],
    completed: list[int],
    kills: int,
    alike: list[bool],
    twice: tuple[int, int],
    undisturbed: float,
    seconds: float,
) -> str:
    """What came of it, Markdown."""
    return "\n".join(
        (
            "| | |",
            "|---|---|",
            f"| jobs, by how they ended | {', '.join(f'{count} {name}' for name, count in ends.items())} |",
            f"| jobs that ended exactly once | {sum(count == 1 for count in completed)} of {len(completed)} |",
            f"| kills of a worker with its children | {kills} |",
            f"| films equal to the undisturbed run, frame by frame | {sum(alike)} of {len(alike)} |",
            f"| chunks finished; of these done a second time | {twice[0]}; {twice[1]} |",
            f"| seconds, one process undisturbed; two workers disturbed | {undisturbed:.0f}; {seconds:.0f} |",
        )
    )


def films_alike(right: list, jobs: list) -> list[bool]:
    """For each pair of jobs whether their films are the same."""
    return [same_film(one.output, other.output) for one, other in zip(right, jobs, strict=True)]


def same_film(one: Path, other: Path) -> bool:
    """Whether two films show the same pictures at the same times, to the bit."""
    with read_video(one) as right, read_video(other) as made:
        pairs = list(zip(right, made, strict=True))
    return all(a.time == b.time and (a.image == b.image).all() for a, b in pairs)


def redone(machines: list[Machine]) -> tuple[int, int]:
    """Chunks that were finished, and how many of these more than once."""
    made = Counter[str]()
    for each in machines:
        for log in each.folder.rglob("jobs/*/log.jsonl"):
            for text in log.read_text().splitlines():
                line = json.loads(text)
                if line["message"] == "translate chunk: done" and not line.get("reused"):
                    made[str(line.get("artifacts"))] += 1
    return sum(made.values()), sum(count - 1 for count in made.values())


def cut_clips(folder: Path, count: int, frames: int) -> list[Path]:
    """So many clips of so many frames, each another stretch of the sample, played over and over."""
    folder.mkdir(parents=True, exist_ok=True)
    with read_video(STREETS / "street_day.mp4") as video:
        pictures, info = list(video), video.info
    clips = [folder / f"street-{number:02d}.mp4" for number in range(count)]
    for number, clip in enumerate(clips):
        if clip.exists():
            continue
        with write_video(clip, info) as film:
            for index in range(frames):
                picture = pictures[(index + 7 * number) % len(pictures)]
                film.write(type(picture)(picture.image, index / info.frame_rate, index))
    return clips


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("work", type=Path, help="a folder that may be thrown away afterwards")
    parser.add_argument("--jobs", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--frames", type=int, default=600, help="of each clip; a chunk has 240")
    parser.add_argument("--between", type=float, default=25.0, help="seconds between two kills, on average")
    parser.add_argument("--shared", help="URL of the folder that the workers share; else one in WORK")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
