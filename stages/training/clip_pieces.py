"""The dear part of preparing a clip, masks and conditions, piece by piece: drawn anywhere, put together here."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.array_file import ArrayFile, Field
from pipeline.errors import TrackError
from pipeline.values import Frame
from stages.training.subject import U8, Subject, masked_frames

PIECE_FRAMES = 240  # that one worker draws at a time
_QUICK = 1  # zlib's level: masks and stick figures are mostly plain

_FILE = ArrayFile(
    kind="piece of a clip",
    version=1,
    remedy="Delete it; it is made again.",
    fields=(
        Field("mask_shape", np.int64, (2,), least=1),
        Field("condition_shape", np.int64, (3,), least=1),
        Field("mask_bytes", np.int64, ("n",), least=1),
        Field("condition_bytes", np.int64, ("n",), least=1),
        Field("masks", np.uint8, ("m",)),  # deflated, one frame's after the other's
        Field("conditions", np.uint8, ("c",)),  # likewise
    ),
)


def pieces_of(frames: int) -> list[range]:
    """The frames of each piece of a clip of so many."""
    return [range(start, min(start + PIECE_FRAMES, frames)) for start in range(0, frames, PIECE_FRAMES)]


def draw_piece(video: Path, subject: Subject, frames: range, output: Path) -> None:
    """Write to `output` (.npz) the masks, at the film's size, and the conditions of some frames, for `as_drawn`.

    Raises:
        VideoError, TrackError: the film cannot be read, or the track is not its own.
        StorageError: the disk is full or the folder cannot be written.
    """
    masks: list[bytes] = []
    conditions: list[bytes] = []
    shapes: tuple[tuple[int, ...], ...] = ()
    with closing(masked_frames(video, subject, subject.masks_from(frames.start), frames.stop)) as walk:
        for frame, mask in walk:
            if frame.index >= frames.start:
                condition = subject.draw(frame.index)
                masks.append(zlib.compress(mask.tobytes(), _QUICK))
                conditions.append(zlib.compress(condition.tobytes(), _QUICK))
                shapes = mask.shape, condition.shape
    arrays = {
        "mask_shape": np.array(shapes[0]),
        "condition_shape": np.array(shapes[1]),
        "mask_bytes": np.array([len(mask) for mask in masks]),
        "condition_bytes": np.array([len(condition) for condition in conditions]),
        "masks": np.frombuffer(b"".join(masks), dtype=np.uint8),
        "conditions": np.frombuffer(b"".join(conditions), dtype=np.uint8),
    }
    _FILE.save(arrays, output)


def as_drawn(subject: Subject, pieces: Sequence[Path]) -> Subject:
    """The subject with masks and conditions as `draw_piece` drew them, equal to the bit.

    Args:
        pieces: of each of the clip's `pieces_of`, in order. One at a time is held in memory.
    """
    drawn = _Drawn(pieces, len(subject.track))
    return replace(subject, masks=drawn.masks, draw=drawn.condition)


@dataclass(frozen=True, slots=True)
class _Stack:
    """Pictures of one shape, deflated."""

    data: bytes
    ends: NDArray[np.int64]
    shape: tuple[int, ...]

    def __getitem__(self, number: int) -> U8:
        begin = int(self.ends[number - 1]) if number else 0
        size = int(np.prod(self.shape))
        inflated = zlib.decompressobj().decompress(self.data[begin : self.ends[number]], size)
        return np.frombuffer(inflated, dtype=np.uint8).reshape(self.shape)


class _Drawn:
    """Pieces that are gone through from the first frame to the last."""

    def __init__(self, pieces: Sequence[Path], frames: int) -> None:
        self._pieces, self._frames = pieces, frames
        self._opened: tuple[int, _Stack, _Stack] | None = None  # number of the piece, masks, conditions

    def masks(self, frames: Iterable[Frame]) -> Iterator[NDArray[np.float32]]:
        """One mask for each frame, and an empty one beyond the track: whoever counts both notices."""
        for frame in frames:
            if frame.index < self._frames:
                yield self._stacks(frame.index)[0][frame.index % PIECE_FRAMES].astype(np.float32) / 255
            else:
                yield np.zeros(frame.image.shape[:2], dtype=np.float32)

    def condition(self, index: int) -> U8:
        return self._stacks(index)[1][index % PIECE_FRAMES]

    def _stacks(self, index: int) -> tuple[_Stack, _Stack]:
        number = index // PIECE_FRAMES
        if self._opened is None or self._opened[0] != number:
            self._opened = number, *_load(self._pieces[number])
        return self._opened[1:]


def _load(path: Path) -> tuple[_Stack, _Stack]:
    """Masks and conditions of a piece.

    Raises: TrackError: see `ArrayFile.load`.
    """
    arrays = _FILE.load(path)
    stacks = []
    for name, one in (("masks", "mask"), ("conditions", "condition")):
        ends = np.cumsum(arrays[f"{one}_bytes"])
        shape = tuple(arrays[f"{one}_shape"].tolist())
        if ends[-1] != len(arrays[name]):
            raise TrackError(path, f"field {name!r} has {len(arrays[name])} bytes", f"{ends[-1]}", _FILE.remedy)
        stacks.append(_Stack(arrays[name].tobytes(), ends, shape))
    return stacks[0], stacks[1]
