"""HeadPictures: a clip's head in small, evenly lit pictures of one size, kept on disk while they are needed."""

import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import as_storage_error
from pipeline.errors import TrackError
from pipeline.sampling import averaged, joined
from pipeline.streams import prefetched
from pipeline.values import Planes
from pipeline.video import read_video
from stages.retargeting.metric_camera import MetricCamera

SIDE = 192  # samples
SURROUNDINGS = 13  # samples: brightness counts against what lies around it, about an eighth of a face's height
LEAST_CONTRAST = 4.0  # of 255: the sensor's noise, which is not to be raised
_AHEAD = 4  # frames decoded while pictures are made
_GREY, _GAIN = 128.0, 32.0  # in a picture: as bright as its surroundings; their usual contrast

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class HeadPictures:
    """n pictures, and where in the frames they lie: sample u shows pixel corner + u / scale."""

    camera: MetricCamera
    corners: Floats  # (n, 2): x, y in pixels of the frame of the first sample's centre
    scales: Floats  # (n,): samples in a pixel
    samples: NDArray[np.uint8]  # (n, SIDE, SIDE), see `evened`

    def fetch(
        self, frames: NDArray[np.intp], columns: NDArray[np.float32], rows: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """What frames (b,) show at places (b, k), in usual contrasts over the surroundings; outside, the border."""
        below = (np.arange(len(rows)) * SIDE)[:, None].astype(np.float32)
        inside = np.clip(rows, 0, SIDE - 1) + below  # all pictures of the batch below each other: one fetch
        tall = self.samples[frames].reshape(-1, SIDE)
        border = cv2.BORDER_REPLICATE
        seen = cv2.remap(tall, columns, inside.astype(np.float32), cv2.INTER_LINEAR, borderMode=border)
        return np.asarray((seen - np.float32(_GREY)) / np.float32(_GAIN), np.float32)


@contextmanager
def head_pictures(
    clip: Path, camera: MetricCamera, middles: Floats, sizes: Floats
) -> Generator[HeadPictures, None, None]:
    """The pictures of squares around `middles` (n, 2), `sizes` (n,) wide, pixels, while the block lasts.

    They lie in a temporary file, so that memory does not grow with the clip.

    Raises:
        TrackError: the clip has not n frames. VideoError, FrameError: it cannot be read. StorageError: no room.
    """
    scales = SIDE / sizes
    corners = middles - (SIDE - 1) / 2 / scales[:, None]
    with tempfile.TemporaryFile() as file:
        try:
            for picture in _evened_frames(clip, corners, scales):
                file.write(picture.tobytes())
            file.flush()
        except OSError as error:
            raise as_storage_error(Path(tempfile.gettempdir()), error) from error
        yield HeadPictures(camera, corners, scales, _mapped(file, len(sizes), clip))


def evened(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (h, w) without its light: brightness less that of the surroundings, over the usual contrast there."""
    bright = np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (3, 3), 0.6), np.float32)
    over = bright - _around(bright)
    usual = np.sqrt(_around(over * over) + LEAST_CONTRAST**2)
    return np.asarray((over / usual * _GAIN + (_GREY + 0.5)).clip(0, 255), np.uint8)


def _around(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the surroundings, nearly as a Gaussian weighs them: two boxes take a quarter of its time."""
    size = (SURROUNDINGS, SURROUNDINGS)
    return np.asarray(cv2.blur(cv2.blur(values, size), size), np.float32)


def _evened_frames(clip: Path, corners: Floats, scales: Floats) -> Iterator[NDArray[np.uint8]]:
    with read_video(clip) as video, closing(prefetched(video.planes(), _AHEAD)) as frames:
        for frame in frames:
            if frame.index >= len(scales):
                raise _of_other_length(clip, f"more than {len(scales)} frames", len(scales))
            yield evened(_luma(frame, corners[frame.index], float(scales[frame.index])))


def _luma(frame: Planes, corner: Floats, scale: float) -> NDArray[np.uint8]:
    to_frame = np.array(((1 / scale, 0, corner[0]), (0, 1 / scale, corner[1])))
    return averaged(frame.luma, joined(frame.to_stored, to_frame), (SIDE, SIDE))


def _mapped(file: IO[bytes], count: int, clip: Path) -> NDArray[np.uint8]:
    found = file.tell() // SIDE**2
    if found != count:
        raise _of_other_length(clip, f"{found} frames", count)
    return np.memmap(file, np.uint8, "r", shape=(count, SIDE, SIDE))


def _of_other_length(clip: Path, found: str, tracked: int) -> TrackError:
    return TrackError(clip, found, f"the track's {tracked}", "Track the clip again.")
