"""What retargeting must know of a person in a clip: place, size, floor and bone lengths. Part of the model folder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TrackError
from pipeline.values import Status, Track
from stages.retargeting.floor import lowest_ankle, standing_frames
from stages.retargeting.skeleton import (
    ANKLES,
    HIPS,
    LEFT_LEG,
    NOSE,
    RIGHT_LEG,
    SHOULDERS,
    UPPER_ARMS,
    Bone,
    Reals,
    bone_samples,
    middle,
    seen,
)

ENOUGH = 0.3  # of the tracked frames must show a part of the body before it is measured
FAR_SHARE = 0.7  # EDN's alpha: the far end is sought within this share of the way from the median to the near end
END_BAND = 0.05  # of the range: frames this near to an end tell the height there
FULL_LENGTH = (0.5, 0.95)  # quantiles between which a bone's projections are averaged: shorter ones point away from
# the picture's plane, longer ones are jitter; one quantile alone takes much of its value from the jitter
USUAL_LENGTH = (0.25, 0.75)  # the same in space, where every sight shows the whole length
STILL = 0.02  # squared lengths of the upper arm: arms that move less do not tell what shoulders do when they move
UPRIGHT = 0.9  # quantile of the heights: a median would take somebody who crouches a lot for a small person
FLAT_PIXELS, FLAT_SHARE = 5.0, 0.03  # a range below either (pixels, of the body height) is stepping, not walking


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorRange:
    """How near to the camera and how far from it a person comes: rows of the lower ankle and heights there, pixels."""

    close: float  # row of the lower ankle nearest to the camera
    far: float  # … and farthest from it, above it in the picture
    usual: float  # median
    h_close: float  # height, nose to between the ankles, at `close`
    h_far: float

    @property
    def flat(self) -> bool:
        """Whether the person keeps one distance: then both ends carry the usual height."""
        return self.h_close == self.h_far

    def height_at(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """The height of somebody who stands on `row`, at most a quarter of the range beyond its ends; pixels."""
        if self.flat:
            return np.full(np.shape(row), self.h_close)
        depth = np.clip((row - self.far) / (self.close - self.far), -0.25, 1.25)
        return np.asarray(self.h_far + depth * (self.h_close - self.h_far))

    def nearness(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much somebody who stands on `row` appears larger than at the usual distance."""
        return self.height_at(row) / self.height_at(np.asarray(self.usual))


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyStatistics:
    """One person in one clip, in plain numbers: survives JSON, lies in the model folder as `statistics`."""

    width: int  # of the clip, pixels
    height: int
    frames: int  # in which the person was tracked
    centre_x: float  # usual column of the hips (of the shoulders where hips are unseen), pixels
    shoulder_x: float  # usual place of the middle of the shoulders, pixels
    shoulder_y: float
    body_height: float | None  # nose to between the ankles, upright at the usual distance, pixels; None: feet unseen
    floor: FloorRange | None  # None where feet are unseen
    bones: tuple[
        float | None, ...
    ]  # (11,) in the order of `Bone`: full projected lengths at the usual distance, pixels
    world_bones: tuple[float | None, ...]  # (11,) medians, metres; None where never seen
    knees: tuple[float | None, float | None] = (None, None)  # left, right: usual way to the right of the middle between
    # hip and ankle, at the usual distance, pixels; None: never seen
    shoulders_follow: float | None = None  # pixels at the usual distance that a shoulder lies nearer to where its arm
    # points, for an upper arm in the picture's plane; None: never seen

    def __post_init__(self) -> None:
        if len(self.bones) != len(Bone) or len(self.world_bones) != len(Bone):
            raise ValueError(
                f"BodyStatistics has {len(self.bones)} and {len(self.world_bones)} bones, expected {len(Bone)} each: "
                "measure the body again with this version."
            )
        lengths = [length for length in (self.body_height, *self.bones, *self.world_bones) if length is not None]
        if not all(0 < length < float("inf") for length in lengths):
            raise ValueError(f"BodyStatistics has lengths {lengths}, expected numbers above 0.")


def measure_body(track: Track) -> BodyStatistics:
    """Measure a person over all tracked frames of a clip.

    Raises:
        TrackError: shoulders are seen in less than 30 % of the tracked frames, or nobody is tracked.
    Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.3 and its published program, with quantiles for extremes.
    """
    tracked = np.flatnonzero(track.status == Status.TRACKED)
    points, confidence = track.points[tracked].astype(np.float64), track.confidence[tracked]
    shoulders = seen(confidence, SHOULDERS)
    if not _enough(shoulders):
        raise TrackError(
            "the clip's track",
            f"shoulders are seen in {int(shoulders.sum())} of {len(track)} frames",
            f"at least {ENOUGH:.0%} of the tracked frames",
            "Film the person so that shoulders and head are in view.",
        )
    hips = seen(confidence, HIPS)
    centre = middle(points, HIPS)[hips] if _enough(hips) else middle(points, SHOULDERS)[shoulders]
    body_height, floor = _measure_floor(track, tracked)
    distance = np.ones(tracked.size) if floor is None else _nearness(points, confidence, floor)
    place = np.median(middle(points, SHOULDERS)[shoulders], axis=0)
    return BodyStatistics(
        width=track.width,
        height=track.height,
        frames=tracked.size,
        centre_x=float(np.median(centre[:, 0])),
        shoulder_x=float(place[0]),
        shoulder_y=float(place[1]),
        body_height=body_height,
        floor=floor,
        bones=tuple(_length(points / distance[:, None, None], confidence, bone, FULL_LENGTH) for bone in Bone),
        world_bones=tuple(_length(track.world[tracked], confidence, bone, USUAL_LENGTH) for bone in Bone),
        knees=(_beside(points, confidence, LEFT_LEG, distance), _beside(points, confidence, RIGHT_LEG, distance)),
        shoulders_follow=_following(points / distance[:, None, None], confidence),
    )


def _enough(visible: NDArray[np.bool_]) -> bool:
    return bool(visible.size and visible.mean() >= ENOUGH)


def _length(points: Reals, confidence: Reals, bone: Bone, share: tuple[float, float]) -> float | None:
    """The mean between two quantiles of what is seen of a bone; None where that is too seldom or it has no extent."""
    lengths, visible = bone_samples(points, confidence, bone)
    if not _enough(visible.any(axis=1)):
        return None
    known = np.sort(lengths[visible])
    low, high = (round(quantile * (known.size - 1)) for quantile in share)
    return float(known[low : high + 1].mean()) or None


def _beside(points: Reals, confidence: Reals, leg: tuple[int, int, int], distance: NDArray[np.float64]) -> float | None:
    """How far to the right of the middle between hip and ankle a knee usually is; None: that is seen too seldom."""
    visible = seen(confidence, leg)
    if not _enough(visible):
        return None
    hip, knee, ankle = (points[visible, joint, 0] / distance[visible] for joint in leg)
    return float(np.median(knee - (hip + ankle) / 2))


def _following(points: Reals, confidence: Reals) -> float | None:
    """How far shoulders move in the trunk towards their elbows, by least squares over both sides; None: seldom seen."""
    length = _length(points, confidence, Bone.UPPER_ARM, FULL_LENGTH)
    visible = seen(confidence, (*HIPS, *UPPER_ARMS[0], *UPPER_ARMS[1]))
    if length is None or not _enough(visible):
        return None
    pose = points[visible].astype(np.float64)
    hips = middle(pose, HIPS)
    up = middle(pose, SHOULDERS) - hips
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
    axes = np.stack((up, np.stack((-up[:, 1], up[:, 0]), axis=1)), axis=1)  # of the trunk
    energy = product = 0.0
    for shoulder, elbow in UPPER_ARMS:
        place, arm = (
            np.einsum("nij,nj->ni", axes, way) for way in (pose[:, shoulder] - hips, pose[:, elbow] - pose[:, shoulder])
        )
        arm = (arm - arm.mean(axis=0)) / length
        energy += float(np.square(arm).sum())
        product += float((arm * (place - place.mean(axis=0))).sum())
    return product / energy if energy > STILL * np.count_nonzero(visible) else None


def _nearness(points: NDArray[np.float64], confidence: Reals, floor: FloorRange) -> NDArray[np.float64]:
    """By how much the person appears larger than at the usual distance, (n,); 1 where ankles are unseen."""
    return np.where(seen(confidence, ANKLES), floor.nearness(lowest_ankle(points)), 1.0)


def _measure_floor(track: Track, tracked: NDArray[np.intp]) -> tuple[float | None, FloorRange | None]:
    """The upright height and the floor's range, from frames that show the nose and both ankles on the floor."""
    whole = seen(track.confidence, (NOSE, *ANKLES))
    if not _enough(whole[tracked]):
        return None, None
    heights = np.linalg.norm(track.points[:, NOSE].astype(np.float64) - middle(track.points, ANKLES), axis=1)
    usable = whole & (track.status == Status.TRACKED)
    usable &= standing_frames(track, float(np.quantile(heights[usable], UPRIGHT)))
    if not usable.any():
        return None, None
    rows, heights = lowest_ankle(track.points)[usable], heights[usable]
    floor = _floor_range(rows, heights)
    return float(np.quantile(heights / floor.nearness(rows), UPRIGHT)), floor


def _floor_range(rows: NDArray[np.float64], heights: NDArray[np.float64]) -> FloorRange:
    """EDN's close and far with the heights there, extremes taken as 98 % quantiles."""
    body_height = float(np.quantile(heights, UPRIGHT))
    close, usual = (float(value) for value in np.quantile(rows, (0.98, 0.5)))
    rises = usual - rows
    rises = rises[(rises > 0) & (rises < FAR_SHARE * (close - usual))]
    far = usual - float(np.quantile(rises, 0.98)) if rises.size else usual
    if close - far < max(FLAT_PIXELS, FLAT_SHARE * body_height):
        return FloorRange(close=close, far=far, usual=usual, h_close=body_height, h_far=body_height)
    band = END_BAND * (close - far)
    h_close, h_far = _height_near(close, rows, heights, band), _height_near(far, rows, heights, band)
    tallest = float(np.quantile(heights, 0.98))
    if tallest - h_close > 0.1 * tallest:  # nobody stands upright at the near end
        h_close = tallest
    if h_close <= h_far:  # what moved the feet in the picture was not distance
        h_close = h_far = body_height
    return FloorRange(close=close, far=far, usual=usual, h_close=h_close, h_far=h_far)


def _height_near(row: float, rows: NDArray[np.float64], heights: NDArray[np.float64], band: float) -> float:
    """The height of a person who stands upright on `row`, or on the nearest row there is."""
    away = np.abs(rows - row)
    return float(np.quantile(heights[away <= max(band, float(away.min()))], 0.98))
