"""The sound of a street: passing cars, wind, and a bird now and then."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sample_videos.beat import RATE, Sound

_BIRDS = (0.9, 1.25, 3.1, 5.2, 5.5, 5.75, 7.6)  # seconds


def hum(times: NDArray[np.float64], away: Sequence[NDArray[np.float64]], seconds: float) -> Sound:
    """The whole track: at `times` (n,), seconds, each car is so many metres `away` (n,)."""
    clock = np.arange(round(seconds * RATE)) / RATE
    track = 0.015 * _rumble(len(clock), 40, seed=0)
    for number, distance in enumerate(away):
        nearness = np.interp(clock, times, 1 / (1 + (distance / 7) ** 2))
        motor = np.sin(2 * np.pi * (62 + 7 * number) * clock + 0.6 * np.sin(2 * np.pi * 31 * clock))
        track += nearness * (0.30 * _rumble(len(clock), 14, seed=1 + number) + 0.05 * motor)
    for number, at in enumerate(_BIRDS):
        first = round(at * RATE)
        song = _chirp(number)[: max(len(track) - first, 0)]
        track[first : first + len(song)] += song
    return np.asarray(np.tanh(track))


def _rumble(samples: int, width: int, seed: int) -> Sound:
    """Noise without its highest tones, of strength 1."""
    noise = np.random.default_rng(seed).standard_normal(samples + width - 1)
    total = np.cumsum(np.concatenate(((0.0,), noise)))
    return np.asarray((total[width:] - total[:-width]) / np.sqrt(width))


def _chirp(number: int) -> Sound:
    time = np.arange(round(0.16 * RATE)) / RATE
    tone = 2900 + 350 * (number % 3) + 700 * np.sin(2 * np.pi * 9 * time)
    return np.asarray(0.06 * np.sin(2 * np.pi * np.cumsum(tone) / RATE) * np.sin(np.pi * time / 0.16))
