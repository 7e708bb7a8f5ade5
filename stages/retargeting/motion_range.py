"""range_of_motion: how far a face is seen to move in its clip, so that people hear before training what it lacks."""

from dataclasses import dataclass

import numpy as np

from stages.retargeting.face_model import FaceModel

LITTLE_TURN = 10.0  # degrees between the ends, below which a head can hardly be turned further
LITTLE_MOUTH = 0.15  # of the mouth's width: a closed and an open mouth differ by more in speech
CLOSED_LIDS = 0.45  # of the usual opening: a blink goes below it
LITTLE_GAZE = 0.2  # half eye widths

_Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionRange:
    """What the trained frames show, from the least to the greatest."""

    pitch: _Range  # degrees, positive looks down
    yaw: _Range  # degrees, positive looks to the picture's right
    roll: _Range  # degrees, positive leans to the picture's left
    mouth: _Range  # opening over the mouth's width
    lids: _Range  # opening over the usual one, of both eyes
    gaze_across: _Range  # half eye widths, positive to the picture's right
    gaze_up: _Range

    def lines(self) -> tuple[str, ...]:
        """The ranges in words, one line each."""
        return (
            f"turns from {_ends(self.yaw)} degrees to the sides, {_ends(self.pitch)} down, {_ends(self.roll)} leaning",
            f"opens the mouth from {self.mouth[0]:.0%} to {self.mouth[1]:.0%} of its width",
            f"opens the eyes from {self.lids[0]:.0%} to {self.lids[1]:.0%} of what is usual",
            f"looks from {_parts(self.gaze_across)} to the sides and {_parts(self.gaze_up)} up, in half eye widths",
        )

    def warnings(self) -> tuple[str, ...]:
        """What the clip shows too little of to be learnt, one line each; empty where nothing is missing."""
        lacks = (
            (_extent(self.yaw) < LITTLE_TURN, f"turns to the sides by only {_extent(self.yaw):.0f} degrees"),
            (_extent(self.pitch) < LITTLE_TURN, f"nods by only {_extent(self.pitch):.0f} degrees"),
            (_extent(self.mouth) < LITTLE_MOUTH, f"opens the mouth by only {_extent(self.mouth):.0%} of its width"),
            (self.lids[0] > CLOSED_LIDS, f"never closes the eyes: they stay {self.lids[0]:.0%} open"),
            (_extent(self.gaze_across) < LITTLE_GAZE, "hardly ever looks aside"),
        )
        return tuple(f"The target {lack}; what it never shows will look wrong." for is_so, lack in lacks if is_so)


def range_of_motion(model: FaceModel) -> MotionRange:
    """Put a model's ranges into units for people."""
    turns = zip(np.degrees(model.rotation_low), np.degrees(model.rotation_high), strict=True)
    pitch, yaw, roll = ((float(low), float(high)) for low, high in turns)
    return MotionRange(
        pitch=pitch,
        yaw=yaw,
        roll=roll,
        mouth=(model.mouth_low, model.mouth_high),
        lids=(float((model.lids_low / model.lids_open).min()), float((model.lids_high / model.lids_open).max())),
        gaze_across=(float(model.gaze_low[[0, 2]].min()), float(model.gaze_high[[0, 2]].max())),
        gaze_up=(float(model.gaze_low[[1, 3]].min()), float(model.gaze_high[[1, 3]].max())),
    )


def _extent(ends: _Range) -> float:
    return ends[1] - ends[0]


def _ends(ends: _Range) -> str:
    return f"{round(ends[0]):+d} to {round(ends[1]):+d}"


def _parts(ends: _Range) -> str:
    return f"{ends[0]:+.2f} to {ends[1]:+.2f}"
