"""Talk without words: syllables in, the mouth's opening and a voice whose loudness follows it out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_videos.beat import RATE, Sound

Curve = NDArray[np.float64]

_HARMONICS = 32
_FRAME = RATE // 200  # the voice changes so often; samples in between are interpolated


@dataclass(frozen=True, slots=True)
class Syllable:
    """One opening of the mouth."""

    at: float  # seconds: the mouth begins to open
    lasts: float  # seconds
    wide: float  # 0 … 1: how far the mouth opens in its middle
    rounded: float = 0.0  # 0 as in "ah" … 1 as in "oo"


def sentence(begins: float, pace: float, *vowels: tuple[float, float]) -> tuple[Syllable, ...]:
    """Syllables one after the other, `pace` a second, each overlapping the next a little: (wide, rounded)."""
    step = 1 / pace
    return tuple(Syllable(begins + number * step, 1.25 * step, *vowel) for number, vowel in enumerate(vowels))


def mouth_opening(talk: tuple[Syllable, ...], seconds: Curve) -> Curve:
    """0 closed … 1 wide open at each of `seconds` (n,)."""
    return np.asarray(sum((one.wide * _bump(one, seconds) for one in talk), np.zeros(len(seconds))))


def rounding(talk: tuple[Syllable, ...], seconds: Curve) -> Curve:
    """0 … 1 at each of `seconds` (n,)."""
    return np.asarray(sum((one.rounded * _bump(one, seconds) for one in talk), np.zeros(len(seconds))))


def voice(talk: tuple[Syllable, ...], pitch: float, seconds: float) -> Sound:
    """The talk's sound: harmonics of about `pitch` Hz, shaped by the mouth, and a puff where a syllable begins.

    The sum of a vowel's harmonics is as loud as the mouth is wide; formants follow width and rounding.
    """
    count = round(seconds * RATE)
    time = np.arange(count) / RATE
    coarse = np.arange(0, count + _FRAME, _FRAME) / RATE
    wide, rounded = mouth_opening(talk, coarse), rounding(talk, coarse)
    melody = pitch * (1 + 0.10 * np.sin(2 * np.pi * 0.45 * coarse) + 0.05 * np.sin(2 * np.pi * 1.3 * coarse + 1))
    phase = 2 * np.pi * np.cumsum(np.interp(time, coarse, melody)) / RATE
    loud = [_formants(number * melody, wide, rounded) / number**0.6 for number in range(1, _HARMONICS + 1)]
    power = np.sqrt(sum(one**2 for one in loud))
    track = np.zeros(count)
    for number, one in enumerate(loud, start=1):
        track += np.interp(time, coarse, 0.42 * wide * one / power) * np.sin(number * phase)
    return np.asarray(track + _puffs(talk, count))


def _bump(one: Syllable, seconds: Curve) -> Curve:
    share = np.clip((seconds - one.at) / one.lasts, 0, 1)
    return np.asarray(np.sin(np.pi * share) ** 2)


def _formants(hertz: Curve, wide: Curve, rounded: Curve) -> Curve:
    """How loud a mouth of this shape lets a tone through."""
    first, second = 320 + 520 * wide, 1900 - 1050 * np.clip(rounded, 0, 1) - 350 * wide
    peaks = ((first, 90.0, 1.0), (second, 130.0, 0.55), (2750.0, 200.0, 0.25))
    return np.asarray(0.02 + sum(share / (1 + ((hertz - middle) / broad) ** 2) for middle, broad, share in peaks))


def _puffs(talk: tuple[Syllable, ...], count: int) -> Sound:
    """A short hiss, much quieter than the vowel, as each syllable begins."""
    track = np.zeros(count)
    for number, one in enumerate(talk):
        first = round((one.at + 0.15 * one.lasts) * RATE)
        length = min(round(0.05 * RATE), count - first)
        noise = np.diff(np.random.default_rng(number).standard_normal(length + 1))
        track[first : first + length] += 0.012 * one.wide * noise * np.hanning(length)
    return track
