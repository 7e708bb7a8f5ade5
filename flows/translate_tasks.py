"""One thin cached task for every stage of a translation: FileRefs and frozen configs in, FileRefs out."""

from functools import lru_cache
from pathlib import Path

import torch

from flows.pacing import asking, saved_first
from flows.progress import bar, training_bar
from flows.store.caching import stage
from flows.store.results import Segment, Store, Stores
from flows.store.workspace import Workspace, content_key
from flows.together import told
from models.perceptual import load_perceptual
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import TrainingError, UnderstudyError
from pipeline.video import Encoding, probe
from stages.rendering.render import Stretch
from stages.rendering.steady import load_last, save_last
from stages.rendering.translate import Rendering, Translator, plan_rendering, ready, translate_stretch
from stages.training.phases import Budget
from stages.training.picture_store import FACTS, PAIR, StoreConfig, prepare_pairs, prepare_pictures
from stages.training.train_translate import neighbours_in, teach_motion, train_translate
from stages.training.translate_networks import smallest_side, translator_config
from stages.training.translate_phases import TranslatePreset
from stages.translate_model import Direction, load_translator

# Raise a stage's number when the same inputs would give another result.
PREPARING, TEACHING, TRAINING, TRANSLATING = 1, 1, 1, 1


@stage("prepare pictures", version=PREPARING)
def prepare_domain(places: tuple[FileRef, ...], config: StoreConfig, strict: bool, workspace: Workspace) -> Store:
    """Read clips and pictures once, to the training size."""
    folder = workspace.place("pictures", content_key(PREPARING, "domain", places, config, strict))
    with bar(f"Preparing {named(places)}", None, first=None) as advance:
        report = prepare_pictures(
            [place.path for place in places], config, folder, strict=strict, progress=lambda done: advance(done)
        )
    return Store(FileRef.of(folder / FACTS), report.lines)


@stage("prepare pairs", version=PREPARING)
def prepare_both(a: FileRef, b: FileRef, config: StoreConfig, strict: bool, workspace: Workspace) -> Stores:
    """The same for pictures that belong together."""
    folder = workspace.place("pictures", content_key(PREPARING, "pairs", a, b, config, strict))
    with bar(f"Preparing pairs of {a.path.name} and {b.path.name}", None, first=None) as advance:
        reports = prepare_pairs(a.path, b.path, config, folder, strict=strict, progress=lambda done: advance(done))
    one, other = (
        Store(FileRef.of(folder / name / FACTS), report.lines) for name, report in zip(PAIR, reports, strict=True)
    )
    return Stores(one, other)


@stage("teach motion", version=TEACHING)
def teach(store: FileRef, preset: TranslatePreset, workspace: Workspace) -> FileRef:
    """Find how neighbouring pictures of a domain move, once for all trainings on them."""
    folder = workspace.place("flow", content_key(TEACHING, "pictures", store, preset.teacher))
    with bar("Looking at the motion", neighbours_in(store.path.parent), first=None) as advance:
        teach_motion(store.path.parent, preset, folder, progress=advance)
    return FileRef.of(folder / "flow.json")


@stage("train translate", version=TRAINING, alone=True)
def train(
    a: FileRef,
    b: FileRef,
    flow_a: FileRef | None,
    flow_b: FileRef | None,
    preset: TranslatePreset,
    budget: Budget,
    perceptual: FileRef | None,
    compute: Compute,
    workspace: Workspace,
) -> FileRef:
    """Train the translator, or go on where an interrupted training left; returns the model's model.json."""
    key = content_key(TRAINING, "translate", a, b, flow_a, flow_b, preset, budget, perceptual, compute)
    folder = workspace.place("models", key)
    try:
        with training_bar(f"Training {preset.method} {preset.name}") as show, saved_first():
            train_translate(
                a.path.parent,
                b.path.parent,
                preset,
                budget,
                compute,
                folder,
                flow_a=None if flow_a is None else flow_a.path.parent,
                flow_b=None if flow_b is None else flow_b.path.parent,
                perceptual=None if perceptual is None else load_perceptual(perceptual.path).to(compute.device),
                watch=asking(lambda report: show(report.done, report.seconds_left, told(report))),
            )
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            compute.device, f"its memory is full: {preset.method} {preset.name}", "a preset that fits", "Use draft."
        ) from error
    return FileRef.of(folder / "model.json")


@stage("translate chunk", version=TRANSLATING)
def translate_chunk(
    model: FileRef,
    direction: Direction,
    clip: FileRef,
    stretch: Stretch,
    state: FileRef | None,
    rendering: Rendering,
    encoding: Encoding,
    compute: Compute,
    workspace: Workspace,
) -> Segment:
    """Translate and encode one stretch of the film, from the state behind the one before."""
    key = content_key(TRANSLATING, model, direction, clip, stretch, state, rendering, encoding, compute)
    film, after = (workspace.place("segments", key, suffix) for suffix in (".mp4", ".safetensors"))
    frames = probe(clip.path).frames
    stop = stretch.stop if frames is None else min(stretch.stop, frames)
    try:
        title = f"Translating frames {stretch.start} to {stop - 1}"
        with bar(title, stop - stretch.start, first=stretch.start) as advance:
            done = translate_stretch(
                clip.path,
                _translator(model.path.parent, model.sha256, direction, compute),
                rendering,
                stretch,
                film,
                last=None if state is None else load_last(state.path),
                encoding=encoding,
                progress=lambda count: advance(count - stretch.start),
            )
    except torch.OutOfMemoryError as error:
        raise UnderstudyError(
            compute.device, "its memory is full", "frames, or tiles, that fit", "Give --tile 512, or less."
        ) from error
    if done.last is not None:
        save_last(after, done.last)
    return Segment(FileRef.of(film), None if done.last is None else FileRef.of(after), done.ends)


def rendering_for(
    model: FileRef, direction: Direction, clip: FileRef, compute: Compute, *, tile: int | None, steady: float | None
) -> Rendering:
    """How frames of the clip's size are translated on this machine.

    Raises: ModelError, UnknownChoice: see `load_translator`.
    """
    info = probe(clip.path)
    translator = _translator(model.path.parent, model.sha256, direction, compute)
    return plan_rendering(translator, info.width, info.height, tile=tile, steady=steady)


def named(places: tuple[FileRef, ...]) -> str:
    """What a domain is made of, for people."""
    return ", ".join(place.path.name for place in places)


@lru_cache(maxsize=1)
def _translator(folder: Path, sha256: str, direction: Direction, compute: Compute) -> Translator:
    """Keep the model between the chunks of a film."""
    del sha256
    loaded = load_translator(folder, compute, direction=direction)
    config = translator_config(loaded.facts.network, loaded.facts.network_config)
    return ready(loaded.generator, compute, stride=loaded.facts.stride, least=smallest_side(config))
