"""Look at a clip from outside: size, time, colours, as its container and its first picture say them."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import VideoError
from pipeline.values import VideoInfo
from pipeline.video.decoding import first_of, pictures, ticks_of
from pipeline.video.opening import choose_stream, opened, refuse_large, refuse_long, tick_of
from pipeline.video.picture import Display
from pipeline.video.wholeness import Count

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """One sound stream of a file."""

    codec: str  # UNKNOWN where it cannot be decoded here
    start: Fraction | None  # on the container's clock, seconds; None where the container does not say
    duration: Fraction | None  # seconds, likewise
    language: str | None = None  # three letters of ISO 639-2; None where the file does not say


def probe_sound(path: Path) -> tuple[SoundInfo, ...]:
    """The sound streams of a file, in its order; none where it is silent.

    Raises:
        VideoError: no such file, a folder, an empty file, no known container.
    """
    with opened(path) as container:
        return tuple(_sound(stream) for stream in container.streams.audio)


def _sound(stream: AudioStream) -> SoundInfo:
    tick = Fraction(stream.time_base or 1)
    start = None if stream.start_time is None else stream.start_time * tick
    duration = None if stream.duration is None else stream.duration * tick
    said = stream.metadata.get("language", "und")
    language = said if re.fullmatch("[a-z]{3}", said) and said != "und" else None
    return SoundInfo(_codec_of(stream), start, duration, language)


def _codec_of(stream: AudioStream) -> str:
    known = stream.codec_context is not None  # PyAV gives none where FFmpeg has no decoder
    return stream.codec_context.codec.canonical_name if known else UNKNOWN


def probe(path: Path, *, stream: int | None = None) -> VideoInfo:
    """Describe a clip; decodes its first picture only, so that what is said of size and colour is so.

    Args:
        path: the file.
        stream: index of the picture stream in the file; by default the one marked default, else the largest.

    Raises:
        VideoError: no such file, a folder, an empty file, no video, no moving pictures, no frame.
        FrameError: the first frame is damaged.
    """
    with opened(path) as container:
        chosen = choose_stream(container, path, stream)
        first = first_of(pictures(container, chosen, Count(path)), path)
        return describe(container, chosen, first, path)


def describe(container: InputContainer, stream: VideoStream, first: VideoFrame, path: Path) -> VideoInfo:
    """What is known of a clip once its first picture is.

    Raises:
        VideoError: it has no frame rate, or is larger or longer than the limits allow.
    """
    display = Display.of(stream, first)
    width, height = display.size
    refuse_large(path, width, height)
    duration = _duration(container, stream)
    refuse_long(path, stream.frames, duration)
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    if not rate:
        raise VideoError(path, "has no frame rate", "a rate above 0", "Export it as .mp4.")
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        frame_rate=Fraction(rate),
        time_base=tick_of(stream),
        start=ticks_of(first, path, 0) * tick_of(stream),
        frames=stream.frames or None,
        duration=duration,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=display.pixel_format,
        colour=display.colour,
        has_sound=bool(container.streams.audio),
    )


def _duration(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration is not None:
        return stream.duration * tick_of(stream)
    return None if container.duration is None else Fraction(container.duration, 1_000_000)
