"""Join segments of a film, packet by packet: nothing is encoded again and every frame keeps its exact time.

Here and not in delivery.py, because the ffmpeg program cannot do it: its concat reader counts in microseconds and takes
the order of decoding from each file, which goes backwards where B-frames of uneven lengths meet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from pipeline.artifacts import atomic_file
from pipeline.errors import VideoError
from pipeline.video.opening import choose_stream, opened, tick_of
from pipeline.video.writing import blamed_on, created, tag_for_players


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of the film, as far as joining needs to know it."""

    path: Path
    tick: Fraction  # seconds
    headers: bytes  # of the codec
    shown: tuple[int, ...]  # ticks at which its packets are shown, in order of decoding
    usual: int  # ticks a frame lasts

    @classmethod
    def of(cls, path: Path) -> "Segment":
        """Read a segment's packets, decoding none."""
        with opened(path) as container:
            stream = choose_stream(container, path, None)
            packets = [packet for packet in container.demux(stream) if packet.size]
            shown = tuple(packet.pts for packet in packets if packet.pts is not None)
            if len(shown) < len(packets) or not shown:
                raise VideoError(path, "holds packets without a time", "a segment of write_video", "Render it again.")
            usual = max(1, packets[-1].duration or 1)
            return cls(path, tick_of(stream), stream.codec_context.extradata or b"", shown, usual)


def join_segments(segments: Sequence[Path], output: Path, *, overwrite: bool = False) -> None:
    """Join films that `write_video` made into one.

    Segments keep the times of the clip they are parts of (`Frame.time` as it was written), so that joining is copying.

    Args:
        segments: in order of time, all made with the same `VideoInfo` and `Encoding`.
        output: where the film goes.
        overwrite: whether a file there may be replaced.

    Raises:
        VideoError: no segments, a damaged one, one encoded differently, or one that begins before the last one ends.
        OutputExists: `output` is there and `overwrite` is False.
    """
    if not segments:
        raise VideoError(output, "there are no segments to join", "at least one", "Render first.")
    parts = [Segment.of(path) for path in segments]
    _refuse_misfits(parts)
    decoded = iter(_decoding_times([shown for part in parts for shown in part.shown], parts[0].usual))
    with atomic_file(output, overwrite=overwrite) as beside, created(output, beside, parts[0].tick) as film:
        with blamed_on(output):
            stream = _stream_like(film, parts[0])
        for packet in _packets(parts):
            packet.dts = next(decoded)
            packet.stream = stream
            with blamed_on(output):
                film.mux(packet)


def _refuse_misfits(parts: Sequence[Segment]) -> None:
    for earlier, later in pairwise(parts):
        if (later.tick, later.headers) != (earlier.tick, earlier.headers):
            raise VideoError(
                later.path, f"is encoded differently from {earlier.path}", "segments of one film", "Render it again."
            )
        if min(later.shown) <= max(earlier.shown):
            raise VideoError(
                later.path,
                f"begins at {min(later.shown) * later.tick} s, before {earlier.path} ends",
                "segments in order of time, frames with the times of the whole clip",
                "Check the order, and that frames were written with their own time.",
            )


def _decoding_times(shown: Sequence[int], usual: int) -> list[int]:
    """Times of decoding for packets in order of decoding: growing, and never after the time they are shown.

    The i-th packet is decoded when the (i - delay)-th frame is shown, with the smallest delay that does.
    """
    in_order = sorted(shown)
    rank = {ticks: place for place, ticks in enumerate(in_order)}
    delay = max(place - rank[ticks] for place, ticks in enumerate(shown))
    before = [in_order[0] - usual * ahead for ahead in range(delay, 0, -1)]
    return before + in_order[: len(in_order) - delay]


def _stream_like(film: OutputContainer, part: Segment) -> VideoStream:
    with opened(part.path) as container:
        template = choose_stream(container, part.path, None)
        stream = film.add_stream_from_template(template, opaque=True)
        tag_for_players(stream)
        film.start_encoding()
        return stream


def _packets(parts: Sequence[Segment]) -> Iterator["Packet[VideoStream]"]:
    for part in parts:
        with opened(part.path) as container:
            for packet in container.demux(choose_stream(container, part.path, None)):
                if packet.size:
                    yield packet
