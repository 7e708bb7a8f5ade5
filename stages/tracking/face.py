"""track_face: one person's face in every frame of a clip, with the shoulders below it, filled, guarded and smoothed."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from pipeline.errors import TrackError
from pipeline.face_landmarks import FACE_POINTS
from pipeline.values import FaceTrack
from pipeline.video import frame_times, probe
from stages.tracking.face_choice import FaceChoice, parse_face_choice
from stages.tracking.face_follow import FaceNote, FaceSight, follow_face
from stages.tracking.face_irises import IrisSight
from stages.tracking.face_notes_file import load_notes, save_notes
from stages.tracking.face_repair import FaceRepairConfig, RawFaceTrack, repair_face
from stages.tracking.face_shoulders import SHOULDERS_EVERY, Shoulders
from stages.tracking.face_views import FaceView, NotedView, Notes, live_views, recalled_views
from stages.tracking.spans import Span, opencv_on_one_thread, spans_of_length

__all__ = ["FaceChoice", "FaceRepairConfig", "FaceTrackerConfig", "parse_face_choice", "track_face"]

# Both are multiples of SHOULDERS_EVERY, so that pieces look at shoulders where the whole clip does.
PIECE_FRAMES = 240  # that another machine tracks at a time
WARM_UP = 12  # frames that it begins early, to come upon the path of the piece before

UNCLEAR_IRIS = "nothing dark stands out between the lids"

log = logging.getLogger(__name__)

_Seen = tuple[FaceSight, Shoulders | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceTrackerConfig:
    """How a clip's face is tracked."""

    face: FaceChoice | None = None  # whom to follow; None: the only one, or the one that is clearly the largest
    repair: FaceRepairConfig = field(default_factory=FaceRepairConfig)


def track_face(
    path: Path,
    config: FaceTrackerConfig | None = None,
    *,
    progress: Callable[[int], None] | None = None,
    pieces: Sequence[Path] = (),
) -> FaceTrack:
    """Track one face through the whole clip; as many rows as the clip has frames.

    Args:
        path: the clip.
        progress: called after every frame with the number of frames seen so far.
        pieces: what `track_face_piece` wrote of each of the clip's `face_pieces_of`, in order; the track is the same to
            the bit.

    Raises:
        TrackError: no face in any frame; several about as large and no choice; fewer than the chosen index asks for.
        VideoError: the clip cannot be read.
    """
    config = config or FaceTrackerConfig()
    info = probe(path)
    seen: list[_Seen] = []
    views = recalled_views(path, (load_notes(piece) for piece in pieces)) if pieces else live_views(path)
    with opencv_on_one_thread(), closing(views), closing(_walk(views, config, path)) as sights:
        for count, sight in enumerate(sights, start=1):
            seen.append(sight)
            if progress is not None:
                progress(count)
    _report([sight for sight, _ in seen], path)
    _somebody(seen, path)
    return repair_face(_as_arrays(seen), info.width, info.height, config.repair)


def face_pieces_of(path: Path) -> list[Span]:
    """The spans of a clip that `track_face_piece` may track side by side, on any machines.

    Raises: VideoError: the clip cannot be read.
    """
    return spans_of_length(len(frame_times(path)), PIECE_FRAMES)


def track_face_piece(path: Path, span: Span, config: FaceTrackerConfig, output: Path) -> None:
    """Write to `output` (.npz) what the networks say of one of a clip's `face_pieces_of`, for `track_face`.

    Who is meant is known at the beginning of the clip only: elsewhere the face is guessed, by the same word where it is
    one that fits any frame. A wrong guess costs time, as `track_face` then looks again; it changes nothing.

    Raises: see `track_face`; that no face is seen is no error in a piece. StorageError: no room.
    """
    if span.start > 0 and (config.face is None or config.face.word == "index"):
        config = replace(config, face=FaceChoice())
    span_and_before = live_views(path, max(0, span.start - WARM_UP), span.stop)
    notes: list[Notes] = []

    def noted() -> Iterator[NotedView]:
        for live in span_and_before:
            view = NotedView.of(live)
            notes.append(view.notes)
            yield view

    with opencv_on_one_thread(), closing(span_and_before), closing(_walk(noted(), config, path)) as sights:
        for _ in sights:
            pass
    save_notes([one for one in notes if one.index >= span.start], output)


def _walk(views: Iterable[FaceView], config: FaceTrackerConfig, path: Path) -> Generator[_Seen, None, None]:
    wait = 0  # frames until the shoulders are looked at again
    cut = config.repair.cut_distance
    for view, sight in follow_face(views, config.face, cut_distance=cut, where=str(path)):
        shoulders = None
        wait = 0 if sight.distance > cut else max(wait - 1, 0)
        if sight.points is not None and wait == 0:
            shoulders = view.shoulders(sight.points)
            wait = SHOULDERS_EVERY
        yield sight, shoulders


def _report(sights: Sequence[FaceSight], path: Path) -> None:
    """Log as warnings what people should know, once for each stretch of frames."""
    for note, group in groupby(enumerate(sights), key=lambda one: one[1].note):
        indices = [index for index, _ in group]
        if note is not FaceNote.NOTHING:
            where = f"frame {indices[0]}" if len(indices) == 1 else f"frames {indices[0]}–{indices[-1]}"
            log.warning("%s, %s: %s", path.name, where, note.value)
    _report_irises(sights, path)


def _report_irises(sights: Sequence[FaceSight], path: Path) -> None:
    """Say for each eye in how many frames its iris is the network's guess though the lids are open."""
    irises = np.array([sight.irises for sight in sights if sight.irises is not None]).reshape(-1, 2)
    for name, unclear in zip(("right", "left"), (irises == IrisSight.UNCLEAR).sum(axis=0).tolist(), strict=True):
        if unclear:
            log.info("%s: %s iris guessed in %d of %d frames: %s", path.name, name, unclear, len(irises), UNCLEAR_IRIS)


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
