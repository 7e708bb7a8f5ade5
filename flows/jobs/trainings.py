"""Which training a job asks for: two jobs that ask for the same one share it."""

from dataclasses import dataclass
from pathlib import Path

from flows.jobs.specs import BaseJob, DanceJob, PortraitJob, TrainJob

DRAFT_MINUTES = {"dance": 4.0, "portrait": 4.0, "translate": 6.0}  # as the commands have it
METHOD = {"dance": "vid2vid", "portrait": "deep-video-portraits", "translate": "cyclegan"}


@dataclass(frozen=True, slots=True)
class Training:
    """What is learnt from what, and how; equal where the work is the same."""

    what: str  # dance, portrait, translate
    clips: tuple[Path, ...]  # links resolved
    method: str
    preset: str | None  # None: chosen for the machine
    minutes: float | None
    steps: int | None
    details: tuple[object, ...]  # all else that decides on the result

    @property
    def title(self) -> str:
        """In a few words."""
        return f"training on {', '.join(path.name for path in self.clips)}"


def training_of(job: BaseJob) -> Training | None:
    """The training that a job begins with; None where it needs none."""
    if isinstance(job, DanceJob):
        return _training("dance", (job.target,), job, job.target_performer, job.without, 1)
    if isinstance(job, PortraitJob) and job.model is None and job.target is not None:
        face = job.target_face or (job.face if job.source is None else None)
        return _training("portrait", (job.target,), job, face, (), 1)
    if isinstance(job, TrainJob):
        clips = (*job.a, *job.b) if job.target is None else (job.target,)
        who = job.face if job.what == "portrait" else job.performer
        sides = (len(job.a), job.paired, job.strict)  # where a ends and b begins
        return _training(job.what, clips, job, who, (*job.without, *sides), job.processes)
    return None


def _training(
    what: str,
    clips: tuple[Path, ...],
    job: DanceJob | PortraitJob | TrainJob,
    who: str | None,
    without: tuple[object, ...],
    processes: int,
) -> Training:
    unlimited = job.minutes is None and job.steps is None
    preset = job.preset if what == "dance" else job.preset or "draft"
    return Training(
        what=what,
        clips=tuple(path.resolve() for path in clips),
        method=job.method or METHOD[what],
        preset=preset,
        minutes=DRAFT_MINUTES[what] if unlimited and preset == "draft" else job.minutes,
        steps=job.steps,
        details=(who, without, processes, job.flow_teacher, job.size, job.perceptual, job.device, job.seed),
    )
