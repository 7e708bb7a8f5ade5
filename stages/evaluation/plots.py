"""plot_scores: one picture of all measures over a film's time, with the worst moments marked in it."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import atomic_file
from stages.evaluation.frame_scores import FrameScores, Moment
from stages.evaluation.measures import measure_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES, ROW, DPI = 11.0, 1.15, 110  # the picture's width and a panel's height; pixels of an inch
BINS = 1200  # stretches of time at most that a line is drawn with: each as its mean, and a band from least to greatest
INK, LINE, BAD = "#333333", "#2563a8", "#c2410c"

F64 = NDArray[np.float64]


def plot_scores(scores: FrameScores, path: Path, *, title: str, moments: Sequence[Moment] = ()) -> None:
    """Draw every measure in a panel of its own, above one axis of seconds; PNG, whole or not at all.

    Args:
        scores: of one measure at least.
        title: above the picture.
        moments: to be marked, the worst first: in all panels lightly, in that of their measure with a number.

    Raises:
        ValueError: nothing was measured.
        StorageError: the file cannot be written.
    """
    if not scores.names:
        raise ValueError("nothing was measured that could be drawn")
    # Without pyplot: it keeps state for the whole process, and looks for a window.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(INCHES, 1.0 + ROW * len(scores.names)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(scores.names), 1, sharex=True, squeeze=False)[:, 0]
    for panel, name in zip(panels, scores.names, strict=True):
        _draw(panel, scores, name, moments)
    panels[0].set_xlim(0, max(scores.end, 1e-3))
    panels[-1].set_xlabel("seconds", color=INK)
    figure.suptitle(title, color=INK, fontsize=11, x=0.01, ha="left")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI, metadata={"Software": None})  # its version would change the file
    with atomic_file(path) as beside:
        beside.write_bytes(picture.getvalue())


def _draw(panel: "Axes", scores: FrameScores, name: str, moments: Sequence[Moment]) -> None:
    """One measure: its line, its median, the moments."""
    measure, values = measure_named(name), scores.of(name)
    at, low, middle, high = _binned(scores.times, values)
    panel.fill_between(at, low, high, color=LINE, alpha=0.25, linewidth=0)
    panel.plot(at, middle, color=LINE, linewidth=1.1)
    panel.axhline(float(np.nanmedian(values)), color=INK, linewidth=0.6, linestyle=":")
    for number, moment in enumerate(moments, 1):
        own = moment.name == name
        panel.axvspan(moment.start, moment.stop, color=BAD, alpha=0.3 if own else 0.07, linewidth=0)
        if own:
            panel.text(moment.start, 0.97, f" {number}", color=BAD, fontsize=9, fontweight="bold", va="top",
                       transform=panel.get_xaxis_transform())  # fmt: skip
    panel.set_title(_heading(name, measure.words, measure.unit, values), fontsize=8.5, loc="left", color=INK, pad=3)
    arrow = "better ↑" if measure.better == "high" else "better ↓"
    panel.set_title(arrow, fontsize=7.5, loc="right", color="#777777", pad=3)
    panel.tick_params(labelsize=7.5, colors=INK)
    if np.nanmin(values) < np.nanmax(values):
        panel.margins(y=0.12)
    else:
        panel.set_ylim(values[~np.isnan(values)][0] - 0.5, values[~np.isnan(values)][0] + 0.5)
    panel.ticklabel_format(axis="y", useOffset=False)
    panel.spines[["top", "right"]].set_visible(False)


def _heading(name: str, words: str, unit: str, values: F64) -> str:
    mean = f"{np.nanmean(values):.4g}{f' {unit}' if unit else ''}"
    return f"{words}  ·  {name}  ·  mean {mean}"


def _binned(times: F64, values: F64) -> tuple[F64, F64, F64, F64]:
    """Time, least, mean and greatest of at most `BINS` stretches of as many frames; NaN where nothing was measured."""
    size = -(-len(times) // BINS)
    starts = np.arange(0, len(times), size)
    seen = ~np.isnan(values)
    counts = np.add.reduceat(seen.astype(np.float64), starts)
    means = np.add.reduceat(np.where(seen, values, 0.0), starts) / np.where(counts > 0, counts, np.nan)
    low = np.minimum.reduceat(np.where(seen, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(seen, values, -np.inf), starts)
    return times[starts], np.where(counts > 0, low, np.nan), means, np.where(counts > 0, high, np.nan)
