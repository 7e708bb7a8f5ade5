"""Portraits: one head does what another did, wholly or in parts, or what sliders say; from clips to a film."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from prefect import flow

from flows.dance import CHUNK_FRAMES, coverage
from flows.delivering import PLAIN, Delivery, deliver, publish, workplace
from flows.pacing import may_go_on
from flows.portrait_tasks import (
    Behind,
    Onto,
    draw_mesh,
    draw_told,
    edit_head,
    light,
    measure,
    prepare_head,
    reenact_head,
    render_head,
    track_head,
    train_head,
)
from flows.progress import bar, say
from flows.proof.first_look import Coming, doubt_of, look_first
from flows.proof.parking import Gated, gate_portrait
from flows.proof.provenance import portrait_origin
from flows.proof.report import report_portrait, reported
from flows.store.caching import whole
from flows.store.results import Chunk, Face, Moved
from flows.store.workspace import Workspace
from flows.tasks import teach
from pipeline.artifacts import FileRef, refuse_existing
from pipeline.compute import Compute
from pipeline.delivery import side_by_side
from pipeline.errors import ModelError
from pipeline.video import DEFAULT_ENCODING, Encoding
from stages.evaluation.frame_scores import FrameScores
from stages.portrait_model import FACE, PERFORMANCE, read_portrait_facts
from stages.provenance.consent import Consent, keep_consent
from stages.provenance.origin import Origin
from stages.rendering.render import Stretch
from stages.retargeting.face_model_file import load_face_model
from stages.retargeting.motion_range import range_of_motion
from stages.retargeting.performance_file import load_performance
from stages.retargeting.reenact import ReenactConfig
from stages.tracking.face import FaceTrackerConfig
from stages.tracking.face_track_file import load_face_track
from stages.training.flow_teacher import FlowTeacherConfig
from stages.training.phases import Budget
from stages.training.portrait_phases import PortraitPreset
from stages.training.portrait_presets import portrait_preset

PANELS = ("source", "tracked mesh", "conditioning", "result")
PANEL_HEIGHT = 480


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitTraining:
    """How a head's likeness is trained."""

    preset: PortraitPreset = field(default_factory=lambda: portrait_preset("draft"))
    budget: Budget = field(default_factory=lambda: Budget(minutes=4.0))
    size: tuple[int, int] | None = None  # (width, height) of the network's picture; None: chosen from the preset
    perceptual: FileRef | None = None  # VGG-19's weights; None: without the perceptual loss
    teacher: FlowTeacherConfig = field(default_factory=FlowTeacherConfig)  # of motion, where the preset looks at it
    teacher_weights: FileRef | None = None  # RAFT's; None: the teacher needs none
    tracker: FaceTrackerConfig = field(default_factory=FaceTrackerConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitRendering:
    """How a film is made with a trained head."""

    reenactment: ReenactConfig = field(default_factory=ReenactConfig)  # its edits count without a source, too
    onto: Onto = "target"
    encoding: Encoding = DEFAULT_ENCODING
    tracker: FaceTrackerConfig = field(default_factory=FaceTrackerConfig)  # of the source
    chunk_frames: int = CHUNK_FRAMES


@dataclass(frozen=True, slots=True)
class Head:
    """A clip and the face in it."""

    clip: FileRef
    track: FileRef
    face: Face


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a film is painted from but the likeness."""

    played: Head  # the clip whose time the film has
    heard: Head | None  # whose motion was borrowed; None: the target's own was edited
    face: Face  # the target's
    moved: Moved
    told: FileRef  # what the network is told, as a film
    behind: Behind

    @property
    def motion(self) -> tuple[Moved, Face | None, Face]:
        """What the head does, whose that was, and whose it is."""
        return self.moved, None if self.heard is None else self.heard.face, self.face


@dataclass(frozen=True, slots=True)
class PortraitFilm:
    """A finished film and what it was made of."""

    film: FileRef
    model: FileRef  # its model.json
    scene: Scene


@flow(name="train portrait")
def train_portrait_flow(
    target: FileRef, settings: PortraitTraining, compute: Compute, workspace: Workspace, consent: Consent | None = None
) -> FileRef:
    """Train the likeness of the head in `target`, whose person gave `consent`; returns its model.json."""
    return train_likeness(find_target(target, settings, workspace), settings, compute, workspace, consent)


@flow(name="portrait")
def portrait_flow(
    source: FileRef | None,
    target: FileRef | None,
    model: FileRef | None,
    output: Path,
    training: PortraitTraining,
    rendering: PortraitRendering,
    compute: Compute,
    workspace: Workspace,
    overwrite: bool = False,
    mosaic: Path | None = None,
    consent: Consent | None = None,
    delivery: Delivery = PLAIN,
) -> PortraitFilm:
    """Find both heads, move the target's, train its likeness, paint.

    What may fail, or is worth a warning, comes before training: a source without a face, a target that hardly moves.

    Args:
        source: None: the target's own motion is edited.
        target: to train on; with a model the clip it was trained on, needed only to be edited or to lie behind.
        model: model.json of a trained likeness; None: it is trained.
        consent: what was said of the consent of the person who is trained on; a trained model has its own record.

    Raises: ModelError: `target` is not the clip of the model; see also `track_face`, `measure_face`, `train_portrait`.
    """
    for path in filter(None, (output, mosaic)):
        refuse_existing(path, overwrite=overwrite)
    heard = None if source is None else find_source(source, rendering, workspace)
    if model is None:
        seen = find_target(_given(target), training, workspace)
        heard, face = _measured_once(heard, seen), seen.face
        moved = move(heard, face, rendering, workspace)
        model = train_likeness(seen, training, compute, workspace, consent)
        played = heard or seen
    else:
        face = known_face(model, target)
        heard = _as_known(heard, face, model, rendering)
        moved = move(heard, face, rendering, workspace)
        played = heard or _tracked(_given(target), face, training.tracker, workspace)
    told = whole(draw_told, model, played.clip, moved, PANEL_HEIGHT, workspace)
    scene = Scene(played, heard, face, moved, told, _behind(played, target, rendering.onto))
    tracker = rendering.tracker if rendering.onto == "source" else training.tracker  # that finds the face in the film
    film = render_film(scene, model, output, rendering, tracker, compute, workspace, overwrite, delivery)
    if mosaic is not None:
        origin = portrait_origin(played.clip, model, rendering, delivery)
        write_mosaic(played, told, film, mosaic, workspace, origin, delivery, overwrite)
    return PortraitFilm(film, model, scene)


def find_source(source: FileRef, settings: PortraitRendering, workspace: Workspace) -> Head:
    """Track the performance that is to be borrowed, and learn whose face it is."""
    track = _followed(source, settings.tracker, workspace)
    return Head(source, track, whole(measure, source, track, False, workspace))


def find_target(target: FileRef, settings: PortraitTraining, workspace: Workspace) -> Head:
    """Track the head that is to be trained, learn its face and the light; say how far it moves and what it lacks."""
    track = _followed(target, settings.tracker, workspace)
    face = whole(light, target, whole(measure, target, track, True, workspace), workspace)
    motion = range_of_motion(load_face_model(face.model.path))
    for line in (*motion.lines(), *motion.warnings()):
        say(f"{target.path.name}: {line}")
    return Head(target, track, face)


def known_face(model: FileRef, target: FileRef | None) -> Face:
    """The face that a model was trained on.

    Raises: ModelError: no portrait model, or `target` is not the clip it was trained on.
    """
    folder = model.path.parent
    facts = read_portrait_facts(folder)
    if target is not None and target.sha256 != facts.clip_sha256:
        raise ModelError(
            target.path,
            "this is not the clip that the model was trained on",
            f"{facts.clip_name} as it was then",
            "Give that clip, leave TARGET out, or train on this one without --model.",
        )
    return Face(FileRef.of(folder / FACE), FileRef.of(folder / PERFORMANCE))


def move(source: Head | None, target: Face, settings: PortraitRendering, workspace: Workspace) -> Moved:
    """Let the target's head do what the source's does, or what the sliders say alone; say what was held back."""
    if source is None:
        moved = whole(edit_head, target, settings.reenactment.edits, settings.onto, workspace)
    else:
        moved = whole(reenact_head, source.face, target, settings.reenactment, settings.onto, workspace)
    for line in moved.lines:
        say(line)
    return moved


def train_likeness(
    target: Head, settings: PortraitTraining, compute: Compute, workspace: Workspace, consent: Consent | None
) -> FileRef:
    """The steps of a training, each reused where it was done before; what was said of consent is this training's."""
    preset = settings.preset
    prepared = whole(prepare_head, target.clip, target.track, target.face, preset, settings.size, workspace)
    taught: FileRef | None = None
    if gaps := preset.gaps:
        taught = whole(teach, prepared, gaps, settings.teacher, settings.teacher_weights, compute, workspace)
    budget, eye = settings.budget, settings.perceptual
    model = whole(train_head, prepared, taught, target.clip, target.face, preset, budget, eye, compute, workspace)
    if consent is not None:
        keep_consent(model.path.parent, consent)
    held_out = read_portrait_facts(model.path.parent).held_out
    if held_out is not None:
        name = target.clip.path.name
        say(f"Held-out end of {name}: PSNR {held_out.psnr_db:.2f} dB, SSIM {held_out.ssim:.4f}")
    return model


def render_film(
    scene: Scene,
    model: FileRef,
    output: Path,
    settings: PortraitRendering,
    tracker: FaceTrackerConfig,
    compute: Compute,
    workspace: Workspace,
    overwrite: bool,
    delivery: Delivery,
) -> FileRef:
    """Paint chunk by chunk, join, carry the sound over, judge, sign, report.

    Args:
        tracker: that finds the head in the film.
    """
    clip = scene.played.clip
    origin = portrait_origin(clip, model, settings, delivery)

    def paint(stretch: Stretch) -> Path:
        told = model, clip, scene.moved, scene.behind
        return whole(render_head, *told, stretch, None, settings.encoding, compute, workspace).segment.path

    look_first(_coming(output, scene.played, settings), paint, origin, delivery, approve=delivery.approve)
    chunks = list(render_chunks(clip, model, scene.moved, scene.behind, settings, compute, workspace))
    gated = gate_portrait(
        delivery.gates, clip, scene.played.track, *scene.motion, settings.reenactment, tracker, workspace
    )
    with reported(output, lambda film: report_scene(scene, model, film, settings, compute, gated=gated)):
        segments = [chunk.segment.path for chunk in chunks]
        deliver(segments, clip.path, output, origin, delivery, settings.encoding, gated, overwrite=overwrite)
    return FileRef.of(output)


def report_scene(
    scene: Scene,
    model: FileRef,
    film: FileRef,
    settings: PortraitRendering,
    compute: Compute,
    *,
    scores: FrameScores | None = None,
    gated: Gated | None = None,
) -> Path:
    """Write the report of a scene's film beside it; see `report_portrait`."""
    clip, track = scene.played.clip, scene.played.track
    shown = clip, track, model, film, scene.told, *scene.motion, settings.reenactment
    return report_portrait(*shown, compute, scores=scores, gated=gated)


def _coming(output: Path, played: Head, settings: PortraitRendering) -> Coming:
    track = load_face_track(played.track.path)
    first = Stretch(0, min(settings.chunk_frames, len(track)))
    return Coming(output, played.clip.path, track.times, doubt_of(track), first, settings.encoding)


def render_chunks(
    source: FileRef,
    model: FileRef,
    moved: Moved,
    behind: Behind,
    settings: PortraitRendering,
    compute: Compute,
    workspace: Workspace,
) -> Iterator[Chunk]:
    """Render stretch after stretch, each from the state behind the one before."""
    frames = len(load_performance(moved.performance.path))
    state: FileRef | None = None
    for start in range(0, frames, settings.chunk_frames):
        may_go_on()
        stretch = Stretch(start, min(start + settings.chunk_frames, frames))
        chunk = whole(render_head, model, source, moved, behind, stretch, state, settings.encoding, compute, workspace)
        state = chunk.state
        yield chunk


def write_mosaic(
    played: Head,
    told: FileRef,
    film: FileRef,
    output: Path,
    workspace: Workspace,
    origin: Origin,
    delivery: Delivery,
    overwrite: bool,
) -> None:
    """Set side by side what was filmed, its mesh, what the network was told and what it painted; signed as the film."""
    mesh = whole(draw_mesh, played.clip, played.track, workspace)
    with bar("Side by side", None), workplace(output) as place:
        panels = [played.clip.path, mesh.path, told.path, film.path]
        side_by_side(panels, place / output.name, labels=PANELS, height=PANEL_HEIGHT)
        publish(place / output.name, played.clip.path, output, origin, delivery, overwrite=overwrite)


def _behind(played: Head, target: FileRef | None, onto: Onto) -> Behind:
    if onto == "source":
        return Behind(onto=onto, clip=played.clip, face=played.face)
    return Behind(onto=onto, clip=_given(target) if onto == "target" else None)


def _followed(clip: FileRef, tracker: FaceTrackerConfig, workspace: Workspace) -> FileRef:
    track = whole(track_head, clip, tracker, workspace)
    say(coverage(clip.path.name, load_face_track(track.path)))
    return track


def _tracked(clip: FileRef, face: Face, tracker: FaceTrackerConfig, workspace: Workspace) -> Head:
    """The clip of a trained model, whose face is known."""
    return Head(clip, whole(track_head, clip, tracker, workspace), face)


def _measured_once(source: Head | None, target: Head) -> Head | None:
    """A head that is its own source moves as it was measured for training, to the bit."""
    return target if source is not None and source.track == target.track else source


def _as_known(source: Head | None, face: Face, model: FileRef, settings: PortraitRendering) -> Head | None:
    """Likewise where the source is the clip of the model, and no other face in it was chosen."""
    if source is None or settings.tracker.face is not None:
        return source
    facts = read_portrait_facts(model.path.parent)
    return replace(source, face=face) if source.clip.sha256 == facts.clip_sha256 else source


def _given(target: FileRef | None) -> FileRef:
    """The command line has seen to it that a target is there where one is needed."""
    assert target is not None
    return target
