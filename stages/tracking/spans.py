"""track_spans: raw sights of a whole clip, by one process or by several on spans of it, with the same result."""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import cv2

from pipeline.streams import prefetched
from pipeline.video import probe, read_video
from stages.tracking.follow import Note, Sight, Trail, follow
from stages.tracking.networks import PoseNetworks
from stages.tracking.people import Performer

WARM_UP = 12  # frames a span begins early, to come upon the path of the one before; five were the most we saw needed
SHORTEST_SPAN = 120  # frames; below, starting a process costs more than it saves
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

    def over(self, start: int, stop: int | None, trail: Trail) -> Generator[Sight, None, None]:
        """The sights of frames start … stop-1."""
        with (
            read_video(self.path, start_index=start, stop_index=stop) as video,
            closing(prefetched(video, _AHEAD)) as frames,
            PoseNetworks() as networks,
        ):
            where = str(self.path)
            yield from follow(frames, networks, self.performer, trail, cut_distance=self.cut_distance, where=where)


@dataclass(frozen=True, slots=True)
class Span:
    """Frames start … stop-1; the last span of a clip is open, for containers that miscount."""

    start: int
    stop: int | None


def track_spans(walk: Walk, workers: int, progress: Progress | None = None) -> tuple[Sight, ...]:
    """Every frame of the clip, in order.

    Several processes each begin `WARM_UP` frames early. Where two spans meet, both must be looking at the same region,
    and then agree to the bit; where they do not (several people, nobody in sight), the later span is walked again from
    the end of the earlier one until both look at the same. So the result is that of a single process.

    Args:
        workers: processes. With 2 or more the caller's main module must be importable, as multiprocessing demands.
        progress: called with the number of frames done so far: after every frame, or after every span.

    Raises:
        TrackError: the performer was given by a point, and the point lies on nobody.
        VideoError: the clip cannot be read.
    """
    spans = spans_of(probe(walk.path).frames, workers)
    if len(spans) == 1:
        return tuple(_counted(walk.over(0, None, Trail()), progress))
    with _pool(workers) as pool:
        futures = [pool.submit(_walk_early, walk, span) for span in spans]
        done: list[Sight] = []
        for span, future in zip(spans, futures, strict=True):
            early = future.result()
            done += _joined(walk, span, done[-1].trail, early) if done else early
            if progress is not None:
                progress(len(done))
    return tuple(done)


def spans_of(frames: int | None, workers: int) -> list[Span]:
    """Equal spans, as many to each worker, none shorter than `SHORTEST_SPAN`; one where the length is not known."""
    if frames is None or workers == 1 or frames < 2 * SHORTEST_SPAN:
        return [Span(0, None)]
    rounds = -(-frames // (workers * LONGEST_SPAN))
    count = min(workers * rounds, frames // SHORTEST_SPAN)
    starts = [frames * number // count for number in range(count)]
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


def _pool(workers: int) -> ProcessPoolExecutor:
    """OpenCV is told to use one thread in each process: more would fight over the cores that the processes share."""
    context = get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,))


def _walk_early(walk: Walk, span: Span) -> list[Sight]:
    """What a worker does; a point names somebody at the beginning of the clip, so only the first span knows whom."""
    if span.start > 0 and walk.performer is not None and walk.performer.choice == "point":
        walk = replace(walk, performer=None)
    return list(walk.over(max(0, span.start - WARM_UP), span.stop, Trail()))


def _joined(walk: Walk, span: Span, before: Trail, early: list[Sight]) -> list[Sight]:
    """The span's own frames, as the process that saw the frames before would have gone on."""
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
