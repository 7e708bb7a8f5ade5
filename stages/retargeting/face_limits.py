"""Keeps a borrowed performance inside what the target's network saw in training, softly, and says where it had to."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.retargeting.face_model import FaceModel

Reals = NDArray[np.float64]
Bound = NDArray[np.floating[Any]] | np.floating[Any]

# How far beyond the range seen in training a value may come, the more slowly the farther.
ROTATION_MARGIN = np.radians(3.0)
TRANSLATION_MARGIN = 1.0  # cm
EXPRESSION_MARGIN = 0.5  # of a coefficient's standard deviation
SLIDER_MARGIN = 0.1  # of a slider's range
GAZE_MARGIN = 0.05  # half eye widths
LIDS_MARGIN = 0.02  # of the eye's width

# From here on holding a value back shows in the film, and counts. Some small coefficient of an expression leaves its
# range in almost every frame by nothing that anybody could see.
ROTATION_SHOWS = np.radians(1.0)
TRANSLATION_SHOWS = 0.25  # cm
EXPRESSION_SHOWS = 0.1  # cm, at the point of the skin that is moved most
GAZE_SHOWS = 0.05
LIDS_SHOWS = 0.02

LEAST_MARGIN = 1e-6  # where nothing ever moved there is no margin to divide by


def keep_within(wanted: Reals, own: Reals, low: Bound, high: Bound, margin: float | Reals) -> Reals:
    """Bring values back into their range, softly: identity inside, at most `margin` outside, with one slope at the rim.

    x beyond high becomes high + margin·tanh((x - high) / margin), below low likewise. What the target does itself in a
    frame is in its range there, whatever the range says: its own performance comes back bit for bit.

    Args:
        wanted: (n, d).
        own: (n, d) the target's own values in these frames.
        low: (d,), or one for all: least value seen in training.
        high: (d,) greatest.
        margin: one, or (d,), in the values' unit.
    """
    soft = np.maximum(margin, LEAST_MARGIN)
    least, most = np.minimum(low, own), np.maximum(high, own)
    above, below = (wanted - most) / soft, (wanted - least) / soft
    limited = np.where(wanted > most, most + soft * np.tanh(above), wanted)
    return np.asarray(np.where(wanted < least, least + soft * np.tanh(below), limited))


@dataclass(frozen=True, slots=True, eq=False)
class Excess:
    """By how much each frame was held back, in size: wanted less granted."""

    rotation: Reals  # (n, 3): pitch, yaw, roll, radians
    translation: Reals  # (n, 3): cm
    expression: Reals  # (n,): cm, at the point of the skin that lost most
    gaze: Reals  # (n, 4): half eye widths
    lids: Reals  # (n, 2): of the eye's width


@dataclass(frozen=True, slots=True, kw_only=True)
class ClampedShares:
    """In which share of the frames with a face each part was held back by as much as shows, 0 … 1."""

    pose: float
    expression: float
    gaze: float
    lids: float


@dataclass(frozen=True, slots=True, eq=False)
class Clamping:
    """What being kept in range did to a performance."""

    shares: ClampedShares
    frames: NDArray[np.bool_]  # (n,): any part held back by as much as shows
    lines: tuple[str, ...]  # one for every part that was


def limit_rotation(wanted: Reals, own: Reals, model: FaceModel) -> Reals:
    """Keep rotation vectors (n, 3) in the trained range, axis by axis: pitch, yaw, roll; radians."""
    return keep_within(wanted, own, model.rotation_low, model.rotation_high, ROTATION_MARGIN)


def limit_translation(wanted: Reals, own: Reals, model: FaceModel) -> Reals:
    """Keep places of the head (n, 3) in the trained range; cm."""
    return keep_within(wanted, own, model.translation_low, model.translation_high, TRANSLATION_MARGIN)


def limit_coefficients(wanted: Reals, own: Reals, model: FaceModel) -> Reals:
    """Keep coefficients of expressions (n, k) in the trained range; cm."""
    margin = EXPRESSION_MARGIN * model.expression_scale.astype(np.float64)
    return keep_within(wanted, own, model.expression_low, model.expression_high, margin)


def limit_gaze(wanted: Reals, own: Reals, model: FaceModel) -> Reals:
    """Keep gaze (n, 4) between the 1 % and the 99 % quantile of training; half eye widths."""
    return keep_within(wanted, own, model.gaze_low, model.gaze_high, GAZE_MARGIN)


def limit_lids(wanted: Reals, own: Reals, model: FaceModel) -> Reals:
    """Keep openings of the lids (n, 2) in the trained range, never below closed; of the eye's width."""
    return np.maximum(keep_within(wanted, own, model.lids_low, model.lids_high, LIDS_MARGIN), np.minimum(own, 0.0))


def judge(excess: Excess, present: NDArray[np.bool_]) -> Clamping:
    """Say in which frames a performance was held back by as much as shows, which part of it, and how far.

    Args:
        excess: of n frames.
        present: (n,) where there is a face; the others count nowhere.
    """
    turned, moved = excess.rotation > ROTATION_SHOWS, excess.translation > TRANSLATION_SHOWS
    flags = {
        "pose": turned.any(axis=1) | moved.any(axis=1),
        "expression": excess.expression > EXPRESSION_SHOWS,
        "gaze": (excess.gaze > GAZE_SHOWS).any(axis=1),
        "lids": (excess.lids > LIDS_SHOWS).any(axis=1),
    }
    told = {
        "pose": _told_pose(excess, turned & present[:, None], moved & present[:, None]),
        "expression": f"by up to {10 * _most(excess.expression, present):.0f} mm",
        "gaze": f"by up to {_most(excess.gaze, present):.2f} of half an eye's width",
        "lids": f"by up to {_most(excess.lids, present):.2f} of an eye's width",
    }
    shares = ClampedShares(**{part: _share(flag, present) for part, flag in flags.items()})
    lines = tuple(
        f"Kept inside what the target shows in training: {field.name} in {share:.1%} of the frames, {told[field.name]}."
        for field in fields(shares)
        if (share := getattr(shares, field.name))
    )
    return Clamping(shares, np.logical_or.reduce(list(flags.values())) & present, lines)


def _told_pose(excess: Excess, turned: NDArray[np.bool_], moved: NDArray[np.bool_]) -> str:
    """Which axes were held back, and how far."""
    axes = [
        f"{name} by up to {np.degrees(excess.rotation[:, axis].max()):.0f} degrees"
        for axis, name in enumerate(("pitch", "yaw", "roll"))
        if turned[:, axis].any()
    ]
    places = [
        f"{name} by up to {excess.translation[:, axis].max():.1f} cm"
        for axis, name in enumerate(("sideways", "up and down", "near and far"))
        if moved[:, axis].any()
    ]
    return ", ".join((*axes, *places))


def _most(excess: Reals, present: NDArray[np.bool_]) -> float:
    return float(excess[present].max(initial=0.0))


def _share(flags: NDArray[np.bool_], present: NDArray[np.bool_]) -> float:
    return float(flags[present].mean()) if present.any() else 0.0
