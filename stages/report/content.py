"""What a report page shows: films in step, lanes over time, worst moments, curves, sheets, facts, and what it cost."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Better = Literal["high", "low"]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reel:
    """One film of the page; it stays where it is, the page refers to it by its relative path."""

    label: str
    path: Path
    offset: float = 0.0  # when its first picture shows, seconds on the file's own clock, which is the player's
    size: tuple[int, int] | None = None  # (width, height), pixels as displayed; None: known when it is loaded


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lane:
    """One line of the time line: a value for every frame."""

    name: str
    values: NDArray[Any]  # (n,): numbers, NaN where there is none; or of a status whole numbers 0 … len(labels) - 1
    kind: Literal["number", "status"] = "number"
    better: Better | None = None  # of numbers; None: neither end is bad
    unit: str = ""
    scale: tuple[float, float] | None = None  # of numbers: what is always in view; None: what there is
    labels: tuple[str, ...] = ()  # of a status, from the best (0) to the worst

    def __post_init__(self) -> None:
        if self.kind == "status":
            states = np.asarray(self.values)
            fits = np.issubdtype(states.dtype, np.integer) or states.dtype == np.bool_
            if not fits or (len(states) and not 0 <= int(states.min()) <= int(states.max()) < len(self.labels)):
                raise ValueError(
                    f"Lane {self.name!r} is a status, expected whole numbers from 0 to {len(self.labels) - 1}, one for "
                    "each of its labels."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A stretch of frames that deserves a look."""

    start: int  # first frame
    stop: int  # behind the last frame
    frame: int  # the worst of them
    lane: str  # name of the lane it was found in
    text: str  # what is wrong, in a few words
    thumbnail: bytes | None = None  # JPEG of the worst frame


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How a loss went; binned, so that a night's training is as small as a minute's."""

    name: str
    steps: Reals  # (k,): the last step of each bin
    mean: Reals  # (k,)
    low: Reals  # (k,): least of each bin
    high: Reals  # (k,)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet."""

    name: str
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Section:
    """Facts under one heading, as plain text."""

    title: str
    rows: tuple[tuple[str, str], ...]  # (name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """What one stage took."""

    name: str
    seconds: float
    peak_mib: float | None = None  # memory of the process at most, MiB; None: not measured
    reused: bool = False  # found from an earlier run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportPage:
    """One film and its evidence."""

    title: str
    videos: tuple[Reel, ...]  # the last is the result: its sound is heard
    frame_rate: Fraction  # frames a second, on average
    times: Reals  # (n,): seconds since the first frame, rising
    lanes: tuple[Lane, ...] = ()
    moments: tuple[Moment, ...] = ()  # the worst first
    curves: tuple[Curve, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    facts: tuple[Section, ...] = field(default=())
    stages: tuple[StageCost, ...] = ()

    def __post_init__(self) -> None:
        if len(self.times) == 0:
            raise ValueError("ReportPage.times is empty, expected the time of each frame.")
        if (np.diff(self.times) <= 0).any():
            raise ValueError("ReportPage.times do not rise, expected seconds since the first frame.")
        for lane in self.lanes:
            if np.shape(lane.values) != (len(self.times),):
                raise ValueError(
                    f"Lane {lane.name!r} has shape {np.shape(lane.values)}, expected one value for each of the "
                    f"{len(self.times)} frames."
                )
