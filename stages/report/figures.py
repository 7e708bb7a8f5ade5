"""What the lanes of a film come to: a mean and the worst of each, side by side for all runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.report.content import Better
from stages.report.record import LaneRecord, RunRecord


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table of figures."""

    lane: str
    what: str  # of the lane: its mean, its worst frame, the share of frames in the best state
    values: tuple[str, ...]  # of each run; – where it has none
    best: int | None  # the run that stands out; None: all alike, one run alone, or neither end is better


@dataclass(frozen=True, slots=True)
class _Amount:
    """One number of one run."""

    lane: str
    what: str
    value: float
    text: str
    better: Better | None


def figures_of(runs: Sequence[RunRecord]) -> tuple[Figure, ...]:
    """Of each lane that any run has: mean and worst of numbers, the share of frames in the best state of a status."""
    amounts = [{(it.lane, it.what): it for lane in run.lanes for it in _amounts(lane)} for run in runs]
    names = dict.fromkeys(name for of_run in amounts for name in of_run)
    return tuple(_figure(*name, [of_run.get(name) for of_run in amounts]) for name in names)


def _figure(lane: str, what: str, amounts: Sequence[_Amount | None]) -> Figure:
    texts = tuple("–" if amount is None else amount.text for amount in amounts)
    there = [(amount, number) for number, amount in enumerate(amounts) if amount is not None]
    better = there[0][0].better
    if better is None or len(there) < 2 or len(set(texts)) == 1:
        return Figure(lane, what, texts, None)
    pick = max if better == "high" else min
    return Figure(lane, what, texts, pick(there, key=lambda pair: pair[0].value)[1])


def _amounts(lane: LaneRecord) -> Iterator[_Amount]:
    if lane.kind == "status":
        good = sum(count for state, count in lane.runs if state == 0)
        share = 100 * good / max(1, sum(count for _, count in lane.runs))
        yield _Amount(lane.name, lane.labels[0], share, f"{share:.1f} %", "high")
        return
    values = np.array([value for value in lane.values if value is not None], np.float64)
    if not len(values):
        return
    unit = f" {lane.unit}" if lane.unit else ""
    yield _Amount(lane.name, "mean", mean := float(values.mean()), f"{mean:.4g}{unit}", lane.better)
    if lane.better is not None:
        worst = float(values.min() if lane.better == "high" else values.max())
        yield _Amount(lane.name, "worst frame", worst, f"{worst:.4g}{unit}", lane.better)
