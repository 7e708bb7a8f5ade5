"""One thin cached task for every stage of a portrait: FileRefs and frozen configs in, FileRefs out."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from flows.pacing import asking, saved_first
from flows.pieces import face_pieces, head_pieces
from flows.progress import bar, say, training_bar
from flows.store.caching import stage
from flows.store.results import Chunk, Face, Moved
from flows.store.workspace import Workspace, content_key
from flows.together import told
from models.perceptual import load_perceptual
from pipeline.artifacts import FileRef, atomic_file
from pipeline.compute import Compute
from pipeline.errors import TrackError, TrainingError
from pipeline.values import FacePerformance
from pipeline.video import Encoding, probe
from stages.portrait_model import FACE, LoadedPortrait, load_portrait, read_portrait_facts
from stages.rendering.generate import load_state, save_state
from stages.rendering.head_places import place_heads
from stages.rendering.portrait_mosaic import write_face_conditioning
from stages.rendering.render import Stretch
from stages.rendering.render_portrait import (
    IntoClip,
    IntoSource,
    IntoStill,
    Setting,
    portrait_info,
    render_portrait_stretch,
)
from stages.retargeting.face_edits import FaceEdits
from stages.retargeting.face_model_file import load_face_model, save_face_model
from stages.retargeting.illumination import measure_light
from stages.retargeting.measure_face import measure_face
from stages.retargeting.performance_file import load_performance, save_performance
from stages.retargeting.reenact import ReenactConfig, Reenactment, edit_only, reenact
from stages.retargeting.register_heads import register_heads
from stages.tracking.face import FaceTrackerConfig, track_face
from stages.tracking.face_overlay import draw_face_overlay
from stages.tracking.face_track_file import load_face_track, save_face_track
from stages.tracking.face_triangles import face_triangles
from stages.training.clips import open_clip, trained_frames
from stages.training.phases import Budget
from stages.training.portrait_clip import frame_head, prepare_portrait
from stages.training.portrait_phases import PortraitPreset
from stages.training.train_portrait import train_portrait

# Raise a stage's number when the same inputs would give another result.
TRACKING, MEASURING, LIGHTING, PREPARING, TRAINING, REENACTING, RENDERING, SHOWING = 3, 5, 1, 4, 3, 2, 4, 3

Onto = Literal["target", "still", "source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What a painted head is put into."""

    onto: Onto
    clip: FileRef | None = None  # the target's, or the source's; None for a still
    face: Face | None = None  # the source's, where the head is put into the source


@stage("track face", version=TRACKING)
def track_head(clip: FileRef, config: FaceTrackerConfig, workspace: Workspace) -> FileRef:
    """Find one face in every frame."""
    path = workspace.place("tracks", content_key(TRACKING, "face", clip, config), ".npz")
    pieces = face_pieces(clip, config, workspace)
    with bar(f"Tracking the face in {clip.path.name}", probe(clip.path).frames) as advance:
        track = track_face(clip.path, config, progress=advance, pieces=pieces)
    save_face_track(track, path, source=clip.path.name)
    return FileRef.of(path)


@stage("measure face", version=MEASURING)
def measure(clip: FileRef, track: FileRef, as_target: bool, workspace: Workspace) -> Face:
    """Learn a clip's face from its track: a target's from the frames that training sees, a source's from all."""
    points = load_face_track(track.path)
    trained = trained_frames(len(points)) if as_target else None
    try:
        triangles = face_triangles(filled=True)
        with bar(f"Finding where the head is in {clip.path.name}", None):
            placed = register_heads(clip.path, points, triangles, trained=trained)
        model, performance = measure_face(points, triangles, trained=trained, placed=placed)
    except TrackError as error:  # which knows no file
        raise TrackError(clip.path, error.found, error.expected, error.remedy) from error
    key = content_key(MEASURING, clip, track, as_target)
    model_path, performance_path = (workspace.place("faces", key, suffix) for suffix in ("-model.npz", ".npz"))
    save_face_model(model, model_path)
    save_performance(performance, performance_path)
    return Face(FileRef.of(model_path), FileRef.of(performance_path))


@stage("measure light", version=LIGHTING)
def light(clip: FileRef, face: Face, workspace: Workspace) -> Face:
    """Add what the film tells of the face's colours and the light upon it."""
    path = workspace.place("faces", content_key(LIGHTING, clip, face), "-lit.npz")
    performance = load_performance(face.performance.path)
    with bar(f"Measuring the light in {clip.path.name}", None):
        model = load_face_model(face.model.path)
        save_face_model(measure_light(clip.path, model, performance, trained=trained_frames(len(performance))), path)
    return replace(face, model=FileRef.of(path))


@stage("prepare portrait", version=PREPARING)
def prepare_head(
    clip: FileRef,
    track: FileRef,
    face: Face,
    preset: PortraitPreset,
    size: tuple[int, int] | None,
    workspace: Workspace,
) -> FileRef:
    """Decode the head's window once to the training size, with face images, masks and plates."""
    points = load_face_track(track.path)
    framing = frame_head(points, pixels=preset.pixels, stride=preset.stride, size=size)
    folder = workspace.place("clips", content_key(PREPARING, "face", clip, track, face, preset, size))
    model, performance = load_face_model(face.model.path), load_performance(face.performance.path)
    pieces = head_pieces(clip, track, face, framing, preset.style, workspace)
    with bar(f"Preparing {clip.path.name} at {framing.width}x{framing.height}", len(points)) as advance:
        prepare_portrait(
            clip.path, points, performance, model, framing, preset.style, folder, progress=advance, pieces=pieces
        )
    return FileRef.of(folder / "clip.json")


@stage("train portrait", version=TRAINING, alone=True)
def train_head(
    prepared: FileRef,
    taught: FileRef | None,
    clip: FileRef,
    face: Face,
    preset: PortraitPreset,
    budget: Budget,
    perceptual: FileRef | None,
    compute: Compute,
    workspace: Workspace,
) -> FileRef:
    """Train the target's likeness, or go on where an interrupted training left; returns the model's model.json."""
    key = content_key(TRAINING, "face", prepared, taught, clip, face, preset, budget, perceptual, compute)
    folder = workspace.place("models", key)
    try:
        with training_bar(f"Training {preset.name} on {clip.path.name}") as show, saved_first():
            train_portrait(
                prepared.path.parent,
                clip,
                load_face_model(face.model.path),
                preset,
                budget,
                compute,
                folder,
                performance=load_performance(face.performance.path),
                flow=None if taught is None else taught.path.parent,
                perceptual=None if perceptual is None else load_perceptual(perceptual.path).to(compute.device),
                watch=asking(lambda report: show(report.done, report.seconds_left, told(report))),
            )
    except torch.OutOfMemoryError as error:
        framing = open_clip(prepared.path.parent).framing
        raise TrainingError(
            compute.device,
            f"its memory is full: {preset.method} {preset.name} at {framing.width}x{framing.height}",
            "a preset that fits",
            "Give a smaller --size, or --preset draft.",
        ) from error
    return FileRef.of(folder / "model.json")


@stage("reenact", version=REENACTING)
def reenact_head(source: Face, target: Face, config: ReenactConfig, onto: Onto, workspace: Workspace) -> Moved:
    """Let the target's head do what the source's does."""
    own, model = load_performance(target.performance.path), load_face_model(target.model.path)
    heard = load_performance(source.performance.path), load_face_model(source.model.path)
    key = content_key(REENACTING, source, target, config, onto)
    return _kept(reenact(*heard, own, model, config), own, model.reference, onto, key, workspace)


@stage("edit", version=REENACTING)
def edit_head(target: Face, edits: FaceEdits, onto: Onto, workspace: Workspace) -> Moved:
    """Move the target's own head by sliders."""
    own, model = load_performance(target.performance.path), load_face_model(target.model.path)
    key = content_key(REENACTING, target, edits, onto)
    return _kept(edit_only(own, model, edits), own, model.reference, onto, key, workspace)


def _kept(
    result: Reenactment, own: FacePerformance, reference: int, onto: Onto, key: str, workspace: Workspace
) -> Moved:
    """Write a reenactment; its shoulders are those of what lies behind, or cloth would not meet at the seam."""
    performance = result.performance
    if onto != "target":
        still = np.repeat(own.shoulders[reference : reference + 1], len(performance), axis=0)
        performance = replace(performance, shoulders=still)
    path, order = (workspace.place("retargeted", key, suffix) for suffix in (".npz", "-follows.npy"))
    save_performance(performance, path)
    with atomic_file(order) as beside, beside.open("wb") as file:
        np.save(file, result.follows, allow_pickle=False)
    return Moved(FileRef.of(path), FileRef.of(order), result.lines)


@stage("render portrait chunk", version=RENDERING)
def render_head(
    model: FileRef,
    source: FileRef,
    moved: Moved,
    behind: Behind,
    stretch: Stretch,
    state: FileRef | None,
    encoding: Encoding,
    compute: Compute,
    workspace: Workspace,
) -> Chunk:
    """Paint, composite and encode one stretch of the film, from the state behind the one before."""
    loaded = _loaded(model.path.parent, model.sha256, compute)
    key = content_key(RENDERING, "face", model, source, moved, behind, stretch, state, encoding, compute)
    segment, after = (workspace.place("segments", key, suffix) for suffix in (".mp4", ".safetensors"))
    performance = load_performance(moved.performance.path)
    setting = _setting(behind, loaded, performance, moved)
    title, length = f"Rendering frames {stretch.start} to {stretch.stop - 1}", stretch.stop - stretch.start
    with bar(title, length, first=stretch.start) as advance:
        rendered = render_portrait_stretch(
            loaded,
            performance,
            stretch,
            setting,
            portrait_info(loaded, setting, probe(source.path)),
            segment,
            compute,
            memory=None if state is None else load_state(state.path),
            encoding=encoding,
            progress=lambda done: advance(done - stretch.start),
        )
    if rendered.keyframes:
        say(f"Painted without memory, as the film had drifted: {len(rendered.keyframes)} frames")
    save_state(after, rendered.memory)
    return Chunk(FileRef.of(segment), FileRef.of(after))


def _setting(behind: Behind, model: LoadedPortrait, performance: FacePerformance, moved: Moved) -> Setting:
    if behind.clip is None:
        return IntoStill(model.still)
    if behind.face is None:
        return IntoClip(behind.clip.path, np.load(moved.follows.path, allow_pickle=False))
    source, face = load_performance(behind.face.performance.path), load_face_model(behind.face.model.path)
    return IntoSource(behind.clip.path, place_heads(performance, model.face, source, face))


@stage("draw mesh", version=SHOWING)
def draw_mesh(clip: FileRef, track: FileRef, workspace: Workspace) -> FileRef:
    """Write the clip with its tracked mesh drawn over, for people to look at."""
    path = workspace.place("conditioning", content_key(SHOWING, "mesh", clip, track), ".mp4")
    points = load_face_track(track.path)
    with bar(f"Drawing the mesh over {clip.path.name}", len(points)) as advance:
        draw_face_overlay(clip.path, points, path, overwrite=True, progress=advance)
    return FileRef.of(path)


@stage("draw face images", version=SHOWING)
def draw_told(model: FileRef, source: FileRef, moved: Moved, height: int, workspace: Workspace) -> FileRef:
    """Write what the network is told as a film, for people to look at."""
    path = workspace.place("conditioning", content_key(SHOWING, "told", model, source, moved, height), ".mp4")
    facts, performance = read_portrait_facts(model.path.parent), load_performance(moved.performance.path)
    face = load_face_model(model.path.parent / FACE)
    with bar("Drawing the conditioning", len(performance)) as advance:
        write_face_conditioning(
            performance, face, facts.style, probe(source.path), path, height=height, progress=advance
        )
    return FileRef.of(path)


@lru_cache(maxsize=1)
def _loaded(folder: Path, sha256: str, compute: Compute) -> LoadedPortrait:
    """Keep the model between the chunks of a film."""
    del sha256
    return load_portrait(folder, compute)
