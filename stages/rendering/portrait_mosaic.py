"""The conditioning of a portrait as a film for people: the shaded face, its eyes and mouth, the shoulders."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from pipeline.streams import prefetched
from pipeline.values import Box, FacePerformance, Frame, Status, VideoInfo
from pipeline.video import DEFAULT_ENCODING, Encoding, write_video
from stages.conditioning.face_images import FaceImagesFormat, draw_face_images
from stages.rendering.render import AHEAD
from stages.retargeting.face_model import FaceModel


def write_face_conditioning(
    performance: FacePerformance,
    model: FaceModel,
    style: FaceImagesFormat,
    source: VideoInfo,
    path: Path,
    *,
    height: int,
    encoding: Encoding = DEFAULT_ENCODING,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write what the network is told as a film: the diffuse picture, and the features over it.

    Args:
        performance: in the target's frame; frames without a face are black.
        model: the target's.
        source: whose time the film has.
        height: of the film, even, pixels; the width follows the target's frame.
        progress: called with the number of frames that are finished.

    Raises:
        StorageError, VideoError: the film cannot be written.
    """
    width = 2 * max(1, round(performance.width * height / performance.height / 2))
    info = VideoInfo(path=path, width=width, height=height, frame_rate=source.frame_rate, time_base=source.time_base)
    # Drawn at the panel's size: thin lines in a large frame would vanish when it is shrunk.
    drawn = _drawn(performance, model, style, width, height)
    with (
        write_video(path, info, encoding=encoding, overwrite=True) as film,
        closing(prefetched(drawn, AHEAD)) as frames,
    ):
        for frame in frames:
            film.write(frame)
            if progress is not None:
                progress(frame.index + 1)


def _drawn(
    performance: FacePerformance, model: FaceModel, style: FaceImagesFormat, width: int, height: int
) -> Iterator[Frame]:
    whole = Box(0, 0, performance.width, performance.height)
    for index, time in enumerate(performance.times):
        picture = np.zeros((height, width, 3), np.uint8)
        if performance.status[index] != Status.MISSING:
            images = draw_face_images(performance, index, model, whole, width, height, style)
            diffuse, features = images[..., :3], images[..., 6:9]
            picture = np.ascontiguousarray(np.where(features.any(axis=2, keepdims=True), features, diffuse))
        yield Frame(picture, time, index)
