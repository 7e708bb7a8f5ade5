"""From packets to pictures, from the start or from the middle of a clip, with nothing lost in silence."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import FrameError, VideoError
from pipeline.video.opening import choose_stream, opened, reason
from pipeline.video.wholeness import REMEDY, Count, pairs_packets_with_pictures

# Decoders that by default patch damage over and say nothing; told to stop at it instead. The others report it anyway.
PATCHING = ("h264", "hevc")

# Codecs that mark exactly the pictures that no other leans on. HEVC's mark allows other layers of time to lean on them.
MARKING = ("h264",)


def prepare(stream: VideoStream) -> None:
    """Decode in as many threads as there are cores, and stop at damage."""
    stream.thread_type = "AUTO"
    if stream.codec_context.name in PATCHING:
        stream.codec_context.options = {**stream.codec_context.options, "err_detect": "explode"}


def pictures(container: InputContainer, stream: VideoStream, count: Count) -> Iterator[VideoFrame]:
    """Decode from where the container stands to its end.

    Begins at a key picture. Packets before it, and pictures shown before it that lean on ones not read, are left out:
    no player can show them. Of the pictures that `count` passes over, those that no other leans on are not decoded.

    Raises:
        FrameError: a damaged packet or picture.
    """
    key: int | None = None
    begun = False
    counts_places = container.format.name == "avi"  # also empty ones, where the picture before is shown for longer
    marks = stream.codec_context.name in MARKING
    for packet in container.demux(stream):
        if packet.size:
            count.read = packet.dts + 1 if counts_places and packet.dts is not None else count.read + 1
            if not begun and packet.is_keyframe:
                begun, key = True, packet.pts
            if not begun or _leads(packet, key):
                continue
            count.take(packet)
        if marks:
            stream.codec_context.skip_frame = "NONREF" if count.passes_over(packet.pts) else "DEFAULT"
        yield from _decode(packet, count)


def _leads(packet: "Packet[VideoStream]", key: int | None) -> bool:
    return packet.pts is not None and key is not None and packet.pts < key


def _decode(packet: "Packet[VideoStream]", count: Count) -> Iterator[VideoFrame]:
    try:
        decoded = packet.decode()
    except FFmpegError as error:
        raise count.damaged(f"cannot be decoded ({reason(error)})") from error
    for picture in decoded:
        count.give(picture)
        yield picture


def first_of(source: Iterator[VideoFrame], path: Path) -> VideoFrame:
    """The first picture of a stream of them.

    Raises:
        VideoError: there is none.
        FrameError: it cannot be decoded.
    """
    for picture in source:
        return picture
    raise VideoError(path, "the picture stream holds no frame", "at least one frame", REMEDY)


def ticks_of(picture: VideoFrame, path: Path, index: int) -> int:
    """When a picture is shown, in ticks of its stream.

    Containers without display times (AVI) have only the order of decoding, and their decoders hand pictures out in it.

    Raises:
        FrameError: the container gives the picture no time at all (a bare H.264 stream).
    """
    ticks = picture.pts if picture.pts is not None else picture.dts
    if ticks is None:
        raise FrameError(
            f"{path}, frame {index}",
            "has no time",
            "a container that stores times",
            "Put it into one, with its frame rate: ffmpeg -r 25 -i IN -c copy OUT.mp4",
        )
    return ticks


@dataclass(frozen=True, slots=True)
class Index:
    """Where the pictures of a clip lie, known without decoding one."""

    times: tuple[int, ...]  # ticks at which the pictures are shown, ascending
    keys: tuple[tuple[int, int], ...]  # key pictures in order: shown at, decoded at

    def places_before(self, ticks: int) -> Iterator[int]:
        """Where to seek for a picture: its key by the time shown, then by the time decoded; last the clip's start.

        Containers differ in the time they seek by: Matroska goes by the first, MP4 by the second.
        """
        found = bisect_right(self.keys, ticks, key=itemgetter(0)) - 1
        if found >= 0:
            yield from self.keys[found]
        yield min(self.keys[0])


def pictures_from(
    container: InputContainer, stream: VideoStream, first: VideoFrame, index: int, count: Count
) -> Iterator[VideoFrame] | None:
    """Decode from the picture at `index` on, by seeking; None where the clip has to be read from its start.

    Raises:
        VideoError: the clip is shorter than that.
    """
    known = index_of(count.path, stream.index, first)
    if known is None:
        return None
    if index >= len(known.times):
        raise starts_late(count.path, index, len(known.times))
    wanted, damage = known.times[index], None
    for place in known.places_before(wanted):
        container.seek(place, stream=stream)
        count.restart(index, wanted)
        source = pictures(container, stream, count)
        try:
            picture = next((picture for picture in source if not count.passes_over(picture.pts)), None)
        except FrameError as error:  # a mark of recovery (intra refresh) is no picture to begin at: farther back is one
            damage = error
            continue
        if picture is not None and picture.pts == wanted:
            return chain([picture], source)
    raise damage or FrameError(
        f"{count.path}, frame {index}",
        "cannot be reached by seeking",
        "a container with an index",
        "Rewrite it: ffmpeg -i IN -c copy OUT.mp4",
    )


def starts_late(path: Path, index: int, frames: int) -> VideoError:
    """The error for a span that begins after the clip's end."""
    return VideoError(path, f"has {frames} frames, frame {index} was asked for", "a frame of the clip", "Count from 0.")


def index_of(path: Path, stream: int, first: VideoFrame) -> Index | None:
    """Read all packets of a clip, decoding none; None where pictures cannot be told from packets."""
    times: list[int] = []
    keys: list[tuple[int, int]] = []
    with opened(path) as container:
        chosen = choose_stream(container, path, stream)
        if not pairs_packets_with_pictures(chosen, first) or first.pts is None:
            return None
        for packet in container.demux(chosen):
            if not packet.size:
                continue
            if packet.pts is None or packet.dts is None:
                return None
            if packet.is_keyframe:
                keys.append((packet.pts, packet.dts))
            if not packet.is_discard and packet.pts >= first.pts:
                times.append(packet.pts)
    return Index(tuple(sorted(times)), tuple(sorted(keys)))
