"""Subject: who is filmed, a dancer or a head, as preparing a clip needs to know; and the film's frames with masks."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.streams import in_step, prefetched
from pipeline.values import FaceTrack, Frame, Track
from pipeline.video import read_video

U8 = NDArray[np.uint8]

_AHEAD = 4  # frames decoded while masks are found


def _itself(index: int) -> int:
    return index


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """Who is filmed, a dancer or a head: what preparing needs to know, whatever the conditions show."""

    track: Track | FaceTrack
    joints: NDArray[np.float32]  # (n, 33, 3): x, y in pixels of the full frame, confidence; BlazePose's numbers
    channels: int  # of a condition
    draw: Callable[[int], U8]  # a frame's condition, (h, w, channels), as seen through the framing
    masks: Callable[[Iterable[Frame]], Iterator[NDArray[np.float32]]]  # (height, width), 0 … 1, one for each frame
    word: str  # for messages
    advice: str  # what to film when there is too little
    still: int | None = None  # the frame that is kept at full size, as `still.npy`
    masks_from: Callable[[int], int] = field(default=_itself)  # the frame that masks have to begin with for a frame's


def masked_frames(
    video: Path, subject: Subject, start: int = 0, stop: int | None = None
) -> Generator[tuple[Frame, U8], None, None]:
    """Frames start … stop-1 of the film, or all, each with its person mask (height, width), 0 … 255.

    Raises:
        VideoError: the film cannot be read; or all of it is wanted, and the track is not exactly as long.
        TrackError: the track is of another clip.
    """
    seen: list[Frame] = []  # the one frame that the network is looking at
    with (
        read_video(video, start_index=start, stop_index=stop) as reader,
        closing(prefetched(reader, _AHEAD)) as frames,
    ):

        def passing() -> Iterator[Frame]:
            for frame in frames:
                seen.append(frame)
                yield frame

        counted, names = range(len(subject.track))[start:stop], (video.name, "its track")
        for mask, _ in in_step(subject.masks(passing()), counted, names=names):
            yield seen.pop(), (mask * 255).round().astype(np.uint8)
