"""How fast heads are tracked and their conditions drawn, one after the other, as preparing and rendering do.

    python -m benchmarks.portrait_speed CLIP [--size 192] [--rounds 3] [--workers 2]

Every step is timed in each round; the fastest round of each counts, so that a machine's other work matters less. The
plain `mp.solutions` loop over whole frames, run in the same rounds, is what the tracker is held against. With workers
the clip is tracked in pieces side by side, as `--fan-out local` has it done, and each draws a part of the frames.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from mediapipe.python.solutions.face_mesh import FaceMesh

from pipeline.compute import keep_memory
from pipeline.values import FacePerformance
from pipeline.video import read_video
from stages.conditioning.face_images import FaceImagesFormat, draw_face_images
from stages.retargeting.face_model import FaceModel
from stages.retargeting.measure_face import measure_face
from stages.retargeting.register_heads import register_heads
from stages.tracking.face import FaceTrackerConfig, face_pieces_of, track_face, track_face_piece
from stages.tracking.face_triangles import face_triangles
from stages.training.framing import Framing
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


@dataclass(frozen=True, slots=True)
class Drawing:
    """What conditions are drawn of."""

    performance: FacePerformance
    model: FaceModel
    framing: Framing

    def draw(self, frames: range) -> None:
        """Draw those of some frames, for nobody."""
        one, style = self.framing, FaceImagesFormat()
        for index in frames:
            draw_face_images(self.performance, index, self.model, one.window, one.width, one.height, style)


def track_side_by_side(clip: Path, pool: Executor, folder: Path) -> None:
    """Track pieces of a clip in several processes, and put them together."""
    spans = face_pieces_of(clip)
    pieces = [folder / f"{span.start}.npz" for span in spans]
    config = FaceTrackerConfig()
    begun = [
        pool.submit(track_face_piece, clip, span, config, piece) for span, piece in zip(spans, pieces, strict=True)
    ]
    for work in begun:
        work.result()
    track_face(clip, config, pieces=pieces)


def draw_side_by_side(drawing: Drawing, pool: Executor, workers: int) -> None:
    """Draw every frame's conditions, a part of the film in each process."""
    frames = len(drawing.performance)
    bounds = [frames * part // workers for part in range(workers + 1)]
    list(pool.map(drawing.draw, map(range, bounds, bounds[1:])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    keep_memory()
    clip, side, workers = options.clip, options.size, options.workers
    track = track_face(clip)
    triangles = face_triangles(filled=True)
    placed = register_heads(clip, track, triangles)
    model, performance = measure_face(track, triangles, placed=placed)
    drawing, frames = Drawing(performance, model, frame_head(track, pixels=side * side, stride=16)), len(track)
    with ExitStack() as resources:
        pool = resources.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
        folder = Path(resources.enter_context(TemporaryDirectory()))
        alone = workers == 1
        steps: dict[str, Callable[[], object]] = {
            "plain mp.solutions loop": lambda: plain_loop(clip),
            "track_face": (lambda: track_face(clip)) if alone else lambda: track_side_by_side(clip, pool, folder),
            "register_heads": lambda: register_heads(clip, track, triangles),
            "measure_face": lambda: measure_face(track, triangles, placed=placed),
            "draw_face_images": (lambda: drawing.draw(range(frames)))
            if alone
            else lambda: draw_side_by_side(drawing, pool, workers),
        }
        best = {name: min(seconds(run) for _ in range(options.rounds)) for name, run in steps.items()}
    together = sum(best[name] for name in ("track_face", "register_heads", "measure_face", "draw_face_images"))
    size = f"conditions {drawing.framing.width}x{drawing.framing.height}"
    print(f"{clip.name}, {frames} frames of {track.width}x{track.height}, {size},")
    print(f"{os.cpu_count()} cores, {workers} at a time, load {os.getloadavg()[0]:.1f}")
    for name, took in (*best.items(), ("track, measure and draw", together)):
        print(f"{name:26s} {took:7.2f} s  {frames / took:7.1f} frames/s")


if __name__ == "__main__":
    main()
