"""Small whole films of many codecs and containers, and what every job does to its source."""

import subprocess
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.mutations import damaged
from benchmarks.victims import Victim
from pipeline.delivery import carry_sound, ffmpeg_program
from pipeline.video import Encoding, probe, read_video, write_video

SAMPLE = Path(__file__).parents[1] / "sample_videos" / "red_dance.mp4"
SECONDS, SIDE = 1, 96  # of a film; pixels
QUICK = Encoding(preset="ultrafast")

# What a film is called here: its suffix, and how ffmpeg makes it.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "H.264 in MP4": ("mp4", ("-c:v", "libx264", "-bf", "2", "-g", "12", "-c:a", "aac")),
    "H.265 in MOV": ("mov", ("-c:v", "libx265", "-x265-params", "log-level=none:pools=1", "-c:a", "aac")),
    "H.264 in Matroska": ("mkv", ("-c:v", "libx264", "-g", "12", "-c:a", "aac")),
    "VP9 in WebM": ("webm", ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-g", "12", "-c:a", "libopus")),
    "MPEG-2 in TS": ("ts", ("-c:v", "mpeg2video", "-g", "12", "-c:a", "mp2")),
    "Motion JPEG in AVI": ("avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le")),
    "MPEG-4 part 2 in AVI": ("avi", ("-c:v", "mpeg4", "-g", "12", "-c:a", "aac")),
    "GIF": ("gif", ("-an",)),
}


def make_film(
    suffix: str, options: tuple[str, ...], folder: Path, *, sample: Path = SAMPLE, seconds: float = SECONDS
) -> None:
    """The beginning of a sample, small."""
    command = [ffmpeg_program(), "-v", "error", "-y", "-i", str(sample), "-t", str(seconds)]
    command += ["-vf", f"scale={SIDE}:-2", "-threads", "1", *options, str(folder / f"film.{suffix}")]
    subprocess.run(command, check=True, capture_output=True)


def perform(suffix: str, folder: Path) -> None:
    """Look at a film, enter it in the middle, and show it anew with its sound."""
    source = folder / f"film.{suffix}"
    info = probe(source)
    if (info.frames or 2) > 3:
        with read_video(source, start_index=3, stop_index=6) as video:
            for frame in video:
                assert frame.image.shape == (info.height, info.width, 3)
    with tempfile.TemporaryDirectory() as beside:
        silent = Path(beside) / "silent.mp4"
        with read_video(source) as video, write_video(silent, video.info, encoding=QUICK) as film:
            for frame in video:
                film.write(frame)
        carry_sound(silent, source, folder / "out.mp4")


FILMS: dict[str, Victim] = {
    name: Victim(partial(make_film, suffix, options), partial(perform, suffix), {f"film.{suffix}": (damaged,)})
    for name, (suffix, options) in KINDS.items()
}
