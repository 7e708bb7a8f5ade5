"""The worst moments of a film, found in its lanes: tracking that failed, numbers far off their usual range."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.video import read_video
from stages.report.content import Lane, Moment, Reals

SECONDS = 1.0  # that a moment of numbers lasts, at most
GLANCE = 0.2  # seconds over which a number is judged: a fall of one frame counts by as much as anybody sees of it
STANDS_OUT = 3.0  # robust standard deviations from the median, from which on a number is worth a look
THUMBNAIL = 144  # rows, pixels
QUALITY = 78  # of JPEG
MATERIAL = 0.05  # of a lane's scale, where it has one: a smaller fall is no moment, however steady the lane
_MAD = 1.4826  # makes the median absolute deviation of a normal distribution its standard deviation
_BRIDGED = 3  # frames between two bad stretches that make no two moments of them


@dataclass(frozen=True, slots=True)
class _Found:
    """A moment and how bad it is among those of all lanes."""

    severity: float
    moment: Moment


def worst_moments(lanes: tuple[Lane, ...], times: Reals, *, most: int = 12, each: int = 4) -> tuple[Moment, ...]:
    """The moments that deserve a look, the worst first.

    Of a status: stretches that are not the best, by their length and how bad the state is. Of numbers with a bad end:
    stretches of up to `SECONDS` around frames that, taken over a `GLANCE`, lie `STANDS_OUT` robust deviations or more
    from the lane's median, towards that end. A lane gives `each` at most; moments of two lanes may overlap, as they say
    different things.

    Args:
        lanes: of n frames.
        times: (n,) seconds since the first frame.
        most: moments in all.
        each: moments of one lane.
    """
    found: list[_Found] = []
    for lane in lanes:
        of_lane = _stretches(lane, times) if lane.kind == "status" else _falls(lane, times, each)
        found += sorted(of_lane, key=lambda item: -item.severity)[:each]
    found.sort(key=lambda item: -item.severity)
    return tuple(item.moment for item in found[:most])


def with_thumbnails(moments: tuple[Moment, ...], film: Path) -> tuple[Moment, ...]:
    """The same, each with the picture of its worst frame.

    Raises: VideoError, FrameError: `film` cannot be read, or has fewer frames than the moments are of.
    """
    return tuple(replace(moment, thumbnail=_thumbnail(film, moment.frame)) for moment in moments)


def _thumbnail(film: Path, index: int) -> bytes:
    with read_video(film, start_index=index, stop_index=index + 1) as video:
        return jpeg(next(iter(video)).image, height=THUMBNAIL)


def jpeg(image: NDArray[np.uint8], *, height: int | None = None, width: int | None = None) -> bytes:
    """A picture, (rows, columns, 3) RGB, as JPEG, made smaller where it is larger than `height` or `width`, pixels."""
    rows, columns = image.shape[:2]
    scale = min(1.0, (height or rows) / rows, (width or columns) / columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def _stretches(lane: Lane, times: Reals) -> Iterator[_Found]:
    """Frames in a row that are not in the best state; short returns to it in between do not count."""
    states = np.asarray(lane.values, np.int64)
    bad = np.flatnonzero(states)
    if not len(bad):
        return
    for group in np.split(bad, np.flatnonzero(np.diff(bad) > _BRIDGED) + 1):
        start, stop = int(group[0]), int(group[-1]) + 1
        worst = int(states[group].max())
        count = int((states[group] == worst).sum())
        frame = int(group[states[group] == worst][count // 2])
        severity = worst * STANDS_OUT * (1 + _seconds(times, start, stop))
        text = f"{lane.labels[worst]} for {_frames(count)}"
        yield _Found(severity, Moment(start=start, stop=stop, frame=frame, lane=lane.name, text=text))


def _falls(lane: Lane, times: Reals, each: int) -> Iterator[_Found]:
    """Stretches around the frames that are farthest on the bad side; none overlaps another."""
    if lane.better is None:
        return
    values = np.asarray(lane.values, np.float64)
    seen = np.isfinite(values)
    if seen.sum() < 2:
        return
    median = float(np.median(values[seen]))
    usual = _MAD * float(np.median(np.abs(values[seen] - median))) or float(np.abs(values[seen] - median).mean())
    if lane.scale is not None:
        usual = max(usual, MATERIAL * (lane.scale[1] - lane.scale[0]) / STANDS_OUT)
    if usual == 0:
        return
    badness = np.where(seen, (median - values if lane.better == "high" else values - median) / usual, 0.0)
    glances = _means(badness, *_windows(times, GLANCE))
    starts, stops = _windows(times, SECONDS)
    for _ in range(each):
        middle = int(glances.argmax())
        if glances[middle] < STANDS_OUT:
            return
        start, stop = int(starts[middle]), int(stops[middle])
        frame = start + int(badness[start:stop].argmax())
        off = start + np.flatnonzero(badness[start:stop] >= 1)  # without the good frames at both ends
        text = f"{values[frame]:.4g}{f' {lane.unit}' if lane.unit else ''}, usually {median:.4g}"
        moment = Moment(start=int(off[0]), stop=int(off[-1]) + 1, frame=frame, lane=lane.name, text=text)
        yield _Found(float(glances[middle]), moment)
        glances = np.where((starts < stop) & (stops > start), -np.inf, glances)


def _windows(times: Reals, seconds: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First frame and the frame behind the last of the window around each frame, as far as the film goes."""
    starts = np.searchsorted(times, times - seconds / 2, side="left")
    stops = np.searchsorted(times, times + seconds / 2, side="left")
    return starts.astype(np.int64), np.maximum(stops, starts + 1).astype(np.int64)


def _means(values: Reals, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Reals:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((sums[stops] - sums[starts]) / (stops - starts))


def _seconds(times: Reals, start: int, stop: int) -> float:
    return float(times[min(stop, len(times) - 1)] - times[start])


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
