"""FrameScores: what was measured in every frame of a film, by name, and the moments at which it is worst."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Better = Literal["high", "low"]

F64 = NDArray[np.float64]

SAME_TIME = 1e-9  # seconds: sums of floats


@dataclass(frozen=True, slots=True)
class Moment:
    """A short part of a film, and the measure by which it stands out as bad."""

    start: float  # seconds since the first frame
    stop: float  # likewise; when the last frame of it ends
    name: str  # of the measure
    value: float  # its mean over the moment


@dataclass(frozen=True, slots=True, eq=False)
class FrameScores:
    """Numbers of every frame; small enough to hold (8 bytes a measure and frame)."""

    names: tuple[str, ...]  # k measures
    times: F64  # (n,) seconds since the first frame, rising
    values: F64  # (n, k); NaN where a frame does not show what the measure is about
    better: tuple[Better, ...]  # k: whether high or low values are good

    def __post_init__(self) -> None:
        shape = len(self.times), len(self.names)
        if self.values.shape != shape or len(self.better) != len(self.names):
            raise ValueError(
                f"FrameScores holds values {self.values.shape} and {len(self.better)} directions, "
                f"expected {shape} of {len(self.names)} measures"
            )

    def __len__(self) -> int:
        return len(self.times)

    def of(self, name: str) -> F64:
        """One measure, (n,).

        Raises:
            KeyError: it was not measured.
        """
        if name not in self.names:
            raise KeyError(f"{name!r} was not measured, only {', '.join(self.names)}")
        return self.values[:, self.names.index(name)]

    @property
    def end(self) -> float:
        """When the last frame ends, seconds; frames show as long as is usual in the film."""
        return float(self.times[-1]) + _step(self.times) if len(self) else 0.0

    def worst(self, k: int, seconds: float) -> list[Moment]:
        """The `k` worst moments of at most `seconds` each, the worst first; none overlaps another.

        Measures are made comparable by their own spread: a moment counts by how far its frames lie, on the bad side,
        off the film's median, in median deviations (mean deviations where most frames are equal). A measure that never
        changes has no worst moment. There are fewer than `k` where nothing stands out.

        Raises:
            ValueError: `k` is below 0, or `seconds` is not above 0.
        """
        if k < 0 or seconds <= 0:
            raise ValueError(f"{k} moments of {seconds} s were asked for, expected 0 or more, above 0 s")
        if not self.names or not len(self):
            return []
        badness = np.stack(
            [_badness(column, better) for column, better in zip(self.values.T, self.better, strict=True)]
        )
        found = worst_windows(self.times, badness, k, seconds)
        return [self._moment(window) for window in found]

    def _moment(self, window: "Window") -> Moment:
        value = float(np.nanmean(self.values[window.first : window.stop, window.measure]))
        return Moment(float(self.times[window.first]), self._ends(window.stop), self.names[window.measure], value)

    def _ends(self, stop: int) -> float:
        return self.end if stop >= len(self) else float(self.times[stop])


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive frames, and by which measure they stand out."""

    first: int
    stop: int  # the frame behind the last
    measure: int  # a row of the badness


def worst_windows(times: F64, badness: F64, k: int, seconds: float) -> list[Window]:
    """The `k` stretches of `seconds` with the greatest mean badness, the worst first; none overlaps another.

    Fewer where no frame left is bad. A film shorter than that is one stretch.

    Args:
        times: (n,) seconds, rising.
        badness: (measures, n): 0 for a frame that is not bad.
    """
    stops = np.searchsorted(times, times + seconds - SAME_TIME)
    starts = np.flatnonzero(times <= max(times[-1] + _step(times) - seconds, times[0]) + SAME_TIME)
    sums = np.concatenate([np.zeros((len(badness), 1)), np.cumsum(badness, axis=1)], axis=1)
    stops = stops[starts]
    free = (sums[:, stops] - sums[:, starts]) / (stops - starts)
    found: list[Window] = []
    while len(found) < k and free.max() > 0:
        measure, at = np.unravel_index(int(free.argmax()), free.shape)
        found.append(Window(int(starts[at]), int(stops[at]), int(measure)))
        free[:, (starts < stops[at]) & (stops > starts[at])] = 0
    return found


def joined(parts: Sequence[FrameScores]) -> FrameScores:
    """Measures of the same frames, side by side.

    Raises:
        ValueError: none are given, or they are of different frames.
    """
    if not parts or any(not np.array_equal(part.times, parts[0].times) for part in parts):
        raise ValueError("measures of different frames were to be joined")
    return FrameScores(
        names=tuple(name for part in parts for name in part.names),
        times=parts[0].times,
        values=np.concatenate([part.values for part in parts], axis=1),
        better=tuple(better for part in parts for better in part.better),
    )


def _step(times: F64) -> float:
    """How long a frame usually shows; 0 for a single one."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _badness(values: F64, better: Better) -> F64:
    """How far each value lies on the bad side of the median, in deviations; 0 on the good side and where NaN."""
    seen = values[~np.isnan(values)]
    if not len(seen):
        return np.zeros(len(values))
    off = np.nan_to_num(values - np.median(seen), nan=0.0) * (-1 if better == "high" else 1)
    spread = float(np.median(np.abs(seen - np.median(seen)))) or float(np.abs(seen - np.median(seen)).mean())
    return np.maximum(off, 0.0) / spread if spread > 0 else np.zeros(len(values))
