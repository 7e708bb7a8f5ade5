"""The films of a report: as they are where browsers play them, else as copies that they play."""

from pathlib import Path

from flows.progress import bar
from pipeline.artifacts import FileRef
from pipeline.delivery import side_by_side
from pipeline.values import VideoInfo
from pipeline.video import probe
from stages.report.content import Reel

PLAYED = ("h264", "av1", "vp9", "vp8")  # by Chromium and by Firefox, without the system's help
CONTAINERS = (".mp4", ".m4v", ".webm")
PIXELS = ("yuv420p", "yuvj420p")
COPY_HEIGHT = 720  # pixels at most


def reel(label: str, film: FileRef, copies: Path) -> Reel:
    """A film for the page; one that browsers do not play is copied into the folder `copies`, named by its content.

    Raises: VideoError, StorageError: the film cannot be read, or its copy not be written.
    """
    info = probe(film.path)
    path = film.path if plays(info) else _copy(film, info, copies)
    shown = probe(path)
    return Reel(label, path, float(shown.start), (shown.width, shown.height))


def plays(info: VideoInfo) -> bool:
    """Whether browsers play a clip as it is."""
    return info.codec in PLAYED and info.pixel_format in PIXELS and info.path.suffix.lower() in CONTAINERS


def _copy(film: FileRef, info: VideoInfo, copies: Path) -> Path:
    """H.264 with every frame at its time; one that is there already is the same, as its name says."""
    output = copies / f"{film.sha256[:20]}.mp4"
    if not output.is_file():
        with bar(f"Copying {film.path.name} for the report, as browsers do not play it", None):
            side_by_side([film.path], output, height=min(COPY_HEIGHT, info.height // 2 * 2))
    return output
