"""register_heads: where a head is in every frame of a clip, read in the pictures instead of the tracker's points.

A tracker's mesh floats on the skin, sees four fifths of a turn, and takes a grimace for a nod. Skull, hair and nose in
the pictures know better: they are laid onto each other by turning and shifting the head alone.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.values import FaceTrack, Status
from stages.retargeting.face_identity import measure_identity
from stages.retargeting.face_pictures import HeadPictures, head_pictures
from stages.retargeting.face_registration import Looks, Registered, register
from stages.retargeting.face_surface import HeadSurface
from stages.retargeting.head_frame import leaning, leant, settled
from stages.retargeting.head_pose import PlacedHeads, pose_heads
from stages.retargeting.metric_camera import MetricCamera

LEARNERS = 64  # frames at most, spread evenly, that tell what the head looks like
PASSES = 24  # over them; the first finds out what the head looks like
STEADY_PASSES = 2  # … of them, before the surface's shape is asked about
FACE_PASSES = 12  # … with the face alone, which tells how the head leans
STEPS = 10  # of a frame at most, from where the learners around it lie
REST = 0.02  # cm: a head that a step moves by less has found its place
REACH = 10.0  # cm: so far from its origin a head's turns count
SURROUNDED = 1.8  # heights of the face that a picture shows
BEFORE = 3.0  # cm: the pictures' middle lies so far before the shell's
ALIKE = 0.6  # likeness below which a frame is covered, or turned away too far to tell
FARTHEST = np.radians(20.0)  # that a head is turned from where the tracker has it; more is an error of the registration

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]


def register_heads(
    clip: Path, track: FaceTrack, triangles: NDArray[np.int32], *, trained: int | None = None
) -> PlacedHeads:
    """Find the head's pose in every frame; where pictures do not tell, the tracker's, moved as neighbours are.

    Distances and the origin are settled as for every head, whoever told the poses: see `settled`.

    Args:
        clip: the one that was tracked.
        track: of its face.
        triangles: (t, 3) counter-clockwise from outside, eyes and mouth filled.
        trained: frames from here on are kept for testing: they find their poses, and teach nothing.

    Raises:
        TrackError: see `measure_identity`; the clip is not the one of the track.
        VideoError, FrameError: the clip cannot be read.
    """
    camera = MetricCamera(track.width, track.height)
    seen = track.status == Status.TRACKED
    told = seen & (np.arange(len(track)) < (len(track) if trained is None else trained))
    neutral = measure_identity(camera.lift(track.points[told])).astype(np.float32)
    own = pose_heads(camera.lift(track.points), neutral)
    start = _filled(own.rotation, own.translation, track.status != Status.MISSING)
    surface = HeadSurface.around(neutral, triangles)
    middles = surface.middle + np.array((0, 0, BEFORE))
    places = camera.project(np.einsum("nij,j->ni", start.rotation, middles) + start.translation)
    height = SURROUNDED * float(np.ptp(neutral[:, 1]))
    with head_pictures(clip, camera, places[:, :2], height * camera.focal / places[:, 2]) as pictures:
        learned = _learn(pictures, start, surface, _spread(np.flatnonzero(told)))
        found = _lay(pictures, start, learned, track)
    turned = Rotation.from_matrix(found.heads.rotation @ start.rotation.transpose(0, 2, 1))
    sure = seen & (found.likeness > ALIKE) & (turned.magnitude() < FARTHEST)
    usual = sure & told
    if np.median(found.likeness[told]) <= learned.likeness_before or not usual.any():
        log.info("%s: its pictures do not tell better where the head is; the tracker's poses are kept", clip.name)
        return settled(start, camera, track.points, neutral, told)
    laid = leant(_upright(found.heads, start, usual), learned.leaning, usual)
    return _between(start, settled(laid, camera, track.points, neutral, usual), sure, track)


def _filled(rotation: Floats, translation: Floats, there: NDArray[np.bool_]) -> PlacedHeads:
    """The heads, and where there is none the nearest earlier one, or the first."""
    last = np.maximum.accumulate(np.where(there, np.arange(len(there)), -1))
    last[last < 0] = np.argmax(there)
    return PlacedHeads(rotation[last], translation[last])


def _spread(frames: NDArray[np.intp]) -> NDArray[np.intp]:
    chosen = np.linspace(0, len(frames) - 1, min(LEARNERS, len(frames))).round()
    return frames[chosen.astype(np.intp)]


@dataclass(frozen=True, slots=True, eq=False)
class _Learned:
    """What some frames tell of a head."""

    frames: NDArray[np.intp]  # (m,)
    heads: PlacedHeads  # m
    surface: HeadSurface
    looks: Looks
    sure: NDArray[np.bool_]  # (m,): who are alike enough for their poses to be believed
    leaning: float  # that the face alone tells of, see `leaning`
    likeness_before: float  # usual one, while the tracker's poses said what they look like together


def _learn(pictures: HeadPictures, start: PlacedHeads, surface: HeadSurface, frames: NDArray[np.intp]) -> _Learned:
    found = _together(pictures, frames, start.at(frames), surface, PASSES)
    sure = found.likeness[-1] > ALIKE
    by_face = _together(pictures, frames, found.heads, surface.face_alone(), FACE_PASSES).heads
    lean = leaning(found.heads.at(sure), by_face.at(sure)) if sure.any() else 0.0
    return _Learned(frames, found.heads, found.surface, found.looks, sure, lean, float(np.median(found.likeness[0])))


@dataclass(frozen=True, slots=True, eq=False)
class _Together:
    """What passes over some frames found."""

    heads: PlacedHeads
    surface: HeadSurface
    looks: Looks
    likeness: list[Floats]  # of every pass but the first


def _together(
    pictures: HeadPictures, frames: NDArray[np.intp], start: PlacedHeads, surface: HeadSurface, passes: int
) -> _Together:
    """Poses, looks and shape, each by the others in turn."""
    first, likeness = surface, []
    found, tally = register(pictures, frames, start, surface, None)
    for number in range(1, passes):
        looks = tally.looks(surface)
        if number > STEADY_PASSES:
            surface = tally.reshaped(surface, first)
        found, tally = register(pictures, frames, found.heads, surface, looks)
        likeness.append(found.likeness)
    return _Together(found.heads, surface, tally.looks(surface), likeness)


def _lay(pictures: HeadPictures, start: PlacedHeads, learned: _Learned, track: FaceTrack) -> Registered:
    """Every head onto the looks, from where the learners around it lie."""
    frames, known = np.arange(len(track)), np.zeros(len(track), np.bool_)
    known[learned.frames] = learned.sure
    rotation, translation = start.rotation.copy(), start.translation.copy()
    rotation[learned.frames], translation[learned.frames] = learned.heads.rotation, learned.heads.translation
    heads, likeness = _between(start, PlacedHeads(rotation, translation), known, track), np.zeros(len(track))
    for _ in range(STEPS):
        before = heads.at(frames)
        found, _ = register(pictures, frames, before, learned.surface, learned.looks)
        likeness[frames] = found.likeness
        heads.rotation[frames], heads.translation[frames] = found.heads.rotation, found.heads.translation
        frames = frames[_moved(before, found.heads) > REST]
        if not len(frames):
            break
    return Registered(heads, likeness)


def _moved(before: PlacedHeads, after: PlacedHeads) -> Floats:
    """How far each head went, cm."""
    turned = Rotation.from_matrix(after.rotation @ before.rotation.transpose(0, 2, 1)).magnitude()
    return np.asarray(REACH * turned + np.linalg.norm(after.translation - before.translation, axis=1))


def _upright(heads: PlacedHeads, start: PlacedHeads, frames: NDArray[np.bool_]) -> PlacedHeads:
    """The same heads about the origin and the axes that they had at the start, on average over `frames`."""
    inverse = heads.rotation[frames].transpose(0, 2, 1)
    axes = Rotation.from_matrix(inverse @ start.rotation[frames]).mean().as_matrix()
    away = np.einsum("nij,nj->ni", inverse, start.translation[frames] - heads.translation[frames])
    return PlacedHeads(heads.rotation @ axes, heads.translation + heads.rotation @ np.median(away, axis=0))


def _between(start: PlacedHeads, heads: PlacedHeads, sure: NDArray[np.bool_], track: FaceTrack) -> PlacedHeads:
    """In frames that are not sure, the tracker's heads moved as far as the nearest sure ones of their shot are."""
    turns = Rotation.from_matrix(heads.rotation @ start.rotation.transpose(0, 2, 1)).as_rotvec()
    moves = np.concatenate((turns, heads.translation - start.translation), axis=1)
    seconds = np.array([float(time) for time in track.times])
    for number in np.unique(track.shot):
        shot = track.shot == number
        known = shot & sure
        for column in range(moves.shape[1]):
            moves[shot, column] = np.interp(seconds[shot], seconds[known], moves[known, column]) if known.any() else 0
    rotation = Rotation.from_rotvec(moves[:, :3]).as_matrix() @ start.rotation
    return PlacedHeads(rotation, start.translation + moves[:, 3:])
