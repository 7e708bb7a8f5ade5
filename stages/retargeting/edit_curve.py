"""A number over time, constant or key-framed: what a slider of a portrait follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator


@dataclass(frozen=True, slots=True)
class Key:
    """A value at a time, and the way to it from the key before."""

    time: float  # seconds since the clip's first frame
    value: float
    smooth: bool = False  # eased in and out; False: at an even speed


@dataclass(frozen=True, slots=True)
class Curve:
    """Keys in the order of time. Before the first its value holds, after the last likewise."""

    keys: tuple[Key, ...]

    def __post_init__(self) -> None:
        if not self.keys or not all(isfinite(number) for key in self.keys for number in (key.time, key.value)):
            raise ValueError(f"Curve has the keys {self.keys}, expected one or more with finite times and values.")
        for before, after in pairwise(self.keys):
            if after.time <= before.time:
                raise ValueError(
                    f"Curve has a key at {after.time} s after one at {before.time} s, expected rising times."
                )

    @classmethod
    def constant(cls, value: float) -> "Curve":
        """The same value always."""
        return cls((Key(0.0, value),))

    def is_always(self, value: float) -> bool:
        """Whether nothing but `value` ever comes out."""
        return all(key.value == value for key in self.keys)

    def at(self, times: Sequence[Fraction]) -> NDArray[np.float64]:
        """The value at each time, (n,).

        Smooth stretches are monotone cubics: they rest at turning points and at both ends and never overshoot; between
        two keys alone that is 3s² - 2s³.
        Source: Fritsch and Butland 1984, as SciPy's PCHIP has it, with each end held so that its slope is 0.
        """
        moments = np.array([float(time) for time in times])
        keys = np.array([key.time for key in self.keys])
        values = np.array([key.value for key in self.keys])
        evenly = np.interp(moments, keys, values)
        if not any(key.smooth for key in self.keys[1:]):
            return evenly
        held = (np.concatenate((keys[:1] - 1, keys, keys[-1:] + 1)), np.concatenate((values[:1], values, values[-1:])))
        eased = PchipInterpolator(*held)(np.clip(moments, keys[0], keys[-1]))
        next_key = np.clip(np.searchsorted(keys, moments, side="left"), 1, len(keys) - 1)
        smooth = np.array([key.smooth for key in self.keys])[next_key]
        return np.where(smooth, eased, evenly)
