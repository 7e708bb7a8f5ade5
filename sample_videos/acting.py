"""A performance free of any head: keys with smooth curves between them, blinks and talk in, moments out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from sample_videos.expression import Moment
from sample_videos.speech import Syllable, mouth_opening, rounding

Keys = tuple[tuple[float, float], ...]  # (second, value)
Curve = NDArray[np.float64]

_CLOSING, _SHUT, _OPENING = 0.085, 0.085, 0.16  # seconds of a blink


@dataclass(frozen=True, slots=True)
class Blink:
    """The lids close and open again."""

    at: float  # seconds: they begin to close
    right: bool = True  # whether the subject's right eye does
    left: bool = True
    stays: float = 0.0  # seconds shut, beyond the usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """A performance, free of any head: keys with smooth curves between them; units as in `Moment`."""

    yaw: Keys
    pitch: Keys
    roll: Keys
    across: Keys
    up: Keys
    nearer: Keys
    jaw: Keys  # besides talking
    smile: Keys
    brows: Keys
    look_right: Keys
    look_up: Keys
    lids: Keys  # of both eyes, besides blinking
    blinks: tuple[Blink, ...]
    talk: tuple[Syllable, ...]
    pitch_of_voice: float = 190.0  # Hz

    def moments(self, seconds: Curve) -> list[Moment]:
        """What the face does at each of `seconds` (n,) since the beginning."""
        right, left = (_through(self.lids, seconds) * self._unshut(seconds, eye) for eye in ("right", "left"))
        columns = {
            "yaw": _through(self.yaw, seconds),
            "pitch": _through(self.pitch, seconds),
            "roll": _through(self.roll, seconds),
            "across": _through(self.across, seconds),
            "up": _through(self.up, seconds),
            "nearer": _through(self.nearer, seconds),
            "jaw": np.clip(_through(self.jaw, seconds) + mouth_opening(self.talk, seconds), 0, 1),
            "smile": _through(self.smile, seconds),
            "brows": _through(self.brows, seconds),
            "pucker": np.clip(rounding(self.talk, seconds), 0, 1),
            "look_right": _through(self.look_right, seconds),
            "look_up": _through(self.look_up, seconds),
            "lid_right": right,
            "lid_left": left,
        }
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [Moment(**dict(zip(columns, row, strict=True))) for row in rows]

    def _unshut(self, seconds: Curve, eye: str) -> Curve:
        """1 open … 0 shut by the blinks of one eye."""
        left = np.ones(len(seconds))
        for blink in self.blinks:
            if (blink.right, blink.left)[eye == "left"]:
                shut = blink.at + _CLOSING
                opens = shut + _SHUT + blink.stays
                keys = ((blink.at, 1.0), (shut, 0.0), (opens, 0.0), (opens + _OPENING, 1.0))
                left = np.minimum(left, _through(keys, seconds))
        return left


def _through(keys: Keys, seconds: Curve) -> Curve:
    """A curve through the keys that overshoots none and rests before the first and after the last."""
    at, values = np.array(keys).T
    if len(at) == 1:
        return np.full(len(seconds), values[0])
    return np.asarray(PchipInterpolator(at, values)(np.clip(seconds, at[0], at[-1])))
