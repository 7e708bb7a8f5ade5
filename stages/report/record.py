"""The form in which a page carries its data: compact JSON, which another page can read again and compare."""

import json
import re
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import FiniteFloat, TypeAdapter, ValidationError

from pipeline.errors import ReportError
from stages.report.content import Better, Curve, Lane, Moment, Reals, ReportPage
from stages.report.place import address_of

VERSION = 1
DIGITS = 5  # significant ones of a number
OPENING, CLOSING = '<script type="application/json" id="report">', "</script>"
LARGEST_PAGE = 64 * 2**20  # bytes of a page that is read
_REGULAR = 1e-5  # seconds by which a time may differ from a regular one; far less than any frame lasts


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """A film to play."""

    label: str
    src: str  # percent-encoded, relative to the page, or a file: address
    offset: FiniteFloat
    size: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """A lane: numbers one by one, a status as stretches."""

    name: str
    kind: Literal["number", "status"]
    better: Better | None
    unit: str
    scale: tuple[FiniteFloat, FiniteFloat] | None
    labels: tuple[str, ...]
    values: tuple[FiniteFloat | None, ...]  # of numbers
    runs: tuple[tuple[int, int], ...]  # of a status: (state, frames)


@dataclass(frozen=True, slots=True)
class MomentRecord:
    """As `Moment`, without its picture."""

    start: int
    stop: int
    frame: int
    lane: str
    text: str


@dataclass(frozen=True, slots=True)
class CurveRecord:
    """As `Curve`."""

    name: str
    steps: tuple[FiniteFloat, ...]
    mean: tuple[FiniteFloat | None, ...]
    low: tuple[FiniteFloat | None, ...]
    high: tuple[FiniteFloat | None, ...]


@dataclass(frozen=True, slots=True)
class SectionRecord:
    """As `Section`."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StageRecord:
    """As `StageCost`."""

    name: str
    seconds: FiniteFloat
    peak_mib: FiniteFloat | None
    reused: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One film and its evidence."""

    name: str
    rate: tuple[int, int]  # frames a second, as a fraction
    frames: int
    times: tuple[FiniteFloat, ...]  # seconds; empty where frame i is at i / rate
    videos: tuple[VideoRecord, ...]
    lanes: tuple[LaneRecord, ...]
    moments: tuple[MomentRecord, ...]
    curves: tuple[CurveRecord, ...]
    facts: tuple[SectionRecord, ...]
    stages: tuple[StageRecord, ...]


@dataclass(frozen=True, slots=True)
class PageRecord:
    """Everything that a page draws from."""

    version: int
    title: str
    runs: tuple[RunRecord, ...]


_RECORD: TypeAdapter[PageRecord] = TypeAdapter(PageRecord)


def record_of(page: ReportPage, folder: Path) -> RunRecord:
    """What a page in `folder` carries."""
    rate = page.frame_rate
    return RunRecord(
        name=plain(page.title),
        rate=(rate.numerator, rate.denominator),
        frames=len(page.times),
        times=_times(page.times, rate),
        videos=tuple(
            VideoRecord(plain(reel.label), address_of(reel.path, folder), round(reel.offset, 6), reel.size)
            for reel in page.videos
        ),
        lanes=tuple(_lane(lane) for lane in page.lanes),
        moments=tuple(_moment(moment) for moment in page.moments),
        curves=tuple(_curve(curve) for curve in page.curves),
        facts=tuple(
            SectionRecord(plain(part.title), tuple((plain(name), plain(value)) for name, value in part.rows))
            for part in page.facts
        ),
        stages=tuple(
            StageRecord(plain(cost.name), round(cost.seconds, 3), _number(cost.peak_mib), cost.reused)
            for cost in page.stages
        ),
    )


def to_json(record: PageRecord) -> str:
    """As text that may stand between script tags: no character in it ends them or opens a comment."""
    text = json.dumps(asdict(record), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def read_report(path: Path) -> PageRecord:
    """The data of a page that `write_report` wrote; nothing in it is run, every field is checked.

    Raises: ReportError: no such file, no report page, one of another version, or a field that does not fit.
    """
    try:
        size, text = path.stat().st_size, ""
        if size <= LARGEST_PAGE:
            text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unread(path, f"cannot be read ({error})") from error
    _, opening, rest = text.partition(OPENING)
    found, closing, _ = rest.partition(CLOSING)
    if not opening or not closing:
        raise _unread(path, "holds no report")
    try:
        record = _RECORD.validate_json(found)
    except ValidationError as error:
        first = error.errors()[0]
        raise _unread(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if record.version != VERSION:
        raise _unread(path, f"is of version {record.version}")
    return _checked(record, path)


def _checked(record: PageRecord, path: Path) -> PageRecord:
    """What a type cannot say: times rise, every lane has a value for every frame, moments lie in the film."""
    for run in record.runs:
        rising = all(earlier < later for earlier, later in pairwise(run.times))
        if run.frames < 1 or min(run.rate) < 1 or len(run.times) not in (0, run.frames) or not rising:
            raise _unread(path, f"run {run.name!r} has no times")
        if not run.videos or any("%00" in video.src for video in run.videos):
            raise _unread(path, f"run {run.name!r} has no films")
        if any(not 0 <= moment.start <= moment.frame < moment.stop <= run.frames for moment in run.moments):
            raise _unread(path, f"run {run.name!r} has a moment outside its {run.frames} frames")
        if any(not len(it.steps) == len(it.mean) == len(it.low) == len(it.high) > 0 for it in run.curves):
            raise _unread(path, f"run {run.name!r} has a curve of which a part is missing")
        for lane in run.lanes:
            length = len(lane.values) if lane.kind == "number" else sum(count for _, count in lane.runs)
            known = all(0 <= state < len(lane.labels) and 0 < count <= run.frames for state, count in lane.runs)
            if length != run.frames or not known:
                raise _unread(path, f"lane {lane.name!r} does not fit its {run.frames} frames")
    return record


def _unread(path: Path, found: str) -> ReportError:
    return ReportError(
        path, found, f"a report page of version {VERSION}", "Give a film that has its report beside it, or the report."
    )


def plain(text: str) -> str:
    """A text that can be written: names of files may hold bytes that are no characters."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _times(times: Reals, rate: Fraction) -> tuple[float, ...]:
    regular = np.arange(len(times)) / float(rate)
    if np.abs(times - regular).max() <= _REGULAR:
        return ()
    return tuple(round(float(time), 6) for time in times)


def _lane(lane: Lane) -> LaneRecord:
    status = lane.kind == "status"
    values = () if status else _numbers(np.asarray(lane.values, np.float64))
    runs = _runs(np.asarray(lane.values, np.int64)) if status else ()
    labels = tuple(plain(label) for label in lane.labels)
    return LaneRecord(plain(lane.name), lane.kind, lane.better, plain(lane.unit), lane.scale, labels, values, runs)


def _runs(states: Any) -> tuple[tuple[int, int], ...]:
    """Stretches of one state: (state, frames)."""
    edges = np.flatnonzero(np.diff(states)) + 1
    starts, stops = np.concatenate([[0], edges]), np.concatenate([edges, [len(states)]])
    return tuple((int(states[start]), int(stop - start)) for start, stop in zip(starts, stops, strict=True))


def _moment(moment: Moment) -> MomentRecord:
    return MomentRecord(moment.start, moment.stop, moment.frame, plain(moment.lane), plain(moment.text))


def _curve(curve: Curve) -> CurveRecord:
    low, mean, high = (_numbers(values) for values in (curve.low, curve.mean, curve.high))
    return CurveRecord(plain(curve.name), tuple(float(step) for step in curve.steps), mean, low, high)


def _numbers(values: Reals) -> tuple[float | None, ...]:
    return tuple(_number(float(value)) for value in values)


def _number(value: float | None) -> float | None:
    """Rounded to what anybody can use; None for what is no number."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.{DIGITS}g}")
