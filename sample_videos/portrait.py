"""The portrait clips: who acts what, and how often a picture is taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Frame
from sample_videos.acting import Acting
from sample_videos.beat import Sound
from sample_videos.expression import Moment, lid_heights, moved
from sample_videos.face_truth import FaceTruth
from sample_videos.head_shape import HeadShape, build_head, surface_point
from sample_videos.likeness import BLUE, RED, Likeness
from sample_videos.portrait_picture import Sitter, head_place, render_portrait
from sample_videos.portrait_room import SIZE, project
from sample_videos.rings import Skin
from sample_videos.roles import BLUE_ACTING, RED_ACTING
from sample_videos.speech import voice

_LID_PLACES = np.array((-1 / 3, 1 / 3))  # of half an eye width: where its opening is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """One clip."""

    name: str
    person: Likeness
    acting: Acting
    rate: Fraction  # frames a second
    frames: int
    sound: bool

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Seconds since the first frame."""
        return tuple(Fraction(index) / self.rate for index in range(self.frames))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return SIZE, SIZE

    def moments(self) -> list[Moment]:
        """What the face does in every frame."""
        return self.acting.moments(np.array([float(time) for time in self.times]))

    def film(self) -> Iterator[Frame]:
        """The clip's frames, in order."""
        sitter = Sitter.of(self.person)
        for index, (time, moment) in enumerate(zip(self.times, self.moments(), strict=True)):
            yield Frame(render_portrait(sitter, moment), time, index)

    def play(self) -> Sound:
        """The clip's sound."""
        return voice(self.acting.talk, self.acting.pitch_of_voice, float(self.frames / self.rate))

    def truth(self) -> FaceTruth:
        """What the clip shows."""
        moments, shape = self.moments(), self.person.shape
        places = [head_place(self.person, moment) for moment in moments]
        marks = landmarks_at_rest(shape, build_head(shape))
        return FaceTruth(
            film=f"{self.name}.mp4",
            width=SIZE,
            height=SIZE,
            times=self.times,
            rotation=np.stack([place.turn.as_rotvec() for place in places]),
            translation=np.stack([place.place for place in places]),
            jaw=np.array([moment.jaw for moment in moments]),
            smile=np.array([moment.smile for moment in moments]),
            brows=np.array([moment.brows for moment in moments]),
            gaze=np.array([(moment.look_right, moment.look_up) for moment in moments]),
            lids=np.array([[lid_opening(shape, moment, side) for side in (-1, 1)] for moment in moments]),
            landmarks=np.stack(
                [
                    project(place.of(moved(marks, shape, moment)), 1)[:, :2]
                    for place, moment in zip(places, moments, strict=True)
                ]
            ),
        )


def landmarks_at_rest(shape: HeadShape, head: Skin) -> NDArray[np.float64]:
    """Where the landmarks of `face_truth.LANDMARKS` are on a resting head (8, 3), head frame."""
    eyes = (-shape.eye_x - shape.eye, -shape.eye_x + shape.eye, shape.eye_x - shape.eye, shape.eye_x + shape.eye)
    tilt = (0.07, -0.07, -0.07, 0.07)
    corners = [surface_point(head, x, shape.eye_y + up) for x, up in zip(eyes, tilt, strict=True)]
    mouth = [surface_point(head, side * shape.mouth, shape.mouth_y) for side in (-1, 1)]
    nose = surface_point(head, 0.0, shape.nose_tip)
    chin = surface_point(head, 0.0, shape.mouth_y - 4.6 * shape.length)
    return np.stack((*corners, *mouth, nose, chin))


def lid_opening(shape: HeadShape, moment: Moment, side: int) -> float:
    """The distance between the lids over the eye's width, mean of two places."""
    low, high = lid_heights(shape, moment, side, side * shape.eye_x + _LID_PLACES * shape.eye)
    return float((high - low).mean() / (2 * shape.eye))


PORTRAITS = (
    Portrait(name="red_portrait", person=RED, acting=RED_ACTING, rate=Fraction(24), frames=192, sound=True),
    Portrait(
        name="blue_portrait",
        person=BLUE,
        acting=BLUE_ACTING,
        rate=Fraction(30000, 1001),
        frames=420,
        sound=False,
    ),
    Portrait(name="blue_portrait_as_red", person=BLUE, acting=RED_ACTING, rate=Fraction(24), frames=192, sound=True),
)
