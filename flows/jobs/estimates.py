"""How long a batch may take and how much disk, told beforehand: counted where possible, else from what was measured.

Times are of two processor cores, as benchmarks/results has them; on a graphics card none were measured.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.jobs.order import Step
from flows.jobs.specs import (
    BaseJob,
    DanceJob,
    EvaluateJob,
    PortraitJob,
    RenderJob,
    TrackJob,
    TranslateJob,
)
from flows.jobs.trainings import Training, training_of
from pipeline.errors import UnderstudyError
from pipeline.video import probe

# Frames a second on two cores.
TRACKED = 85  # joints, of full HD (tracking.md); smaller films go faster
FACES = 98  # tracked, measured and drawn (portrait.md)
PREPARED = 45  # person masks of full HD (tracking.md), which take longest
PAINTED = 31  # by a draft of dance, with decoding and encoding (memory.md); heads were not measured and count the same
COMPARED = 60  # assumed: not measured
TRANSLATED = 0.58e6  # pixels a second: 4.45 pictures of 256x256 by one thread (translate.md), twice that by two
# Times as long as a draft takes to paint: assumed from the pixels and channels of the presets.
HEAVIER = {"draft": 1, "standard": 20, "hd": 80}

STEP_SECONDS = {"dance": 0.14, "portrait": 0.14, "translate": 0.6}  # of a draft (draft.md); the last assumed
NIGHT = 12 * 60.0  # minutes: a training that names neither preset nor budget takes no longer

MIB = 2**20
# MiB: the training state, written beside the old one, and the model. Draft and standard as counted by a rehearsal of
# vid2vid; hd assumed as twice standard.
TRAINED = {"draft": 2 * 22 + 6, "standard": 2 * 1614 + 348, "hd": 4 * 1614 + 696}
PIXELS = {"draft": 192 * 192, "standard": 512 * 256, "hd": 1024 * 512}  # of the network's picture
PREPARED_BYTES = 7 + 5  # of a pixel of a prepared frame: picture, conditioning, mask; and taught flow
FILM_BYTES = 0.1  # of a pixel of a frame of a film: H.264 at its default quality; assumed, on the high side
COPIES = 3  # of a film: its segments, joined, and delivered
TRACK_BYTES = 1100  # of a frame: 33 joints in three forms


@dataclass(frozen=True, slots=True)
class Clip:
    """As much of a film as estimates need."""

    frames: int
    pixels: int  # of a frame


@dataclass(frozen=True, slots=True)
class Work:
    """A part of a job."""

    key: object  # equal where the cache shares it
    title: str
    minutes: float
    mib: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job may take, without what earlier jobs of the batch do for it."""

    frames: int | None  # of what it makes, or learns from; None where that is not known
    minutes: float
    mib: float
    shared: tuple[str, ...]  # work that an earlier job does


def estimate(steps: Sequence[Step], to_do: Collection[int]) -> tuple[Estimate, ...]:
    """What every job of a batch may take.

    Args:
        to_do: places of the steps that are not done yet; the others take nothing.
    """
    clips: dict[Path, Clip | None] = {}

    def clip_of(path: Path) -> Clip | None:
        place = path.resolve()
        if place not in clips and place.is_file():
            clips[place] = _look_at(place)
        return clips.get(place)

    begun: set[object] = set()
    found = []
    for index, step in enumerate(steps):
        main = clip_of(_main_input(step.job)) if index in to_do else None
        if index in to_do:
            clips[step.job.output.resolve()] = main  # a film that others may take
        works = {work.key: work for work in works_of(step.job, clip_of)}.values() if index in to_do else ()
        new = [work for work in works if work.key not in begun]
        shared = tuple(work.title for work in works if work.key in begun)
        begun |= {work.key for work in works}
        minutes, mib = sum(work.minutes for work in new), sum(work.mib for work in new)
        found.append(Estimate(main.frames if main else None, minutes, mib, shared))
    return tuple(found)


def _look_at(path: Path) -> Clip | None:
    """None where the container does not say how long the film is, or there is none: the job itself will say so."""
    try:
        info = probe(path)
    except UnderstudyError:
        return None
    frames = info.frames
    if frames is None and info.duration is not None:
        frames = round(info.duration * info.frame_rate)
    return None if frames is None else Clip(frames, info.width * info.height)


def _main_input(job: BaseJob) -> Path:
    """The film whose length decides."""
    return next(iter(job.inputs()))


def works_of(job: BaseJob, clip_of: Callable[[Path], Clip | None]) -> list[Work]:
    """The parts of a job, with what each takes."""
    works: list[Work] = []
    training = training_of(job)
    if isinstance(job, DanceJob | RenderJob):
        works.append(_tracking(job.source, clip_of, TRACKED))
    if isinstance(job, PortraitJob) and job.source is not None:
        works.append(_tracking(job.source, clip_of, FACES))
    if training is not None:
        works += _learning(training, clip_of)
    if isinstance(job, DanceJob | RenderJob | PortraitJob | TranslateJob):
        works.append(_film(job, clip_of))
    if isinstance(job, EvaluateJob):
        rate = FACES if job.face else TRACKED
        works += [_tracking(path, clip_of, rate) for path in (job.film, job.against or job.source) if path is not None]
        works.append(Work(job.output, "comparing", _minutes(clip_of(job.film), COMPARED), 0.0))
    if isinstance(job, TrackJob) and job.openpose is None:
        works.append(_tracking(job.clip, clip_of, FACES if job.face else TRACKED))
    return works


def _minutes(clip: Clip | None, frames_a_second: float) -> float:
    return 0.0 if clip is None else clip.frames / frames_a_second / 60


def _tracking(path: Path, clip_of: Callable[[Path], Clip | None], rate: int) -> Work:
    clip = clip_of(path)
    size = 0.0 if clip is None else clip.frames * TRACK_BYTES / MIB
    return Work(("track", path.resolve(), rate), f"tracking of {path.name}", _minutes(clip, rate), size)


def _learning(training: Training, clip_of: Callable[[Path], Clip | None]) -> list[Work]:
    """Tracking, preparing and training."""
    budget = NIGHT if training.minutes is None else training.minutes
    if training.steps is not None:
        seconds = training.steps * STEP_SECONDS[training.what] * HEAVIER.get(training.preset or "draft", 1)
        budget = min(seconds / 60, training.minutes or seconds / 60)
    preset = training.preset if training.preset in TRAINED else "standard"
    frames = sum(clip.frames for clip in map(clip_of, training.clips) if clip is not None)
    size = TRAINED[preset] + frames * PIXELS[preset] * PREPARED_BYTES / MIB
    if training.what != "translate":
        rate = FACES if training.what == "portrait" else TRACKED
        tracking = [_tracking(path, clip_of, rate) for path in training.clips]
        return [*tracking, Work(training, training.title, frames / PREPARED / 60 + budget, size)]
    return [Work(training, training.title, budget, size)]


def _film(job: DanceJob | RenderJob | PortraitJob | TranslateJob, clip_of: Callable[[Path], Clip | None]) -> Work:
    clip = clip_of(_main_input(job))
    if clip is None:
        return Work(job.output, "rendering", 0.0, 0.0)
    if isinstance(job, TranslateJob):
        minutes = clip.frames * clip.pixels / TRANSLATED / 60
    else:
        trained = isinstance(job, DanceJob | PortraitJob) and training_of(job) is not None
        minutes = _minutes(clip, PAINTED) * (HEAVIER.get(job.preset, 1) if trained else 1)  # type: ignore[union-attr]
    return Work(job.output, "rendering", minutes, COPIES * clip.frames * clip.pixels * FILM_BYTES / MIB)
