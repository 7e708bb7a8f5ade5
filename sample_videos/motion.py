"""How a performer moves, free of any body: steps and keys on beats in, one smooth stance for every moment out.

Lengths are in legs (hip joint to ankle), so that two bodies whose legs are alike up to scale dance the same dance with
the same joint rotations, and neither's feet slide.
"""

from dataclasses import astuple, dataclass, fields
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from sample_videos.truth import Stamp

Knot = tuple[float, tuple[float, ...]]  # beat, values of some channels

BOUNCE = 0.016  # legs that the hips sink around every beat


@dataclass(frozen=True, slots=True)
class Arm:
    """Joint angles of one arm, degrees; the same numbers on the other side are the mirror image."""

    raised: float  # upper arm from hanging (0) over sideways (90) to straight up (180)
    forward: float = 0.0  # turns it from the side (0) to the front (90)
    twist: float = 0.0  # where a bent forearm points: arm sideways, 90 up, 0 to the front, -90 down
    elbow: float = 10.0  # 0 straight


@dataclass(frozen=True, slots=True)
class Torso:
    """Angles of hips, spine and head, degrees; positive is the performer's left, or forward."""

    turn: float = 0.0  # the hips about the vertical
    tilt: float = 0.0  # the hips to the side
    lean: float = 0.0  # the chest to the side
    bend: float = 0.0  # the chest forward
    twist: float = 0.0  # the chest about the spine
    look: float = 0.0  # the head about the neck
    nod: float = 0.0
    cock: float = 0.0  # the head to the side
    sink: float = 0.0  # knees bent: hips lower than the feet allow, legs


@dataclass(frozen=True, slots=True)
class Foot:
    """Where one ankle is, legs: x to the performer's left, z to the front, lift above standing."""

    x: float
    z: float
    lift: float


@dataclass(frozen=True, slots=True)
class Stance:
    """Everything about a moment that does not depend on who performs it."""

    hips: float  # x, legs
    torso: Torso
    left_arm: Arm
    right_arm: Arm
    left_foot: Foot
    right_foot: Foot


@dataclass(frozen=True, slots=True)
class Step:
    """One foot leaves the floor and lands on a beat."""

    side: str  # "left" or "right"
    lands: float  # beat
    x: float  # where, legs
    height: float = 0.10  # of the ankle, half way
    takes: float = 0.8  # beats in the air
    ahead: float = 0.0  # how far in front it swings: a lifted knee
    stamp: bool = False  # a visible event the sound marks


@dataclass(frozen=True, slots=True)
class ArmKey:
    """Both arms at a beat."""

    beat: float
    left: Arm
    right: Arm


@dataclass(frozen=True, slots=True)
class TorsoKey:
    """Hips, spine and head at a beat."""

    beat: float
    torso: Torso


@dataclass(frozen=True, slots=True)
class Dance:
    """A dance on beats; begins with the feet `stance_width` apart."""

    tempo: float  # beats a minute
    steps: tuple[Step, ...]  # in the order of landing
    arms: tuple[ArmKey, ...]
    torso: tuple[TorsoKey, ...]
    stance_width: float = 0.32  # legs

    def stances(self, seconds: NDArray[np.float64]) -> list[Stance]:
        """The stance at each of `seconds` (n,) since the beginning; continuous, with continuous speed."""
        beats = seconds * self.tempo / 60
        left_foot, right_foot = _through(self._foot("left"), beats), _through(self._foot("right"), beats)
        hips = _through(self._hips(), beats)[:, 0]
        left_arm = _through([(key.beat, astuple(key.left)) for key in self.arms], beats)
        right_arm = _through([(key.beat, astuple(key.right)) for key in self.arms], beats)
        torso = _through([(key.beat, astuple(key.torso)) for key in self.torso], beats)
        torso[:, _SINK] += BOUNCE * (1 + np.cos(2 * np.pi * beats))
        return [
            Stance(
                hips=float(hips[n]),
                torso=Torso(*torso[n].tolist()),
                left_arm=Arm(*left_arm[n].tolist()),
                right_arm=Arm(*right_arm[n].tolist()),
                left_foot=Foot(*left_foot[n].tolist()),
                right_foot=Foot(*right_foot[n].tolist()),
            )
            for n in range(len(beats))
        ]

    def stamps(self) -> tuple[Stamp, ...]:
        """When a stamping foot meets the floor."""
        beat = Fraction(60) / Fraction(self.tempo)
        return tuple(Stamp(Fraction(step.lands) * beat, step.side) for step in self.steps if step.stamp)

    def _foot(self, side: str) -> list[Knot]:
        """Knots of one foot: on the floor, half way through the air, on the floor again."""
        x = self.stance_width / 2 * (1 if side == "left" else -1)
        knots: list[Knot] = [(-1.0, (x, 0.0, 0.0))]
        for step in self.steps:
            if step.side != side:
                continue
            middle = ((x + step.x) / 2, step.ahead, step.height)
            knots.append((step.lands - step.takes, (x, 0.0, 0.0)))
            falls = step.takes * (0.32 if step.stamp else 0.5)  # a stamp comes down fast
            knots.append((step.lands - falls, middle))
            x = step.x
            knots.append((step.lands, (x, 0.0, 0.0)))
        return knots

    def _hips(self) -> list[Knot]:
        """Knots of the hips: over the standing foot while the other is in the air, between them after."""
        at = {"left": self.stance_width / 2, "right": -self.stance_width / 2}
        knots: list[Knot] = [(-1.0, (0.0,))]
        for step in self.steps:
            standing = at["right" if step.side == "left" else "left"]
            middle = (at["left"] + at["right"]) / 2
            shift = 0.35 + min(step.height, 0.3)
            knots.append((step.lands - step.takes / 2, (middle + shift * (standing - middle),)))
            at[step.side] = step.x
            knots.append((step.lands + 0.05, ((at["left"] + at["right"]) / 2,)))
        return knots


_SINK = [one.name for one in fields(Torso)].index("sink")


def _through(knots: list[Knot], beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve through the knots that overshoots none and rests where two are equal (n, channels)."""
    merged = dict(knots)  # a landing and the next lift-off may be one moment
    at = np.array(sorted(merged))
    values = np.array([merged[beat] for beat in at.tolist()])
    return np.asarray(PchipInterpolator(at, values)(np.clip(beats, at[0], at[-1])))
