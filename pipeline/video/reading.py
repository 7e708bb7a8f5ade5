"""Read a video as a stream of frames: upright RGB, square pixels, exact times, none dropped in silence."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TypeVar

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import FrameError, VideoError
from pipeline.values import Frame, Planes, VideoInfo
from pipeline.video.decoding import first_of, pictures, pictures_from, prepare, starts_late, ticks_of
from pipeline.video.matroska import fault_in
from pipeline.video.opening import choose_stream, opened, refuse_long
from pipeline.video.picture import Display
from pipeline.video.planes import ToPlanes
from pipeline.video.probing import describe
from pipeline.video.wholeness import Count

T = TypeVar("T")


class VideoReader:
    """An open clip: `info`, and its frames, once. Comes from `read_video`."""

    def __init__(
        self, container: InputContainer, stream: VideoStream, path: Path, start_index: int, stop_index: int | None
    ) -> None:
        prepare(stream)
        self._path = path
        self._start_index = start_index
        self._stop_index = stop_index
        self._count = Count(path)
        from_start = pictures(container, stream, self._count)
        self._first = first_of(from_start, path)
        self.info: VideoInfo = describe(container, stream, self._first, path)
        self._container = container
        self._stream = stream
        self._from_start = chain([self._first], from_start)
        display = Display.of(stream, self._first)
        self._to_rgb = display.converter(path)
        self._to_planes = ToPlanes(display, display.coded(path))
        self._upright = display.orientation
        self._used = False
        self._closed = False
        self._step = threading.Lock()  # a prefetching thread may be in the decoder when the block ends

    def __iter__(self) -> Iterator[Frame]:
        """The frames in order of time.

        Raises:
            VideoError: a second pass, a step after the `with` block ended, a start after the last frame, or a film
                longer than the limits.
            FrameError: a damaged picture, a file that ends early, times that do not grow.
        """
        return self._one_pass(lambda picture, time, index: Frame(self._upright(self._to_rgb(picture)), time, index))

    def planes(self) -> Iterator[Planes]:
        """The frames in order of time, as the film stores them: for those who look at small parts of them.

        Raises: as iteration does; it is the one pass.
        """
        return self._one_pass(self._to_planes)

    def close(self) -> None:
        """Let no further step reach the decoder; `read_video` calls it."""
        with self._step:
            self._closed = True

    def _one_pass(self, shown: Callable[[VideoFrame, Fraction, int], T]) -> Iterator[T]:
        if self._used:
            raise VideoError(self._path, "read a second time", "one pass", "Open it again with read_video.")
        self._used = True
        return self._shown(shown)

    def _shown(self, shown: Callable[[VideoFrame, Fraction, int], T]) -> Iterator[T]:
        source = self._positioned()
        index, last = self._start_index, None
        while self._stop_index is None or index < self._stop_index:
            picture = self._next(source)
            if picture is None:
                self._count.check(self._stream, self._first)
                return
            ticks = ticks_of(picture, self._path, index)
            if last is not None and ticks <= last:
                raise self._does_not_grow(index)
            time = ticks * self.info.time_base - self.info.start
            yield shown(picture, time, index)
            index, last = index + 1, ticks
            refuse_long(self._path, index, time)

    def _positioned(self) -> Iterator[VideoFrame]:
        if not self._start_index:
            return self._from_start
        with self._step:
            self._refuse_closed()
            found = pictures_from(self._container, self._stream, self._first, self._start_index, self._count)
        if found is not None:
            return found
        return self._skipped()

    def _skipped(self) -> Iterator[VideoFrame]:
        for skipped in range(self._start_index):
            if self._next(self._from_start) is None:
                raise starts_late(self._path, self._start_index, skipped)
        return self._from_start

    def _next(self, source: Iterator[VideoFrame]) -> VideoFrame | None:
        with self._step:
            self._refuse_closed()
            return next(source, None)

    def _refuse_closed(self) -> None:
        """PyAV 18.1 kills the interpreter when a decoder is advanced after its container closed."""
        if self._closed:
            raise VideoError(
                self._path,
                "read after its with block ended",
                "an open clip",
                "Consume frames inside the block.",
            )

    def _does_not_grow(self, index: int) -> FrameError:
        if (fault := fault_in(self._path)) is not None:
            return self._count.damaged(fault)
        return FrameError(
            f"{self._path}, frame {index}",
            "is shown no later than the frame before it",
            "times that grow",
            "Give the clip an even rate: ffmpeg -i IN -fps_mode cfr -c:v libx264 -crf 16 -c:a copy OUT.mp4",
        )


@contextmanager
def read_video(
    path: Path, *, stream: int | None = None, start_index: int = 0, stop_index: int | None = None
) -> Iterator[VideoReader]:
    """Open a clip for one pass over its frames from `start_index` up to, not including, `stop_index`.

    A start in the middle seeks to the key picture before it and decodes from there what other pictures lean on; it
    costs reading the packets of the whole file once, not decoding them. Frames keep the index and the time they have
    in the clip.

    Args:
        path: the file.
        stream: index of the picture stream in the file; by default the one marked default, else the largest.
        start_index: the first frame wanted.
        stop_index: the frame to stop before; None reads to the end, and checks that the file is whole.

    Raises:
        VideoError: no such file, a folder, an empty file, no video, no moving pictures, no frame.
        FrameError: the first frame is damaged.
        ValueError: a span that is empty or negative.
    """
    if start_index < 0 or (stop_index is not None and stop_index <= start_index):
        raise ValueError(f"frames {start_index} … {stop_index} were asked for, expected a span from 0 on, not empty")
    with opened(path) as container:
        reader = VideoReader(container, choose_stream(container, path, stream), path, start_index, stop_index)
        try:
            yield reader
        finally:
            reader.close()
