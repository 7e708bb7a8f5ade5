"""An operator's evening in fast motion, by the commands he gives: schedules, hours, a cancelled job, a reboot.

    python -m benchmarks.unattended WORK [--chunks 16] [--lead 2] [--save]

One `understudy serve` does two jobs at once. Two schedules come in the same minute, one of them outside its hours; then
one whose hours close for a minute in the middle of its film. Then a running job is cancelled and taken up again; and
everything, server, worker and job, is killed at once and `serve` started again. The journals tell which chunks were
done twice. --save writes benchmarks/results/unattended.md.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from benchmarks.chaos import STREETS, cut_clips
from benchmarks.video import machine
from flows.operating import server as servers
from flows.store.workspace import Workspace
from pipeline.artifacts import atomic_file
from pipeline.video import probe

PAGE = Path(__file__).parent / "results" / "unattended.md"
CHUNK = 240  # frames
PATIENCE = 900.0  # seconds for what takes a hundred
MINUTE = timedelta(minutes=1)


@dataclass
class House:
    """A workspace that is served, and what an operator types."""

    work: Path
    chunks: int  # of a long film
    serving: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> Path:
        """Its folder."""
        return self.work / "runs"

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Give a command; it finds the server by the workspace, as on any machine where `serve` runs."""
        command = [sys.executable, "-W", "ignore", "-m", "flows.cli", *words, "--workspace", str(self.runs)]
        own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        with (self.work / "said.txt").open("ab") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, env=own)

    def give(self, *words: str) -> None:
        """Give a command that has to succeed."""
        code = self.start(*words).wait()
        assert code == 0, f"{words} ended with {code}; see {self.work / 'said.txt'}"

    def serve(self) -> None:
        """Start `serve`, and wait until its server answers."""
        self.serving = self.start("serve", "--jobs", "2")
        wait("the server", self._answers)

    def _answers(self) -> bool:
        assert self.serving is not None and self.serving.poll() is None, "`serve` has ended"
        known = servers.recorded(Workspace.at(self.runs))
        return known is not None and servers.answers(known.url)

    def lose_power(self) -> int:
        """Kill `serve` and all that it has started, without a word; returns how many processes that were."""
        assert self.serving is not None
        whole = [psutil.Process(self.serving.pid), *psutil.Process(self.serving.pid).children(recursive=True)]
        for process in whole:
            process.kill()
        self.serving.wait()
        return len(whole)

    def jobs_file(self, name: str, clip: Path) -> Path:
        """A file of one job that translates one clip."""
        path = self.work / f"{name}.yaml"
        job = f"name: {name}, clip: {clip}, model: {self.work / 'model'}, output: {self.film(name)}"
        path.write_text(f"jobs:\n  - {{kind: translate, {job}, device: cpu, threads: 1}}\n")
        return path

    def film(self, name: str) -> Path:
        """Where a job's film goes."""
        return self.work / "films" / f"{name}.mp4"

    def journal(self, name: str) -> list[dict[str, str]]:
        """The lines that a job's processes have written."""
        logs = self.runs.glob(f"jobs/{name}-*/log.jsonl")
        return [json.loads(line) for log in logs for line in log.read_text().splitlines()]

    def chunks_done(self, name: str) -> Counter[str]:
        """How often each chunk was made."""
        lines = self.journal(name)
        made = (line for line in lines if line["message"] == "translate chunk: done")
        return Counter(str(line["artifacts"]) for line in made)

    def states(self, name: str) -> list[tuple[str, str]]:
        """(type, message) of every state that a run of this name was in, or a run of the schedule of this name."""
        from prefect.client.orchestration import get_client

        from flows.operating.job_runs import runs_of

        told = []
        with get_client(sync_client=True) as client:
            for run in runs_of(client):
                schedule = str(run.parameters.get("jobs_file", "")).endswith(f"/{name}.yaml")
                if (run.name == name or schedule) and run.state is not None and run.start_time is not None:
                    told += [(state.type.value, state.message or "") for state in client.read_flow_run_states(run.id)]
        return told

    def is_whole(self, name: str, frames: int) -> bool:
        """Whether a job's film lies at its place, with so many frames."""
        return self.film(name).exists() and probe(self.film(name)).frames == frames


def wait(what: str, until: Callable[[], object]) -> None:
    """Wait until something holds. Raises AssertionError when it takes longer than PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(1)


def main() -> None:
    arguments = read_arguments()
    house = House(arguments.work.resolve(), arguments.chunks)
    (short,) = cut_clips(house.work / "clips" / "short", 1, CHUNK)
    long = cut_clips(house.work / "clips" / "long", 3, arguments.chunks * CHUNK)
    day, dusk = (str(STREETS / f"street_{name}.mp4") for name in ("day", "dusk"))
    if not (house.work / "model").exists():
        training = ("--steps", "2", "--perceptual", "none")
        house.give("train", "translate", day, dusk, "-o", str(house.work / "model"), *training)
    house.serve()
    server = servers.recorded(Workspace.at(house.runs))
    assert server is not None
    os.environ[servers.API_URL] = server.url  # for what is looked up here
    try:
        lead = arguments.lead * MINUTE
        lines = [*by_the_clock(house, short, lead), *interrupted(house, long[0], lead)]
        lines += [*cancelled(house, long[1]), *rebooted(house, long[2])]
    finally:
        if house.serving is not None and house.serving.poll() is None:
            house.lose_power()
    told = "\n".join(("| | |", "|---|---|", *lines))
    print(told)
    if arguments.save:
        with atomic_file(PAGE) as beside:
            beside.write_text(f"# Unattended\n\n{machine()}\n\n{told}\n")


def by_the_clock(house: House, short: Path, lead: timedelta) -> list[str]:
    """Two schedules of one minute, of which one may not begin."""
    due = minute_in(lead)
    closed = (due + timedelta(hours=2), due + timedelta(hours=3))
    schedule(house, due, "now", short, None)
    schedule(house, due, "later", short, closed)
    wait("the film of the first", lambda: house.is_whole("now", CHUNK))
    first = datetime.now(UTC)
    wait("its end", lambda: ended(house, "now"))
    wait("the second's word", lambda: any("Outside its hours" in said for _, said in house.states("later")))
    assert not house.film("later").exists()
    told = next(said for _, said in house.states("later") if "Outside" in said)
    return [
        f"| a schedule due at {due:%H:%M} | its film lay there at {first:%H:%M:%S}; {ended(house, 'now')} run ended |",
        f"| one due then, its hours {closed[0]:%H:%M} to {closed[1]:%H:%M} | no film: “{told}” |",
    ]


def interrupted(house: House, clip: Path, lead: timedelta) -> list[str]:
    """A schedule whose hours close for a minute in the middle of its film."""
    due = minute_in(lead)
    closes, opens = due + 2 * MINUTE, due + 3 * MINUTE
    schedule(house, due, "interrupted", clip, (opens, closes))  # all day but for one minute
    wait("the end of its hours", lambda: any("Outside" in said for _, said in house.states("interrupted")))
    before = sum(house.chunks_done("interrupted").values())
    assert not house.film("interrupted").exists()
    wait("its film", lambda: house.is_whole("interrupted", house.chunks * CHUNK))
    wait("its end", lambda: ended(house, "interrupted"))
    begun = [line["time"] for line in house.journal("interrupted") if line["message"] == "begun"]
    stopped = [line["time"] for line in house.journal("interrupted") if line["message"] == "stopped"]
    made, again = counts(house, "interrupted")
    return [
        f"| one due at {due:%H:%M}, its hours over at {closes:%H:%M} and open again at {opens:%H:%M} | stopped at "
        f"{clock(stopped[0])} with {before} chunks made, went on at {clock(begun[-1])}; the film whole, {made} chunks "
        f"made in all, {again} of them twice; {ended(house, 'interrupted')} run ended |",
    ]


def schedule(house: House, due: datetime, name: str, clip: Path, hours: tuple[datetime, datetime] | None) -> None:
    """Add one; the machine must not be so busy that its minute goes by meanwhile."""
    between = [] if hours is None else ["--between", f"{hours[0]:%H:%M}-{hours[1]:%H:%M}"]
    house.give("schedule", "add", str(house.jobs_file(name, clip)), "--cron", f"{due:%M} {due:%H} * * *", *between)
    assert datetime.now(UTC) < due, "give a longer --lead"


def minute_in(lead: timedelta) -> datetime:
    """The beginning of the minute so long after this one."""
    return datetime.now(UTC).replace(second=0, microsecond=0) + lead


def clock(time_: str) -> str:
    """A journal's time as hours, minutes, seconds."""
    return f"{datetime.fromisoformat(time_):%H:%M:%S}"


def cancelled(house: House, clip: Path) -> list[str]:
    """A running job that is cancelled, softly, and asked for again."""
    batch = house.start("batch", str(house.jobs_file("regretted", clip)), "--pool", "understudy")
    wait("two chunks", lambda: sum(house.chunks_done("regretted").values()) >= 2)
    asked = time.monotonic()
    house.give("jobs", "cancel", "regretted")
    wait("the end", lambda: house.states("regretted")[-1][0] == "CANCELLED")
    seconds, before = time.monotonic() - asked, sum(house.chunks_done("regretted").values())
    assert not house.film("regretted").exists()
    left = ", ".join(sorted(path.name for path in house.film("regretted").parent.glob("*regretted*")))
    code = batch.wait()
    house.give("jobs", "retry", "regretted")
    wait("the film", lambda: house.is_whole("regretted", house.chunks * CHUNK))
    wait("its end", lambda: ended(house, "regretted"))
    made, again = counts(house, "regretted")
    return [
        f"| `jobs cancel` of a running job | Cancelled {seconds:.0f} s later, after {before} of {house.chunks} chunks; "
        f"where its film would lie: {left or 'nothing'}; its `batch --pool` ended with {code} |",
        f"| `jobs retry` of it | whole; {made} chunks made in all, {again} of them twice |",
    ]


def rebooted(house: House, clip: Path) -> list[str]:
    """Server, worker and job, all killed in one moment."""
    batch = house.start("batch", str(house.jobs_file("struck", clip)), "--pool", "understudy")
    wait("two chunks", lambda: sum(house.chunks_done("struck").values()) >= 2)
    batch.kill()
    batch.wait()
    dead, begun = house.lose_power(), time.monotonic()
    assert not house.film("struck").exists()
    house.serve()
    wait("the film", lambda: house.is_whole("struck", house.chunks * CHUNK))
    wait("its end", lambda: ended(house, "struck"))
    seconds = time.monotonic() - begun
    made, again = counts(house, "struck")
    return [
        f"| {dead} processes killed at once (`serve`, its server, the job, the batch that waited), then `serve` "
        f"again | the film was whole {seconds:.0f} s later; {made} chunks made, {again} of them twice; "
        f"{ended(house, 'struck')} end |",
    ]


def ended(house: House, name: str) -> int:
    """How often a run of this name was completed."""
    return sum(kind == "COMPLETED" for kind, _ in house.states(name))


def counts(house: House, name: str) -> tuple[int, int]:
    """Chunks made, and how many of these more than once."""
    done = house.chunks_done(name)
    return sum(done.values()), sum(count - 1 for count in done.values())


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("work", type=Path, help="a folder that may be thrown away afterwards")
    parser.add_argument("--chunks", type=int, default=16, help="of each long film, of 240 frames: a minute of work")
    parser.add_argument("--lead", type=int, default=2, help="minutes for schedules to be added; more on busy machines")
    parser.add_argument("--save", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
