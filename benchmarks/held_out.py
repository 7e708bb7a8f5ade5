"""How well a likeness is learnt: train on a clip, paint its held-out last 15 %, compare at a fixed size.

    python benchmarks/held_out.py CLIP [--preset draft] [--minutes 4 | --steps N] [--compare 144x256] [--work DIR]

The film is painted as a user gets it, over the full-resolution background, then reduced to the size of comparison.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import FileRef
from pipeline.compute import keep_memory, resolve_compute
from pipeline.image import resize
from pipeline.values import Condition, Frame, Track
from pipeline.video import read_video
from stages.conditioning.stick_figure import draw_stick_figure
from stages.evaluation.metrics import decibels, ssim
from stages.model_folder import LoadedModel, load_model
from stages.rendering.composite import Compositor
from stages.rendering.generate import Generation
from stages.retargeting.body import measure_body
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.track_file import load_track, save_track
from stages.training.clips import prepare_clip, trained_frames
from stages.training.framing import frame_performer
from stages.training.presets import PRESETS, Budget
from stages.training.train_dance import train_dance


def main() -> None:
    options = parse()
    keep_memory()
    compute = resolve_compute("auto", options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        track = tracked(options.clip, work)
        prepared, preset = work / "prepared", PRESETS[options.preset]
        if options.pixels:
            preset = replace(preset, pixels=options.pixels)
        if not prepared.exists():
            framing = frame_performer(track, pixels=preset.pixels, stride=preset.stride)
            prepare_clip(options.clip, track, framing, preset.style, prepared)
        budget = Budget(steps=options.steps) if options.steps else Budget(minutes=options.minutes)
        model, begun = work / f"model-{options.name}", time.perf_counter()
        train_dance(prepared, FileRef.of(options.clip), measure_body(track), preset, budget, compute, model)
        print(f"trained {budget} in {time.perf_counter() - begun:.0f} s; {steps_in(model)} steps")
        loaded = load_model(model, compute)
        print(f"at the network's size: {loaded.facts.held_out}, {loaded.facts.framing}")
        score(loaded, track, options, Generation(loaded, compute), work / f"held_out-{options.name}.png")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--pixels", type=int, help="of the network's picture, instead of the preset's")
    parser.add_argument("--compare", default="144x256")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="a")
    parser.add_argument("--work", type=Path, help="keep tracks, clips and models here")
    return parser.parse_args()


def tracked(clip: Path, work: Path) -> Track:
    path = work / "track.npz"
    if not path.exists():
        save_track(track_pose(clip, TrackerConfig(workers=2)), path)
    return load_track(path)


def steps_in(model: Path) -> int:
    return sum(1 for curve in (model / "training").glob("*.csv") for _ in curve.open())


def score(model: LoadedModel, track: Track, options: argparse.Namespace, generation: Generation, sheet: Path) -> None:
    width, height = (int(side) for side in options.compare.split("x"))
    errors, likeness, shown = [], [], []
    for frame, film in painted(model, track, options.clip, generation):
        true, made = resize(frame.image, width, height), resize(film, width, height)
        errors.append(float(np.square(true / 255.0 - made / 255.0).mean()))
        likeness.append(ssim(made, true))
        shown.append(np.concatenate([made, true], axis=0))
    print(f"{len(errors)} frames at {options.compare}: PSNR {decibels(float(np.mean(errors))):.2f} dB", end=" ")
    print(f"(mean of frames {np.mean([decibels(error) for error in errors]):.2f}), SSIM {np.mean(likeness):.4f}")
    row = np.concatenate(shown[:: max(1, len(shown) // 8)], axis=1)
    cv2.imwrite(str(sheet), cv2.cvtColor(row, cv2.COLOR_RGB2BGR))


def painted(
    model: LoadedModel, track: Track, clip: Path, generation: Generation
) -> Iterator[tuple[Frame, NDArray[np.uint8]]]:
    framing, start = model.facts.framing, trained_frames(len(track))
    compositor = Compositor(model.background, framing.window)
    with read_video(clip, start_index=start) as video:
        for frame in video:
            pose = track[frame.index]
            image = draw_stick_figure(pose, framing.window, framing.width, framing.height, model.facts.style)
            yield frame, compositor.paste(generation.paint(Condition(image, frame.time, frame.index), pose))


if __name__ == "__main__":
    main()
