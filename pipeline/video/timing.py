"""When each frame of a clip shows, without its pictures."""

from fractions import Fraction
from pathlib import Path

from pipeline.video.decoding import first_of, index_of, pictures
from pipeline.video.opening import choose_stream, opened, tick_of
from pipeline.video.reading import read_video
from pipeline.video.wholeness import Count


def frame_times(path: Path) -> tuple[Fraction, ...]:
    """The times of all frames, as `read_video` gives them: seconds since the first.

    Reads packets and decodes the first picture only, where a container tells pictures from packets; else decodes all.

    Raises:
        VideoError: no such file, no video, no frame.
        FrameError: a frame that has to be decoded is damaged.
    """
    with opened(path) as container:
        stream = choose_stream(container, path, None)
        first = first_of(pictures(container, stream, Count(path)), path)
        known, tick = index_of(path, stream.index, first), tick_of(stream)
    if known is not None:
        return tuple((ticks - known.times[0]) * tick for ticks in known.times)
    with read_video(path) as video:
        return tuple(frame.time for frame in video)
