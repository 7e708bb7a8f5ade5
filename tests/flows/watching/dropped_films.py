"""An inbox to drop films into, a clock that only waiting moves, and what stands for the making of films."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from flows.jobs.perform import Outcome
from flows.jobs.specs import Job, TranslateJob
from flows.watching.making import Making
from flows.watching.outbox import Outbox
from flows.watching.reports import Report
from flows.watching.watcher import Watcher

SAMPLES = Path(__file__).parents[3] / "sample_videos"


@dataclass
class Clock:
    """A clock that only waiting moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Maker:
    """Stands for `perform`: copies the clip, or raises what it is told to."""

    raises: list[BaseException] = field(default_factory=list)
    jobs: list[TranslateJob] = field(default_factory=list)

    def __call__(self, job: Job) -> Outcome:
        assert isinstance(job, TranslateJob)
        self.jobs.append(job)
        if self.raises:
            raise self.raises.pop(0)
        assert job.overwrite or not job.output.exists()
        shutil.copy(job.clip, job.output)
        return Outcome((job.output,), "copied")


@dataclass
class Place:
    """An inbox, an outbox, a clock and what makes films."""

    inbox: Path
    outbox: Path
    model: Path
    clock: Clock = field(default_factory=Clock)
    make: Maker = field(default_factory=Maker)

    def watcher(self, *, settle: float = 10.0, again: bool = False) -> Watcher:
        making = Making.chosen(self.model, "auto", [])
        return Watcher(
            self.inbox,
            Outbox(self.outbox),
            making,
            self.make,
            settle=settle,
            again=again,
            clock=self.clock,
            sleep=self.clock.wait,
        )

    def drop(self, name: str, content: Path | bytes = SAMPLES / "street_day.mp4") -> Path:
        path = self.inbox / name
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        return path

    def drain(self, **how: bool) -> list[Report]:
        return list(self.watcher(**how).drain())

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.inbox / folder).glob("*"))


def other(place: Place, name: str, number: int) -> Path:
    """A whole film of its own content: MP4 may end in a box of anything."""
    extra = b"free" + bytes([number]) * 8
    return place.drop(name, (SAMPLES / "street_day.mp4").read_bytes() + (len(extra) + 4).to_bytes(4, "big") + extra)
