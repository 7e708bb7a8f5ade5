"""Tell a whole file from one that ends early, where decoding alone would stop without a word."""

from dataclasses import dataclass, field
from pathlib import Path

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import FrameError
from pipeline.video.gif import fault_in_gif
from pipeline.video.matroska import fault_in

# Codecs in which every packet shown gives one picture, so that a missing one is seen. Not so where packets may hold
# pictures that are never shown (VP8) or placeholders (MPEG-4 part 2 in AVI), nor in interlaced film, field by field.
ONE_PICTURE_A_PACKET = ("h264", "hevc", "libdav1d", "av1", "vp9", "libvpx-vp9")

REMEDY = (
    "Copy or export the file again. To go on with what is left, let ffmpeg patch it: "
    "ffmpeg -i IN -c:v libx264 -crf 16 -c:a copy OUT.mp4"
)


def pairs_packets_with_pictures(stream: VideoStream, first: VideoFrame) -> bool:
    """Whether every packet shown gives exactly one picture."""
    return stream.codec_context.name in ONE_PICTURE_A_PACKET and not first.interlaced_frame


@dataclass(slots=True)
class Count:
    """What went into the decoder and what came out of it."""

    path: Path
    read: int = 0  # packets of the stream, shown or not; of an AVI also the places without one up to the last
    fed: int = 0  # packets that should give a picture
    shown: int = 0  # pictures that came out
    skipped: int = 0  # of the clip's frames, those before the first that is counted
    since: int | None = None  # ticks: pictures shown before are passed over, and not counted
    early: list[int] = field(default_factory=list)  # when the packets fed before the first picture came are shown

    def restart(self, index: int, since: int) -> None:
        """Begin again in the middle of the clip, to count from frame `index` on, which is shown at `since`."""
        self.read = self.fed = self.shown = 0
        self.skipped, self.since = index, since
        self.early.clear()

    def passes_over(self, ticks: int | None) -> bool:
        """Whether what is shown at that time is wanted by nobody; others may lean on it."""
        return self.since is not None and ticks is not None and ticks < self.since

    def take(self, packet: "Packet[VideoStream]") -> None:
        """Count one packet that goes into the decoder.

        Raises:
            FrameError: the container says that the packet is damaged or cut short.
        """
        if packet.is_corrupt:
            raise self.damaged("the packet is cut short or damaged")
        if packet.is_discard or self.passes_over(packet.pts):
            return
        self.fed += 1
        if not self.shown and packet.pts is not None:
            self.early.append(packet.pts)

    def give(self, picture: VideoFrame) -> None:
        """Count one picture that came out.

        Where a clip was cut out of a longer one, the decoder may hold back pictures until it has recovered.

        Raises:
            FrameError: the decoder says that the picture is damaged.
        """
        if picture.is_corrupt:
            raise self.damaged("the picture is damaged")
        if self.passes_over(picture.pts):
            return
        if not self.shown and picture.pts is not None:
            self.fed -= sum(ticks < picture.pts for ticks in self.early)
        self.shown += 1

    def check(self, stream: VideoStream, first: VideoFrame) -> None:
        """Compare the sums after the last picture.

        Raises:
            FrameError: pictures are missing, or the file ends before what it announced.
        """
        if not self.skipped and self.read < stream.frames:
            raise self.damaged(f"the file ends after {self.read} of {stream.frames} frames")
        if pairs_packets_with_pictures(stream, first) and self.shown < self.fed:
            raise self.damaged(f"{self.fed - self.shown} frames before the end cannot be decoded")
        if (fault := fault_in(self.path) or fault_in_gif(self.path)) is not None:
            raise self.damaged(fault)

    def damaged(self, found: str) -> FrameError:
        """The error for what is not there whole; decoding runs ahead, so the place is near the next frame."""
        return FrameError(f"{self.path}, near frame {self.skipped + self.shown}", found, "a whole picture", REMEDY)
