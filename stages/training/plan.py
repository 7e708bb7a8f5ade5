"""Choose how to train: the most ambitious preset that fits into memory, time and what was filmed, with what it takes.

Nothing is guessed that can be counted or measured: memory and arithmetic come from a rehearsal of the very step,
time from steps or a convolution timed here. Where neither is possible the plan says what was assumed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from torch import nn

from pipeline.compute import Precision
from pipeline.errors import TrainingError, UnknownChoice
from pipeline.values import Track
from stages.conditioning.background import plate_of_frames
from stages.training.clips import trained_frames
from stages.training.framing import LEAST, Framing, frame_performer
from stages.training.machine import GIB, Machine
from stages.training.phases import DancePreset, PairPhase, SequencePhase
from stages.training.presets import METHODS
from stages.training.rehearsal import Demand, at_least, frames_per_step, rehearse, seconds_per_step
from stages.training.rehearsal_bricks import Setup

AMBITION = ("hd", "standard", "draft")  # the largest first
# Frames that the last phase paints until there is a likeness. draft: measured for everybody-dance-now, 25.1 dB on a
# real dancer after 1516 steps of four frames. The others are assumed: a few passes over some ten thousand frames.
FRAMES = {"draft": 6_000, "standard": 80_000, "hd": 80_000}
NIGHT = 12 * 60.0  # minutes: without a budget nothing is planned that takes longer than from evening to morning
FILMED = 0.5  # of a preset's pixels that the film must fill, or a smaller preset shows as much
SHARES = (1.0, 0.7, 0.5)  # of a preset's pixels that are tried, before a smaller preset is
LEFT = 0.75  # of what a failed plan asked for, that the next one may
TIMED = 3.0  # seconds: steps that should take no longer are timed, where that is possible
STATES = 2  # on disk at the worst moment: the new state is written beside the old one
FLOW_BYTES = 2 * 2 + 1  # of a pixel's taught flow and how far to believe it; kept at half the size
FLOW_REDUCED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train, and what that takes."""

    method: str
    preset: DancePreset  # as it is to be trained
    width: int  # of the network's picture, pixels
    height: int
    size: tuple[int, int] | None  # to ask for instead of the preset's own framing: what --size is to be; None: nothing
    batch: int
    clip_frames: int  # painted one after the other in a step
    checkpointing: bool  # frames are painted once more on the way back, so that fewer activations are held
    precision: Precision
    step_bytes: int  # of the tensors of a step, as counted
    memory_bytes: int  # of the device that this needs
    device_bytes: int | None  # that the device has; None where that is not known
    seconds_per_step: tuple[float, float]  # at least, at most; in the last phase
    time_source: str  # where that comes from
    steps: int  # of the last phase, for a likeness
    minutes: tuple[float, float]  # at least, at most, for these steps and the phases around them
    budget: float  # minutes to train: as asked for, or the most that is expected
    disk_bytes: int  # prepared clip, taught flow, training state and model
    passed: tuple[str, ...] = ()  # why nothing more ambitious

    @property
    def is_enough(self) -> bool:
        """Whether the budget may reach the steps that make a likeness."""
        return self.budget >= self.minutes[0]

    def options(self) -> list[str]:
        """What to give `understudy train dance` for this plan."""
        size = [] if self.size is None else ["--size", f"{self.size[0]}x{self.size[1]}"]
        minutes = ["--minutes", str(math.ceil(self.budget))]
        return ["--method", self.method, "--preset", self.preset.name, *size, *minutes]

    def sentence(self) -> str:
        """The plan in words, for a message."""
        anew = ", frames painted anew on the way back" if self.checkpointing else ""
        return (
            f"{self.method} {self.preset.name} at {self.width}x{self.height}, batch {self.batch}, "
            f"{self.clip_frames} frames a step, {self.precision}{anew}: {self.memory_bytes / GIB:.1f} GiB of memory, "
            f"{in_words(self.minutes)} for {self.steps} steps ({self.time_source}), "
            f"{self.disk_bytes / GIB:.1f} GiB on disk"
        )


def choose_plan(
    track: Track,
    machine: Machine,
    *,
    method: str = "vid2vid",
    minutes: float | None = None,
    perceptual: nn.Module | None = None,
    lighter: bool = False,
    failed: Demand | None = None,
) -> Plan:
    """Choose the most ambitious preset that fits film, memory and time; the smallest one if time is too short for any.

    Args:
        track: of the target.
        machine: where it is to be trained.
        minutes: budget; None plans for as long as the preset wants, but not beyond a night.
        perceptual: VGG-19's loss on the machine's device if its published weights are there. With any weights, as only
            its shape counts.
        lighter: also look at presets changed to hold less (`lighter_presets`): for callers that train `Plan.preset`.
            Without it, only what the command line's options can say.
        failed: what ran out of memory, which shows that less is left than was thought: a quarter less is planned.

    Raises:
        UnknownChoice: no such method.
        TrainingError: nothing fits into the memory; or the person is never seen well enough to be framed.
    """
    if method not in METHODS:
        raise UnknownChoice.among("method", method, METHODS)
    rooms = [machine.room, None if failed is None else int(LEFT * failed.peak_bytes)]
    search = _Search(
        method=method,
        track=track,
        machine=machine,
        minutes=minutes,
        perceptual=perceptual,
        lighter=lighter,
        room=min((room for room in rooms if room is not None), default=math.inf),
    )
    *ambitious, smallest = (METHODS[method][name] for name in AMBITION if name in METHODS[method])
    found = next((plan for preset in ambitious if (plan := _planned(search, preset)) is not None), None)
    found = found or _planned(search, smallest, last=True)
    if found is None:
        raise TrainingError(
            machine.name,
            "; ".join(search.passed),
            "memory for the smallest preset",
            "Close other programs, use another GPU, or train on the processor with --device cpu.",
        )
    return replace(found, passed=tuple(search.passed))


def out_of_memory(
    track: Track,
    machine: Machine,
    preset: DancePreset,
    size: tuple[int, int] | None,
    *,
    method: str = "vid2vid",
    minutes: float | None = None,
    perceptual: nn.Module | None = None,
) -> TrainingError:
    """The error to raise where training ran out of memory: with the plan that would fit, if there is one.

    Args:
        preset, size: what was being trained; the rest as for `choose_plan`.
    """
    framing = frame_performer(track, pixels=preset.pixels, stride=preset.stride, size=size)
    failed = rehearse(preset, _setup(machine, framing, perceptual))
    try:
        plan = choose_plan(track, machine, method=method, minutes=minutes, perceptual=perceptual, failed=failed)
        remedy = f"This would fit: {plan.sentence()}. Give {' '.join(plan.options())}."
    except TrainingError as error:
        remedy = error.remedy
    return TrainingError(
        machine.name,
        f"out of memory while training {preset.name} at {framing.width}x{framing.height}",
        f"{failed.peak_bytes / GIB:.1f} GiB free for the tensors of a step",
        remedy,
    )


def lighter_presets(preset: DancePreset) -> Iterator[DancePreset]:
    """A preset, then what holds less at the price of time: one clip at once, frames painted anew, shorter stretches."""
    yield preset
    lighter = replace(preset, phases=tuple(replace(phase, batch=1) for phase in preset.phases))
    if lighter != preset:
        yield lighter
    if all(isinstance(phase, PairPhase) for phase in preset.phases):
        return
    anew = _sequences(lighter, checkpointing=True)
    if anew != lighter:
        yield anew
    yield _sequences(anew, chunk=2)


def in_words(minutes: tuple[float, float]) -> str:
    """A span of time for people."""
    unit, size = ("hours", 60.0) if minutes[1] >= 120 else ("minutes", 1.0)
    least, most = (f"{span / size:.{0 if span >= 10 * size else 1}f}" for span in minutes)
    return f"{most} {unit}" if least == most else f"{least} to {most} {unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """What all attempts share."""

    method: str
    track: Track
    machine: Machine
    minutes: float | None
    perceptual: nn.Module | None
    lighter: bool
    room: float  # bytes for the tensors of a step; infinite where the memory is not known
    passed: list[str] = field(default_factory=list)  # why not, preset by preset

    def too_long(self, minutes: tuple[float, float]) -> bool:
        """Whether even the least of an expected time is more than there is."""
        return minutes[0] > (NIGHT if self.minutes is None else self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One way to train that is looked at."""

    preset: DancePreset
    framing: Framing
    size: tuple[int, int] | None


def _planned(search: _Search, preset: DancePreset, *, last: bool = False) -> Plan | None:
    """The largest way to train a preset that fits; None where there is none, with the reason in `search.passed`."""
    framing = frame_performer(search.track, pixels=preset.pixels, stride=preset.stride)
    if not last and (reason := _out_of_reach(search, preset, framing)):
        search.passed.append(f"{preset.name}: {reason}")
        return None
    least = math.inf
    for attempt in _attempts(search, preset, framing):
        demand = rehearse(attempt.preset, _setup(search.machine, attempt.framing, search.perceptual))
        least = min(least, demand.peak_bytes)
        if demand.peak_bytes <= search.room:
            minutes = _minutes(attempt.preset, search.machine.speed.seconds(demand.flops, demand.operators))
            if last or not search.too_long(minutes):
                return _plan(search, attempt, demand)
            search.passed.append(f"{preset.name}: takes {in_words(minutes)}")
            return None
        if demand.resting_bytes > search.room:
            break
    search.passed.append(f"{preset.name}: a step needs {least / GIB:.1f} GiB, {search.room / GIB:.1f} GiB are left")
    return None


def _out_of_reach(search: _Search, preset: DancePreset, framing: Framing) -> str:
    """Why a preset need not be rehearsed; empty where it must be."""
    if framing.width * framing.height < FILMED * preset.pixels:
        return f"the performer reaches over only {framing.width}x{framing.height} pixels of the film"
    least = at_least(preset, _setup(search.machine, framing, search.perceptual))
    if least.resting_bytes > search.room:
        return f"its weights alone need {least.resting_bytes / GIB:.1f} GiB, {search.room / GIB:.1f} GiB are left"
    minutes = _minutes(preset, search.machine.speed.seconds(least.flops, least.operators))
    return f"takes {minutes[0] / 60:.0f} hours at the least" if search.too_long(minutes) else ""


def _attempts(search: _Search, preset: DancePreset, framing: Framing) -> Iterator[_Attempt]:
    """Ways to train a preset, from its own to the smallest; each holds less than the one before."""
    presets = list(lighter_presets(preset)) if search.lighter else [preset]
    yield from (_Attempt(preset=one, framing=framing, size=None) for one in presets)
    for share in SHARES:
        size = _size(search.track, preset, share)
        smaller = frame_performer(search.track, pixels=preset.pixels, stride=preset.stride, size=size)
        if smaller.width * smaller.height < framing.width * framing.height:
            yield _Attempt(preset=presets[-1], framing=smaller, size=size)


def _size(track: Track, preset: DancePreset, share: float) -> tuple[int, int]:
    """Width and height of the whole frame with a share of the preset's pixels, or a little fewer."""
    scale = math.sqrt(share * preset.pixels / (track.width * track.height))
    width, height = (
        max(LEAST, int(side * scale / preset.stride)) * preset.stride for side in (track.width, track.height)
    )
    return width, height


def _sequences(preset: DancePreset, *, checkpointing: bool | None = None, chunk: int | None = None) -> DancePreset:
    """The preset with other settings in its phases that paint takes."""

    def changed(phase: SequencePhase) -> SequencePhase:
        anew = phase.checkpointing if checkpointing is None else checkpointing
        return replace(phase, checkpointing=anew, chunk=min(phase.chunk, chunk or phase.chunk))

    phases = (changed(phase) if isinstance(phase, SequencePhase) else phase for phase in preset.phases)
    return replace(preset, phases=tuple(phases))


def _setup(machine: Machine, framing: Framing, perceptual: nn.Module | None) -> Setup:
    return Setup(width=framing.width, height=framing.height, compute=machine.compute, perceptual=perceptual)


def _plan(search: _Search, attempt: _Attempt, demand: Demand) -> Plan:
    machine, preset, last = search.machine, attempt.preset, attempt.preset.phases[-1]
    pace, source = _pace(search, attempt, demand)
    minutes = _minutes(preset, pace)
    return Plan(
        method=search.method,
        preset=preset,
        width=attempt.framing.width,
        height=attempt.framing.height,
        size=attempt.size,
        batch=last.batch,
        clip_frames=frames_per_step(last),
        checkpointing=isinstance(last, SequencePhase) and last.checkpointing,
        precision=machine.compute.precision,
        step_bytes=demand.peak_bytes,
        memory_bytes=machine.with_slack(demand.peak_bytes),
        device_bytes=machine.memory,
        seconds_per_step=pace,
        time_source=source,
        steps=_steps(preset),
        minutes=minutes,
        budget=min(minutes[1], NIGHT) if search.minutes is None else search.minutes,
        disk_bytes=_disk(search.track, attempt, demand),
    )


def _pace(search: _Search, attempt: _Attempt, demand: Demand) -> tuple[tuple[float, float], str]:
    """Least and most seconds of a step, and where they come from."""
    speed = search.machine.speed
    expected = speed.seconds(demand.flops, demand.operators)
    if search.machine.here and expected[1] <= TIMED:
        setup = _setup(search.machine, attempt.framing, search.perceptual)
        seconds = seconds_per_step(attempt.preset.phases[-1], setup)
        return (seconds, seconds), f"measured: {seconds:.2g} s a step here"
    return expected, f"{demand.flops / 1e12:.2g} TFLOP a step; {speed.source}"


def _steps(preset: DancePreset) -> int:
    last = preset.phases[-1]
    return math.ceil(FRAMES[preset.name] / (last.batch * frames_per_step(last)))


def _minutes(preset: DancePreset, pace: tuple[float, float]) -> tuple[float, float]:
    """Least and most, until the last phase has taken its steps; the other phases have their share of the time."""
    least, most = (_steps(preset) * seconds / preset.phases[-1].part / 60 for seconds in pace)
    return least, most


def _disk(track: Track, attempt: _Attempt, demand: Demand) -> int:
    """Bytes of the prepared clip, of taught flow, of the training state while it is replaced, and of the model."""
    frames, framing = len(track), attempt.framing
    known = trained_frames(frames)
    length = float(track.times[-1] - track.times[0]) / max(frames - 1, 1) or 1.0
    plates = int(plate_of_frames(known, length)[-1]) + 1
    pixels = framing.width * framing.height
    clip = pixels * (frames * (3 + 3 + 1) + 3 * plates) + 3 * track.width * track.height
    gaps = {
        gap * stride
        for phase in attempt.preset.phases
        if isinstance(phase, SequencePhase)
        for gap in phase.gaps
        for stride in phase.strides
    }
    flow = len(gaps) * known * pixels * FLOW_BYTES // FLOW_REDUCED**2
    return clip + flow + STATES * demand.saved_bytes + demand.model_bytes
