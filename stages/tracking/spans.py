"""track_spans: raw sights of a whole clip, by one worker or by several on spans of it, with the same result.

Spans may be walked on other machines as well: `walk_early` there, `joined` here.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from threading import Event

import cv2

from pipeline.streams import prefetched
from pipeline.video import read_video
from stages.tracking.album import Album
from stages.tracking.follow import Note, Sight, Trail, follow
from stages.tracking.networks import PoseNetworks
from stages.tracking.people import Performer

WARM_UP = 12  # frames a span begins early, to come upon the path of the one before; five were the most we saw needed
HEAD_START = 24  # frames more for the first span: others warm up, and decode from the key picture before
SHORTEST_SPAN = 60  # frames; below, the warm-up costs more than it saves
LONGEST_SPAN = 1500  # frames, so that progress is seen
_AHEAD = 4  # frames decoded while the networks work

log = logging.getLogger(__name__)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Walk:
    """A clip, and how it is followed."""

    path: Path
    performer: Performer | None
    cut_distance: float
    album: Album | None = None  # where the performer's pictures go

    def over(self, start: int, stop: int | None, trail: Trail) -> Generator[Sight, None, None]:
        """The sights of frames start … stop-1."""
        with (
            read_video(self.path, start_index=start, stop_index=stop) as video,
            closing(prefetched(video.planes(), _AHEAD)) as frames,
            PoseNetworks() as networks,
        ):
            where = str(self.path)
            sights = follow(frames, networks, self.performer, trail, cut_distance=self.cut_distance, where=where)
            yield from (sight.put_away(self.album) for sight in sights)


@dataclass(frozen=True, slots=True)
class Span:
    """Frames start … stop-1; the last span of a clip is open, for containers that miscount."""

    start: int
    stop: int | None


def track_spans(walk: Walk, frames: int | None, workers: int, progress: Progress | None = None) -> tuple[Sight, ...]:
    """Every frame of the clip, in order.

    Several workers each begin `WARM_UP` frames early. Where two spans meet, both must be looking at the same region,
    and then agree to the bit; where they do not (several people, nobody in sight), the later span is walked again from
    the end of the earlier one until both look at the same. So the result is that of a single worker.

    Workers are threads: decoder and networks work outside Python's lock, and a process would spend as long on starting
    as on eighty frames.

    Args:
        frames: how many the clip has by its own account; None where it does not say.
        workers: spans worked on at once, each with its own decoder and networks; as many as there are cores.
        progress: called with the number of frames done so far: after every frame, or after every span.

    Raises:
        TrackError: the performer was given by a point, and the point lies on nobody.
        VideoError: the clip cannot be read.
    """
    spans = spans_of(frames, workers)
    if len(spans) == 1:
        return tuple(_counted(walk.over(0, None, Trail()), progress))
    return _together(walk, spans, workers, progress)


def _together(walk: Walk, spans: Sequence[Span], workers: int, progress: Progress | None) -> tuple[Sight, ...]:
    stop = Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="track") as pool:
        futures = [pool.submit(walk_early, walk, span, stop) for span in spans]
        try:
            return joined(walk, zip(spans, (future.result() for future in futures), strict=True), progress)
        finally:
            stop.set()  # after an error or Ctrl-C nobody waits for the rest


def joined(
    walk: Walk, spans: Iterable[tuple[Span, list[Sight]]], progress: Progress | None = None
) -> tuple[Sight, ...]:
    """Every frame of the clip, as a single worker would see it, from what `walk_early` gave of each span, in order.

    Args:
        progress: called after every span with the number of frames done so far.

    Raises: VideoError: the clip cannot be read, where a span has to be walked again.
    """
    done: list[Sight] = []
    for span, early in spans:
        done += _gone_on(walk, span, done[-1].trail, early) if done else early
        if progress is not None:
            progress(len(done))
    return tuple(done)


@contextmanager
def opencv_on_one_thread() -> Iterator[None]:
    """Small pictures gain nothing from OpenCV's own threads, which spin on the cores that the networks need."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def spans_of(frames: int | None, workers: int) -> list[Span]:
    """Spans of equal work, as many to each worker; one where the length is not known.

    The first is longer by `HEAD_START`, the others are equal, and none is shorter than `SHORTEST_SPAN`.
    """
    shared = 0 if frames is None else frames - HEAD_START
    if workers == 1 or shared < 2 * SHORTEST_SPAN:
        return [Span(0, None)]
    rounds = -(-shared // (workers * LONGEST_SPAN))
    count = min(workers * rounds, shared // SHORTEST_SPAN)
    return _spans_from([0, *(HEAD_START + shared * number // count for number in range(1, count))])


def spans_of_length(frames: int, length: int) -> list[Span]:
    """Spans of so many frames, however many workers there are; the last has from half to one and a half of that."""
    return _spans_from([length * number for number in range(max(1, (frames + length // 2) // length))])


def _spans_from(starts: Sequence[int]) -> list[Span]:
    return [Span(start, stop) for start, stop in zip(starts, [*starts[1:], None], strict=True)]


def report(sights: Sequence[Sight], path: Path) -> None:
    """Log as warnings what people should know, once for each stretch of frames."""
    first = 0
    for index, sight in enumerate(sights):
        if index + 1 < len(sights) and sights[index + 1].note is sight.note:
            continue
        if sight.note is not Note.NOTHING:
            where = f"frame {index}" if first == index else f"frames {first}–{index}"
            log.warning("%s, %s: %s", path.name, where, sight.note.value)
        first = index + 1


def _counted(sights: Iterator[Sight], progress: Progress | None) -> Iterator[Sight]:
    for count, sight in enumerate(sights, start=1):
        if progress is not None:
            progress(count)
        yield sight


def walk_early(walk: Walk, span: Span, stop: Event | None = None) -> list[Sight]:
    """What a worker sees of a span, after `WARM_UP` frames before it if there are any; less where `stop` is set.

    A point names somebody at the beginning of the clip, so only the first span knows whom.

    Raises: see `track_spans`.
    """
    if span.start > 0 and walk.performer is not None and walk.performer.choice == "point":
        walk = replace(walk, performer=None)
    with closing(walk.over(max(0, span.start - WARM_UP), span.stop, Trail())) as sights:
        return list(takewhile(lambda _: stop is None or not stop.is_set(), sights))


def _gone_on(walk: Walk, span: Span, before: Trail, early: list[Sight]) -> list[Sight]:
    """The span's own frames, as the worker that saw the frames before would have gone on."""
    warm_up, own = early[:WARM_UP], early[WARM_UP:]
    if not own or warm_up[-1].trail.meets(before):
        return own
    again: list[Sight] = []
    with closing(walk.over(span.start, span.stop, before)) as sights:
        for sight, theirs in zip(sights, own, strict=True):
            again.append(sight)
            if sight.trail.meets(theirs.trail):
                break
    return again + own[len(again) :]
