"""Tell a whole file from one that ends early, where decoding alone would stop without a word."""

from dataclasses import dataclass
from pathlib import Path

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import FrameError
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
    read: int = 0  # packets of the stream, shown or not
    fed: int = 0  # packets that should give a picture
    shown: int = 0  # pictures that came out
    from_start: bool = True

    def restart(self) -> None:
        """Begin again in the middle of the clip."""
        self.read = self.fed = self.shown = 0
        self.from_start = False

    def take(self, packet: "Packet[VideoStream]") -> None:
        """Count one packet that goes into the decoder.

        Raises:
            FrameError: the container says that the packet is damaged or cut short.
        """
        if packet.is_corrupt:
            raise damaged(self.path, self.shown, "the packet is cut short or damaged")
        self.fed += not packet.is_discard

    def check(self, stream: VideoStream, first: VideoFrame) -> None:
        """Compare the sums after the last picture.

        Raises:
            FrameError: pictures are missing, or the file ends before what it announced.
        """
        if self.from_start and self.read < stream.frames:
            raise damaged(self.path, self.shown, f"the file ends after {self.read} of {stream.frames} frames")
        if pairs_packets_with_pictures(stream, first) and self.shown < self.fed:
            raise damaged(self.path, self.shown, f"{self.fed - self.shown} frames before the end cannot be decoded")
        if (fault := fault_in(self.path)) is not None:
            raise damaged(self.path, self.shown, fault)


def damaged(path: Path, index: int, found: str) -> FrameError:
    """The error for a picture that is not there whole; decoding runs ahead, so the place is near `index`."""
    return FrameError(f"{path}, near frame {index}", found, "a whole picture", REMEDY)
