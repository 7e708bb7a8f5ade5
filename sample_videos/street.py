"""The street clips: a street by day, another at dusk, and how the first looks at dusk."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pipeline.values import Frame
from sample_videos.beat import Sound
from sample_videos.street_look import DAY, DUSK, Look, light_street
from sample_videos.street_sheets import Eye, Sheet, Sight
from sample_videos.street_sound import hum
from sample_videos.street_textures import GROUND_WIDTH, STRIP
from sample_videos.street_town import BEGIN, END, Town, grow_town
from sample_videos.street_truth import Seen, StreetTruth

SIZE = 256, 144  # pixels of every clip
_FINER = 2  # a street is drawn so many times larger, and shrunk
_FOCAL = 200.0  # pixels of the finished picture
_NEAREST = 1.0  # metres before the camera: what reaches nearer has no box


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """Where the camera goes: from one place to another, with a slow look to the sides."""

    begin: tuple[float, float, float]  # metres
    speed: tuple[float, float, float]  # metres a second
    yaw: tuple[float, float]  # degrees: at the beginning, at the end
    sway: float  # degrees besides
    pitch: float = 3.5  # degrees up

    def eye(self, time: float, seconds: float) -> Eye:
        """The camera at `time` of a drive that takes `seconds`, at the size streets are drawn."""
        part = time / seconds
        eased = part * part * (3 - 2 * part)
        yaw = self.yaw[0] + (self.yaw[1] - self.yaw[0]) * eased + self.sway * np.sin(2 * np.pi * part)
        place = np.array(self.begin) + np.array(self.speed) * time
        width, height = SIZE
        return Eye.looking(place, yaw, self.pitch, _FOCAL * _FINER, (width * _FINER, height * _FINER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """One clip."""

    name: str
    seed: int
    cars: tuple[tuple[float, float], ...]  # as in `grow_town`
    walks: tuple[tuple[float, float], ...]
    drive: Drive
    look: Look
    frames: int
    sound: bool
    rate: Fraction = Fraction(24)  # frames a second

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Seconds since the first frame."""
        return tuple(Fraction(index) / self.rate for index in range(self.frames))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return SIZE

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.frames / self.rate)

    def film(self) -> Iterator[Frame]:
        """The clip's frames, in order."""
        town = self.town()
        for index, time in enumerate(self.times):
            sight = see(town, self.drive.eye(float(time), self.seconds), float(time))
            yield Frame(light_street(sight, town, self.look, float(time), SIZE), time, index)

    def town(self) -> Town:
        """Everything in front of the camera."""
        return grow_town(self.seed, self.cars, self.walks)

    def play(self) -> Sound:
        """The clip's sound: what passes is heard, the louder the nearer."""
        town, times = self.town(), np.arange(0, self.seconds + 0.05, 0.05)
        eyes = np.stack([self.drive.eye(float(time), self.seconds).place for time in times])
        away = [
            np.linalg.norm(np.stack([thing.place(float(time)) for time in times]) - eyes, axis=1)
            for thing in town.moving
            if thing.kind == "car"
        ]
        return hum(times, away, self.seconds)

    def truth(self) -> StreetTruth:
        """What the clip shows."""
        town = self.town()
        seen = tuple(self._seen(town, float(time)) for time in self.times)
        return StreetTruth(f"{self.name}.mp4", *SIZE, self.times, seen)

    def _seen(self, town: Town, time: float) -> tuple[Seen, ...]:
        """Boxes of what moves, where at least a pixel of them reaches into the picture."""
        eye = self.drive.eye(time, self.seconds)
        found = []
        for number, thing in enumerate(town.moving):
            corners = thing.outline(time)
            if ((corners - eye.place) @ eye.forward < _NEAREST).any():
                continue
            pixels = (eye.project(corners)[:, :2] + 0.5) / _FINER - 0.5
            left, top = np.maximum(pixels.min(0), 0).tolist()
            right, bottom = np.minimum(pixels.max(0), np.array(SIZE) - 1).tolist()
            if right - left >= 1 and bottom - top >= 1:
                found.append(Seen(number, thing.kind, left, top, right, bottom))
        return tuple(found)


def see(town: Town, eye: Eye, time: float) -> Sight:
    """The street from `eye` at `time`."""
    sight = Sight.empty(eye)
    _lay_ground(sight, town)
    sight.draw(town.standing)
    for thing in town.moving:
        sight.draw(thing.sheets(time))
    return sight


def _lay_ground(sight: Sight, town: Town) -> None:
    """The road as far as the houses go, strip after strip."""
    across, ahead = np.array((GROUND_WIDTH, 0.0, 0.0)), np.array((0.0, 0.0, STRIP))
    for number in range(int(BEGIN // STRIP), int((END + 6) // STRIP) + 1):
        corner = np.array((-GROUND_WIDTH / 2, 0.0, number * STRIP))
        sight.draw([Sheet(corner, across, ahead, town.ground[number % len(town.ground)], 0.9)])


DAY_DRIVE = Drive(begin=(0.9, 2.7, 0.0), speed=(-0.10, 0.0, 1.0), yaw=(-9.0, 9.0), sway=2.0)
DUSK_DRIVE = Drive(begin=(-1.2, 2.5, 11.0), speed=(0.22, 0.03, -0.8), yaw=(10.0, -7.0), sway=-3.0)
_DAY_CARS = ((13.5, 3.6), (44.0, -5.0), (32.0, 2.6), (71.5, -6.3), (22.0, -3.6), (-7.0, 4.2))
_DAY_WALKS = ((12.0, 1.2), (17.0, -1.2), (26.0, -1.3), (33.0, -1.1), (9.0, 1.4), (20.0, 0.0))
_DUSK_CARS = ((19.0, 2.4), (38.0, -3.4), (30.0, 4.0), (64.0, -5.6), (24.0, -3.0))
_DUSK_WALKS = ((24.0, -1.3), (17.0, 1.1), (20.0, 0.0), (30.0, -1.2), (21.0, 1.2))

STREETS = (
    Street(
        name="street_day",
        seed=7,
        cars=_DAY_CARS,
        walks=_DAY_WALKS,
        drive=DAY_DRIVE,
        look=DAY,
        frames=216,
        sound=True,
    ),
    Street(
        name="street_dusk",
        seed=23,
        cars=_DUSK_CARS,
        walks=_DUSK_WALKS,
        drive=DUSK_DRIVE,
        look=DUSK,
        frames=216,
        sound=False,
    ),
    Street(
        name="street_day_at_dusk",
        seed=7,
        cars=_DAY_CARS,
        walks=_DAY_WALKS,
        drive=DAY_DRIVE,
        look=DUSK,
        frames=216,
        sound=True,
    ),
)
