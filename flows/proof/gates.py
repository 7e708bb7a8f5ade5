"""Quality gates: a film that is weaker than its job allows is judged so, with numbers and the seconds that offend."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from stages.evaluation.frame_scores import worst_windows

CLIPS, SECONDS = 5, 3.0  # that are cut out at most, and how long each is

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """What a film may be at worst. None: it is not judged by that."""

    max_missing_pct: float | None = None  # of the frames: nobody in the performance, or nobody found in the film
    max_pose_error_pct: float | None = None  # of the body height: re-tracked joints against the performance
    max_warp_error_ratio: float | None = None  # flicker, times the source's: see parking.Gated
    max_clamped_pct: float | None = None  # of the frames: the performance left the known range and was held back

    def __post_init__(self) -> None:
        for gate in fields(self):
            limit = getattr(self, gate.name)
            most = np.inf if gate.name in ("max_pose_error_pct", "max_warp_error_ratio") else 100
            if limit is not None and not 0 <= limit <= most:
                raise ValueError(f"Gates.{gate.name} is {limit}, expected 0 to {most:g}")

    @property
    def any_asked(self) -> bool:
        """Whether a film is judged at all."""
        return self != Gates()

    @property
    def look_at_film(self) -> bool:
        """Whether the finished film has to be tracked and looked through; the rest is known before it is painted."""
        return self != Gates(max_clamped_pct=self.max_clamped_pct)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a film is judged by. NaN or None: not measured."""

    times: F64  # (n,) seconds since the first frame
    missing: F64  # (n,): 1 where a frame shows nobody, else 0
    pose_error_pct: F64  # (n,)
    warp_error_ratio: F64  # (n,)
    whole_warp_error_ratio: float | None  # of the whole film
    clamped: F64  # (n,): 1 where the performance was held back, else 0


@dataclass(frozen=True, slots=True)
class Offence:
    """A part of a film that does not pass."""

    first: int  # frames
    stop: int  # the frame behind the last
    start_seconds: float
    stop_seconds: float
    gate: str  # in words


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a film passes, and why not."""

    passed: bool
    lines: tuple[str, ...]  # one for each gate: what was found, what is allowed
    failures: tuple[str, ...]  # those of the lines that say no
    offending: tuple[Offence, ...]  # the worst first, at most five of at most three seconds


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    gate: str  # in words
    found: float | None
    allowed: float
    unit: str
    badness: F64  # (n,): how far each frame is beyond; 0 within

    @property
    def passes(self) -> bool:
        """What cannot be measured does not pass: it was asked for."""
        return self.found is not None and self.found <= self.allowed

    @property
    def line(self) -> str:
        found = "could not be measured" if self.found is None else f"{self.found:.3g} {self.unit}"
        return f"{self.gate}: {found}, {self.allowed:g} allowed"


def judge(gates: Gates, evidence: Evidence) -> Verdict:
    """Hold a film against its gates."""
    readings = tuple(_readings(gates, evidence))
    failed = tuple(reading for reading in readings if not reading.passes)
    return Verdict(
        passed=not failed,
        lines=tuple(f"{'passed' if reading.passes else 'FAILED'}  {reading.line}" for reading in readings),
        failures=tuple(reading.line for reading in failed),
        offending=_offending(failed, evidence.times) if failed else (),
    )


def _readings(gates: Gates, evidence: Evidence) -> Iterator[_Reading]:
    if gates.max_missing_pct is not None:
        yield _share("frames that show nobody", evidence.missing, gates.max_missing_pct)
    if gates.max_pose_error_pct is not None:
        errors, limit = evidence.pose_error_pct, gates.max_pose_error_pct
        yield _Reading("pose error", _mean(errors), limit, "% of the body height", _beyond(errors, limit))
    if gates.max_warp_error_ratio is not None:
        ratios, limit = evidence.warp_error_ratio, gates.max_warp_error_ratio
        yield _Reading("flicker", evidence.whole_warp_error_ratio, limit, "times the source's", _beyond(ratios, limit))
    if gates.max_clamped_pct is not None:
        yield _share("frames held back", evidence.clamped, gates.max_clamped_pct)


def _share(gate: str, flags: F64, limit: float) -> _Reading:
    mean = _mean(flags)
    return _Reading(gate, None if mean is None else 100 * mean, limit, "%", np.nan_to_num(flags))


def _mean(values: F64) -> float | None:
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if len(seen) else None


def _beyond(values: F64, limit: float) -> F64:
    """By how much of the limit each frame is beyond it; 0 within, and where nothing was measured."""
    return np.asarray(np.maximum(np.nan_to_num(values, nan=limit) - limit, 0) / max(limit, 1e-6), np.float64)


def _offending(failed: tuple[_Reading, ...], times: F64) -> tuple[Offence, ...]:
    windows = worst_windows(times, np.stack([reading.badness for reading in failed]), CLIPS, SECONDS)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return tuple(
        Offence(
            first=window.first,
            stop=window.stop,
            start_seconds=float(times[window.first]),
            stop_seconds=float(times[window.stop - 1]) + step,
            gate=failed[window.measure].gate,
        )
        for window in windows
    )
