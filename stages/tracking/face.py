"""track_face: one person's face in every frame of a clip, with the shoulders below it, filled, guarded and smoothed."""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np

from pipeline.errors import TrackError
from pipeline.face_landmarks import FACE_POINTS
from pipeline.streams import prefetched
from pipeline.values import FaceTrack
from pipeline.video import probe, read_video
from stages.tracking.face_choice import FaceChoice, parse_face_choice
from stages.tracking.face_follow import FaceNote, FaceSight, follow_face
from stages.tracking.face_network import FaceNetworks
from stages.tracking.face_repair import FaceRepairConfig, RawFaceTrack, repair_face
from stages.tracking.face_shoulders import SHOULDERS_EVERY, Shoulders, read_shoulders
from stages.tracking.networks import PoseNetworks
from stages.tracking.spans import opencv_on_one_thread

__all__ = ["FaceChoice", "FaceRepairConfig", "FaceTrackerConfig", "parse_face_choice", "track_face"]

_AHEAD = 4  # frames decoded while the networks work

log = logging.getLogger(__name__)

_Seen = tuple[FaceSight, Shoulders | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTrackerConfig:
    """How a clip's face is tracked."""

    face: FaceChoice | None = None  # whom to follow; None: the only one, or the one that is clearly the largest
    repair: FaceRepairConfig = field(default_factory=FaceRepairConfig)


def track_face(
    path: Path, config: FaceTrackerConfig | None = None, *, progress: Callable[[int], None] | None = None
) -> FaceTrack:
    """Track one face through the whole clip; as many rows as the clip has frames.

    Args:
        path: the clip.
        progress: called after every frame with the number of frames seen so far.

    Raises:
        TrackError: no face in any frame; several about as large and no choice; fewer than the chosen index asks for.
        VideoError: the clip cannot be read.
    """
    config = config or FaceTrackerConfig()
    info = probe(path)
    seen: list[_Seen] = []
    with opencv_on_one_thread(), closing(_walk(path, config)) as sights:
        for count, sight in enumerate(sights, start=1):
            seen.append(sight)
            if progress is not None:
                progress(count)
    _report([sight for sight, _ in seen], path)
    _somebody(seen, path)
    return repair_face(_as_arrays(seen), info.width, info.height, config.repair)


def _walk(path: Path, config: FaceTrackerConfig) -> Generator[_Seen, None, None]:
    with (
        read_video(path) as video,
        closing(prefetched(video.planes(), _AHEAD)) as frames,
        FaceNetworks() as networks,
        PoseNetworks() as bodies,
    ):
        wait = 0  # frames until the shoulders are looked at again
        cut = config.repair.cut_distance
        for frame, sight in follow_face(frames, networks, config.face, cut_distance=cut, where=str(path)):
            shoulders = None
            wait = 0 if sight.distance > cut else max(wait - 1, 0)
            if sight.points is not None and wait == 0:
                shoulders = read_shoulders(bodies, frame, sight.points)
                wait = SHOULDERS_EVERY
            yield sight, shoulders


def _report(sights: Sequence[FaceSight], path: Path) -> None:
    """Log as warnings what people should know, once for each stretch of frames."""
    for note, group in groupby(enumerate(sights), key=lambda one: one[1].note):
        indices = [index for index, _ in group]
        if note is not FaceNote.NOTHING:
            where = f"frame {indices[0]}" if len(indices) == 1 else f"frames {indices[0]}–{indices[-1]}"
            log.warning("%s, %s: %s", path.name, where, note.value)


def _somebody(seen: Sequence[_Seen], path: Path) -> None:
    if all(sight.points is None for sight, _ in seen):
        raise TrackError(
            path,
            f"no face was found in any of the {len(seen)} frames",
            "a face that looks towards the camera",
            "Check that this is the right clip; a face should be at least a twentieth of the picture high.",
        )


def _as_arrays(seen: Sequence[_Seen]) -> RawFaceTrack:
    points = np.zeros((len(seen), FACE_POINTS, 3))
    shoulders = np.full((len(seen), 2, 3), np.nan)
    for row, (sight, below) in enumerate(seen):
        if sight.points is not None:
            points[row] = sight.points
        if below is not None:
            shoulders[row] = below
    sights = [sight for sight, _ in seen]
    return RawFaceTrack(
        times=tuple(sight.time for sight in sights),
        points=points,
        confidence=np.array([sight.confidence for sight in sights]),
        seen=np.array([sight.points is not None for sight in sights]),
        distances=np.array([sight.distance for sight in sights]),
        shoulders=shoulders,
    )
