"""Open a file as a container and choose the picture stream; say in plain words why it cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.errors import VideoError


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open `path` for reading and close it after the block.

    Raises:
        VideoError: there is no file, it is a folder, it is empty, or no container format known here.
    """
    refuse_what_is_no_file(path)
    try:
        container = av.open(address(path), mode="r", metadata_errors="replace")
    except (FFmpegError, ValueError) as error:
        raise VideoError(
            path,
            f"cannot be opened as a video ({reason(error)})",
            "a whole video file, such as .mp4, .mov, .mkv or .webm",
            "If it was copied or downloaded, do that again; if it plays elsewhere, export it as .mp4.",
        ) from error
    with container:
        yield container


def address(path: Path) -> str:
    """The path as FFmpeg takes it: with its protocol, so that a colon in a name is no protocol of its own."""
    return f"file:{path}"


def reason(error: Exception) -> str:
    """What FFmpeg says, without its numbers and our temporary names."""
    return str(getattr(error, "strerror", None) or error)


def refuse_what_is_no_file(path: Path) -> None:
    """Raise VideoError for the mistakes that need no library to be seen."""
    if not path.exists():
        raise VideoError(path, "there is no such file", "a video file", "Check the path.")
    if path.is_dir():
        raise VideoError(path, "is a folder", "a video file", "Give one of the files in it.")
    if path.stat().st_size == 0:
        raise VideoError(path, "the file is empty", "a video file", "Copy or export it again.")


def choose_stream(container: InputContainer, path: Path, index: int | None) -> VideoStream:
    """The picture stream at `index` of the file; by default the one marked default, else the largest.

    Pictures attached to a sound file (cover art) are never chosen.

    Raises:
        VideoError: no such stream, or no moving pictures in the file.
    """
    films = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not films:
        raise _no_pictures(container, path)
    if index is None:
        return max(films, key=lambda stream: (_is_default(stream), stream.width * stream.height, -stream.index))
    for stream in films:
        if stream.index == index:
            return stream
    known = ", ".join(f"{stream.index} ({stream.width}x{stream.height})" for stream in films)
    raise VideoError(path, f"stream {index} holds no moving pictures", f"one of {known}", "Choose one of these.")


def _is_default(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.default)


def _no_pictures(container: InputContainer, path: Path) -> VideoError:
    held = ["a cover picture"] * bool(container.streams.video) + ["sound"] * bool(container.streams.audio)
    found = "holds no moving pictures" + (f", only {' and '.join(held)}" if held else "")
    return VideoError(path, found, "a video file", "Give a file with moving pictures.")


def tick_of(stream: VideoStream) -> Fraction:
    """Seconds per tick of a stream's clock.

    Raises:
        VideoError: the container gives the stream no clock.
    """
    if not stream.time_base:
        raise VideoError(stream.container.name, "the picture stream has no clock", "a time base", "Export it as .mp4.")
    return Fraction(stream.time_base)
