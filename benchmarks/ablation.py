"""What each part of vid2vid is worth: drafts trained alike but for one part, scored on a clip's held-out last 15 %.

    python -m benchmarks.ablation CLIP [--minutes 3 | --steps N] [--only NAME …] [--work DIR] [--save]

All variants learn from the same prepared clip with the same budget and seed; the end is painted as a user gets it and
scored against the true frames. What was trained and scored is kept in --work, with a contact sheet for each variant,
and is not done again (name another --work after a change of the code); the table shows all variants of this budget and
seed that are there. --save writes the page docs/results.md and keeps what people wrote under its last heading.
"""

import argparse
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter

from benchmarks.held_out_film import Lesson, ReducedComparison, get_ready, learn, paint_held_out
from benchmarks.video import machine
from flows.store.workspace import content_key
from pipeline.artifacts import atomic_file
from pipeline.compute import Compute, keep_memory, resolve_compute
from pipeline.values import Frame
from pipeline.video import DEFAULT_ENCODING, probe, read_video, write_video
from stages.evaluation.compare import Comparison, compare_films
from stages.model_folder import LoadedModel, load_model
from stages.rendering.render import film_info
from stages.training.ablation import without
from stages.training.bricks import Report
from stages.training.clips import trained_frames
from stages.training.phases import Budget, DancePreset, PairPhase, Phase
from stages.training.presets import preset_named

PAGE = Path(__file__).parents[1] / "docs" / "results.md"
SAYS = "## What this says"  # written by people; kept from here on
PARTS = ("video-discriminator", "warping", "mask-loss")
LOSSLESS = replace(DEFAULT_ENCODING, crf=0)

WHOLE = preset_named("draft", "vid2vid")
PAIRS = preset_named("draft", "everybody-dance-now")
VARIANTS: dict[str, DancePreset] = {
    "everybody-dance-now as first built": replace(
        PAIRS, phases=tuple(replace(phase, optimiser="adam", schedule="cosine") for phase in PAIRS.phases)
    ),
    "everybody-dance-now": PAIRS,
    "vid2vid": WHOLE,
    **{f"vid2vid without {part}": without(WHOLE, (part,)) for part in PARTS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a training went, the warm-up left out. A step is one of the generator's optimiser."""

    step_seconds: float
    frames_per_second: float  # painted, learnt from


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good a film of the held-out end is, and how fast it was painted."""

    psnr_db: float  # reduced to the size of comparison, before encoding
    ssim: float
    film: Comparison  # at full size, as encoded
    painting_fps: float  # the network alone, at its own size
    rendering_fps: float  # and laid over the full frame


class Stopwatch:
    """Watches a training: how many frames and steps there were, in how many seconds."""

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self._last: tuple[float, float] | None = None  # when the step before ended, and the share of the budget then
        self._seconds, self._frames, self._steps = 0.0, 0, 0

    def __call__(self, report: Report) -> None:
        """Count the step that has just ended; the first one, which warms up, only starts the clock."""
        now = time.perf_counter()
        if self._last is not None:
            frames, steps = work_of(self._phase, self._last[1])
            self._seconds += now - self._last[0]
            self._frames += frames
            self._steps += steps
        self._last = now, report.done

    def pace(self) -> Pace | None:
        """None where no step was seen from its begin to its end."""
        if not self._steps:
            return None
        return Pace(step_seconds=self._seconds / self._steps, frames_per_second=self._frames / self._seconds)


def work_of(phase: Phase, done: float) -> tuple[int, int]:
    """Frames that are painted, and steps of the optimiser, in a round of the training loop begun at `done`."""
    if isinstance(phase, PairPhase):
        return 2 * phase.batch, 1
    frames = phase.longest_now(done)
    return frames * phase.batch, -(-frames // phase.chunk)


def main() -> None:
    options = parse()
    keep_memory()
    compute = resolve_compute("auto", options.seed)
    budget = Budget(steps=options.steps) if options.steps else Budget(minutes=options.minutes)
    lesson = get_ready(options.clip, WHOLE, options.work)
    truth = true_end(lesson)
    for name in options.only or VARIANTS:
        print(f"{name} …", flush=True)
        folder = folder_of(name, lesson, budget, compute)
        train(lesson, VARIANTS[name], budget, compute, folder)
        if not (folder / f"score-{options.compare}.json").exists():
            score(lesson, truth, compute, folder, options.compare)
    found = {name: folder_of(name, lesson, budget, compute) for name in VARIANTS}
    found = {name: folder for name, folder in found.items() if (folder / f"score-{options.compare}.json").exists()}
    tables = "\n".join([*likeness_table(found, options.compare), "", *speed_table(found, options.compare)])
    print(tables)
    if options.save:
        introduction = told(lesson, budget, compute, options.about, options.compare)
        write_page(f"{introduction}\n\n{tables}\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--minutes", type=float, default=3.0, help="of training, for each variant")
    parser.add_argument("--steps", type=int, help="instead: rounds of the training loop")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, metavar="NAME", help=", ".join(VARIANTS))
    parser.add_argument("--compare", default="144x256", help="size at which PSNR and SSIM are taken besides")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--about", default="a real dancer", help="what the page calls the clip")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"))
    parser.add_argument("--save", action="store_true", help="write docs/results.md")
    return parser.parse_args()


def folder_of(name: str, lesson: Lesson, budget: Budget, compute: Compute) -> Path:
    """Where a variant lies; a changed preset lies elsewhere, changed code does not."""
    length = f"{budget.steps}-steps" if budget.steps else f"{budget.minutes:g}-minutes"
    key = content_key(1, VARIANTS[name], budget, compute)
    return lesson.folder / f"{name.replace(' ', '-')}-{length}-seed-{compute.seed}-{key[:8]}"


def true_end(lesson: Lesson) -> Path:
    """The held-out frames as a film, as they were filmed, its times counted from the first of them."""
    path = lesson.folder / "truth.mp4"
    if not path.exists():
        start = trained_frames(len(lesson.track))
        with (
            read_video(lesson.clip.path, start_index=start) as video,
            write_video(path, video.info, encoding=LOSSLESS) as film,
        ):
            for frame in video:
                film.write(moved_to_start(frame, lesson))
    return path


def moved_to_start(frame: Frame, lesson: Lesson) -> Frame:
    """The frame as the first of the held-out end: time and index counted from there."""
    start = trained_frames(len(lesson.track))
    begin: Fraction = lesson.track.times[start]
    return Frame(frame.image, frame.time - begin, frame.index - start)


def train(lesson: Lesson, preset: DancePreset, budget: Budget, compute: Compute, folder: Path) -> None:
    """Train unless that was done; the pace is that of the last run, where it was interrupted."""
    if (folder / "model.json").exists():
        return
    (phase,) = preset.phases
    watch = Stopwatch(phase)
    learn(lesson, preset, budget, compute, folder, watch)
    with atomic_file(folder / "pace.json") as beside:
        beside.write_bytes(_PACE.dump_json(watch.pace()))


def score(lesson: Lesson, truth: Path, compute: Compute, folder: Path, size: str) -> None:
    """Paint the held-out end as a film, compare it with the truth, and note all that was measured."""
    model, compared = load_model(folder, compute), ReducedComparison(size)
    painting, rendering = film_end(lesson, model, compute, folder / "film.mp4", compared)
    compared.write_sheet(folder / "sheet.png")
    found = Score(
        psnr_db=compared.psnr_db,
        ssim=compared.ssim,
        film=compare_films(folder / "film.mp4", truth),
        painting_fps=1 / painting,
        rendering_fps=1 / rendering,
    )
    with atomic_file(folder / f"score-{size}.json") as beside:
        beside.write_bytes(_SCORE.dump_json(found, indent=2))


def film_end(
    lesson: Lesson, model: LoadedModel, compute: Compute, film: Path, compared: ReducedComparison
) -> tuple[float, float]:
    """Write the film; returns the usual seconds of a frame in the network, and with the compositing."""
    painting, rendering = [], []
    info = film_info(model.facts, probe(lesson.clip.path))
    with write_video(film, info, overwrite=True) as output:
        for frame in paint_held_out(lesson, model, compute):
            output.write(moved_to_start(replace(frame.true, image=frame.film), lesson))
            compared.add(frame.film, frame.true.image)
            if frame.person:
                painting.append(frame.painting)
                rendering.append(frame.painting + frame.compositing)
    return median(painting), median(rendering)


def likeness_table(found: dict[str, Path], size: str) -> list[str]:
    """The page's table of how like the films are, Markdown, a row for each variant found."""
    lines = [
        "## Likeness",
        "",
        f"| variant | PSNR, SSIM at {size} | PSNR, SSIM at full size | person PSNR | pose error | missed | flicker |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, folder in found.items():
        one = read_score(folder, size)
        film = one.film
        whole = f"{film.psnr_db:.2f} dB, {film.ssim:.3f}"
        person = f"{number(film.person_psnr_db, '.2f', ' dB')} | {number(film.pose_error_pct, '.2f', ' %')}"
        steady = f"{number(film.missed_detections, 'd')} | {number(film.warp_error_ratio, '.2f')}"
        lines.append(f"| {name} | {one.psnr_db:.2f} dB, {one.ssim:.3f} | {whole} | {person} | {steady} |")
    return lines


def speed_table(found: dict[str, Path], size: str) -> list[str]:
    """The page's table of how fast variants learn and paint, Markdown."""
    lines = [
        "## Speed",
        "",
        "| variant | training: s/step | training: frames/s | network alone: frames/s | with compositing: frames/s |",
        "|---|---|---|---|---|",
    ]
    for name, folder in found.items():
        one, pace = read_score(folder, size), read_pace(folder)
        trained = "– | –" if pace is None else f"{pace.step_seconds:.3f} | {pace.frames_per_second:.1f}"
        lines.append(f"| {name} | {trained} | {one.painting_fps:.1f} | {one.rendering_fps:.1f} |")
    return lines


def told(lesson: Lesson, budget: Budget, compute: Compute, about: str, size: str) -> str:
    """What was run, in a paragraph, and what the columns mean in another."""
    frames, start = len(lesson.track), trained_frames(len(lesson.track))
    info = probe(lesson.clip.path)
    length = f"{budget.steps} rounds of the loop" if budget.steps else f"{budget.minutes:g} minutes of training"
    picture = lesson.prepared.name.split("-")[1]
    device = "no GPU" if compute.device == "cpu" else compute.reason
    return (
        "# Results: what each part of vid2vid is worth\n\n"
        f"Footage: {about}, {float(lesson.track.times[-1]):.0f} s of film at {info.width}x{info.height}. Every draft "
        f"learnt from its first {start} frames, with the same prepared clip (network picture {picture}), {length} "
        f"and seed {compute.seed}, without the perceptual loss. The last {frames - start} frames were never trained "
        "on: they were painted as a user gets them, over the full-resolution background, and compared with what was "
        f"filmed. A variant without a part is what `--without` trains. {machine()}, {device}; written by "
        "`python -m benchmarks.ablation`.\n\n"
        f"At {size} the picture is compared before it is encoded, at full size as the film plays. What the columns "
        "mean: [formats.md](formats.md), Evaluation; flicker is the warp-error ratio. A step is one of the generator's "
        "optimiser, four frames for each variant. Frames a second in training are painted and learnt from; in painting "
        "they are the median frame's, decoding and encoding left out."
    )


def write_page(measured: str) -> None:
    """Write the page; from the heading for people's words on it stays as it was."""
    before = PAGE.read_text("utf-8") if PAGE.exists() else ""
    _, _, said = before.partition(SAYS)
    with atomic_file(PAGE) as beside:
        beside.write_text(f"{measured}\n{SAYS}\n\n{said.strip()}".rstrip() + "\n", encoding="utf-8")


def read_score(folder: Path, size: str) -> Score:
    """What was scored in a variant's folder, compared at `size`."""
    return _SCORE.validate_json((folder / f"score-{size}.json").read_bytes())


def read_pace(folder: Path) -> Pace | None:
    """How fast a variant learnt; None where nobody has watched."""
    path = folder / "pace.json"
    return _PACE.validate_json(path.read_bytes()) if path.exists() else None


def number(found: float | None, form: str, unit: str = "") -> str:
    """A figure for a table; a dash where there is none."""
    return "–" if found is None else f"{found:{form}}{unit}"


_SCORE: TypeAdapter[Score] = TypeAdapter(Score)
_PACE: TypeAdapter[Pace | None] = TypeAdapter(Pace | None)

if __name__ == "__main__":
    main()
