"""FaceView: all that following a face asks of a frame, answered by the networks, or from notes of what they answered.

The answers depend on the frame and the question alone. So a span of frames may be looked at on another machine, which
guesses what will be asked by following the face itself, and notes every answer. Whoever follows the face through the
whole clip asks the notes, and looks at a frame only where they do not say: the same questions, the same answers.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.streams import prefetched
from pipeline.values import Planes
from pipeline.video import read_video
from stages.tracking.cuts import Signature, picture_signature
from stages.tracking.face_choice import find_all_faces
from stages.tracking.face_network import FaceNetworks, FaceReading
from stages.tracking.face_shoulders import Shoulders, body_below, read_shoulders
from stages.tracking.networks import PoseNetworks
from stages.tracking.region import Region

_AHEAD = 4  # frames decoded, and their colours counted, while the networks work
_FAR = 30  # frames: up to there going on decoding is quicker than going to a place


class FaceView(Protocol):
    """One frame, to be asked."""

    @property
    def time(self) -> Fraction:
        """Seconds since the clip's first frame."""

    @property
    def index(self) -> int:
        """Counts from 0."""

    def signature(self) -> Signature:
        """Its colours, see `picture_signature`."""

    def read(self, region: Region) -> FaceReading:
        """The points of the face in a region."""

    def find_all(self, *, thorough: bool) -> tuple[FaceReading, ...]:
        """Every face, see `find_all_faces`."""

    def shoulders(self, face: NDArray[np.float32]) -> Shoulders | None:
        """Those below a face, see `read_shoulders`."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveView:
    """A frame that the networks look at."""

    frame: Planes
    colours: Signature
    faces: FaceNetworks
    bodies: PoseNetworks

    @property
    def time(self) -> Fraction:
        """See `FaceView`."""
        return self.frame.time

    @property
    def index(self) -> int:
        """See `FaceView`."""
        return self.frame.index

    def signature(self) -> Signature:
        """See `FaceView`."""
        return self.colours

    def read(self, region: Region) -> FaceReading:
        """See `FaceView`."""
        return self.faces.read(self.frame, region)

    def find_all(self, *, thorough: bool) -> tuple[FaceReading, ...]:
        """See `FaceView`."""
        return find_all_faces(self.faces, self.frame, thorough=thorough)

    def shoulders(self, face: NDArray[np.float32]) -> Shoulders | None:
        """See `FaceView`."""
        return read_shoulders(self.bodies, self.frame, face)


def live_views(path: Path, start: int = 0, stop: int | None = None) -> Generator[LiveView, None, None]:
    """Frames start … stop-1 of a clip, or all; each is good until the next is asked for.

    Raises: VideoError: the clip cannot be read.
    """
    with FaceNetworks() as faces, PoseNetworks() as bodies:
        yield from _decoded(path, start, stop, faces, bodies)


def _decoded(
    path: Path, start: int, stop: int | None, faces: FaceNetworks, bodies: PoseNetworks
) -> Generator[LiveView, None, None]:
    with read_video(path, start_index=start, stop_index=stop) as video:
        counted = ((frame, picture_signature(frame)) for frame in video.planes())
        with closing(prefetched(counted, _AHEAD)) as frames:
            for frame, colours in frames:
                yield LiveView(frame, colours, faces, bodies)


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """What was asked of a frame, and answered."""

    time: Fraction
    index: int
    signature: Signature
    reads: dict[Region, FaceReading] = field(default_factory=dict)
    searches: dict[bool, tuple[FaceReading, ...]] = field(default_factory=dict)  # by whether they were thorough
    bodies: dict[Region, Shoulders | None] = field(default_factory=dict)  # by where the body was looked for


@dataclass(frozen=True, slots=True, eq=False)
class NotedView:
    """A frame whose answers are noted."""

    live: LiveView
    notes: Notes

    @classmethod
    def of(cls, live: LiveView) -> Self:
        """The frame, with nothing noted yet but its colours."""
        return cls(live, Notes(live.time, live.index, live.signature()))

    @property
    def time(self) -> Fraction:
        """See `FaceView`."""
        return self.notes.time

    @property
    def index(self) -> int:
        """See `FaceView`."""
        return self.notes.index

    def signature(self) -> Signature:
        """See `FaceView`."""
        return self.notes.signature

    def read(self, region: Region) -> FaceReading:
        """See `FaceView`."""
        self.notes.reads[region] = answer = self.live.read(region)
        return answer

    def find_all(self, *, thorough: bool) -> tuple[FaceReading, ...]:
        """See `FaceView`."""
        self.notes.searches[thorough] = answer = self.live.find_all(thorough=thorough)
        return answer

    def shoulders(self, face: NDArray[np.float32]) -> Shoulders | None:
        """See `FaceView`."""
        self.notes.bodies[body_below(face).snapped()] = answer = self.live.shoulders(face)
        return answer


class SecondLooks:
    """Frames of a clip, looked at again; use it in a with block. Networks are loaded when the first is wanted."""

    def __init__(self, path: Path) -> None:
        self._path, self._networks, self._reader = path, ExitStack(), ExitStack()
        self._loaded: tuple[FaceNetworks, PoseNetworks] | None = None
        self._views: Iterator[LiveView] = iter(())
        self._current: LiveView | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()
        self._networks.close()

    def at(self, index: int) -> LiveView:
        """The frame with this index, not before the last that was asked for.

        Raises: VideoError: the clip cannot be read.
        """
        if self._current is None or index - self._current.index > _FAR:
            self._current = self._opened(index)
        while self._current.index < index:
            self._current = next(self._views)
        return self._current

    def _opened(self, index: int) -> LiveView:
        self._reader.close()
        if self._loaded is None:
            enter = self._networks.enter_context
            self._loaded = enter(FaceNetworks()), enter(PoseNetworks())
        self._views = self._reader.enter_context(closing(_decoded(self._path, index, None, *self._loaded)))
        return next(self._views)


@dataclass(frozen=True, slots=True, eq=False)
class RecalledView:
    """A frame of which there are notes."""

    notes: Notes
    again: SecondLooks

    @property
    def time(self) -> Fraction:
        """See `FaceView`."""
        return self.notes.time

    @property
    def index(self) -> int:
        """See `FaceView`."""
        return self.notes.index

    def signature(self) -> Signature:
        """See `FaceView`."""
        return self.notes.signature

    def read(self, region: Region) -> FaceReading:
        """See `FaceView`."""
        known = self.notes.reads.get(region)
        return self.again.at(self.index).read(region) if known is None else known

    def find_all(self, *, thorough: bool) -> tuple[FaceReading, ...]:
        """See `FaceView`."""
        known = self.notes.searches.get(thorough)
        return self.again.at(self.index).find_all(thorough=thorough) if known is None else known

    def shoulders(self, face: NDArray[np.float32]) -> Shoulders | None:
        """See `FaceView`."""
        place = body_below(face).snapped()
        if place in self.notes.bodies:
            return self.notes.bodies[place]
        return self.again.at(self.index).shoulders(face)


def recalled_views(path: Path, spans: Iterable[list[Notes]]) -> Generator[RecalledView, None, None]:
    """All frames of a clip from the notes of its spans, in order."""
    with SecondLooks(path) as again:
        for span in spans:
            for notes in span:
                yield RecalledView(notes, again)
