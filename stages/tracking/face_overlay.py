"""draw_face_overlay: a clip with its tracked face drawn over: mesh, eyes, lips, irises, shoulders, status in words."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.face_landmarks import (
    INNER_LIPS,
    IRIS_CENTRES,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    OVAL,
    RIGHT_EYE,
    RIGHT_IRIS,
)
from pipeline.values import FaceTrack, Frame, Status
from pipeline.video import read_video, write_video
from stages.tracking.face_triangles import face_triangles
from stages.tracking.overlay import LEFT, RIGHT, STATUS_COLOURS

MESH, RINGS, IRIS, SHOULDERS = (150, 200, 190), (255, 255, 255), (60, 140, 255), (0, 230, 0)  # RGB
LEAST_CONFIDENCE = 0.3  # shoulders less certain are drawn hollow
_MESH_SHARE = 0.45  # of the mesh's colour; the rest is the picture's
_BITS = 3  # fractions of a pixel that OpenCV draws with


def draw_face_overlay(
    clip: Path,
    track: FaceTrack,
    output: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the clip again with what was tracked drawn over every frame, without sound.

    Args:
        clip: that the track was made of.
        progress: called after every frame with the number of frames written so far.

    Raises:
        TrackError: the clip is of another size than the track's, or of another length.
        VideoError, OutputExists, StorageError: reading, writing.
    """
    with (
        read_video(clip) as video,
        write_video(output, video.info, overwrite=overwrite) as writer,
    ):
        count = 0
        for count, frame in enumerate(video, start=1):
            writer.write(Frame(image=face_overlay(frame, track), time=frame.time, index=frame.index))
            if progress is not None:
                progress(count)
        if count != len(track):
            raise _belongs_elsewhere(str(clip), f"the clip has {count} frames, the track {len(track)}")


def face_overlay(frame: Frame, track: FaceTrack) -> NDArray[np.uint8]:
    """One picture (h, w, 3), RGB, with its row of the track drawn over; the given one is not touched.

    Raises:
        TrackError: the frame is of another size than the track's clip, or lies beyond its end.
    """
    height, width = frame.image.shape[:2]
    where = f"frame {frame.index}"
    if (width, height) != (track.width, track.height):
        found = f"the picture is {width}x{height}, the track was made of {track.width}x{track.height}"
        raise _belongs_elsewhere(where, found)
    if frame.index >= len(track):
        raise _belongs_elsewhere(where, f"the track ends after {len(track)} frames")
    status = Status(int(track.status[frame.index]))
    image = frame.image.copy()
    if status is not Status.MISSING:
        image = _with_mesh(image, track.points[frame.index])
        _draw_shoulders(image, track.shoulders[frame.index])
    _write_status(image, f"{frame.index} {status.name.lower()}", STATUS_COLOURS[status])
    return image


def _with_mesh(image: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    unit = _unit(image)
    fixed = _fixed(points[:, :2])
    drawn = image.copy()
    cv2.polylines(drawn, list(fixed[_mesh_edges()]), False, MESH, 1, cv2.LINE_AA, _BITS)
    mixed = np.asarray(cv2.addWeighted(drawn, _MESH_SHARE, image, 1 - _MESH_SHARE, 0), dtype=np.uint8)
    for line in (RIGHT_EYE, LEFT_EYE, OUTER_LIPS, INNER_LIPS, OVAL):
        cv2.polylines(mixed, [fixed[list(line)]], True, RINGS, unit, cv2.LINE_AA, _BITS)
    for centre, ring in zip(IRIS_CENTRES, (RIGHT_IRIS, LEFT_IRIS), strict=True):
        radius = float(np.hypot(*(points[list(ring), :2] - points[centre, :2]).T).mean())
        spot = tuple(fixed[centre].tolist())
        cv2.circle(mixed, spot, max(1, round(radius * (1 << _BITS))), IRIS, unit, cv2.LINE_AA, _BITS)
        cv2.circle(mixed, spot, unit << _BITS, IRIS, -1, cv2.LINE_AA, _BITS)
    return mixed


def _draw_shoulders(image: NDArray[np.uint8], shoulders: NDArray[np.float32]) -> None:
    """A line between them, thin where one of them is a guess; right and left in the colours of the body's overlay."""
    if not (shoulders[:, 2] > 0).any():
        return
    unit = 2 * _unit(image)
    sure = shoulders[:, 2] >= LEAST_CONFIDENCE
    right, left = (tuple(point) for point in _fixed(shoulders[:, :2]).tolist())
    cv2.line(image, right, left, SHOULDERS, unit if sure.all() else max(1, unit // 2), cv2.LINE_AA, _BITS)
    for spot, colour, is_sure in ((right, RIGHT, sure[0]), (left, LEFT, sure[1])):
        cv2.circle(image, spot, 2 * unit << _BITS, colour, -1 if is_sure else unit, cv2.LINE_AA, _BITS)


def _write_status(image: NDArray[np.uint8], text: str, colour: tuple[int, int, int]) -> None:
    """ "128 tracked", in the status' colour on black, at the lower left."""
    height, width = image.shape[:2]
    scale = max(0.3, min(height, width) / 720)
    thickness = max(1, round(1.5 * scale))
    (across, up), down = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    margin = max(2, round(8 * scale))
    cv2.rectangle(image, (0, height - up - down - 2 * margin), (across + 2 * margin, height), (0, 0, 0), -1)
    origin = (margin, height - margin - down)
    cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)


@cache
def _mesh_edges() -> NDArray[np.int64]:
    """(1322, 2): the edges of the mesh, each once."""
    corners = [(*row, row[0]) for row in face_triangles().tolist()]
    return np.array(sorted({(min(edge), max(edge)) for row in corners for edge in pairwise(row)}), dtype=np.int64)


def _unit(image: NDArray[np.uint8]) -> int:
    """Pixels: a line's width, a 500th of the shorter side."""
    return max(1, round(min(image.shape[:2]) / 500))


def _fixed(points: NDArray[np.float32]) -> NDArray[np.int32]:
    """Pixels in OpenCV's fixed point; far outside the frame the line is clipped there, not here."""
    return np.asarray(np.round(np.clip(points, -10_000, 30_000) * (1 << _BITS)), dtype=np.int32)


def _belongs_elsewhere(where: str, found: str) -> TrackError:
    return TrackError(where, found, "the clip that was tracked", "Give the clip that the track belongs to.")
