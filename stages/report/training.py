"""What remains of a training, made small enough for a page: curves of its losses, sheets of its pictures."""

from pathlib import Path

import numpy as np

from pipeline.image import read_png
from stages.report.content import Curve, Reals, Sheet
from stages.report.moments import jpeg

BINS = 300  # points of a curve: more than a page has pixels for
MOST_CURVES = 64
MOST_SHEETS = 8
SHEET_WIDTH = 1600  # pixels at most
LARGEST_CURVE = 2**28  # bytes of a file that is read


def curves_of(folder: Path) -> tuple[Curve, ...]:
    """The curves in a model's `training` folder, by name; none where there is no such folder."""
    files = sorted(folder.glob("*.csv"))[:MOST_CURVES]
    curves = (read_curve(path) for path in files if path.stat().st_size <= LARGEST_CURVE)
    return tuple(curve for curve in curves if len(curve.steps))


def read_curve(path: Path) -> Curve:
    """Read lines of `step,loss`. A line that is none, such as the last one of a killed training, is passed over."""
    pairs = [pair for line in path.read_text("utf-8", "replace").splitlines() if (pair := _pair(line)) is not None]
    numbers = np.array(pairs, np.float64).reshape(-1, 2)
    return binned(path.stem, numbers[:, 0], numbers[:, 1])


def binned(name: str, steps: Reals, values: Reals) -> Curve:
    """At most `BINS` bins of equally many steps, each with its mean, least and greatest value."""
    bins = max(1, min(BINS, len(steps)))
    if not len(steps):
        return Curve(name, steps, values, values, values)
    edges = np.linspace(0, len(steps), bins + 1).astype(np.int64)
    starts, lengths = edges[:-1], np.diff(edges)
    mean = np.add.reduceat(values, starts) / lengths
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return Curve(name, steps[edges[1:] - 1], mean, low, high)


def sheets_of(folder: Path) -> tuple[Sheet, ...]:
    """The contact sheets in a model's `training` folder, by name, made `SHEET_WIDTH` wide at most."""
    pictures = ((path.stem, read_png(path)) for path in sorted(folder.glob("*.png"))[:MOST_SHEETS])
    return tuple(Sheet(name, jpeg(picture, width=SHEET_WIDTH)) for name, picture in pictures if picture is not None)


def _pair(line: str) -> tuple[float, float] | None:
    step, _, loss = line.partition(",")
    try:
        return (float(int(step)), float(loss)) if loss else None
    except ValueError:
        return None
