"""Scores how steady a film is whose pictures move exactly as its source's do: translations, which track nobody."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.streams import in_step
from pipeline.video import read_video
from stages.evaluation.film_meter import Flicker
from stages.evaluation.frame_scores import FrameScores
from stages.evaluation.measures import frame_scores, or_none, table
from stages.evaluation.pairing import resized_like, times_of_both

Progress = Callable[[str, int], None]  # what is being done, frames done of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """How steady a film is in total."""

    frames: int
    warp_error_ratio: float | None  # 1 as steady as the source, above 1 less; None where nothing can be followed

    def lines(self) -> tuple[str, ...]:
        """One line for each number, `name value`, for people."""
        return table({"frames": f"{self.frames}", "warp_error_ratio": or_none(self.warp_error_ratio, ".3f")}, ())


@dataclass(frozen=True, slots=True, eq=False)
class SteadinessScores:
    """The same in total and per frame."""

    comparison: Steadiness
    frames: FrameScores
    first: int = 0  # the number that the first of these frames has in the film


def score_steadiness(film: Path, source: Path, *, progress: Progress | None = None) -> SteadinessScores:
    """Warp error of a film along its source's motion, over the source's own: what `score_films` says of flicker.

    Two pictures of each are held. A film of another size is resized to its source's.

    Args:
        progress: called with what is being done and the number of frames done.

    Raises: VideoError: a film cannot be read; they differ in length or in times.
    """
    times, flicker = times_of_both(film, source), Flicker()
    with read_video(film) as made, read_video(source) as there:
        for done, (one, two) in enumerate(in_step(made, there, names=("the film", "its source")), 1):
            flicker.add(resized_like(one.image, two.image), two.image)
            if progress:
                progress("comparing", done)
    return SteadinessScores(
        Steadiness(frames=len(times), warp_error_ratio=flicker.total.ratio),
        frame_scores(np.array([float(time) for time in times]), (flicker.column(),)),
    )
