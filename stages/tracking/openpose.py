"""read_openpose_folder: a track from the JSON files that OpenPose wrote, one a frame, BODY_25 or COCO-18."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.limits import bounded_text
from pipeline.values import JOINTS, Track, VideoInfo
from pipeline.video import read_video
from stages.tracking.cuts import Signature, picture_signature, signature_distance
from stages.tracking.joints import torso_length
from stages.tracking.repair import RawTrack, RepairConfig, repair

# ours: OpenPose's. What is not listed (inner and outer eyes, mouth, and hands without hand files) has confidence 0.
_LIMBS = {12: 2, 14: 3, 16: 4, 11: 5, 13: 6, 15: 7}
_BODY_25 = {0: 0, **_LIMBS, 24: 9, 26: 10, 28: 11, 23: 12, 25: 13, 27: 14, 5: 15, 2: 16, 8: 17, 7: 18}
_FEET = {31: 19, 29: 21, 32: 22, 30: 24}
_COCO_18 = {0: 0, **_LIMBS, 24: 8, 26: 9, 28: 10, 23: 11, 25: 12, 27: 13, 5: 14, 2: 15, 8: 16, 7: 17}
_FORMATS = {25: {**_BODY_25, **_FEET}, 18: _COCO_18}
_HANDS = {"hand_left_keypoints_2d": {17: 17, 19: 5, 21: 3}, "hand_right_keypoints_2d": {18: 17, 20: 5, 22: 3}}
_FURTHEST = 1e6  # pixels from the picture's corner: what is further away is damage
_REACH = 1.0  # torso lengths a body may move from one frame to the next and still be taken for the same

Joints = NDArray[np.float64]  # (33, 3): x, y in pixels of the full frame, confidence 0 … 1


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """What only the clip itself knows."""

    times: tuple[Fraction, ...]
    distances: NDArray[np.float64]  # of each picture from the one before


def read_openpose_folder(folder: Path, info: VideoInfo, config: RepairConfig | None = None) -> Track:
    """One person's track from `folder`, repaired as our own tracks are.

    The largest person of the first frame that shows anybody is kept to; a frame where nobody is near enough is a gap.
    OpenPose knows no depth: `world` is 0 everywhere. Exact times and cuts are read from the clip at `info.path`.

    Args:
        folder: holds one *.json for each frame; sorted by name they are in order.
        info: of the clip that OpenPose was run on, at its full size.

    Raises:
        TrackError: no files, not as many as frames, a file of another form, or nobody in any of them.
        VideoError: the clip cannot be read.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise TrackError(folder, "there is no .json file", "OpenPose's output, one file a frame", "Check the folder.")
    pictures = _look_through(info.path)
    if len(files) != len(pictures.times):
        found = f"{len(files)} files for the {len(pictures.times)} frames of {info.path.name}"
        raise TrackError(folder, found, "one file a frame", "Run OpenPose on this very clip, on every frame.")
    joints = _keep_to_one([_read_people(file) for file in files])
    seen = np.array([one is not None for one in joints])
    if not seen.any():
        found = f"nobody in any of the {len(files)} files"
        raise TrackError(folder, found, "one person in the clip", "Check that OpenPose found people.")
    table = np.stack([np.zeros((JOINTS, 3)) if one is None else one for one in joints])
    paths = np.concatenate([table[..., :2], np.zeros((len(files), JOINTS, 3))], axis=-1)
    raw = RawTrack(pictures.times, paths, np.clip(table[..., 2], 0, 1), seen, pictures.distances)
    return repair(raw, info.width, info.height, config or RepairConfig())


def _look_through(path: Path) -> _Pictures:
    times: list[Fraction] = []
    distances: list[float] = []
    last: Signature | None = None
    with read_video(path) as video:
        for frame in video:
            signature = picture_signature(frame.image)
            distances.append(0.0 if last is None else signature_distance(last, signature))
            times.append(frame.time)
            last = signature
    return _Pictures(tuple(times), np.array(distances))


def _read_people(file: Path) -> list[Joints]:
    expected = "OpenPose's form: people, each with pose_keypoints_2d"
    try:
        people = json.loads(bounded_text(file))["people"]
        return [_joints(person, file) for person in people]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise TrackError(file, f"cannot be read as OpenPose's ({error!r})", expected, "Run OpenPose again.") from error


def _joints(person: dict[str, Any], file: Path) -> Joints:
    body = np.array(person["pose_keypoints_2d"], dtype=np.float64).reshape(-1, 3)
    if len(body) not in _FORMATS:
        remedy = "Run OpenPose with --model_pose BODY_25 or COCO."
        raise TrackError(file, f"a person has {len(body)} joints", "25 (BODY_25) or 18 (COCO)", remedy)
    joints = np.zeros((JOINTS, 3))
    _copy(joints, body, _FORMATS[len(body)])
    for name, mapping in _HANDS.items():
        hand = np.array(person.get(name, []), dtype=np.float64).reshape(-1, 3)
        if len(hand) == 21:
            _copy(joints, hand, mapping)
    if not (np.abs(joints) <= _FURTHEST).all():  # also where one is no number
        found = "a joint lies at no place of a picture"
        raise TrackError(file, found, f"numbers up to {_FURTHEST:g}", "Run OpenPose again.")
    return joints


def _copy(joints: Joints, theirs: Joints, mapping: dict[int, int]) -> None:
    joints[list(mapping.keys())] = theirs[list(mapping.values())]


def _keep_to_one(frames: Sequence[list[Joints]]) -> list[Joints | None]:
    """The largest at first, then whoever is nearest to where that one was, if near enough."""
    kept: list[Joints | None] = []
    last: Joints | None = None
    lost = 0
    for people in frames:
        one = _nearest(people, last, lost) if last is not None else max(people, key=_extent, default=None)
        lost = 0 if one is not None else lost + 1
        last = last if one is None else one
        kept.append(one)
    return kept


def _nearest(people: list[Joints], last: Joints, lost: int) -> Joints | None:
    nearest = min(people, key=lambda one: _apart(one, last), default=None)
    if nearest is None or _apart(nearest, last) > _REACH * (1 + lost) * float(torso_length(last[:, :2])):
        return None
    return nearest


def _apart(one: Joints, other: Joints) -> float:
    """Mean distance of the joints that both have, pixels; infinite where they share none."""
    both = (one[:, 2] > 0) & (other[:, 2] > 0)
    return float(np.hypot(*(one[both, :2] - other[both, :2]).T).mean()) if both.any() else float("inf")


def _extent(one: Joints) -> float:
    """Area of the box around the joints, square pixels."""
    points = one[one[:, 2] > 0, :2]
    return float(np.prod(np.ptp(points, axis=0))) if len(points) else 0.0
