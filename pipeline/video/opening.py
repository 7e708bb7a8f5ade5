"""Open a file as a container and choose the picture stream; say in plain words why it cannot be done.

Whoever made the file may be a stranger: formats that name other files (play lists, concat scripts, sequences of
pictures) are not followed, and what is larger than pipeline/limits.py allows is refused before it is decoded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.errors import VideoError
from pipeline.limits import limits

# The containers that are read: films, pictures, and sound for the message that it is only sound. FFmpeg knows more,
# but some of those open whatever files and addresses they name (hls, dash, concat, imf, sdp), or devices.
FORMATS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "asf", "ogg", "mxf", "nut", "dv"),
    *("gxf", "wtv", "rm", "swf", "ivf", "obu", "av1", "h264", "hevc", "vvc", "m4v", "h261", "h263", "vc1", "vc1test"),
    *("cavsvideo", "dirac", "dnxhd", "mjpeg", "yuv4mpegpipe", "gif", "apng", "jpegxl_anim"),
    *(f"{kind}_pipe" for kind in ("png", "jpeg", "webp", "bmp", "tiff", "jpegxl", "gif", "j2k", "ppm", "exr", "dpx")),
    *("wav", "w64", "mp3", "aac", "flac", "ac3", "eac3", "aiff", "au", "caf", "amr", "ape", "dts", "truehd", "wv"),
)


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open `path` for reading and close it after the block.

    Raises:
        VideoError: there is no file, it is a folder, it is empty, no container format known here, or it holds more
            streams than the limit.
    """
    refuse_what_is_no_file(path)
    options = {
        "format_whitelist": ",".join(FORMATS),
        "protocol_whitelist": "file",
        "max_pixels": str(limits().pixels),  # for the first look that opening takes at every stream
    }
    try:
        container = av.open(address(path), mode="r", metadata_errors="replace", options=options)
    except (FFmpegError, ValueError) as error:
        raise VideoError(
            path,
            f"cannot be opened as a video ({reason(error)})",
            "a whole video file, such as .mp4, .mov, .mkv or .webm",
            "If it was copied or downloaded, do that again; if it plays elsewhere, export it as .mp4.",
        ) from error
    with container:
        _refuse_many(path, len(container.streams))
        yield container


def _refuse_many(path: Path, streams: int) -> None:
    allowed = limits()
    if streams > allowed.streams:
        expected = f"at most {allowed.streams} streams"
        raise VideoError(path, f"holds {streams} streams", expected, allowed.remedy("streams", streams))


def refuse_large(path: Path, width: int, height: int) -> None:
    """Raise VideoError where a picture of `width` x `height` pixels is beyond the limits."""
    allowed = limits()
    if (name := allowed.excess_of(width, height)) is not None:
        expected = f"at most {allowed.side} pixels a side and {allowed.pixels} in all"
        needed = max(width, height) if name == "side" else width * height
        raise VideoError(path, f"pictures are {width}x{height}", expected, allowed.remedy(name, needed))


def refuse_long(path: Path, frames: int | None, seconds: Fraction | None) -> None:
    """Raise VideoError where a film says that it is longer than the limits."""
    allowed = limits()
    if frames is not None and frames > allowed.frames:
        expected = f"at most {allowed.frames} frames"
        raise VideoError(path, f"has {frames} frames or more", expected, allowed.remedy("frames", frames))
    if seconds is not None and seconds > allowed.hours * 3600:
        found = f"lasts {float(seconds / 3600):.0f} hours by its own account"
        raise VideoError(path, found, f"at most {allowed.hours} hours", allowed.remedy("hours", ceil(seconds / 3600)))


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
        VideoError: no such stream, no moving pictures in the file, or larger ones than the limits allow.
    """
    chosen = _chosen(container, path, index)
    refuse_large(path, chosen.width, chosen.height)
    chosen.codec_context.options = {"max_pixels": str(limits().pixels)}  # a later picture may be larger
    return chosen


def _chosen(container: InputContainer, path: Path, index: int | None) -> VideoStream:
    shown = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    films = [stream for stream in shown if stream.codec_context is not None]  # PyAV 18.1: FFmpeg has no decoder
    if shown and not films:
        found, remedy = "its pictures are coded in a way that is not known here", "Export it as H.264 in an .mp4."
        raise VideoError(path, found, "a film that FFmpeg decodes", remedy)
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
