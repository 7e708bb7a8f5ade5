"""check_footage: whether a clip will do as a target, finding by finding, each with what to do about it.

A finding is bad where training would refuse the clip; it warns where training runs and the likeness suffers.
"""

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from pipeline.values import Status, Track
from stages.training.clips import SHORTEST, trained_frames
from stages.training.picture_faults import PictureFaults, picture_faults
from stages.training.pose_coverage import SECTORS, PoseCoverage, pose_coverage, seen_frames

ENOUGH_SECONDS = 60.0  # of the person in sight: the papers film minutes; a quarter of one does for a draft
SEEN_SHARE = 0.95  # of the frames: of others nothing is learnt, and gaps end the pairs that motion is learnt from
WHOLE_SHARE = 0.8  # of the frames: feet that are seldom seen are painted as a blur
LEAST_HEIGHT = 240  # pixels: what the smallest preset paints of a body; below, the film itself is the limit
ARM_SECTORS = 5  # of 12: four dances, two of them real, showed 6 to 8; arms that only hang show 1
LEG_DEGREES = 10.0  # the same four showed 19 to 28; standing still shows none
TURN_DEGREES = 20.0  # the same four showed 17, strictly frontal, to 42
SOFTNESS = 0.55  # sharp, the same four had 0.28 to 0.46; blurred by 2 pixels (sigma) of 640 rows, 0.53 to 0.72
SMEARED_SHARE = 0.25  # of the samples
CAMERA_SPEED = 0.003  # of the width a second; on a tripod below 0.0001, held in the hand 0.009
CAMERA_DRIFT = 0.004  # of the width: two pixels of 512, which shows as a smeared background; held in the hand 0.012
CUT_OFF_SHARE = 0.1  # of the person's pixels


class Verdict(Enum):
    """What a finding means for training."""

    OK = "ok"
    WARN = "warn"  # it runs, and the likeness suffers
    BAD = "bad"  # it cannot be trained on


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was measured of a clip."""

    name: str
    measured: float  # NaN where it could not be told
    found: str  # the same in words, with its unit
    limit: str  # what to reach, in words
    verdict: Verdict
    advice: str  # what to do; empty where all is well


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """Whether a clip will do as a target."""

    frames: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def trainable(self) -> bool:
        """Whether training would take the clip at all."""
        return all(finding.verdict is not Verdict.BAD for finding in self.findings)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is not as it should be."""
        return tuple(finding for finding in self.findings if finding.verdict is not Verdict.OK)


def check_footage(video: Path, track: Track) -> Footage:
    """Measure a clip with its track; some samples of it are decoded, however long it is.

    Raises:
        VideoError: the clip cannot be read.
        TrackError: the track is not its own.
    """
    present = seen_frames(track)
    seconds = _seconds(track)
    findings = [_seen_long_enough(track), _in_a_row(track), *_continuity(track)]
    if present.any():
        findings += judge_poses(pose_coverage(track))
    if len(track) > 1 and present.any():
        findings += judge_pictures(picture_faults(video, track))
    return Footage(frames=len(track), seconds=seconds, findings=tuple(findings))


def judge_poses(seen: PoseCoverage) -> list[Finding]:
    """What a body's size and motion mean for training."""
    return [
        _finding(
            "size of the person",
            seen.height_pixels,
            f"{seen.height_pixels:.0f} pixels high, {percent(seen.height_share)} of the picture",
            f"{LEAST_HEIGHT} pixels or more",
            seen.height_pixels >= LEAST_HEIGHT,
            "Go nearer, hold the camera upright, or film at a higher resolution.",
        ),
        _finding(
            "whole body",
            seen.whole_share,
            f"shoulders to feet in {percent(seen.whole_share)} of the frames",
            f"{percent(WHOLE_SHARE)} or more",
            seen.whole_share >= WHOLE_SHARE,
            "Film from head to feet with some room around.",
        ),
        _finding(
            "arms",
            seen.arm_sectors,
            f"seen in {seen.arm_sectors} of {SECTORS} directions, the arm that moved less",
            f"{ARM_SECTORS} or more",
            seen.arm_sectors >= ARM_SECTORS,
            "Let both arms go up, out, across the body and down.",
        ),
        _finding(
            "legs",
            seen.leg_degrees,
            f"swung over {seen.leg_degrees:.0f} degrees",
            f"{LEG_DEGREES:.0f} degrees or more",
            seen.leg_degrees >= LEG_DEGREES,
            "Step to both sides, lift the knees.",
        ),
        _finding(
            "turns",
            seen.turn_degrees,
            f"over {seen.turn_degrees:.0f} degrees, {percent(seen.behind_share)} of the frames from behind",
            f"{TURN_DEGREES:.0f} degrees or more",
            seen.turn_degrees >= TURN_DEGREES,
            "Turn to both sides; a performance that turns further than this cannot be painted.",
        ),
    ]


def judge_pictures(faults: PictureFaults) -> list[Finding]:
    """What sharpness, camera and light mean for training."""
    return [
        _finding(
            "sharpness",
            faults.softness,
            f"softness {faults.softness:.2f}",
            f"{SOFTNESS} or less",
            not faults.softness > SOFTNESS,
            "Clean the lens, focus on the person and lock the focus.",
        ),
        _finding(
            "motion blur",
            faults.smeared_share,
            f"{percent(faults.smeared_share)} of the samples much softer than the sharpest",
            f"{percent(SMEARED_SHARE)} or less",
            not faults.smeared_share > SMEARED_SHARE,
            "Use more light or a shorter exposure.",
        ),
        _camera(faults),
        _finding(
            "light",
            faults.cut_off_share,
            f"{percent(faults.cut_off_share)} of the person without shades, wholly black or white",
            f"{percent(CUT_OFF_SHARE)} or less",
            not faults.cut_off_share > CUT_OFF_SHARE,
            "Change the exposure or the clothes: what has no shades has no folds.",
        ),
    ]


def _camera(faults: PictureFaults) -> Finding:
    """Whether the camera stands still; a plain wall has no corners to tell by, and nothing that could smear."""
    speed, drift = faults.camera_speed, faults.camera_drift
    limit = f"{percent(CAMERA_SPEED, 1)} a second and {percent(CAMERA_DRIFT, 1)} in all, or less"
    if math.isnan(speed):
        return _finding("camera", math.nan, "cannot be told: the background is plain", limit, True, "")
    found = "another view from sample to sample" if math.isinf(max(speed, drift)) else _pace(speed, drift)
    still = not (speed > CAMERA_SPEED or drift > CAMERA_DRIFT)
    return _finding(
        "camera", speed, found, limit, still, "Put the camera on a tripod: the background is taken from it."
    )


def _pace(speed: float, drift: float) -> str:
    return f"background moves by {percent(speed, 1)} of the width a second, {percent(drift, 1)} in all"


def _seen_long_enough(track: Track) -> Finding:
    """Training refuses fewer than 48 frames, and wants a minute."""
    present = seen_frames(track)
    count, seconds = int(present.sum()), float(present.mean()) * _seconds(track)
    found = f"{count} frames with the person, {seconds:.1f} seconds"
    limit = f"{ENOUGH_SECONDS:.0f} seconds or more; {SHORTEST} frames at the least"
    verdict = Verdict.OK if seconds >= ENOUGH_SECONDS else Verdict.WARN
    return Finding(
        name="length",
        measured=seconds,
        found=found,
        limit=limit,
        verdict=Verdict.BAD if count < SHORTEST else verdict,
        advice="" if verdict is Verdict.OK else "Film for a minute or more, in one take.",
    )


def _in_a_row(track: Track) -> Finding:
    """Training learns from frames that follow each other; of none there is nothing to learn."""
    present = seen_frames(track)[: trained_frames(len(track))]
    shot = track.shot[: len(present)]
    follows = present[1:] & present[:-1] & (np.diff(shot) == 0)
    share = float(follows.mean()) if len(follows) else 0.0
    return Finding(
        name="frames in a row",
        measured=share,
        found=f"{percent(share)} of the frames follow one that shows the person",
        limit=f"{percent(SEEN_SHARE)} or more",
        verdict=Verdict.BAD if not share else Verdict.OK if share >= SEEN_SHARE else Verdict.WARN,
        advice="" if share >= SEEN_SHARE else "Film one continuous take in which the person stays in the picture.",
    )


def _continuity(track: Track) -> list[Finding]:
    counts = {status: float((track.status == status).mean()) for status in Status}
    seen = counts[Status.TRACKED] + counts[Status.INTERPOLATED]
    cuts = int(track.shot.max()) if len(track) else 0
    words = ", ".join(f"{percent(share)} {status.name.lower()}" for status, share in counts.items())
    return [
        _finding(
            "detection",
            seen,
            words,
            f"{percent(SEEN_SHARE)} tracked or interpolated",
            seen >= SEEN_SHARE,
            "Light the person well, against another colour; nobody and nothing may pass in front.",
        ),
        _finding("cuts", cuts, f"{cuts}", "0", not cuts, "Cut the clip to its longest take."),
    ]


def _finding(name: str, measured: float, found: str, limit: str, fine: bool, advice: str) -> Finding:
    return Finding(
        name=name,
        measured=measured,
        found="cannot be told" if math.isnan(measured) and not found.startswith("cannot") else found,
        limit=limit,
        verdict=Verdict.OK if fine else Verdict.WARN,
        advice="" if fine else advice,
    )


def percent(share: float, digits: int = 0) -> str:
    """A share for people."""
    return f"{100 * share:.{digits}f} %"


def _seconds(track: Track) -> float:
    """From the first frame to the end of the last."""
    span = float(track.times[-1] - track.times[0])
    return span * len(track) / max(len(track) - 1, 1)
