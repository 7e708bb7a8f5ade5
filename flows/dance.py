"""The main job: the source's dance on the target's body, from two clips to a film with sound."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prefect import flow

from flows.delivering import PLAIN, Delivery, deliver
from flows.pacing import may_go_on
from flows.progress import say
from flows.proof.first_look import Coming, doubt_of, look_first
from flows.proof.parking import gate_dance
from flows.proof.provenance import dance_origin
from flows.proof.report import report_dance, reported
from flows.store.caching import whole
from flows.store.results import Chunk
from flows.store.workspace import Workspace
from flows.tasks import draw_conditioning, prepare, render_chunk, retarget_track, teach, track_clip, train
from pipeline.artifacts import FileRef, refuse_existing
from pipeline.compute import Compute
from pipeline.values import FaceTrack, Status, Track
from pipeline.video import DEFAULT_ENCODING, Encoding
from stages.model_folder import read_facts
from stages.provenance.consent import Consent, keep_consent
from stages.rendering.render import Stretch
from stages.retargeting.retarget import RetargetConfig
from stages.tracking.pose import TrackerConfig
from stages.tracking.track_file import load_track
from stages.training.flow_teacher import FlowTeacherConfig
from stages.training.phases import Budget, DancePreset
from stages.training.presets import preset_named

CHUNK_FRAMES = 240  # of film in one cached task: what a killed render loses at most


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """How a likeness is trained."""

    preset: DancePreset = field(default_factory=lambda: preset_named("draft"))
    budget: Budget = field(default_factory=lambda: Budget(minutes=4.0))
    size: tuple[int, int] | None = None  # (width, height) of the network's picture; None: chosen from the preset
    perceptual: FileRef | None = None  # VGG-19's weights; None: without the perceptual loss
    teacher: FlowTeacherConfig = field(default_factory=FlowTeacherConfig)  # of motion, where the preset looks at it
    teacher_weights: FileRef | None = None  # RAFT's; None: the teacher needs none
    processes: int = 1  # that train together
    tracker: TrackerConfig = field(default_factory=TrackerConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """How a film is made with a trained likeness."""

    retargeting: RetargetConfig = field(default_factory=RetargetConfig)
    encoding: Encoding = DEFAULT_ENCODING
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    chunk_frames: int = CHUNK_FRAMES


@dataclass(frozen=True, slots=True)
class Film:
    """A finished film and what it was made of."""

    film: FileRef
    model: FileRef  # its model.json
    track: FileRef  # the retargeted performance
    conditioning: FileRef  # the stick figures as a film
    heard: FileRef  # the source's joints as they were found


@flow(name="train dance")
def train_dance_flow(
    target: FileRef, settings: TrainSettings, compute: Compute, workspace: Workspace, consent: Consent | None = None
) -> FileRef:
    """Train the likeness of the person in `target`, who gave `consent`; returns its model.json."""
    return train_model(target, settings, compute, workspace, consent)


@flow(name="render")
def render_flow(
    source: FileRef,
    model: FileRef,
    output: Path,
    settings: RenderSettings,
    compute: Compute,
    workspace: Workspace,
    overwrite: bool = False,
    delivery: Delivery = PLAIN,
) -> Film:
    """Let a trained likeness perform what `source` shows."""
    refuse_existing(output, overwrite=overwrite)
    return render_film(source, model, output, settings, compute, workspace, overwrite, delivery)


@flow(name="dance")
def dance_flow(
    source: FileRef,
    target: FileRef,
    output: Path,
    training: TrainSettings,
    rendering: RenderSettings,
    compute: Compute,
    workspace: Workspace,
    overwrite: bool = False,
    consent: Consent | None = None,
    delivery: Delivery = PLAIN,
) -> Film:
    """Track both clips, train on the target, who gave `consent`, let it perform the source."""
    refuse_existing(output, overwrite=overwrite)
    track_source(source, rendering, workspace)  # before training: a source without a person is found out in seconds
    model = train_model(target, training, compute, workspace, consent)
    return render_film(source, model, output, rendering, compute, workspace, overwrite, delivery)


def train_model(
    target: FileRef, settings: TrainSettings, compute: Compute, workspace: Workspace, consent: Consent | None
) -> FileRef:
    """The steps of a training, each reused where it was done before; what was said of consent is this training's."""
    track = whole(track_clip, target, settings.tracker, workspace)
    say(coverage(target.path.name, load_track(track.path)))
    prepared = whole(prepare, target, track, settings.preset, settings.size, workspace)
    taught: FileRef | None = None
    if gaps := settings.preset.gaps:
        taught = whole(teach, prepared, gaps, settings.teacher, settings.teacher_weights, compute, workspace)
    model = whole(
        train,
        prepared,
        taught,
        target,
        track,
        settings.preset,
        settings.budget,
        settings.perceptual,
        settings.processes,
        compute,
        workspace,
    )
    if consent is not None:
        keep_consent(model.path.parent, consent)
    held_out = read_facts(model.path.parent).held_out
    if held_out is not None:
        say(f"Held-out end of {target.path.name}: PSNR {held_out.psnr_db:.2f} dB, SSIM {held_out.ssim:.4f}")
    return model


def track_source(source: FileRef, settings: RenderSettings, workspace: Workspace) -> FileRef:
    """Track the performance that is to be borrowed."""
    track = whole(track_clip, source, settings.tracker, workspace)
    say(coverage(source.path.name, load_track(track.path)))
    return track


def render_film(
    source: FileRef,
    model: FileRef,
    output: Path,
    settings: RenderSettings,
    compute: Compute,
    workspace: Workspace,
    overwrite: bool,
    delivery: Delivery,
) -> Film:
    """The steps of a rendering: retarget, chunk by chunk paint, join, carry the sound over, judge, sign, report."""
    track = track_source(source, settings, workspace)
    moved = whole(retarget_track, track, model, settings.retargeting, workspace)
    origin = dance_origin(source, model, settings, delivery)

    def paint(stretch: Stretch) -> Path:
        chunk = whole(render_chunk, model, source, moved, stretch, None, settings.encoding, compute, workspace)
        return chunk.segment.path

    look_first(_coming(output, source, moved, settings), paint, origin, delivery, approve=delivery.approve)
    chunks = list(render_chunks(source, model, moved, settings, compute, workspace))
    gated = gate_dance(delivery.gates, source, track, moved, model, settings.retargeting, settings.tracker, workspace)
    figures = whole(draw_conditioning, model, source, moved, workspace)
    with reported(
        output,
        lambda film: report_dance(source, track, model, film, figures, settings.retargeting, compute, gated=gated),
    ):
        segments = [chunk.segment.path for chunk in chunks]
        deliver(segments, source.path, output, origin, delivery, settings.encoding, gated, overwrite=overwrite)
    return Film(FileRef.of(output), model, moved, figures, track)


def _coming(output: Path, source: FileRef, moved: FileRef, settings: RenderSettings) -> Coming:
    joints = load_track(moved.path)
    first = Stretch(0, min(settings.chunk_frames, len(joints)))
    return Coming(output, source.path, joints.times, doubt_of(joints), first, settings.encoding)


def render_chunks(
    source: FileRef,
    model: FileRef,
    track: FileRef,
    settings: RenderSettings,
    compute: Compute,
    workspace: Workspace,
) -> Iterator[Chunk]:
    """Render stretch after stretch, each from the state behind the one before."""
    frames = len(load_track(track.path))
    state: FileRef | None = None
    for start in range(0, frames, settings.chunk_frames):
        may_go_on()
        stretch = Stretch(start, min(start + settings.chunk_frames, frames))
        chunk = whole(render_chunk, model, source, track, stretch, state, settings.encoding, compute, workspace)
        state = chunk.state
        yield chunk


def coverage(name: str, track: Track | FaceTrack) -> str:
    """One line on how well a clip was tracked; nothing is hidden in an average."""
    counts = [f"{int((track.status == status).sum())} {status.name.lower()}" for status in Status]
    cuts = int(track.shot.max()) if len(track) else 0
    return f"{name}: {len(track)} frames, {', '.join(counts)}{f', {cuts} cuts' if cuts else ''}"
