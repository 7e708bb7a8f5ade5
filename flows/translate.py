"""Translation: the look of one set of clips and pictures learnt into another's, and a film shown in that look."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from prefect import flow

from flows.dance import CHUNK_FRAMES
from flows.delivering import PLAIN, Delivery, deliver
from flows.fan_out import LookOfFilm, fan_out
from flows.pacing import may_go_on
from flows.progress import bar, say
from flows.proof.first_look import Coming, is_long, look_first
from flows.proof.parking import gate_translation
from flows.proof.provenance import translation_origin
from flows.proof.report import report_translate, reported
from flows.store.caching import whole
from flows.store.results import Segment, Store
from flows.store.workspace import Workspace
from flows.translate_tasks import (
    named,
    prepare_both,
    prepare_domain,
    rendering_for,
    teach,
    train,
    translate_chunk,
)
from pipeline.artifacts import FileRef, refuse_existing
from pipeline.compute import Compute
from pipeline.video import DEFAULT_ENCODING, Encoding, frame_times
from stages.evaluation.change import picture_change
from stages.rendering.render import Stretch
from stages.rendering.steady import STRENGTH
from stages.training.phases import Budget
from stages.training.translate_phases import PairedPreset, TranslatePreset
from stages.training.translate_presets import translate_preset
from stages.translate_model import Direction

BATCHES = 8  # frames: a multiple of every batch


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslateTraining:
    """How a translator is trained."""

    preset: TranslatePreset = field(default_factory=lambda: translate_preset("draft", paired=False))
    budget: Budget = field(default_factory=lambda: Budget(minutes=6.0))
    perceptual: FileRef | None = None  # VGG-19's weights; None: without the perceptual loss
    strict: bool = False  # refuse what cannot be read instead of skipping it


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslateRendering:
    """How a film is translated."""

    direction: Direction = "a-to-b"
    steady: float | None = STRENGTH  # strength of the blend with the last picture; None: each frame alone
    tile: int | None = None  # pixels of a tile's side; None: whole frames where memory allows
    encoding: Encoding = DEFAULT_ENCODING
    chunk_frames: int = CHUNK_FRAMES  # a multiple of BATCHES, so that batches are the same in chunks of any length
    fan_out: str | None = field(default=None, metadata={"changes_result": False})  # cluster that makes the chunks

    def __post_init__(self) -> None:
        if self.chunk_frames < 1 or self.chunk_frames % BATCHES:
            raise ValueError(
                f"TranslateRendering.chunk_frames is {self.chunk_frames}, expected a multiple of {BATCHES}."
            )
        if self.fan_out is not None and self.steady is not None:
            raise ValueError(
                "TranslateRendering.fan_out is set, expected steady=None: chunks must not need one another."
            )


@flow(name="train translate")
def train_translate_flow(
    a: tuple[FileRef, ...], b: tuple[FileRef, ...], settings: TranslateTraining, compute: Compute, workspace: Workspace
) -> FileRef:
    """Learn to turn the look of `a` into that of `b`, and back where there are no pairs; returns its model.json.

    Args:
        a, b: clips, pictures and folders of them; with pairs one of each, whose pictures belong together.

    Raises: TrainingError, VideoError, FrameError: see `prepare_pictures` and `prepare_pairs`.
    """
    one, other = _prepared(a, b, settings, workspace)
    for places, store in ((a, one), (b, other)):
        for line in store.lines:
            say(f"{named(places)}: {line}")
    preset = settings.preset
    flows: list[FileRef | None] = [None, None]
    if preset.weights.flow > 0:
        flows[1] = whole(teach, other.facts, preset, workspace)
        if not isinstance(preset, PairedPreset):  # pairs learn steadiness from the truth's motion
            flows[0] = whole(teach, one.facts, preset, workspace)
    eye, budget = settings.perceptual, settings.budget
    return whole(train, one.facts, other.facts, flows[0], flows[1], preset, budget, eye, compute, workspace)


@flow(name="translate")
def translate_flow(
    clip: FileRef,
    model: FileRef,
    output: Path,
    settings: TranslateRendering,
    compute: Compute,
    workspace: Workspace,
    overwrite: bool = False,
    delivery: Delivery = PLAIN,
) -> FileRef:
    """Show a clip in the look that a model has learnt: its size, times and sound; every frame.

    Raises:
        ModelError, UnknownChoice: see `load_translator`.
        OutputExists: `output` is there and `overwrite` is False.
        OperatingError, BackendUnavailable: see `fan_out`.
        FilmParked: it did not pass its gates; ValueError: gates that a translation has not, see `gate_translation`.
    """
    refuse_existing(output, overwrite=overwrite)
    times = frame_times(clip.path)
    gated = gate_translation(delivery.gates, clip, len(times), workspace)
    origin = translation_origin(clip, model, settings, delivery)

    def paint(stretch: Stretch) -> Path:
        way = settings.direction
        rendering = rendering_for(model, way, clip, compute, tile=settings.tile, steady=settings.steady)
        segment: Segment = whole(
            translate_chunk, model, way, clip, stretch, None, rendering, settings.encoding, compute, workspace
        )
        return segment.film.path

    if delivery.approve or is_long(times):
        look_first(_coming(output, clip, times, settings), paint, origin, delivery, approve=delivery.approve)
    if settings.fan_out is not None:
        _fan_out(clip, model, len(times), settings, settings.fan_out, compute, workspace)
    segments = list(translate_chunks(clip, model, settings, compute, workspace))
    films = [segment.film.path for segment in segments]
    with reported(output, lambda film: report_translate(clip, model, film, compute, gated=gated)):
        deliver(films, clip.path, output, origin, delivery, settings.encoding, gated, overwrite=overwrite)
    return FileRef.of(output)


def _coming(output: Path, clip: FileRef, times: tuple[Fraction, ...], settings: TranslateRendering) -> Coming:
    """Nobody is tracked: the worst seconds are those in which the clip's picture changes most, by motion or by light.

    There a look is hardest to keep steady.
    """
    with bar(f"Looking where {clip.path.name} changes most", len(times)) as advance:
        change = picture_change(clip.path, progress=advance)
    first = Stretch(0, settings.chunk_frames)
    worst = "where the clip changes most"
    return Coming(output, clip.path, times, change, first, settings.encoding, worst, step=BATCHES)


def translate_chunks(
    clip: FileRef, model: FileRef, settings: TranslateRendering, compute: Compute, workspace: Workspace
) -> Iterator[Segment]:
    """Translate stretch after stretch, each from the state behind the one before, until the clip ends."""
    way = settings.direction
    rendering = rendering_for(model, way, clip, compute, tile=settings.tile, steady=settings.steady)
    if rendering.tiling is not None:
        say(f"In tiles of {rendering.tiling.side} pixels, whose brightness and colours are measured together")
    start, state, ends = 0, None, False
    while not ends:
        may_go_on()
        stretch = Stretch(start, start + settings.chunk_frames)
        segment: Segment = whole(
            translate_chunk, model, way, clip, stretch, state, rendering, settings.encoding, compute, workspace
        )
        yield segment
        start, state, ends = stretch.stop, segment.state, segment.ends


def _fan_out(
    clip: FileRef,
    model: FileRef,
    frames: int,
    settings: TranslateRendering,
    cluster: str,
    compute: Compute,
    workspace: Workspace,
) -> None:
    way = settings.direction
    film = LookOfFilm(
        FileRef.of(model.path.parent),
        way,
        clip,
        rendering_for(model, way, clip, compute, tile=settings.tile, steady=settings.steady),
        settings.encoding,
        compute,
        model.sha256,
    )
    starts = range(0, frames, settings.chunk_frames)
    fan_out(film, [Stretch(start, start + settings.chunk_frames) for start in starts], workspace, cluster)


def _prepared(
    a: tuple[FileRef, ...], b: tuple[FileRef, ...], settings: TranslateTraining, workspace: Workspace
) -> tuple[Store, Store]:
    config, strict = settings.preset.store, settings.strict
    if isinstance(settings.preset, PairedPreset):
        (one,), (other,) = a, b  # the command line has seen to it
        both = whole(prepare_both, one, other, config, strict, workspace)
        return both.a, both.b
    return tuple(whole(prepare_domain, places, config, strict, workspace) for places in (a, b))  # type: ignore[return-value]
