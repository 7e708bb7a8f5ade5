"""A first look at a long film before hours go into it: its beginning, its worst seconds, a yes if asked for."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from flows.delivering import Delivery, publish, workplace
from flows.progress import bar, say
from pipeline.errors import NotApproved
from pipeline.image import write_png
from pipeline.values import FaceTrack, Status, Track
from pipeline.video import Encoding, read_video, write_video
from stages.provenance.label import label_film
from stages.provenance.origin import Origin
from stages.rendering.render import Stretch
from stages.report.look_sheet import SheetPart, contact_sheet, fitted, spread

SECONDS = 3  # of the beginning, and of the worst part
LONG = 60  # seconds: shorter films are looked at as a whole, unless a yes is asked for

Paint = Callable[[Stretch], Path]  # renders frames from fresh memory, or finds them rendered: their segment of film


@dataclass(frozen=True, slots=True, eq=False)
class Coming:
    """A film that is about to be rendered."""

    output: Path
    source: Path  # the clip whose time it has
    times: tuple[Fraction, ...]  # of its n frames, seconds since the first
    doubt: NDArray[np.float64] | None  # (n,): what makes seconds the worst, see `doubt_of`; None: the beginning alone
    first: Stretch  # its first chunk, which the render takes over
    encoding: Encoding
    worst: str = "where tracking is worst"  # what is said of the worst seconds, ASCII
    step: int = 1  # frames: what is painted begins at a multiple of it


def is_long(times: Sequence[Fraction]) -> bool:
    """Whether a film of frames at these times, seconds, is worth a first look that nobody asked for."""
    return bool(times) and times[-1] > LONG


def doubt_of(track: Track | FaceTrack) -> NDArray[np.float64]:
    """(n,): how far each frame's tracking is to be mistrusted, 0 … 2: 1 for what was not seen, and what is unsure.

    A frame with nobody in it counts 1: often there is nobody.
    """
    sure = track.confidence.reshape(len(track), -1).mean(axis=1)
    unseen = (track.status != Status.TRACKED).astype(np.float64)
    return np.where(track.status == Status.MISSING, 1.0, unseen + 1 - sure)


def spans_to_show(times: Sequence[Fraction], doubt: NDArray[np.float64] | None) -> tuple[Stretch, ...]:
    """The first three seconds, and of the whole spans of three seconds behind them the one with most doubt.

    Args:
        times: seconds since the first frame, rising.
        doubt: (n,), 0 or more; None: the beginning alone.
    Returns: one span or two, in order. The second is left out where nothing behind the first is in doubt.
    """
    first = Stretch(0, next((index for index, time in enumerate(times) if time >= SECONDS), len(times)))
    if doubt is None or not doubt[first.stop :].any():
        return (first,)
    total = np.concatenate([[0.0], np.cumsum(doubt)])
    worst, most, stop = None, 0.0, first.stop
    for start in range(first.stop, len(times)):
        while stop < len(times) and times[stop] < times[start] + SECONDS:
            stop += 1
        if stop == len(times):
            break  # of fewer than three seconds
        if (found := float(total[stop] - total[start])) > most + 1e-9:  # the earliest of equals
            worst, most = Stretch(start, stop), found
    return (first,) if worst is None else (first, worst)


def look_first(coming: Coming, paint: Paint, origin: Origin, delivery: Delivery, *, approve: bool) -> None:
    """Render the first look at a long film and say where it lies; with `approve`, of any film, and wait for a yes.

    The film's first chunk is rendered for it, as the whole render begins with it; the worst part is rendered from fresh
    memory, and may differ from the film's own in its first frames where the network remembers. `film.first-look.mp4`
    plays both parts, `film.first-look-sheet.png` shows pictures of them at one glance; older ones are replaced.

    Args:
        origin: of the film; both are signed as the film is.
        approve: ask on the terminal whether to go on.

    Raises: NotApproved: the answer was no, or there is no terminal to ask on. What is rendered is kept.
    """
    if not (approve or is_long(coming.times)):
        return
    spans = spans_to_show(coming.times, coming.doubt)
    path, sheet = (coming.output.with_name(f"{coming.output.stem}.first-look{end}") for end in (".mp4", "-sheet.png"))
    with bar("First look", None), workplace(path) as place:
        film = _film(coming, _parts(spans, coming, paint), place, delivery.label)
        write_png(place / sheet.name, sheet_of(film, spans, coming))
        for made, shown in ((film, path), (place / sheet.name, sheet)):
            publish(made, coming.source, shown, origin, delivery, overwrite=True)
    say(f"First look: {path}, and as pictures {sheet}, show {told(spans, coming)}")
    if approve:
        _ask(path, len(coming.times))


@dataclass(frozen=True, slots=True)
class _Part:
    segment: Path
    start: int  # frames of the segment
    stop: int


def _parts(spans: Sequence[Stretch], coming: Coming, paint: Paint) -> list[_Part]:
    """Rendered frames for each span: those of the film's first chunk where it holds them."""
    begun = paint(coming.first)
    parts = []
    for span in spans:
        held = span.stop <= coming.first.stop
        painted = coming.first if held else Stretch(span.start - span.start % coming.step, span.stop)
        start = span.start - painted.start
        parts.append(_Part(begun if held else paint(painted), start, start + span.stop - span.start))
    return parts


def _film(coming: Coming, parts: Sequence[_Part], place: Path, label: str | None) -> Path:
    film, labelled = place / "look.mp4", place / "labelled.mp4"
    write_parts(parts, film, coming.encoding)
    if label is None:
        return film
    label_film(film, labelled, label, coming.encoding)
    return labelled


def sheet_of(film: Path, spans: Sequence[Stretch], coming: Coming) -> NDArray[np.uint8]:
    """A contact sheet (h, w, 3) RGB of the film of a first look, which shows `spans` one after the other.

    Raises: VideoError.
    """
    parts, begin = [], 0
    for number, span in enumerate(spans):
        length = span.stop - span.start
        chosen = spread(length)
        with read_video(film, start_index=begin, stop_index=begin + length) as video:
            pictures = tuple(fitted(frame.image) for index, frame in enumerate(video) if index in chosen)
        captions = tuple(_clock(coming.times[span.start + index]) for index in chosen)
        title = _seconds(span, coming.times) + (f", {coming.worst}" if number else "")
        parts.append(SheetPart(title, pictures, captions))
        begin += length
    return contact_sheet(parts)


def write_parts(parts: Sequence[_Part], path: Path, encoding: Encoding) -> None:
    """One part after the other as a silent film at an even rate.

    Raises: VideoError, StorageError.
    """
    with read_video(parts[0].segment) as video:
        rate = video.info.frame_rate
        info = replace(video.info, path=path, time_base=1 / rate, has_sound=False)
    shown = 0
    with write_video(path, info, encoding=encoding) as film:
        for part in parts:
            with read_video(part.segment, start_index=part.start, stop_index=part.stop) as video:
                for frame in video:
                    film.write(replace(frame, time=shown / rate, index=shown))
                    shown += 1


def told(spans: Sequence[Stretch], coming: Coming) -> str:
    """What a first look shows, for people."""
    said = [_seconds(span, coming.times) for span in spans]
    if len(spans) == 1:
        return said[0]
    return f"{said[0]}, and {said[1]}, {coming.worst}; that part is painted without what went before"


def _seconds(span: Stretch, times: Sequence[Fraction]) -> str:
    return f"{_clock(times[span.start])} to {_clock(times[span.stop - 1])}"


def _clock(time: Fraction) -> str:
    minutes, seconds = divmod(float(time), 60)
    return f"{int(minutes)}:{seconds:04.1f}"


def _ask(path: Path, frames: int) -> None:
    if not sys.stdin.isatty():
        remedy = f"Look at {path.name}, then give the same command without --approve: it goes on from there."
        raise NotApproved(path, "there is no terminal to ask on", "a yes to the first look", remedy)
    if not typer.confirm(f"Render all {frames} frames?", err=True):
        remedy = "What is rendered is kept: the same command goes on from there."
        raise NotApproved(path, "the answer was no", "a yes to the first look", remedy)
