"""How a film is encoded: codec, quality, speed, pixel format, as one frozen value that checks itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import av
from av._core import library_meta
from av.codec import Codec

from pipeline.errors import UnknownChoice

X264_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)


@dataclass(frozen=True, slots=True)
class Encoder:
    """What an encoder can be told."""

    presets: tuple[str, ...]  # fastest first
    worst_crf: int
    reorders: int  # frames by which decoding runs ahead of showing, at most, where it uses B-frames


ENCODERS = {
    "libx264": Encoder(X264_PRESETS, 51, 2),
    "libx264rgb": Encoder(X264_PRESETS, 51, 2),
    "libx265": Encoder(X264_PRESETS, 51, 2),
    "libsvtav1": Encoder(tuple(str(number) for number in range(13, -1, -1)), 63, 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """H.264 that every browser plays, unless told otherwise."""

    codec: str = "libx264"
    crf: int = 18  # constant rate factor, 0 best; x264's is visually lossless at 18, lossless at 0
    preset: str = "medium"  # speed against size
    pixel_format: str = "yuv420p"
    b_frames: int | None = None  # at most so many in a row; None leaves it to the preset
    keyframe_interval: int | None = None  # frames; None leaves it to the codec

    def __post_init__(self) -> None:
        if self.codec not in ENCODERS:
            raise UnknownChoice.among("codec", self.codec, ENCODERS)
        if self.codec not in av.codecs_available:
            raise UnknownChoice.among("codec", self.codec, ENCODERS.keys() & av.codecs_available)
        if self.preset not in ENCODERS[self.codec].presets:
            raise UnknownChoice.among(f"preset of {self.codec}", self.preset, ENCODERS[self.codec].presets)
        if self.pixel_format not in (known := pixel_formats(self.codec)):
            raise UnknownChoice.among(f"pixel format of {self.codec}", self.pixel_format, known)
        worst = ENCODERS[self.codec].worst_crf
        if not 0 <= self.crf <= worst:
            raise ValueError(f"Encoding.crf is {self.crf}, expected 0 (best) to {worst} for {self.codec}")

    @property
    def reorders(self) -> int:
        """Frames by which decoding runs ahead of showing, at most."""
        return 0 if self.b_frames == 0 else ENCODERS[self.codec].reorders

    def options(self) -> dict[str, str]:
        """The same in FFmpeg's words."""
        options = {"crf": str(self.crf), "preset": self.preset}
        if self.b_frames is not None:
            options["bf"] = str(self.b_frames)
        if self.keyframe_interval is not None:
            options["g"] = str(self.keyframe_interval)
        if self.codec == "libx265":
            options["x265-params"] = "log-level=error"  # it writes to stderr by itself
        return options


def pixel_formats(codec: str) -> tuple[str, ...]:
    """The pixel formats an encoder takes."""
    return tuple(form.name for form in Codec(codec, "w").video_formats or ())


DEFAULT_ENCODING = Encoding()

# Every RGB value comes back as it went in: for what is read again, such as the frames a generator looks back on.
LOSSLESS = Encoding(codec="libx264rgb", crf=0, preset="ultrafast", pixel_format="rgb24", b_frames=0)


def decoder_licence() -> str:
    """The licence of the FFmpeg libraries that PyAV was built with, as they say it; `unknown` where they do not."""
    told: Mapping[str, Mapping[str, object]] = library_meta
    return str(told.get("libavcodec", {}).get("license", "unknown"))


def available_codecs() -> list[str]:
    """The encoders that this machine's FFmpeg libraries have, of those we offer."""
    return [name for name in ENCODERS if name in av.codecs_available]
