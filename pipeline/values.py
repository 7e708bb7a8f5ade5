"""What flows between the stages: frames, poses, tracks, conditions. Frozen; every field has shape, unit, origin.

A point is (x, y) in pixels of the full displayed frame, pixel centres at integers. Time is an exact `Fraction` of a
second since the clip's first frame; an index counts frames from 0. Frozen is shallow: a stage never writes into an
array it was given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

JOINTS = 33  # BlazePose landmarks, in mediapipe's order


@dataclass(frozen=True, slots=True)
class ColourTags:
    """How stored numbers mean colours: ISO/IEC 23091-2 code points as the container and the stream carry them."""

    primaries: int = 2  # 2: unspecified
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A clip's outside: what a writer needs to make another clip of the same shape and time."""

    path: Path
    width: int  # pixels as displayed: after rotation, in square pixels
    height: int
    frame_rate: Fraction  # average; single frames carry their own time
    time_base: Fraction  # seconds per tick; every frame time is a whole number of ticks from the first
    start: Fraction = Fraction(0)  # when the first frame shows on the container's clock, seconds
    frames: int | None = None  # as the container claims; None where it does not say
    duration: Fraction | None = None  # seconds, likewise
    codec: str = ""
    pixel_format: str = ""
    colour: ColourTags = ColourTags()
    has_sound: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a clip."""

    image: NDArray[np.uint8]  # (height, width, 3): RGB, 0..255, upright, square pixels
    time: Fraction  # seconds since the clip's first frame
    index: int  # counts from 0


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """One picture of a clip as the film stores it: brightness and colour apart, not upright, 8 bits a sample.

    What looks at a small part of every picture need not turn all of it into RGB: `pipeline.sampling` fetches the part.
    """

    luma: NDArray[np.uint8]  # (stored height, stored width); may be a view of the decoder's memory
    blue: NDArray[np.uint8]  # Cb, (half of it, half of it), rounded up; as H.264 has it, beside luma's even columns
    red: NDArray[np.uint8]  # Cr, likewise
    black: int  # luma's level of black: 16, or 0 in full range
    to_stored: NDArray[np.float64]  # (2, 3): from pixels of the full displayed frame to luma's, centres at integers
    to_rgb: NDArray[np.float64]  # (3, 4): from (Y, Cb, Cr, 1), 0..255, to RGB, 0..255
    width: int  # pixels as displayed: upright, square pixels
    height: int
    time: Fraction  # seconds since the clip's first frame
    index: int  # counts from 0


class Status(IntEnum):
    """How a frame's pose came to be. No frame is ever dropped: it has one of these."""

    TRACKED = 0
    INTERPOLATED = 1  # a gap of at most ten frames, filled from both sides
    HELD = 2  # before the first or after the last sight of the person, the nearest pose repeated
    MISSING = 3  # nobody there: confidence is 0 everywhere


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """One person's joints in one frame."""

    points: NDArray[np.float32]  # (33, 2): x, y in pixels of the full frame
    confidence: NDArray[np.float32]  # (33,): 0 unseen … 1 certain
    world: NDArray[np.float32]  # (33, 3): metres, origin between the hips, y down, z away from the camera
    status: Status
    time: Fraction  # seconds since the clip's first frame
    index: int
    shot: int = 0  # counts cuts: poses are never smoothed or interpolated across a change of shot


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person's poses through a whole clip; small enough to hold (about 1 kB a frame)."""

    width: int  # of the clip the points lie in, pixels
    height: int
    times: tuple[Fraction, ...]  # n frames, seconds since the first
    points: NDArray[np.float32]  # (n, 33, 2)
    confidence: NDArray[np.float32]  # (n, 33)
    world: NDArray[np.float32]  # (n, 33, 3)
    status: NDArray[np.uint8]  # (n,): values of Status
    shot: NDArray[np.int32]  # (n,): counts cuts

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, index: int) -> Pose:
        return Pose(
            points=self.points[index],
            confidence=self.confidence[index],
            world=self.world[index],
            status=Status(int(self.status[index])),
            time=self.times[index],
            index=index,
            shot=int(self.shot[index]),
        )

    def __iter__(self) -> Iterator[Pose]:
        return (self[index] for index in range(len(self)))


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack:
    """One person's face through a whole clip, with the shoulders below it."""

    width: int  # of the clip the points lie in, pixels
    height: int
    times: tuple[Fraction, ...]  # n frames, seconds since the first
    points: NDArray[np.float32]  # (n, 478, 3): x, y in pixels of the full frame; z in pixels too, smaller is nearer
    confidence: NDArray[np.float32]  # (n,): that a face is there, 0 … 1; 0 where it was not seen
    shoulders: NDArray[np.float32]  # (n, 2, 3): right, left (the subject's): x, y in pixels, confidence 0 … 1
    status: NDArray[np.uint8]  # (n,): values of Status
    shot: NDArray[np.int32]  # (n,): counts cuts

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True, eq=False)
class FacePerformance:
    """What a head does through a clip: everything that may be borrowed, apart from whose face it is.

    Head frame: centimetres, origin inside the head, x to the picture's right when it looks at the camera (the
    subject's left), y up, z out of the face. Camera frame: centimetres, origin at the camera, x right, y up, z towards
    the viewer, so that what is filmed has negative z. A head point v lies at rotation·v + translation.
    """

    width: int  # of the frame it is projected into, pixels
    height: int
    times: tuple[Fraction, ...]  # n frames, seconds since the first
    rotation: NDArray[np.float32]  # (n, 3): rotation vectors, radians, from head to camera frame
    translation: NDArray[np.float32]  # (n, 3): centimetres, camera frame
    expression: NDArray[np.float32]  # (n, 468, 3): centimetres, head frame: how the skin differs from the neutral face
    gaze: NDArray[np.float32]  # (n, 4): right u, v, left u, v: iris from the eye's middle in half eye widths; right, up
    lids: NDArray[np.float32]  # (n, 2): right, left: opening over eye width, about 0 closed … 0.35
    shoulders: NDArray[np.float32]  # (n, 2, 3): right, left: x, y in pixels of the frame, confidence 0 … 1
    status: NDArray[np.uint8]  # (n,): values of Status
    shot: NDArray[np.int32]  # (n,): counts cuts

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned region, in pixels of the full frame: columns left … right-1, rows top … bottom-1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns, pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows, pixels."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """The picture a generator is told to follow in one frame."""

    image: NDArray[np.uint8]  # (height, width, 3): RGB stick figure on black; (…, 9): three pictures of a face
    time: Fraction  # seconds since the clip's first frame
    index: int
