"""Sliders of a portrait: turns, smile, jaw, brows, lids and gaze, each constant or key-framed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from scipy.spatial.transform import Rotation

from stages.retargeting.edit_curve import Curve
from stages.retargeting.face_limits import SLIDER_MARGIN, Reals, keep_within
from stages.retargeting.face_model import FaceModel

Times = Sequence[Fraction]

_NOTHING, _AS_IT_IS = Curve.constant(0.0), Curve.constant(1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """A movement made larger or smaller, and moved: gain · movement + offset · range."""

    gain: Curve = _AS_IT_IS  # 0 takes the movement away, 1 leaves it
    offset: Curve = _NOTHING  # 1 goes from the least to the most that the target shows; lids: its usual opening

    def __post_init__(self) -> None:
        if any(key.value < 0 for key in self.gain.keys):
            raise ValueError(
                f"Slider.gain has the keys {self.gain.keys}, expected 0 or more. To go down use an offset."
            )

    @property
    def rests(self) -> bool:
        """Whether it changes nothing."""
        return self.gain.is_always(1.0) and self.offset.is_always(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEdits:
    """What is changed in a performance after the transfer, over time; nothing, unless said.

    Angles are added to the head's own, read as: yaw about the camera's upright axis, then pitch about the head's
    sideways axis, then roll about the axis out of the face.
    """

    yaw: Curve = _NOTHING  # degrees; positive: the nose goes to the right of the picture
    pitch: Curve = _NOTHING  # degrees; positive: the nose goes up
    roll: Curve = _NOTHING  # degrees; positive: clockwise, the top of the head goes to the right of the picture
    smile: Slider = field(default_factory=Slider)
    jaw: Slider = field(default_factory=Slider)  # a positive offset opens
    brows: Slider = field(default_factory=Slider)  # a positive offset raises
    lids: Slider = field(default_factory=Slider)  # a positive offset opens
    gaze_right: Curve = _NOTHING  # half eye widths; positive: to the right of the picture
    gaze_up: Curve = _NOTHING  # half eye widths; positive: up

    @property
    def turns(self) -> bool:
        """Whether the head is turned."""
        return not all(curve.is_always(0.0) for curve in (self.yaw, self.pitch, self.roll))

    @property
    def looks(self) -> bool:
        """Whether the gaze is moved."""
        return not all(curve.is_always(0.0) for curve in (self.gaze_right, self.gaze_up))


def turn_head(rotation: Reals, edits: FaceEdits, times: Times) -> Reals:
    """Add yaw, pitch and roll to rotation vectors (n, 3), radians; the very same numbers where nothing is added."""
    added = np.stack((edits.yaw.at(times), -edits.pitch.at(times), -edits.roll.at(times)), axis=1)
    angles = Rotation.from_rotvec(rotation).as_euler("YXZ", degrees=True)
    turned = Rotation.from_euler("YXZ", angles + added, degrees=True).as_rotvec()
    return np.where(added.any(axis=1, keepdims=True), turned, rotation)


def move_gaze(gaze: Reals, edits: FaceEdits, times: Times) -> Reals:
    """Add to where both eyes look, (n, 4): right u, v, left u, v; half eye widths."""
    right, up = edits.gaze_right.at(times), edits.gaze_up.at(times)
    return gaze + np.stack((right, up, right, up), axis=1)


def move_lids(lids: Reals, edits: FaceEdits, times: Times, model: FaceModel) -> Reals:
    """Open eyes farther, or less, (n, 2): gain · opening + offset · the target's usual opening; not below closed."""
    gain, offset = (curve.at(times)[:, None] for curve in (edits.lids.gain, edits.lids.offset))
    return np.maximum(gain * lids + offset * model.lids_open, np.minimum(lids, 0.0))


def slide_expression(expression: Reals, edits: FaceEdits, times: Times, model: FaceModel) -> tuple[Reals, Reals]:
    """Move jaw, smile and brows along the target's own directions, as far as the target was seen to go.

    Args:
        expression: (n, 468, 3), cm.
        edits: the sliders.
        times: of the n frames, seconds.
        model: the target's.

    Returns:
        the expressions (n, 468, 3), and by how much each frame was held back (n,), cm at the point that lost most.
    """
    excess = np.zeros(len(expression))
    sliders, known = (edits.jaw, edits.smile, edits.brows), model.sliders
    directions = (known.jaw, known.smile, known.brows)
    for slider, unit, low, high in zip(sliders, directions, known.low[:3], known.high[:3], strict=True):
        if slider.rests:
            continue
        direction = unit.astype(np.float64)
        part = np.tensordot(expression, direction, 2)[:, None]
        asked = slider.gain.at(times)[:, None] * part + slider.offset.at(times)[:, None] * (high - low)
        granted = keep_within(asked, part, low, high, SLIDER_MARGIN * float(high - low))
        expression = expression + np.tensordot(granted - part, direction[None], 1)
        reach = np.linalg.norm(direction, axis=1).max()
        excess = np.maximum(excess, np.abs(asked - granted)[:, 0] * reach)
    return expression, excess
