"""What a second worker is worth: independent jobs of one thread each, done by one worker and by two.

    python -m benchmarks.throughput WORK [--jobs 8] [--frames 1200] [--save]

Both times a new server, a new shared folder and workers with folders of their own; the clock runs from the first job
handed over to the last one's end, the start of every job's process included. Each worker and all it starts is held to
one core, as `taskset` does, or decoding, painting and encoding of one job would use two. The server and what watches
are held to none. --save writes results/throughput.md.
"""

import argparse
import os
import time
from pathlib import Path

import psutil

from benchmarks.chaos import STREETS, Machine, cut_clips
from benchmarks.video import machine
from flows.engine import Engine
from flows.operating import server as servers
from flows.store.workspace import Workspace
from pipeline.artifacts import atomic_file

PAGE = Path(__file__).parent / "results" / "throughput.md"
WORKERS = (1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("work", type=Path, help="a folder that may be thrown away afterwards")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--frames", type=int, default=1200, help="of each clip")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    work = options.work.resolve()
    clips, model = cut_clips(work / "clips", options.jobs, options.frames), train(work)
    seconds = [timed(count, clips, model, work / f"by-{count}") for count in WORKERS]
    told = table(options, seconds)
    print(told)
    if options.save:
        with atomic_file(PAGE) as beside:
            beside.write_text(f"# Throughput of several workers\n\n{machine()}\n\n{told}\n")


def train(work: Path) -> Path:
    """A translator of two steps: how it paints does not matter here."""
    from flows.jobs.perform import perform
    from flows.jobs.specs import TrainJob

    place = Workspace.at(work / "training")
    Engine(place)
    clips = {name: (STREETS / f"street_{clip}.mp4",) for name, clip in (("a", "day"), ("b", "dusk"))}
    perform(TrainJob(what="translate", steps=2, perceptual="none", output=work / "model", **clips), place)
    return work / "model"


def timed(workers: int, clips: list[Path], model: Path, work: Path) -> float:
    """Seconds that so many workers need for all clips."""
    from prefect.client.orchestration import get_client

    from flows.jobs.specs import TranslateJob
    from flows.operating.deploying import deploy, submit
    from flows.operating.job_runs import runs_of

    control = Workspace.at(work / "control")
    server = servers.start(control)
    os.environ[servers.API_URL] = server.url
    Engine(control)
    machines = [Machine(work / f"machine-{number}", f"file://{work / 'shared'}") for number in range(workers)]
    try:
        deploy("understudy")
        for each, core in zip(machines, sorted(os.sched_getaffinity(0))[: len(machines)], strict=True):
            each.start()
            assert each.process is not None
            psutil.Process(each.process.pid).cpu_affinity([core])  # its jobs inherit it
        time.sleep(20)  # until they ask for jobs
        begun = time.perf_counter()
        for clip in clips:
            job = TranslateJob(clip=clip, model=model, output=work / "films" / clip.name, device="cpu", threads=1)
            submit(job, Workspace.at(machines[0].shared))
        with get_client(sync_client=True) as client:
            while not all(run.state is not None and run.state.is_final() for run in runs_of(client)):
                time.sleep(1)
            ends = [run.state_name for run in runs_of(client)]
        seconds = time.perf_counter() - begun
        assert ends == ["Completed"] * len(clips), ends
        return seconds
    finally:
        for each in machines:
            each.lose_power()
        server.stop()


def table(options: argparse.Namespace, seconds: list[float]) -> str:
    """What was measured, Markdown: seconds with one worker and with two."""
    one, two = seconds
    return "\n".join(
        (
            f"{options.jobs} translations of {options.frames} frames of 256x144; each worker and its jobs on one core.",
            "",
            "| workers | seconds | frames/s | against one |",
            "|---|---|---|---|",
            *(
                f"| {count} | {took:.0f} | {options.jobs * options.frames / took:.0f} | {one / took:.2f} |"
                for count, took in zip(WORKERS, (one, two), strict=True)
            ),
        )
    )


if __name__ == "__main__":
    main()
