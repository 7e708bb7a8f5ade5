"""What every command does first: look at its clips, and start Prefect while the rest is imported."""

from pathlib import Path

import typer

from flows.engine import Engine
from flows.store.storage import Remote
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import VideoError
from pipeline.values import VideoInfo
from pipeline.video import probe

RUNS = Path("runs")
PICTURES = ("png", "mjpeg", "webp", "bmp", "tiff", "jpegxl")  # codecs of files that may be a single picture


def bring_up(ctx: typer.Context, workspace: Path) -> tuple[Engine, Workspace]:
    """Start Prefect in the background; what is imported next loads meanwhile.

    Args:
        workspace: a folder, or the URL of one that machines share.

    Raises: StorageError: the URL cannot be read and written.
    """
    place = Workspace.at(workspace)
    if place.remote is not None:
        Remote(place.remote).check()
    return Engine(place, debug=bool(ctx.obj)).start(), place


def film(path: Path) -> FileRef:
    """Look at a clip before anything is started, so that a wrong file is found out at once.

    Raises: VideoError.
    """
    probe(path)
    return FileRef.of(path.resolve())


def moving(path: Path, remedy: str) -> FileRef:
    """As `film`, and refuse a picture where motion is wanted.

    Raises: VideoError.
    """
    if _is_picture(probe(path)):
        raise VideoError(path, "this is a picture", "a clip in which the head moves", remedy)
    return FileRef.of(path.resolve())


def _is_picture(info: VideoInfo) -> bool:
    """One frame alone, or a picture's codec in a file that has no length; a film has one in every container."""
    endless = info.frames is None and info.duration is None
    return info.frames == 1 or (endless and info.codec in PICTURES)
