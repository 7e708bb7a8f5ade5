"""Renders the sample clips with their truth: `python -m sample_videos.render [FOLDER] [--only NAME]`."""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline.delivery import add_sound
from pipeline.values import Frame, VideoInfo
from pipeline.video import Encoding, write_video
from sample_videos.beat import Sound, play, write_wav
from sample_videos.choreography import BLUE_DANCE, RED_DANCE
from sample_videos.face_truth import write_face_truth
from sample_videos.figure import Bones, pose_body
from sample_videos.motion import Dance
from sample_videos.performers import BLUE, RED
from sample_videos.picture import Stage, joint_pixels, render
from sample_videos.place import BLUE_STUDIO, HEIGHT, RED_STUDIO, WIDTH, Place
from sample_videos.portrait import PORTRAITS, Portrait
from sample_videos.street import STREETS, Street
from sample_videos.street_truth import write_street_truth
from sample_videos.truth import Truth, write_truth
from sample_videos.wardrobe import Performer

ENCODING = Encoding(crf=25, preset="veryslow")
PORTRAIT_ENCODING = Encoding(crf=18, preset="veryslow")  # eyes and lips are a few pixels high
STREET_ENCODING = Encoding(crf=22, preset="veryslow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One clip: who dances what, where, and how often a picture is taken."""

    name: str
    performer: Performer
    place: Place
    dance: Dance
    rate: Fraction  # frames a second
    frames: int
    sound: bool

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Seconds since the first frame."""
        return tuple(Fraction(index) / self.rate for index in range(self.frames))

    def bones(self) -> Iterator[Bones]:
        """The performer in every frame."""
        for stance in self.dance.stances(np.array([float(time) for time in self.times])):
            yield pose_body(self.performer.body, stance)


SAMPLES = (
    Sample(
        name="red_dance",
        performer=RED,
        place=RED_STUDIO,
        dance=RED_DANCE,
        rate=Fraction(24),
        frames=192,
        sound=True,
    ),
    Sample(
        name="blue_dance",
        performer=BLUE,
        place=BLUE_STUDIO,
        dance=BLUE_DANCE,
        rate=Fraction(30000, 1001),
        frames=450,
        sound=False,
    ),
    Sample(
        name="blue_dances_as_red",
        performer=BLUE,
        place=BLUE_STUDIO,
        dance=RED_DANCE,
        rate=Fraction(24),
        frames=192,
        sound=True,
    ),
)


def film(sample: Sample) -> Iterator[Frame]:
    """The clip's frames, in order."""
    stage = Stage.of(sample.place)
    for index, (time, bones) in enumerate(zip(sample.times, sample.bones(), strict=True)):
        yield Frame(render(sample.performer, bones, stage), time, index)


def truth(sample: Sample) -> Truth:
    """What the clip shows."""
    view = sample.place.camera.view(1)
    joints = np.stack([joint_pixels(bones, view) for bones in sample.bones()]).round(1)
    stamps = sample.dance.stamps() if sample.sound else ()
    return Truth(f"{sample.name}.mp4", WIDTH, HEIGHT, sample.times, joints, stamps)


def make(sample: Sample, folder: Path) -> None:
    """Write NAME.mp4 and NAME.json into `folder`, in place of any that are there.

    Raises:
        StorageError: the folder cannot be written.
    """
    known = truth(sample)
    info = VideoInfo(folder, WIDTH, HEIGHT, sample.rate, 1 / sample.rate)
    seconds = float(sample.frames / sample.rate)
    stamps = tuple(float(stamp.time) for stamp in known.stamps)
    sound = play(sample.dance.tempo, stamps, seconds) if sample.sound else None
    _write_film(film(sample), info, ENCODING, sound, folder / known.film)
    write_truth(known, folder / f"{sample.name}.json")


def make_portrait(portrait: Portrait, folder: Path) -> None:
    """Write NAME.mp4 and NAME.json into `folder`, in place of any that are there.

    Raises:
        StorageError: the folder cannot be written.
    """
    info = VideoInfo(folder, *portrait.size, portrait.rate, 1 / portrait.rate)
    sound = portrait.play() if portrait.sound else None
    _write_film(portrait.film(), info, PORTRAIT_ENCODING, sound, folder / f"{portrait.name}.mp4")
    write_face_truth(portrait.truth(), folder / f"{portrait.name}.json")


def make_street(street: Street, folder: Path) -> None:
    """Write NAME.mp4 and NAME.json into `folder`, in place of any that are there.

    Raises:
        StorageError: the folder cannot be written.
    """
    info = VideoInfo(folder, *street.size, street.rate, 1 / street.rate)
    sound = street.play() if street.sound else None
    _write_film(street.film(), info, STREET_ENCODING, sound, folder / f"{street.name}.mp4")
    write_street_truth(street.truth(), folder / f"{street.name}.json")


def _write_film(frames: Iterable[Frame], info: VideoInfo, encoding: Encoding, sound: Sound | None, path: Path) -> None:
    with TemporaryDirectory() as beside:
        silent = path if sound is None else Path(beside, "silent.mp4")
        with write_video(silent, info, encoding=encoding, overwrite=True) as output:
            for frame in frames:
                output.write(frame)
        if sound is not None:
            wav = Path(beside, "sound.wav")
            write_wav(sound, wav)
            add_sound(silent, wav, path, overwrite=True)


def main() -> None:
    """Render into the folder of this file, or another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--only", choices=[sample.name for sample in (*SAMPLES, *PORTRAITS, *STREETS)])
    wanted = parser.parse_args()
    for sample in (*SAMPLES, *PORTRAITS, *STREETS):
        if wanted.only not in (None, sample.name):
            continue
        if isinstance(sample, Portrait):
            make_portrait(sample, wanted.folder)
        elif isinstance(sample, Street):
            make_street(sample, wanted.folder)
        else:
            make(sample, wanted.folder)
        print(wanted.folder / f"{sample.name}.mp4")


if __name__ == "__main__":
    main()
