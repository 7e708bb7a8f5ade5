"""Clips in which something is seen and heard at once, and where each is in a film."""

import subprocess
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipeline.delivery import add_sound, ffmpeg_program
from pipeline.values import Frame, VideoInfo
from pipeline.video import Encoding, join_segments, read_video, write_video

SOUND_RATE = 48000
EVERY = 2  # seconds between flashes
AS_SAMPLES = f"-map 0:a:0 -af aresample=async=1:first_pts=0 -ac 1 -ar {SOUND_RATE} -f s16le -".split()
QUICK = Encoding(preset="ultrafast")


def flashing(folder: Path, *, seconds: int, rate: Fraction) -> tuple[Path, list[Path]]:
    """A dark clip that flashes and clicks every two seconds, a second after its start for the first time.

    Returns: the clip with its sound, and its pictures in segments of about a second.
    """
    info = VideoInfo(folder / "pictures.mp4", 64, 48, rate, Fraction(1, rate.numerator))
    frames = int(seconds * rate)
    marks = [round((1 + EVERY * number) * rate) for number in range(seconds // EVERY)]
    per_segment = round(rate)
    segments = []
    for start in range(0, frames, per_segment):
        segments.append(folder / f"segment{start:06d}.mp4")
        with write_video(segments[-1], info, encoding=QUICK) as film:
            for index in range(start, min(start + per_segment, frames)):
                picture = np.full((48, 64, 3), 250 if index in marks else 16, np.uint8)
                film.write(Frame(picture, index / rate, index))
    join_segments(segments, folder / "pictures.mp4")
    samples = np.zeros(round(SOUND_RATE * frames / rate), np.int16)
    for mark in marks:
        begin = round(SOUND_RATE * mark / rate)
        samples[begin : begin + 480] = 20000 * np.sin(np.arange(480) * 0.4)
    with wave.open(str(folder / "clicks.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE)
        file.writeframes(samples.tobytes())
    add_sound(folder / "pictures.mp4", folder / "clicks.wav", folder / "source.mp4")
    return folder / "source.mp4", segments


def flash_times(film: Path) -> list[float]:
    """When each flash begins, seconds after the first picture."""
    with read_video(film) as video:
        levels = [(float(frame.time), float(frame.image.mean())) for frame in video]
    return [time for (time, level), (_, before) in zip(levels[1:], levels, strict=False) if level > 128 >= before]


def click_times(film: Path) -> list[float]:
    """When each click begins, seconds after the film's start, to a few milliseconds."""
    raw = subprocess.run(
        [ffmpeg_program(), "-loglevel", "error", "-i", film, *AS_SAMPLES],
        check=True,
        capture_output=True,
        timeout=120,
    ).stdout
    loud = np.abs(np.frombuffer(raw, np.int16).astype(np.int32)) > 4000
    (places,) = np.nonzero(loud)
    starts = places[np.diff(places, prepend=-SOUND_RATE) > SOUND_RATE // 2]
    return [float(start / SOUND_RATE) for start in starts]
