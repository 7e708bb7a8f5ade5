"""How fast clips are tracked: one and several workers against the plain mp.solutions loop, in one run.

    python benchmarks/tracking.py CLIP [--workers 2] [--rounds 3]

Each round runs all candidates in turn; the fastest round of each counts, so that a machine's other work matters less.
Processor seconds, the least of all rounds, stand beside: what a run would take at least on one core.
"""

import argparse
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from mediapipe.python.solutions.pose import Pose

from pipeline.video import read_video
from stages.tracking.mask import person_masks
from stages.tracking.pose import TrackerConfig, track_pose


def plain_loop(path: Path) -> int:
    """What everybody writes first: one process, every full frame through mediapipe's Pose."""
    with read_video(path) as video, Pose(model_complexity=1) as pose:
        return sum(pose.process(frame.image) is not None for frame in video)


def masks(path: Path) -> int:
    """Make a person mask for every frame; how many there were."""
    with read_video(path) as video:
        return sum(1 for _ in person_masks(video))


def seconds(run: Callable[[], int]) -> tuple[float, float]:
    """By the clock, and of all cores together."""
    start, worked = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - worked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    clip, workers = options.clip, options.workers
    with read_video(clip) as video:
        frames = sum(1 for _ in video)
    candidates: dict[str, Callable[[], int]] = {
        "plain mp.solutions loop": lambda: plain_loop(clip),
        "track_pose, 1 worker": lambda: len(track_pose(clip)),
        f"track_pose, {workers} workers": lambda: len(track_pose(clip, TrackerConfig(workers=workers))),
        "person_masks": lambda: masks(clip),
    }
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
    for _ in range(options.rounds):
        for name, run in candidates.items():
            rounds[name].append(seconds(run))
    plain = min(took for took, _ in rounds["plain mp.solutions loop"])
    print(f"{clip.name}, {frames} frames, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, each in rounds.items():
        took, worked = min(took for took, _ in each), min(worked for _, worked in each)
        rates = f"{frames / took:6.1f} frames/s  {plain / took:5.2f} x plain"
        print(f"{name:28s} {took:7.2f} s  {rates}  {worked:7.2f} s of processors")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main()
