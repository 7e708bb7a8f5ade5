"""How well a likeness is learnt: train on a clip, paint its held-out last 15 %, compare at a fixed size.

    python -m benchmarks.held_out CLIP [--method vid2vid] [--preset draft] [--minutes 4 | --steps N] [--compare 144x256]

The film is painted as a user gets it, over the full-resolution background, then reduced to the size of comparison.
Without the perceptual loss. Tracks, prepared clips and models are kept in --work, a model under its --name.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.held_out_film import ReducedComparison, get_ready, learn, paint_held_out
from pipeline.compute import keep_memory, resolve_compute
from stages.model_folder import load_model
from stages.training.phases import Budget
from stages.training.presets import METHODS, preset_named


def main() -> None:
    options = parse()
    keep_memory()
    compute = resolve_compute("auto", options.seed)
    preset = preset_named(options.preset, options.method)
    if options.pixels:
        preset = replace(preset, pixels=options.pixels)
    lesson = get_ready(options.clip, preset, options.work)
    budget = Budget(steps=options.steps) if options.steps else Budget(minutes=options.minutes)
    folder, begun = lesson.folder / f"model-{options.name}", time.perf_counter()
    learn(lesson, preset, budget, compute, folder)
    print(f"trained {budget} in {time.perf_counter() - begun:.0f} s; {steps_in(folder)} steps")
    model = load_model(folder, compute)
    print(f"at the network's size: {model.facts.held_out}, {model.facts.framing}")
    compared = ReducedComparison(options.compare)
    for frame in paint_held_out(lesson, model, compute):
        compared.add(frame.film, frame.true.image)
    print(f"{compared.frames} frames at {options.compare}: PSNR {compared.psnr_db:.2f} dB, SSIM {compared.ssim:.4f}")
    compared.write_sheet(lesson.folder / f"held_out-{options.name}.png")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--method", default="vid2vid", choices=METHODS)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--pixels", type=int, help="of the network's picture, instead of the preset's")
    parser.add_argument("--compare", default="144x256")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="a", help="of the model: the same name goes on with the same training")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"))
    return parser.parse_args()


def steps_in(model: Path) -> int:
    """How many steps a model's training took: the lines of its curves."""
    return sum(1 for curve in (model / "training").glob("*.csv") for _ in curve.open())


if __name__ == "__main__":
    main()
