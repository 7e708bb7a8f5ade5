"""track_pose: one performer's joints in every frame of a clip, filled, guarded and smoothed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.errors import TrackError
from pipeline.values import JOINTS, Track
from pipeline.video import frame_times, probe
from stages.tracking.album import Album
from stages.tracking.follow import Sight
from stages.tracking.people import Performer
from stages.tracking.repair import RawTrack, RepairConfig, repair
from stages.tracking.sights_file import load_sights, save_sights
from stages.tracking.spans import (
    Span,
    Walk,
    joined,
    opencv_on_one_thread,
    report,
    spans_of_length,
    track_spans,
    walk_early,
)

PIECE_FRAMES = 240  # that another machine tracks at a time; twelve more, to come upon the path of the piece before


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
    path: Path,
    config: TrackerConfig | None = None,
    *,
    progress: Callable[[int], None] | None = None,
    pieces: Sequence[Path] = (),
) -> Track:
    """Track one performer through the whole clip; as many poses as the clip has frames.

    Args:
        path: the clip.
        progress: called with the number of frames seen so far: after every frame, or, with several workers or pieces,
            after every span of frames.
        pieces: what `track_piece` wrote of each of the clip's `pieces_of`, in order; the track is the same to the bit.

    Raises:
        TrackError: nobody in any frame; or the performer was given by a point that lies on nobody.
        VideoError: the clip cannot be read.
    """
    config = config or TrackerConfig()
    info = probe(path)
    with Album() as album, opencv_on_one_thread():
        walk = _walk(path, config, album)
        if pieces:
            early = (load_sights(piece, album) for piece in pieces)
            sights = joined(walk, zip(pieces_of(path), early, strict=True), progress)
        else:
            sights = track_spans(walk, info.frames, config.workers, progress)
        report(sights, path)
        _somebody(sights, path)
        return repair(_as_arrays(sights, album), info.width, info.height, config.repair, config.workers)


def pieces_of(path: Path) -> list[Span]:
    """The spans of a clip that `track_piece` may track side by side, on any machines.

    Raises: VideoError: the clip cannot be read.
    """
    return spans_of_length(len(frame_times(path)), PIECE_FRAMES)


def track_piece(path: Path, span: Span, config: TrackerConfig, output: Path) -> None:
    """Write to `output` (.npz) what one of a clip's `pieces_of` shows: 13 kB a frame, for `track_pose`.

    Raises: see `track_pose`; that nobody is seen is no error in a piece. StorageError: no room.
    """
    with Album() as album, opencv_on_one_thread():
        save_sights(walk_early(_walk(path, config, album), span), album, output)


def _walk(path: Path, config: TrackerConfig, album: Album) -> Walk:
    return Walk(path, config.performer, config.repair.cut_distance, album)


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
