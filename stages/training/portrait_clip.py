"""Prepare a clip of a head for training: the window that the head lies in, and face images for stick figures."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrainingError
from pipeline.face_landmarks import (
    CHIN,
    FOREHEAD,
    INNER_CANTHI,
    MESH_POINTS,
    MOUTH_CORNERS,
    NOSE_TIP,
    OUTER_CANTHI,
)
from pipeline.values import JOINTS, FacePerformance, FaceTrack, Status
from stages.conditioning.face_images import CHANNELS, FaceImagesFormat, draw_face_images
from stages.retargeting.face_model import FaceModel
from stages.tracking.silhouette import person_silhouettes
from stages.training.clip_pieces import as_drawn
from stages.training.clips import write_clip
from stages.training.framing import Framing, laid_around, rounded_up, scaled
from stages.training.subject import Subject

# Room around the face's mesh, in heights of the face from forehead to chin: hair above, shoulders below, ears and hair.
ABOVE, BELOW, BESIDE = 0.7, 0.9, 0.8
SPARE = 0.1  # of the window's sides, that may be given up so that it stays inside the frame
LEAST_SIDE = 64  # pixels: in a smaller picture no eye can be read

# BlazePose's numbers for what a face and its shoulders show.
NOSE, LEFT_EYE, RIGHT_EYE, MOUTH_LEFT, MOUTH_RIGHT, LEFT_SHOULDER, RIGHT_SHOULDER = 0, 2, 5, 9, 10, 11, 12


def frame_head(track: FaceTrack, *, pixels: int, stride: int, size: tuple[int, int] | None = None) -> Framing:
    """Lay the window around the head in all frames, with its hair and the upper shoulders, and choose the size.

    Args:
        track: of the target.
        pixels: about how many the network's picture has.
        stride: both its sides are multiples of this.
        size: (width, height) of the network's picture to use instead, rounded up to the stride; the window takes its
            shape, and what the frame lacks is filled by repeating the border.

    Where the network's shape alone makes the window leave the frame, up to a tenth of it is given up: it has room.

    Raises:
        TrainingError: no face is ever seen.
    """
    reach, least = _reach(track), -(-LEAST_SIDE // stride)
    if size is None:
        size = scaled(reach, pixels=pixels, stride=stride, least=least)
    return _inside(laid_around(reach, track.width, track.height, size=rounded_up(size, stride, least)))


def prepare_portrait(
    video: Path,
    track: FaceTrack,
    performance: FacePerformance,
    model: FaceModel,
    framing: Framing,
    style: FaceImagesFormat,
    folder: Path,
    *,
    progress: Callable[[int], None] | None = None,
    pieces: Sequence[Path] = (),
) -> None:
    """Write a prepared clip to `folder`, whole or not at all, with `background.npy` and `still.npy` at full size.

    The still is the model's frame of reference. Memory is bounded whatever the film's length.

    Args:
        track: of the film's face.
        performance: what the face does in it, as `measure_face` tells.
        model: of the face, learnt from the first `trained_frames(len(track))` frames alone.
        pieces: what `draw_piece` wrote of the `head`; the clip is the same to the bit.

    Raises:
        TrainingError: too few frames with the face in them.
        VideoError: the clip cannot be read, or is not as long as the track.
    """
    subject = head(track, performance, model, framing, style)
    write_clip(video, as_drawn(subject, pieces) if pieces else subject, framing, style, folder, progress=progress)


def head(
    track: FaceTrack, performance: FacePerformance, model: FaceModel, framing: Framing, style: FaceImagesFormat
) -> Subject:
    """Who is filmed where a head is: with face images, and silhouettes; see `prepare_portrait`."""
    window, width, height = framing.window, framing.width, framing.height
    return Subject(
        track=track,
        joints=face_joints(track),
        channels=CHANNELS,
        draw=lambda index: draw_face_images(performance, index, model, window, width, height, style),
        masks=person_silhouettes,
        word="the face",
        advice="Film the target for a minute or more: look and turn about, talk, laugh, blink.",
        still=model.reference,
    )


def face_joints(track: FaceTrack) -> NDArray[np.float32]:
    """The joints that a face track knows, by BlazePose's numbers: nose, eyes, mouth's corners, shoulders.

    Returns:
        (n, 33, 3): x, y in pixels of the full frame, confidence; all others have confidence 0.
    """
    joints = np.zeros((len(track), JOINTS, 3), np.float32)
    right_eye, left_eye = zip(OUTER_CANTHI, INNER_CANTHI, strict=True)
    places = {
        NOSE: (NOSE_TIP,),
        LEFT_EYE: left_eye,
        RIGHT_EYE: right_eye,
        MOUTH_LEFT: MOUTH_CORNERS[1:],
        MOUTH_RIGHT: MOUTH_CORNERS[:1],
    }
    for joint, points in places.items():
        joints[:, joint, :2] = track.points[:, points, :2].mean(axis=1)
        joints[:, joint, 2] = track.confidence
    joints[:, [RIGHT_SHOULDER, LEFT_SHOULDER]] = track.shoulders
    return joints


def _inside(framing: Framing) -> Framing:
    """The same with a window that is a little smaller where that keeps it inside the frame."""
    window = framing.window
    share = min(1.0, framing.frame_width / window.width, framing.frame_height / window.height)
    if not 1 - SPARE <= share < 1:
        return framing
    x, y = (window.left + window.right) / 2, (window.top + window.bottom) / 2
    half_width, half_height = share * window.width / 2, share * window.height / 2
    smaller = (x - half_width, y - half_height, x + half_width, y + half_height)
    return laid_around(smaller, framing.frame_width, framing.frame_height, size=(framing.width, framing.height))


def _reach(track: FaceTrack) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the head over all frames that show it, within the frame."""
    seen = np.isin(track.status, (Status.TRACKED, Status.INTERPOLATED))
    if not seen.any():
        raise TrainingError(
            "the target's track", "no face is ever seen", "a face in most frames", "Film the face from the front."
        )
    mesh = track.points[seen, :MESH_POINTS, :2]
    tall = max(1.0, float(np.quantile(np.linalg.norm(mesh[:, FOREHEAD] - mesh[:, CHIN], axis=1), 0.95)))
    low = mesh.min(axis=(0, 1)) - np.array([BESIDE * tall, ABOVE * tall])
    high = mesh.max(axis=(0, 1)) + np.array([BESIDE * tall, BELOW * tall])
    left, top = np.maximum(low, 0).tolist()
    right, bottom = np.minimum(high, (track.width, track.height)).tolist()
    return left, top, right, bottom
