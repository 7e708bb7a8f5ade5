"""Write frames as a film: exact times, tagged colours, whole or not there."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from pipeline.artifacts import as_storage_error, atomic_file
from pipeline.errors import FrameError, UnknownChoice, VideoError
from pipeline.values import ColourTags, Frame, VideoInfo
from pipeline.video.colour import RGB, FromRgb, is_rgb, resolved
from pipeline.video.encoding import DEFAULT_ENCODING, Encoding
from pipeline.video.opening import address, reason

log = logging.getLogger(__name__)

MOVIES = (".mp4", ".mov", ".m4v")  # their clock is chosen freely, so any time is exact
FILMS = (*MOVIES, ".mkv")
MATROSKA_TICK = Fraction(1, 1000)


class VideoWriter:
    """An open film; takes frames in order of time. Comes from `write_video`."""

    def __init__(self, container: OutputContainer, path: Path, info: VideoInfo, encoding: Encoding) -> None:
        self.info = info
        self._path = path
        self._container = container
        colour = _written_colour(info, encoding)
        size = _written_size(path, info, encoding)
        with blamed_on(path):
            self._stream = add_stream(container, info, encoding, size, colour)
        self._to_picture = FromRgb(encoding.pixel_format, *size, colour)
        self._usual_duration = max(1, round(1 / (info.frame_rate * info.time_base)))
        self._reorders = encoding.reorders
        self._decoded: deque[int] = deque()  # ticks at which the packets to come are decoded
        self._last: Fraction | None = None

    def write(self, frame: Frame) -> None:
        """Append one frame, to be shown at exactly `frame.time`; its image may be changed afterwards.

        Raises:
            FrameError: wrong shape or type, or a time that does not grow or is not a whole number of ticks.
        """
        self._check(frame)
        picture = self._to_picture(frame.image)
        picture.pts = int(frame.time / self.info.time_base)
        picture.time_base = self.info.time_base
        if self._last is None:
            self._decoded.extend(picture.pts - self._usual_duration * ahead for ahead in range(self._reorders, 0, -1))
        self._decoded.append(picture.pts)
        self._mux(picture)
        self._last = frame.time

    def finish(self) -> None:
        """Write what the encoder still holds; `write_video` calls it.

        Raises:
            VideoError: no frame was written.
        """
        if self._last is None:
            raise VideoError(
                self._path, "no frame was written", "at least one", "Look at the step before: it is empty."
            )
        self._mux(None)

    def _mux(self, picture: av.VideoFrame | None) -> None:
        with blamed_on(self._path):
            for packet in self._stream.encode(picture):
                # Without a duration the last frame would end as it begins, and players would leave it out.
                packet.duration = self._usual_duration
                # The i-th packet is decoded when the frame `reorders` before the i-th is shown. Encoders say the
                # same, but that libx265 makes up times for films shorter than its look-ahead (in PyAV 18.1).
                packet.dts = self._decoded.popleft()
                self._container.mux(packet)

    def _check(self, frame: Frame) -> None:
        where = f"{self._path}, frame {frame.index}"
        expected = (self.info.height, self.info.width, 3)
        if frame.image.shape != expected or frame.image.dtype != np.uint8:
            raise FrameError(
                where,
                f"image is {frame.image.dtype} {frame.image.shape}",
                f"uint8 {expected}, for which the writer was opened",
                "Resize before writing, or open the writer with the generator's output size.",
            )
        if (frame.time / self.info.time_base).denominator != 1:
            raise FrameError(
                where,
                f"time {frame.time} s falls between two ticks",
                f"a multiple of the time base, {self.info.time_base} s",
                "Open the writer with the time base of the clip the times come from.",
            )
        if self._last is not None and frame.time <= self._last:
            raise FrameError(
                where,
                f"time {frame.time} s does not come after {self._last} s",
                "times that grow",
                "Write frames in order, each once.",
            )


def _written_size(path: Path, info: VideoInfo, encoding: Encoding) -> tuple[int, int]:
    """Width and height, made even for pixel formats in which neighbours share chroma."""
    halves_columns = any(form in encoding.pixel_format for form in ("420", "422", "nv"))
    halves_rows = any(form in encoding.pixel_format for form in ("420", "nv12", "nv21"))
    width, height = info.width + info.width % 2 * halves_columns, info.height + info.height % 2 * halves_rows
    if (width, height) != (info.width, info.height):
        log.warning(
            "%s: %dx%d is written as %dx%d, its edge repeated, because %s needs even sizes",
            *(path, info.width, info.height, width, height, encoding.pixel_format),
        )
    return width, height


def _written_colour(info: VideoInfo, encoding: Encoding) -> ColourTags:
    """The clip's tags, with the matrix that is computed with always said."""
    if is_rgb(encoding.pixel_format):
        return ColourTags(info.colour.primaries, info.colour.transfer, RGB, full_range=True)
    return resolved(info.colour, info.height)


def add_stream(
    container: OutputContainer, info: VideoInfo, encoding: Encoding, size: tuple[int, int], colour: ColourTags
) -> VideoStream:
    """Add and open the film's stream, and write the file's header."""
    stream = container.add_stream(encoding.codec, rate=info.frame_rate, time_base=info.time_base)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = encoding.pixel_format
    context = stream.codec_context
    context.options = encoding.options()
    context.thread_type = "AUTO"  # PyAV's default makes x264 cut pictures into slices: slower, and larger files
    context.color_primaries = colour.primaries
    context.color_trc = colour.transfer
    context.colorspace = colour.matrix
    context.color_range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
    tag_for_players(stream)
    container.start_encoding()
    return stream


def tag_for_players(stream: VideoStream) -> None:
    """Apple's players open HEVC only by this name, which says that its headers lie in the container."""
    if stream.codec_context.codec.canonical_name == "hevc":
        stream.codec_context.codec_tag = "hvc1"


def refuse_rounding(path: Path, tick: Fraction) -> None:
    """Raise where a kind of file cannot hold times that are whole multiples of `tick` seconds.

    Raises:
        UnknownChoice: the suffix is no film's.
        VideoError: Matroska, which counts milliseconds, would round.
    """
    suffix = path.suffix.lower()
    if suffix not in FILMS:
        raise UnknownChoice.among("kind of film", path.suffix, FILMS)
    if suffix not in MOVIES and (tick / MATROSKA_TICK).denominator != 1:
        raise VideoError(
            path,
            f"{suffix} counts time in {MATROSKA_TICK} s, which would round the frames' times",
            f"a kind that counts in {tick} s",
            f"Name the output {path.stem}.mp4.",
        )


@contextmanager
def blamed_on(path: Path) -> Iterator[None]:
    """Say in our words what FFmpeg cannot write; around its calls only, never around a caller's block.

    Raises:
        StorageError: the disk is full, or may not be written.
        VideoError: FFmpeg refuses for another reason.
    """
    try:
        yield
    except OSError as error:
        raise as_storage_error(path, error) from error
    except (FFmpegError, ValueError) as error:
        raise VideoError(
            path,
            f"cannot be written ({reason(error)})",
            "an encoding that this kind of file can hold",
            "Try the default one, in .mp4.",
        ) from error


@contextmanager
def created(path: Path, beside: Path, tick: Fraction) -> Iterator[OutputContainer]:
    """Open a container for writing at `beside` on behalf of `path`, with a clock of `tick` where it can have it.

    The whole file's clock is set too: it times the edit list, in which a late start is kept.

    Raises:
        UnknownChoice: the suffix is no film's.
        StorageError: the disk is full.
        VideoError: times would be rounded, or FFmpeg refuses for another reason.
    """
    refuse_rounding(path, tick)
    clock = str(tick.denominator)
    movie = {"movflags": "+faststart", "movie_timescale": clock, "video_track_timescale": clock}
    with blamed_on(path):
        container = av.open(address(beside), mode="w", options=movie if path.suffix.lower() in MOVIES else {})
    try:
        yield container
    except BaseException:
        with suppress(FFmpegError):  # what it cannot finish is thrown away
            container.close()
        raise
    with blamed_on(path):
        container.close()


@contextmanager
def write_video(
    path: Path, info: VideoInfo, *, encoding: Encoding = DEFAULT_ENCODING, overwrite: bool = False
) -> Iterator[VideoWriter]:
    """Open a film for writing frames of `info`'s size, rate, clock and colours.

    Every frame is shown at exactly its `time`. A film that starts late, such as a segment of a longer one, keeps its
    start: `probe` reads it back as `start`, and `join_segments` puts segments together by it. Odd sizes are padded at
    the right and below by repeating the edge where the pixel format needs it, with a warning in the log. The file
    appears under its name when the block ends well; otherwise nothing is left.

    Args:
        path: .mp4, .mov, .m4v or .mkv; the last counts milliseconds, and is refused where those would round.
        info: of the film to be made; its `path`, `start`, `frames` and `codec` play no part.
        encoding: codec and quality.
        overwrite: whether a file at `path` may be replaced.

    Raises:
        OutputExists: `path` is there and `overwrite` is False.
        UnknownChoice: the suffix is no film's.
        VideoError: no frame was written, or the encoder refuses.
        StorageError: the disk is full or the folder cannot be written.
    """
    with atomic_file(path, overwrite=overwrite) as beside, created(path, beside, info.time_base) as container:
        writer = VideoWriter(container, path, info, encoding)
        yield writer
        writer.finish()
