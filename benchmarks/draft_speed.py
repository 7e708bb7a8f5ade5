"""How fast both drafts learn and paint, on the sample: vid2vid against everybody-dance-now, in turns, in one run.

    python -m benchmarks.draft_speed [--rounds 3] [--steps 20] [--frames 60] [--save]

Training: whole steps of the training loop at 144x256, vid2vid with every judge on and its takes at their longest; the
median step of a round counts, so that saving and contact sheets do not. Painting: `Generation.paint`, frame after
frame, against the same network run plainly (eager, float32, NCHW, no autocast). The best of several rounds counts.
Without the second look that a drifting film takes. --save appends the tables to results/draft.md.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import cycle, islice, pairwise
from pathlib import Path
from statistics import median

import torch

from benchmarks.held_out_film import Lesson, get_ready, learn
from benchmarks.video import machine
from pipeline.compute import Compute, keep_memory, resolve_compute
from pipeline.image import crop, resize, to_images, to_tensor
from pipeline.values import Condition, Pose
from stages.model_folder import LoadedModel, load_model
from stages.rendering.generate import Generation
from stages.training.bricks import Report
from stages.training.clips import open_clip
from stages.training.phases import Budget, DancePreset, SequencePhase
from stages.training.presets import METHODS, preset_named
from stages.training.rehearsal import frames_per_step

SAMPLE = Path(__file__).parents[1] / "sample_videos" / "blue_dance.mp4"
RESULTS = Path(__file__).parent / "results" / "draft.md"
SIZE = (144, 256)
WARM_UP = 2  # steps, and frames

Step = tuple[Condition, Pose]


@dataclass(slots=True)
class Rates:
    """Frames a second of one draft, the best of the rounds so far."""

    training: float = 0.0
    painting: float = 0.0
    plainly: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20, help=f"of training in a round, more than {WARM_UP}")
    parser.add_argument("--frames", type=int, default=60, help=f"painted in a round, more than {WARM_UP}")
    parser.add_argument("--save", action="store_true", help="append to benchmarks/results/draft.md")
    options = parser.parse_args()
    keep_memory()
    compute = resolve_compute("auto", 0)
    with tempfile.TemporaryDirectory() as scratch:
        presets = {method: at_full_stretch(preset_named("draft", method)) for method in METHODS}
        lesson = get_ready(SAMPLE, presets["vid2vid"], Path(scratch), size=SIZE)
        rates = measure(lesson, presets, options.rounds, options.steps, options.frames, compute)
    text = "\n".join(lines(rates, compute))
    print(text)
    if options.save:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")


def at_full_stretch(preset: DancePreset) -> DancePreset:
    """The preset as it trains at the end of its budget: takes at their longest, the judges on from the start."""
    phases = tuple(
        replace(phase, frames=phase.frames[-1:], judged_from=0.0) if isinstance(phase, SequencePhase) else phase
        for phase in preset.phases
    )
    return replace(preset, phases=phases)


def measure(
    lesson: Lesson, presets: dict[str, DancePreset], rounds: int, steps: int, frames: int, compute: Compute
) -> dict[str, Rates]:
    """Train and paint with each draft in turn, `rounds` times."""
    rates = {method: Rates() for method in presets}
    for number in range(rounds):
        for method, preset in presets.items():
            folder, best = lesson.folder / f"{method}-{number}", rates[method]
            best.training = max(best.training, training_rate(lesson, preset, steps, compute, folder))
        for method in presets:
            model, best = load_model(lesson.folder / f"{method}-0", compute), rates[method]
            model = replace(model, facts=replace(model.facts, drift_limit=None))
            best.painting = max(best.painting, frame_rate(painter(model, compute), lesson, frames))
            best.plainly = max(best.plainly, frame_rate(plain_painter(model, compute), lesson, frames))
        print(f"round {number + 1} of {rounds}: {rates}", flush=True)
    return rates


def training_rate(lesson: Lesson, preset: DancePreset, steps: int, compute: Compute, folder: Path) -> float:
    """Train anew and return how many frames a second are painted and learnt from, by the median step."""
    ends: list[float] = []

    def watch(report: Report) -> None:
        ends.append(time.perf_counter())

    learn(lesson, preset, Budget(steps=steps), compute, folder, watch)
    taken = [after - before for before, after in pairwise(ends)]
    (phase,) = preset.phases
    return phase.batch * frames_per_step(phase) / median(taken[WARM_UP - 1 :])


def frame_rate(paint: Callable[[Condition, Pose], object], lesson: Lesson, frames: int) -> float:
    """Paint what the clip shows, and return frames a second by the median frame."""
    figures = open_clip(lesson.prepared).conditions
    taken = []
    for index in islice(cycle(range(len(figures))), frames):
        pose = lesson.track[index]
        condition = Condition(figures[index], pose.time, index)
        begun = time.perf_counter()
        paint(condition, pose)
        taken.append(time.perf_counter() - begun)
    return 1 / median(taken[WARM_UP:])


def painter(model: LoadedModel, compute: Compute) -> Callable[[Condition, Pose], object]:
    """As films are rendered."""
    return Generation(model, compute).paint


def plain_painter(model: LoadedModel, compute: Compute) -> Callable[[Condition, Pose], object]:
    """As one would write it first: nothing chosen, everything in float32 and in PyTorch's own order."""
    performer = deepcopy(model.performer).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    framing = model.facts.framing
    plate = resize(crop(model.background, framing.window), framing.width, framing.height)
    backdrop = to_tensor(plate, compute.device).contiguous()
    memory = performer.blank(backdrop)

    def paint(condition: Condition, pose: Pose) -> object:
        nonlocal memory
        shown = to_tensor(condition.image, compute.device).contiguous()
        with torch.no_grad():
            made = performer.perform(shown, backdrop, memory)
            memory = performer.remember(memory, shown, made)
        return to_images(made.image)

    return paint


def lines(rates: dict[str, Rates], compute: Compute) -> list[str]:
    """A section of the results."""
    one, other = rates["vid2vid"], rates["everybody-dance-now"]
    found = [
        "## Both drafts, in turns",
        "",
        f"`python -m benchmarks.draft_speed`, {SIZE[0]}x{SIZE[1]}, {compute.precision}, {machine()}, "
        f"{torch.get_num_threads()} threads. Frames a second, best of the rounds.",
        "",
        "| | training, all losses on, longest takes | painting | the same network run plainly in float32 | × |",
        "|---|---|---|---|---|",
    ]
    for method, best in rates.items():
        painted = f"{best.painting:.1f} | {best.plainly:.1f} | {best.painting / best.plainly:.2f}"
        found.append(f"| {method} | {best.training:.1f} | {painted} |")
    ratios = f"{one.training / other.training:.2f} | {one.painting / other.painting:.2f} | "
    found.append(f"| vid2vid / everybody-dance-now | {ratios}{one.plainly / other.plainly:.2f} | |")
    return found


if __name__ == "__main__":
    main()
