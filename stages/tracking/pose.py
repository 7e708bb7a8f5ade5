"""track_pose: one performer's joints in every frame of a clip, filled, guarded and smoothed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.errors import TrackError
from pipeline.values import JOINTS, Track
from pipeline.video import probe
from stages.tracking.album import Album
from stages.tracking.follow import Sight
from stages.tracking.people import Performer
from stages.tracking.repair import RawTrack, RepairConfig, repair
from stages.tracking.spans import Walk, report, track_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerConfig:
    """How a clip is tracked."""

    performer: Performer | None = None  # whom to follow; None: the largest, with a warning where there is a choice
    workers: int = field(
        default=1, metadata={"changes_result": False}
    )  # spans tracked at once, a core each; the result does not depend on it
    repair: RepairConfig = field(default_factory=RepairConfig)

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"TrackerConfig.workers is {self.workers}, expected 1 or more")


def track_pose(
    path: Path, config: TrackerConfig | None = None, *, progress: Callable[[int], None] | None = None
) -> Track:
    """Track one performer through the whole clip; as many poses as the clip has frames.

    Args:
        path: the clip.
        progress: called with the number of frames seen so far: after every frame, or, with several workers, after
            every span of frames.

    Raises:
        TrackError: nobody in any frame; or the performer was given by a point that lies on nobody.
        VideoError: the clip cannot be read.
    """
    config = config or TrackerConfig()
    info = probe(path)
    with Album() as album:
        walk = Walk(path, config.performer, config.repair.cut_distance, album)
        sights = track_spans(walk, config.workers, progress)
        report(sights, path)
        _somebody(sights, path)
        return repair(_as_arrays(sights, album), info.width, info.height, config.repair)


def _somebody(sights: Sequence[Sight], path: Path) -> None:
    if all(sight.reading is None for sight in sights):
        raise TrackError(
            path,
            f"no person was found in any of the {len(sights)} frames",
            "a person whose head and hips are in the picture",
            "Check that this is the right clip; a person should be at least a sixth of the picture high.",
        )


def _as_arrays(sights: Sequence[Sight], album: Album) -> RawTrack:
    paths, confidence = np.zeros((len(sights), JOINTS, 5)), np.zeros((len(sights), JOINTS))
    for row, sight in enumerate(sights):
        if sight.reading is not None:
            paths[row] = np.concatenate([sight.reading.points, sight.reading.world], axis=1)
            confidence[row] = sight.reading.visibility
    return RawTrack(
        times=tuple(sight.time for sight in sights),
        paths=paths,
        confidence=confidence,
        seen=np.array([sight.reading is not None for sight in sights]),
        distances=np.array([sight.distance for sight in sights]),
        snapshots=tuple(sight.snapshot for sight in sights),
        album=album,
    )
