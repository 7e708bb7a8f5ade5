"""One thin cached task for every stage: FileRefs and frozen configs in, FileRefs out."""

from functools import lru_cache
from pathlib import Path

import torch

from flows.pacing import asking, saved_first
from flows.pieces import dancer_pieces, tracked_pieces
from flows.progress import bar, say, training_bar
from flows.store.caching import stage
from flows.store.results import Chunk
from flows.store.workspace import Workspace, content_key
from flows.together import TrainingJob, run, told, train_together
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.video import Encoding, probe
from stages.model_folder import LoadedModel, load_model, read_facts
from stages.rendering.generate import load_state, save_state
from stages.rendering.panning import pan_of
from stages.rendering.render import Stretch, film_info, render_stretch, write_conditioning
from stages.retargeting.body import measure_body
from stages.retargeting.retarget import RetargetConfig, retarget
from stages.tracking.pose import TrackerConfig, track_pose
from stages.tracking.track_file import load_track, save_track
from stages.training.clips import open_clip, prepare_clip
from stages.training.flow_teacher import FlowTeacherConfig, pairs_apart, teach_flow
from stages.training.framing import frame_performer, share_outside
from stages.training.machine import this_machine
from stages.training.phases import Budget, DancePreset
from stages.training.plan import out_of_memory

# Raise a stage's number when the same inputs would give another result.
TRACKING, PREPARING, TEACHING, TRAINING, RETARGETING, RENDERING, CONDITIONING = 4, 4, 1, 3, 5, 3, 1


@stage("track", version=TRACKING)
def track_clip(clip: FileRef, config: TrackerConfig, workspace: Workspace) -> FileRef:
    """Find one performer's joints in every frame."""
    path = workspace.place("tracks", content_key(TRACKING, clip, config), ".npz")
    pieces = tracked_pieces(clip, config, workspace)
    with bar(f"Tracking {clip.path.name}", probe(clip.path).frames) as advance:
        save_track(track_pose(clip.path, config, progress=advance, pieces=pieces), path, source=clip.path.name)
    return FileRef.of(path)


@stage("prepare", version=PREPARING)
def prepare(
    clip: FileRef, track: FileRef, preset: DancePreset, size: tuple[int, int] | None, workspace: Workspace
) -> FileRef:
    """Decode the target once to the training size, with stick figures, masks and plates."""
    joints = load_track(track.path)
    framing = frame_performer(joints, pixels=preset.pixels, stride=preset.stride, size=size)
    folder = workspace.place("clips", content_key(PREPARING, clip, track, preset, size))
    pieces = dancer_pieces(clip, track, framing, preset.style, workspace)
    with bar(f"Preparing {clip.path.name} at {framing.width}x{framing.height}", len(joints)) as advance:
        prepare_clip(clip.path, joints, framing, preset.style, folder, progress=advance, pieces=pieces)
    return FileRef.of(folder / "clip.json")


@stage("teach flow", version=TEACHING)
def teach(
    prepared: FileRef,
    gaps: tuple[int, ...],
    teacher: FlowTeacherConfig,
    weights: FileRef | None,
    compute: Compute,
    workspace: Workspace,
) -> FileRef:
    """Find the flow between the target's pictures, once for all trainings on them."""
    clip = open_clip(prepared.path.parent)
    folder = workspace.place("flow", content_key(TEACHING, prepared, gaps, teacher, weights))
    pairs = sum(len(pairs_apart(clip, gap)) for gap in gaps)
    with bar("Looking at the motion", pairs, first=None) as advance:
        teach_flow(
            clip,
            gaps,
            teacher,
            folder,
            weights=None if weights is None else weights.path,
            device=compute.device,
            progress=advance,
        )
    return FileRef.of(folder / "flow.json")


@stage("train", version=TRAINING, alone=True)
def train(
    prepared: FileRef,
    taught: FileRef | None,
    clip: FileRef,
    track: FileRef,
    preset: DancePreset,
    budget: Budget,
    perceptual: FileRef | None,
    processes: int,
    compute: Compute,
    workspace: Workspace,
) -> FileRef:
    """Train the target's likeness, or go on where an interrupted training left; returns the model's model.json."""
    key = content_key(TRAINING, prepared, taught, clip, track, preset, budget, perceptual, processes, compute)
    folder = workspace.place("models", key)
    job = TrainingJob(
        prepared=prepared.path.parent,
        flow=None if taught is None else taught.path.parent,
        clip=clip,
        body=measure_body(load_track(track.path)),
        preset=preset,
        budget=budget,
        perceptual=None if perceptual is None else perceptual.path,
        compute=compute,
        folder=folder,
    )
    if processes > 1:
        train_together(job, processes)
        return FileRef.of(folder / "model.json")
    try:
        with training_bar(f"Training {preset.name} on {clip.path.name}") as show, saved_first():
            run(job, asking(lambda report: show(report.done, report.seconds_left, told(report))))
    except torch.OutOfMemoryError as error:
        framing, joints = open_clip(prepared.path.parent).framing, load_track(track.path)
        size = framing.width, framing.height
        raise out_of_memory(joints, this_machine(compute), preset, size, method=preset.method) from error
    return FileRef.of(folder / "model.json")


@stage("retarget", version=RETARGETING)
def retarget_track(track: FileRef, model: FileRef, config: RetargetConfig, workspace: Workspace) -> FileRef:
    """Put the source's performance onto the target's body and place."""
    joints = load_track(track.path)
    facts = read_facts(model.path.parent)
    result = retarget(joints, measure_body(joints), facts.body, config)
    say(result.reason)
    windows = [pan_of(pose, facts).window for pose in result.track]
    if share := share_outside(result.track, facts.framing, windows):
        say(
            f"In {share:.1%} of the frames a hand, a foot or the head reaches beyond what the model paints and is cut "
            "off: film the target reaching as far, or train with --size, which takes in the whole frame."
        )
    path = workspace.place("retargeted", content_key(RETARGETING, track, model, config), ".npz")
    save_track(result.track, path)
    return FileRef.of(path)


@stage("render chunk", version=RENDERING)
def render_chunk(
    model: FileRef,
    source: FileRef,
    track: FileRef,
    stretch: Stretch,
    state: FileRef | None,
    encoding: Encoding,
    compute: Compute,
    workspace: Workspace,
) -> Chunk:
    """Paint, composite and encode one stretch of the film, from the state behind the one before."""
    loaded = _loaded(model.path.parent, model.sha256, compute)
    key = content_key(RENDERING, model, source, track, stretch, state, encoding, compute)
    segment = workspace.place("segments", key, ".mp4")
    after = workspace.place("segments", key, ".safetensors")
    title, length = f"Rendering frames {stretch.start} to {stretch.stop - 1}", stretch.stop - stretch.start
    with bar(title, length, first=stretch.start) as advance:
        rendered = render_stretch(
            loaded,
            load_track(track.path),
            stretch,
            film_info(loaded.facts, probe(source.path)),
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


@stage("draw conditioning", version=CONDITIONING)
def draw_conditioning(model: FileRef, source: FileRef, track: FileRef, workspace: Workspace) -> FileRef:
    """Write the stick figures as a film, for people to look at."""
    facts = read_facts(model.path.parent)
    path = workspace.place("conditioning", content_key(CONDITIONING, model, source, track), ".mp4")
    joints = load_track(track.path)
    info = probe(source.path)
    write_conditioning(joints, facts.style, film_info(facts, info), path)
    return FileRef.of(path)


@lru_cache(maxsize=1)
def _loaded(folder: Path, sha256: str, compute: Compute) -> LoadedModel:
    """Keep the model between the chunks of a film."""
    del sha256
    return load_model(folder, compute)
