"""What every array file about a clip begins with: the picture's size, each frame's exact time, status and shot."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.array_file import Field
from pipeline.errors import TrackError
from pipeline.values import FacePerformance, FaceTrack, Status, Track

FRAMES = "n"  # the letter that stands for the clip's length in the shapes of fields
FRAME_FIELDS = (
    Field("size", np.int64, (2,), least=1),
    Field("time_numerators", np.int64, (FRAMES,)),
    Field("time_denominators", np.int64, (FRAMES,), least=1),
    Field("status", np.uint8, (FRAMES,), least=0, most=int(max(Status))),
    Field("shot", np.int32, (FRAMES,), least=0),
)


def frame_arrays(clip: Track | FaceTrack | FacePerformance) -> dict[str, NDArray[Any]]:
    """Return the arrays of `FRAME_FIELDS`."""
    return {
        "size": np.array((clip.width, clip.height)),
        "time_numerators": np.array([time.numerator for time in clip.times]),
        "time_denominators": np.array([time.denominator for time in clip.times]),
        "status": clip.status,
        "shot": clip.shot,
    }


def frames_in(arrays: Mapping[str, NDArray[Any]], path: Path, remedy: str) -> dict[str, Any]:
    """Return width, height, times, status and shot of arrays that fit their fields, by the names that clips have.

    Raises:
        TrackError: times that do not rise, or shots that fall.
    """
    numerators, denominators = arrays["time_numerators"].tolist(), arrays["time_denominators"].tolist()
    times = tuple(Fraction(above, below) for above, below in zip(numerators, denominators, strict=True))
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise TrackError(path, "field 'time_numerators' gives times that do not rise", "each frame later", remedy)
    if (np.diff(arrays["shot"]) < 0).any():
        raise TrackError(path, "field 'shot' gives shot numbers that fall", "numbers that never fall", remedy)
    width, height = arrays["size"].tolist()
    return {"width": width, "height": height, "times": times, "status": arrays["status"], "shot": arrays["shot"]}
