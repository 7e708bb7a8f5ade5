"""repair: from what single frames showed to a track: cuts, exchanged limbs, outliers, looks, gaps, jitter, lengths."""

from dataclasses import dataclass, fields
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Track
from stages.tracking.album import Album, Snapshot
from stages.tracking.congeal import congeal
from stages.tracking.cuts import CUT_DISTANCE, find_cuts
from stages.tracking.gaps import fill_gaps, limit_outside, reject_outliers
from stages.tracking.limb_lengths import hold_lengths
from stages.tracking.smooth import smooth
from stages.tracking.swaps import Paths, guard_swaps


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairConfig:
    """How much of what is missing or shaky is made up for."""

    leeway: float = 0.02  # torso lengths: how far off the network usually is; 0 takes its word for it
    smoothing: float = 0.05  # seconds: standard deviation of the smoother's window; 0 leaves the joints as read
    limb_error: float = 0.08  # limb lengths: how far along a limb the network usually errs; 0 takes its word for it
    least_confidence: float = 0.3  # 0 … 1: joints below are filled from their neighbours in time where these are near
    longest_gap: int = 10  # frames without the performer that are interpolated at most
    longest_hold: int = 5  # frames before the first and after the last sight that repeat it at most
    cut_distance: float = CUT_DISTANCE  # 0 … 1: a picture with less colour in common with the last begins a new shot

    def __post_init__(self) -> None:
        for name in (entry.name for entry in fields(self)):
            if not getattr(self, name) >= 0:
                raise ValueError(f"RepairConfig.{name} is {getattr(self, name)}, expected 0 or more")


@dataclass(frozen=True, slots=True, eq=False)
class RawTrack:
    """What n single frames showed, before any repair."""

    times: tuple[Fraction, ...]  # n, seconds since the clip's first frame
    paths: Paths  # (n, 33, 5): x, y in pixels of the full frame; x, y, z in metres from the hips; 0 where not seen
    confidence: NDArray[np.float64]  # (n, 33): 0 unseen … 1 certain
    seen: NDArray[np.bool_]  # (n,): whether the performer was found in the frame
    distances: NDArray[np.float64]  # (n,): of each picture from the one before, see `signature_distance`
    snapshots: tuple[Snapshot | None, ...] = ()  # n, of the performer; none where only joints are known
    album: Album | None = None  # they lie in


def repair(raw: RawTrack, width: int, height: int, config: RepairConfig, workers: int = 1) -> Track:
    """A track with one status for every frame, of a clip of `width` x `height` pixels.

    Args:
        workers: threads that may work on it; the result does not depend on it.
    """
    seconds = np.array([float(time) for time in raw.times])
    shot = find_cuts(raw.distances, config.cut_distance)
    paths, confidence = guard_swaps(raw.paths, raw.confidence, raw.seen, shot)
    confidence = limit_outside(paths, confidence, width, height)
    confidence = reject_outliers(paths, confidence, raw.seen, shot)
    if raw.album is not None:
        paths = congeal(paths, confidence, raw.snapshots, raw.album, config.leeway, workers)
    paths, confidence, status = fill_gaps(
        paths,
        confidence,
        raw.seen,
        shot,
        seconds,
        least_confidence=config.least_confidence,
        longest_gap=config.longest_gap,
        longest_hold=config.longest_hold,
    )
    paths = smooth(paths, confidence, status, shot, seconds, config.smoothing)
    paths = hold_lengths(paths, confidence, status, shot, seconds, config.limb_error)
    return Track(
        width=width,
        height=height,
        times=raw.times,
        points=paths[..., :2].astype(np.float32),
        confidence=np.clip(confidence, 0, 1).astype(np.float32),
        world=paths[..., 2:].astype(np.float32),
        status=status,
        shot=shot,
    )
