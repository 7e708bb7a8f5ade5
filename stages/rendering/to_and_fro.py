"""A clip's pictures in the order somebody asks for them, as when it plays to and fro; memory does not grow with it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import VideoError
from pipeline.video import probe, read_video

HELD = 64  # pictures of a stretch that is shown backwards, at most: they are decoded forwards and held
HELD_BYTES = 1 << 28  # of these pictures, at most
FEWEST = 4  # held all the same, however large they are

Picture = NDArray[np.uint8]


def pictures_at(clip: Path, wanted: Sequence[int], *, held: int | None = None) -> Iterator[Picture]:
    """Yield the clip's picture (h, w, 3) RGB at every index of `wanted`, in that order, one for each.

    Decoders go forwards only. Stretches of rising indices are read in one go; falling ones in short blocks, each
    decoded from the key picture before it and handed out backwards.

    Args:
        clip: the film.
        wanted: indices of its frames, from 0; any order, repeats and gaps, though steps of one cost least.
        held: pictures of a block; None: what `HELD` and `HELD_BYTES` allow.

    Raises:
        VideoError, FrameError: the clip cannot be read, or is shorter than that.
    """
    info = probe(clip)
    most = held or max(FEWEST, min(HELD, HELD_BYTES // (3 * info.width * info.height)))
    for start, stop in _stretches(wanted, most):
        asked = wanted[start:stop]
        if asked[-1] >= asked[0]:
            yield from _forwards(clip, asked)
        else:
            block = dict(zip(sorted(set(asked)), _forwards(clip, sorted(set(asked))), strict=True))
            yield from (block[index] for index in asked)


def _stretches(wanted: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Cut into stretches that rise, or fall over fewer than `most` frames; a leap of that many begins a new one."""
    start = 0
    while start < len(wanted):
        stop, direction = start + 1, 0
        for before, after in pairwise(wanted[start:]):
            step = after - before
            turns = step * direction < 0
            too_far = abs(step) >= most or (step < 0 and wanted[start] - after >= most)
            if turns or too_far:
                break
            direction = direction or step
            stop += 1
        yield start, stop
        start = stop


def _forwards(clip: Path, asked: Sequence[int]) -> Iterator[Picture]:
    """The pictures at indices that never fall."""
    place = 0
    with read_video(clip, start_index=asked[0], stop_index=asked[-1] + 1) as video:
        for frame in video:
            while place < len(asked) and asked[place] == frame.index:
                yield frame.image
                place += 1
    if place < len(asked):
        raise VideoError(clip, f"it ends before frame {asked[place]}", "the clip that was tracked", "Track it again.")
