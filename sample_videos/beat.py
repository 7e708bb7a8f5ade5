"""The sound of a dance: a drum on every beat, a clap and a deep thump where a foot stamps."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48_000  # samples a second, mono
_MELODY = (0, 7, 10, 7, 3, 7, 12, 10)  # half tones above the lowest, one every half beat
_LOWEST = 110.0  # Hz

Sound = NDArray[np.float64]  # (samples,): -1 … 1


def play(tempo: float, stamps: tuple[float, ...], seconds: float) -> Sound:
    """The whole track: `tempo` beats a minute, `stamps` in seconds."""
    track = np.zeros(round(seconds * RATE))
    beat = 60 / tempo
    for number in range(int(seconds / beat)):
        _add(track, number * beat, 0.28 * _drum(150, 52, 0.16))
        _add(track, (number + 0.5) * beat, 0.05 * _hiss(0.04, seed=number))
    for number in range(int(2 * seconds / beat)):
        tone = _LOWEST * 2 ** (_MELODY[number % len(_MELODY)] / 12)
        _add(track, number * beat / 2, 0.07 * _pluck(tone, 0.9 * beat / 2))
    for number, stamp in enumerate(stamps):
        _add(track, stamp, 0.5 * _drum(110, 40, 0.22))
        _add(track, stamp, 0.4 * _hiss(0.11, seed=1000 + number))
    return np.tanh(track)


def write_wav(sound: Sound, path: Path) -> None:
    """Store as 16 bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).round().astype("<i2").tobytes())


def _add(track: Sound, at: float, sound: Sound) -> None:
    first = round(at * RATE)
    room = len(track) - first
    track[first : first + len(sound)] += sound[:room]


def _drum(high: float, low: float, seconds: float) -> Sound:
    """A tone that falls from `high` to `low` Hz and dies away."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = low + (high - low) * np.exp(-time / 0.03)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.exp(-time / (seconds / 4)))


def _hiss(seconds: float, seed: int) -> Sound:
    """Noise that dies away: a clap when long, a cymbal when short."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.diff(np.random.default_rng(seed).standard_normal(len(time) + 1))
    return np.asarray(np.clip(noise / 2, -1, 1) * np.exp(-time / (seconds / 4)))


def _pluck(tone: float, seconds: float) -> Sound:
    """A soft string: three harmonics, each quieter; begins within 8 ms, so that it marks no beat."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave_form = sum(np.sin(2 * np.pi * tone * k * time) / k**1.5 for k in (1, 2, 3))
    return np.asarray(wave_form * np.minimum(time / 0.008, 1) * np.exp(-time / (seconds / 3)))
