"""How fast heads are tracked and their conditions drawn, one after the other, as preparing and rendering do.

    python -m benchmarks.portrait_speed CLIP [--size 192] [--rounds 3]

Every step is timed in each round; the fastest round of each counts, so that a machine's other work matters less. The
plain `mp.solutions` loop over whole frames, run in the same rounds, is what the tracker is held against.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

from mediapipe.python.solutions.face_mesh import FaceMesh

from pipeline.compute import keep_memory
from pipeline.video import read_video
from stages.conditioning.face_images import FaceImagesFormat, draw_face_images
from stages.retargeting.measure_face import measure_face
from stages.retargeting.register_heads import register_heads
from stages.tracking.face import track_face
from stages.tracking.face_triangles import face_triangles
from stages.training.portrait_clip import frame_head


def plain_loop(path: Path) -> None:
    """What everybody writes first: every full frame through mediapipe's face mesh, irises included."""
    with read_video(path) as video, FaceMesh(refine_landmarks=True) as mesh:
        for frame in video:
            mesh.process(frame.image)


def seconds(run: Callable[[], object]) -> float:
    """How long it takes, by the clock."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    keep_memory()
    clip, side = options.clip, options.size
    track = track_face(clip)
    triangles = face_triangles(filled=True)
    placed = register_heads(clip, track, triangles)
    model, performance = measure_face(track, triangles, placed=placed)
    framing = frame_head(track, pixels=side * side, stride=16)
    style, frames = FaceImagesFormat(), len(track)

    def draw() -> None:
        for index in range(frames):
            draw_face_images(performance, index, model, framing.window, framing.width, framing.height, style)

    steps: dict[str, Callable[[], object]] = {
        "plain mp.solutions loop": lambda: plain_loop(clip),
        "track_face": lambda: track_face(clip),
        "register_heads": lambda: register_heads(clip, track, triangles),
        "measure_face": lambda: measure_face(track, triangles, placed=placed),
        "draw_face_images": draw,
    }
    best = {name: min(seconds(run) for _ in range(options.rounds)) for name, run in steps.items()}
    together = sum(best[name] for name in ("track_face", "register_heads", "measure_face", "draw_face_images"))
    print(f"{clip.name}, {frames} frames of {track.width}x{track.height}, conditions {framing.width}x{framing.height},")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, took in (*best.items(), ("track, measure and draw", together)):
        print(f"{name:26s} {took:7.2f} s  {frames / took:7.1f} frames/s")


if __name__ == "__main__":
    main()
