"""The calmest moment of a clip: the head rests where it usually is, and the face says nothing.

It is what two clips are brought together by: motion is measured from it in the one and laid onto it in the other. A
single quiet frame will not do: a tracker is off by a degree or two from frame to frame.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.values import FacePerformance

SECONDS = 0.4  # that a moment lasts
# What counts as one unit of unrest.
TURNING = np.radians(10.0)  # a second
MOVING = 2.0  # centimetres a second
EXPRESSION = 0.05  # centimetres that the skin is away from the neutral face, in the mean
CHANGE = 0.3  # centimetres a second, likewise
ASIDE = np.radians(10.0)  # from where the head usually looks

Floats = NDArray[np.float64]


def calm_moment(performance: FacePerformance, frames: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the consecutive ones of `frames` in which head and face are calmest, `SECONDS` of them or all there are.

    Args:
        frames: in which the face was seen, rising; moments do not reach across gaps between them.
    """
    seconds = np.array([float(performance.times[frame]) for frame in frames])
    usual = float(np.median(np.diff(seconds))) if len(frames) > 1 else SECONDS
    count = min(len(frames), max(3, round(SECONDS / usual)))
    unrest = np.convolve(_unrest(performance, frames, seconds), np.ones(count), "valid")
    whole = frames[count - 1 :] - frames[: len(frames) - count + 1] == count - 1
    start = int(np.where(whole, unrest, np.inf).argmin()) if whole.any() else int(unrest.argmin())
    return frames[start : start + count]


def _unrest(performance: FacePerformance, frames: NDArray[np.intp], seconds: Floats) -> Floats:
    """How far each frame is from calm."""
    turns = Rotation.from_rotvec(performance.rotation[frames])
    expression = performance.expression[frames].astype(np.float64)
    usual = Rotation.from_rotvec(np.median(turns.as_rotvec(), axis=0))
    step = np.maximum(np.diff(seconds), 1e-6)
    turning = (turns[1:] * turns[:-1].inv()).magnitude() / step
    moving = np.linalg.norm(np.diff(performance.translation[frames], axis=0), axis=1) / step
    change = np.linalg.norm(np.diff(expression, axis=0), axis=2).mean(axis=1) / step
    speed = turning / TURNING + moving / MOVING + change / CHANGE
    speed = np.concatenate([speed[:1], speed]) if len(speed) else np.zeros(len(frames))
    said = np.linalg.norm(expression, axis=2).mean(axis=1) / EXPRESSION
    return np.asarray(speed + said + (turns * usual.inv()).magnitude() / ASIDE)
