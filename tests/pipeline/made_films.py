"""Small films for the tests of the pipeline: pictures that carry their own number, times worked out by hand."""

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from pipeline.delivery import ffmpeg_program
from pipeline.values import Frame, VideoInfo
from pipeline.video import Encoding, write_video

BITS = 8
NTSC = Fraction(30000, 1001)
QUICK = Encoding(preset="ultrafast")


def numbered(number: int, width: int = 64, height: int = 48) -> NDArray[uint8]:
    """A picture of eight upright bars, black or white: the number in binary, lowest bit at the left."""
    bits = np.array([number >> place & 1 for place in range(BITS)], np.uint8)
    columns = bits[np.arange(width) * BITS // width] * 255
    return np.ascontiguousarray(np.broadcast_to(columns[None, :, None], (height, width, 3)))


def number_in(image: NDArray[uint8]) -> int:
    """The number a picture of `numbered` carries, after any encoding."""
    width = image.shape[1]
    middles = [(2 * place + 1) * width // (2 * BITS) for place in range(BITS)]
    return sum(int(image[image.shape[0] // 2, middle, 1] > 127) << place for place, middle in enumerate(middles))


def even_times(count: int, rate: Fraction = NTSC) -> list[Fraction]:
    return [index / rate for index in range(count)]


def frames_at(times: Sequence[Fraction], first: int = 0, width: int = 64, height: int = 48) -> list[Frame]:
    return [Frame(numbered(first + i, width, height), time, first + i) for i, time in enumerate(times)]


def info_of(frames: Sequence[Frame], rate: Fraction = NTSC, time_base: Fraction = Fraction(1, 30000)) -> VideoInfo:
    height, width, _ = frames[0].image.shape
    return VideoInfo(Path("made.mp4"), width, height, rate, time_base)


def save(path: Path, frames: Sequence[Frame], info: VideoInfo | None = None, encoding: Encoding = QUICK) -> Path:
    with write_video(path, info or info_of(frames), encoding=encoding) as film:
        for frame in frames:
            film.write(frame)
    return path


def ffmpeg_makes(path: Path, *arguments: str | Path) -> Path:
    """Run the ffmpeg program: for what `write_video` rightly cannot make."""
    command = [ffmpeg_program(), "-v", "error", "-y", *map(str, arguments), str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path
