"""How fast vid2vid's generators paint a film, frame after frame: plainly, as rendering has it, and by replays.

    python -m benchmarks.painting [--frames 60] [--rounds 3] [--save]

Needs torch and jaxtyping (triton for the fused warp); run it from the project's root. Plainly means eager PyTorch in
float32, channels first; "as rendering has it" is the machine's quickest precision under autocast, channels last; by
replays is the same recorded as a CUDA graph, on a GPU only. All in inference mode. Every frame is painted after the
ones before it, over random pictures and with the first weights: neither changes the time. The ways take turns; the best
round of each counts. --save writes results/painting.md.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch
from torch import Tensor

from models.blocks import initialise
from models.performance import Performer
from models.replay import ReplayedPerformer
from models.vid2vid.generator import LIGHT, CompositeConfig
from models.vid2vid.performer import SequentialPerformer
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator
from pipeline.compute import Compute, keep_memory, resolve_compute

PAGE = Path(__file__).parent / "results" / "painting.md"
LONGEST = 20  # seconds of a film; a large network on a processor paints no more frames than fit
BEHIND = 3  # frames before the clock starts: the first has no memory, the second may be recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A generator and the size it paints at."""

    name: str
    config: CompositeConfig
    width: int
    height: int

    def performer(self, compute: Compute) -> SequentialPerformer:
        """With first weights."""
        generator = initialise(PyramidGenerator(PyramidConfig(coarse=self.config)), compute.generator())
        return SequentialPerformer(generator).eval().to(compute.device)


CASES = (
    Case(name="light (the draft's)", config=LIGHT, width=144, height=256),
    Case(name="published, ngf 64", config=CompositeConfig(base_channels=64), width=512, height=512),
    Case(name="published, ngf 128", config=CompositeConfig(), width=512, height=512),
)


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """How a film is painted."""

    name: str
    performer: Performer
    layout: torch.memory_format
    surroundings: Callable[[], AbstractContextManager[object]]


def main() -> None:
    options = parse()
    keep_memory()
    compute = resolve_compute("auto", 0)
    told = "\n".join([f"{machine(compute)} Precision: {compute.reason}.", "", *table(options, compute)])
    print(told)
    if options.save:
        PAGE.write_text(f"# Painting\n\n`python -m benchmarks.painting`. {told}\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60, help="of each film")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    return parser.parse_args()


def table(options: argparse.Namespace, compute: Compute) -> Iterator[str]:
    """Frames a second of each case in each way, Markdown."""
    names = ["plainly", "as rendering has it", *(["by replays"] if compute.device == "cuda" else [])]
    yield f"| generator | size | {' | '.join(names)} | × plainly |"
    yield "|---" * (len(names) + 3) + "|"
    for case in CASES:
        rates = [0.0] * len(names)
        for _ in range(options.rounds):
            for place, way in enumerate(ways(case, compute)):
                rates[place] = max(rates[place], frames_a_second(way, case, compute, options.frames))
        shown = " | ".join(f"{rate:.1f}" for rate in rates)
        times = ", ".join(f"{rate / rates[0]:.2f}" for rate in rates[1:])
        yield f"| {case.name} | {case.width}x{case.height} | {shown} | {times} |"


def ways(case: Case, compute: Compute) -> Iterator[Way]:
    """Each with a network of its own, alike in weights."""
    yield Way("plainly", case.performer(compute), torch.contiguous_format, nullcontext)
    channels_last = case.performer(compute).to(memory_format=torch.channels_last)
    yield Way("as rendering has it", channels_last, torch.channels_last, compute.autocast)
    if compute.device == "cuda":
        yield Way("by replays", ReplayedPerformer(channels_last), torch.channels_last, compute.autocast)


def frames_a_second(way: Way, case: Case, compute: Compute, frames: int) -> float:
    """Paint a film and count its frames, but for the first few."""
    chance = torch.Generator().manual_seed(0)

    def picture() -> Tensor:
        made = torch.rand(1, 3, case.height, case.width, generator=chance) * 2 - 1
        return made.to(compute.device).contiguous(memory_format=way.layout)

    conditions, backdrop = [picture() for _ in range(4)], picture()
    memory, frame, begun = way.performer.blank(conditions[0]), 0, now(compute)
    with torch.inference_mode(), way.surroundings():
        while frame < BEHIND + frames and (frame <= BEHIND or time.perf_counter() - begun < LONGEST):
            if frame == BEHIND:
                begun = now(compute)
            made = way.performer.perform(conditions[frame % 4], backdrop, memory)
            memory = way.performer.remember(memory, conditions[frame % 4], made)
            frame += 1
    return (frame - BEHIND) / (now(compute) - begun)


def now(compute: Compute) -> float:
    """Seconds on a clock, when all that was asked of the device is done."""
    if compute.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def machine(compute: Compute) -> str:
    """Date, machine and version, for the head of the page."""
    if compute.device == "cuda":
        return f"{date.today()}, {torch.cuda.get_device_name()}, torch {torch.__version__}."
    where = f"{platform.machine()} {platform.system()}, {torch.get_num_threads()} threads"
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return f"{date.today()}, {where}{load}, torch {torch.__version__}. Not measured on GPU."


if __name__ == "__main__":
    main()
