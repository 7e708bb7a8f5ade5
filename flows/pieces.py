"""Tracking and preparing by pieces: what the workers of a cluster make of a clip side by side, where there is one.

Each piece is a cached task, so that what was made before an interruption is found. The stage that puts them together is
the same with a cluster and without, and so is its result: it is known by the clip and the config alone.
"""

from dataclasses import dataclass
from pathlib import Path

from flows.cluster import cluster_at_hand, found, make_there
from flows.store.caching import stage, whole
from flows.store.results import Face
from flows.store.workspace import Workspace, content_key
from pipeline.artifacts import FileRef
from stages.conditioning.face_images import FaceImagesFormat
from stages.conditioning.stick_figure import StickFigureFormat
from stages.rendering.render import Stretch
from stages.retargeting.face_model_file import load_face_model
from stages.retargeting.performance_file import load_performance
from stages.tracking.face import FaceTrackerConfig, face_pieces_of, track_face_piece
from stages.tracking.face_track_file import load_face_track
from stages.tracking.pose import TrackerConfig, track_piece
from stages.tracking.pose import pieces_of as spans_of_clip
from stages.tracking.spans import Span
from stages.tracking.track_file import load_track
from stages.training.clip_pieces import draw_piece, pieces_of
from stages.training.clips import dancer
from stages.training.framing import Framing
from stages.training.portrait_clip import head

# Raise a stage's number when the same inputs would give another result.
TRACKING, DRAWING = 3, 4


@dataclass(frozen=True, slots=True)
class BodyToTrack:
    """A span of a clip in which a performer is to be found."""

    clip: FileRef
    span: Span
    config: TrackerConfig


@dataclass(frozen=True, slots=True)
class FaceToTrack:
    """A span of a clip in which a face is to be found."""

    clip: FileRef
    span: Span
    config: FaceTrackerConfig


@dataclass(frozen=True, slots=True)
class BodyToDraw:
    """Frames of a dancer's clip whose masks and stick figures are wanted."""

    clip: FileRef
    track: FileRef
    framing: Framing
    style: StickFigureFormat
    frames: Stretch


@dataclass(frozen=True, slots=True)
class HeadToDraw:
    """Frames of a head's clip whose masks and face images are wanted."""

    clip: FileRef
    track: FileRef
    face: Face
    framing: Framing
    style: FaceImagesFormat
    frames: Stretch


@stage("track piece", version=TRACKING)
def track_part(clip: FileRef, span: Span, config: TrackerConfig, workspace: Workspace) -> FileRef:
    """Find one performer's joints in a span of frames."""
    path = workspace.place("pieces", content_key(TRACKING, "track", clip, span, config), ".npz")
    track_piece(clip.path, span, config, path)
    return FileRef.of(path)


@stage("track piece of a face", version=TRACKING)
def track_face_part(clip: FileRef, span: Span, config: FaceTrackerConfig, workspace: Workspace) -> FileRef:
    """Note what the networks say of a face in a span of frames."""
    path = workspace.place("pieces", content_key(TRACKING, "track face", clip, span, config), ".npz")
    track_face_piece(clip.path, span, config, path)
    return FileRef.of(path)


@stage("draw piece", version=DRAWING)
def draw_body(
    clip: FileRef, track: FileRef, framing: Framing, style: StickFigureFormat, frames: Stretch, workspace: Workspace
) -> FileRef:
    """Find the masks, and draw the stick figures, of a span of frames."""
    path = workspace.place("pieces", content_key(DRAWING, "body", clip, track, framing, style, frames), ".npz")
    draw_piece(clip.path, dancer(load_track(track.path), framing, style), range(frames.start, frames.stop), path)
    return FileRef.of(path)


@stage("draw piece of a portrait", version=DRAWING)
def draw_head(
    clip: FileRef,
    track: FileRef,
    face: Face,
    framing: Framing,
    style: FaceImagesFormat,
    frames: Stretch,
    workspace: Workspace,
) -> FileRef:
    """Find the masks, and draw the face images, of a span of frames."""
    path = workspace.place("pieces", content_key(DRAWING, "head", clip, track, face, framing, style, frames), ".npz")
    performance, model = load_performance(face.performance.path), load_face_model(face.model.path)
    subject = head(load_face_track(track.path), performance, model, framing, style)
    draw_piece(clip.path, subject, range(frames.start, frames.stop), path)
    return FileRef.of(path)


def tracked_pieces(clip: FileRef, config: TrackerConfig, workspace: Workspace) -> list[Path]:
    """What `track_pose` is to put together; nothing where there is no cluster, or the clip is short.

    Raises: see `make_there` and `track_pose`.
    """
    cluster = cluster_at_hand()
    spans = [] if cluster is None else spans_of_clip(clip.path)
    if cluster is None or len(spans) < 2:
        return []
    title = f"Looking at {clip.path.name} on {cluster}"
    parts = [BodyToTrack(clip, span, config) for span in spans]
    return _paths(make_there(track_there, parts, (clip,), workspace, cluster, title=title))


def face_pieces(clip: FileRef, config: FaceTrackerConfig, workspace: Workspace) -> list[Path]:
    """What `track_face` is to put together; nothing where there is no cluster, or the clip is short.

    Raises: see `make_there` and `track_face`.
    """
    cluster = cluster_at_hand()
    spans = [] if cluster is None else face_pieces_of(clip.path)
    if cluster is None or len(spans) < 2:
        return []
    title = f"Looking for the face in {clip.path.name} on {cluster}"
    parts = [FaceToTrack(clip, span, config) for span in spans]
    return _paths(make_there(track_face_there, parts, (clip,), workspace, cluster, title=title))


def dancer_pieces(
    clip: FileRef, track: FileRef, framing: Framing, style: StickFigureFormat, workspace: Workspace
) -> list[Path]:
    """What `prepare_clip` is to put together; nothing where there is no cluster, or the clip is short.

    Raises: see `make_there` and `prepare_clip`.
    """
    cluster, stretches = cluster_at_hand(), _stretches(len(load_track(track.path)))
    if cluster is None or len(stretches) < 2:
        return []
    title = f"Drawing {clip.path.name} on {cluster}"
    parts = [BodyToDraw(clip, track, framing, style, frames) for frames in stretches]
    return _paths(make_there(draw_body_there, parts, (clip, track), workspace, cluster, title=title))


def head_pieces(
    clip: FileRef, track: FileRef, face: Face, framing: Framing, style: FaceImagesFormat, workspace: Workspace
) -> list[Path]:
    """What `prepare_portrait` is to put together; nothing where there is no cluster, or the clip is short.

    Raises: see `make_there` and `prepare_portrait`.
    """
    cluster, stretches = cluster_at_hand(), _stretches(len(load_face_track(track.path)))
    if cluster is None or len(stretches) < 2:
        return []
    title = f"Drawing {clip.path.name} on {cluster}"
    parts = [HeadToDraw(clip, track, face, framing, style, frames) for frames in stretches]
    inputs = (clip, track, face.model, face.performance)
    return _paths(make_there(draw_head_there, parts, inputs, workspace, cluster, title=title))


def track_there(part: BodyToTrack, workspace: Workspace) -> FileRef:
    """Track one span, in a worker's process."""
    return whole(track_part, found(part.clip, workspace), part.span, part.config, workspace)


def track_face_there(part: FaceToTrack, workspace: Workspace) -> FileRef:
    """Look for the face in one span, in a worker's process."""
    return whole(track_face_part, found(part.clip, workspace), part.span, part.config, workspace)


def draw_body_there(part: BodyToDraw, workspace: Workspace) -> FileRef:
    """Draw one span of a dancer's clip, in a worker's process."""
    clip, track = (found(ref, workspace) for ref in (part.clip, part.track))
    return whole(draw_body, clip, track, part.framing, part.style, part.frames, workspace)


def draw_head_there(part: HeadToDraw, workspace: Workspace) -> FileRef:
    """Draw one span of a head's clip, in a worker's process."""
    refs = part.clip, part.track, part.face.model, part.face.performance
    clip, track, model, performance = (found(ref, workspace) for ref in refs)
    return whole(draw_head, clip, track, Face(model, performance), part.framing, part.style, part.frames, workspace)


def _stretches(frames: int) -> list[Stretch]:
    return [Stretch(piece.start, piece.stop) for piece in pieces_of(frames)]


def _paths(refs: list[FileRef]) -> list[Path]:
    return [ref.path for ref in refs]
