"""Whether sound and pictures of a delivered film stay together over ten minutes at 30000/1001 pictures a second.

The sample dance with its beat is shown again and again on that clock, with a white corner in the picture of the first
stamp of every round; segments of it go through our own delivery (join, sound, signature). In the delivered film the
corner is sought in the pictures, and the sound of the stamp, by correlation with the sample's, in the sound.

    python -m benchmarks.av_sync [--minutes 10]

Results: benchmarks/results/av_sync.md.
"""

import argparse
import json
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from flows.dance import CHUNK_FRAMES
from flows.delivering import PLAIN, deliver
from pipeline.delivery import add_sound, ffmpeg_program
from pipeline.values import Frame, VideoInfo
from pipeline.video import DEFAULT_ENCODING, Encoding, join_segments, read_video, write_video
from stages.provenance.origin import Origin
from stages.provenance.verify import verify

SAMPLE = Path(__file__).parents[1] / "sample_videos" / "red_dance.mp4"
RATE = Fraction(30000, 1001)
ROUND = 8  # seconds of the sample
SOUND_RATE = 48000
WIDTH, HEIGHT, CORNER = 180, 320, 24
QUICK = Encoding(preset="ultrafast")


def main() -> None:
    """Make the film, find every stamp in it, print how far sound and pictures are apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10)
    seconds = 60 * parser.parse_args().minutes
    stamp = float(Fraction(json.loads(SAMPLE.with_suffix(".json").read_text())["stamps"][0][0]))
    with tempfile.TemporaryDirectory() as name:
        film = delivered(Path(name), seconds, stamp)
        assert verify(film).vouched_for
        sound, pictures = 1000 * heard(film, seconds, stamp), 1000 * seen(film)
    apart = sound - pictures
    late = sound - 1000 * (ROUND * np.arange(len(sound)) + stamp)
    frame = float(1000 / RATE)
    print(f"{seconds // 60} minutes, {len(apart)} stamps, one picture lasts {frame:.2f} ms")
    print("sound behind picture, ms (the corner stands in the picture nearest to the stamp: up to half a picture off)")
    third = len(apart) // 3
    for what, part in (("start", apart[:third]), ("middle", apart[third : 2 * third]), ("end", apart[2 * third :])):
        print(f"  {what}: mean {part.mean():+.2f}, from {part.min():+.2f} to {part.max():+.2f}")
    print(f"sound behind the exact stamp, ms: from {late.min():+.3f} to {late.max():+.3f}")
    print("within one picture" if np.abs(apart).max() < frame else "NOT within one picture")


def delivered(folder: Path, seconds: int, stamp: float) -> Path:
    """The sample over and over through our own delivery, from segments as long as those of a rendering."""
    frames, segments = looped(seconds, stamp), []
    info = VideoInfo(folder / "pictures.mp4", WIDTH, HEIGHT, RATE, 1 / Fraction(RATE.numerator))
    for number in range(-(-int(seconds * RATE) // CHUNK_FRAMES)):
        segments.append(folder / f"{number:04d}.mp4")
        with write_video(segments[-1], info, encoding=QUICK) as film:
            for _, frame in zip(range(CHUNK_FRAMES), frames, strict=False):
                film.write(frame)
    join_segments(segments, folder / "pictures.mp4")
    write_sound(np.tile(sound_of(SAMPLE)[: ROUND * SOUND_RATE], seconds // ROUND), folder / "sound.wav")
    add_sound(folder / "pictures.mp4", folder / "sound.wav", folder / "source.mp4")
    origin = Origin(work="dance", ingredients=())
    deliver(segments, folder / "source.mp4", folder / "film.mp4", origin, PLAIN, DEFAULT_ENCODING, overwrite=False)
    return folder / "film.mp4"


def looped(seconds: int, stamp: float) -> Iterator[Frame]:
    """The sample's pictures on the other clock; the picture nearest to each round's first stamp has a white corner."""
    with read_video(SAMPLE) as video:
        pictures = [cv2.resize(frame.image, (WIDTH, HEIGHT)).astype(np.uint8) for frame in video]
        rate = video.info.frame_rate
    marked = {round((ROUND * number + Fraction(stamp)) * RATE) for number in range(seconds // ROUND)}
    for index in range(int(seconds * RATE)):
        picture = pictures[int(index / RATE * rate) % len(pictures)].copy()
        picture[:CORNER, :CORNER] = 255 if index in marked else 0
        yield Frame(picture, index / RATE, index)


def seen(film: Path) -> NDArray[np.float64]:
    """When the corner turns white, seconds."""
    with read_video(film) as video:
        found = [float(frame.time) for frame in video if frame.image[: CORNER // 2, : CORNER // 2].mean() > 128]
    return np.array(found)


def heard(film: Path, seconds: int, stamp: float) -> NDArray[np.float64]:
    """When the sound of each round's first stamp is heard, seconds, by the best fit of the sample's."""
    sample, sound = sound_of(SAMPLE), sound_of(film)
    begin, reach = round((stamp - 0.25) * SOUND_RATE), SOUND_RATE // 2
    pattern = sample[begin : begin + SOUND_RATE]
    found = []
    for number in range(seconds // ROUND):
        place = ROUND * number * SOUND_RATE + begin
        first = max(0, place - reach)
        fit = correlate(sound[first : place + reach + SOUND_RATE], pattern, mode="valid")
        found.append((first + int(fit.argmax()) - begin) / SOUND_RATE + stamp)
    return np.array(found)


def sound_of(film: Path) -> NDArray[np.float32]:
    """The sound of a film from its first picture on, one channel, -1..1."""
    wanted = f"-map 0:a:0 -af aresample=async=1:first_pts=0 -ac 1 -ar {SOUND_RATE} -f f32le -".split()
    command = [ffmpeg_program(), "-loglevel", "error", "-i", str(film), *wanted]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32)


def write_sound(samples: NDArray[np.float32], path: Path) -> None:
    """A WAV file of one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
