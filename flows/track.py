"""Tracking on its own: joints or a face to a file, and drawn over the clip for people to look at."""

import shutil
from contextlib import closing
from pathlib import Path

from prefect import flow

from flows.dance import coverage
from flows.portrait_tasks import draw_mesh, track_head
from flows.progress import bar
from flows.store.caching import whole
from flows.store.workspace import Workspace
from flows.tasks import track_clip
from pipeline.artifacts import FileRef, atomic_file, refuse_existing
from pipeline.delivery import carry_sound
from pipeline.streams import prefetched
from pipeline.values import Track
from pipeline.video import probe, read_video, write_video
from stages.tracking.face import FaceTrackerConfig
from stages.tracking.face_track_file import load_face_track
from stages.tracking.openpose import read_openpose_folder
from stages.tracking.overlay import draw_overlay
from stages.tracking.pose import TrackerConfig
from stages.tracking.track_file import load_track, save_track


@flow(name="track")
def track_flow(
    clip: FileRef,
    output: Path,
    overlay: Path | None,
    openpose: Path | None,
    tracker: TrackerConfig,
    workspace: Workspace,
    overwrite: bool = False,
) -> str:
    """Write the track file and, where asked for, the overlay film; returns a line on what was found."""
    for path in (output, overlay):
        if path is not None:
            refuse_existing(path, overwrite=overwrite)
    if openpose is not None:
        track = read_openpose_folder(openpose, probe(clip.path))
        save_track(track, output, source=clip.path.name)
    else:
        found = whole(track_clip, clip, tracker, workspace)
        track = load_track(found.path)
        with atomic_file(output, overwrite=overwrite) as beside:
            shutil.copyfile(found.path, beside)
    if overlay is not None:
        _write_overlay(clip.path, track, overlay, overwrite)
    return coverage(clip.path.name, track)


@flow(name="track face")
def track_face_flow(
    clip: FileRef,
    output: Path,
    overlay: Path | None,
    tracker: FaceTrackerConfig,
    workspace: Workspace,
    overwrite: bool = False,
) -> str:
    """The same for one person's face: its track file, and its mesh drawn over the clip."""
    for path in (output, overlay):
        if path is not None:
            refuse_existing(path, overwrite=overwrite)
    found = whole(track_head, clip, tracker, workspace)
    with atomic_file(output, overwrite=overwrite) as beside:
        shutil.copyfile(found.path, beside)
    if overlay is not None:
        drawn = whole(draw_mesh, clip, found, workspace)
        with atomic_file(overlay, overwrite=overwrite) as beside:
            carry_sound(drawn.path, clip.path, beside, overwrite=True)
    return coverage(clip.path.name, load_face_track(found.path))


def _write_overlay(clip: Path, track: Track, output: Path, overwrite: bool) -> None:
    with (
        bar("Drawing the overlay", len(track)) as advance,
        read_video(clip) as video,
        write_video(output, video.info, overwrite=overwrite) as film,
        closing(prefetched(video, 4)) as frames,
    ):
        for frame in draw_overlay(frames, track):
            film.write(frame)
            advance(frame.index + 1)
