"""fit_disc: a dark disc on a lighter ground, laid upon a small picture by least squares, to a part of a sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SOFTNESS = 0.7  # samples: of the rim
OUTLYING = 2.0  # residuals: what differs by more, as a lamp's reflection, counts less than half
LEAST_RESIDUAL = 0.02  # brightness: the sensor's noise, so that a perfect fit does not throw everything else out
ALIKE = 15.0  # samples that err together, as the picture was enlarged and its shapes are not quite discs
STEPS, LONGEST_STEP, SMALL_STEP = 8, 2.0, 0.03  # samples

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Disc:
    """A disc in samples, and how well it stands out."""

    place: Floats  # (3,): x, y, radius
    contrast: float  # of the ground over the disc, in the picture's unit; negative: the disc is lighter


def fit_disc(brightness: Floats, weight: Floats, guess: Floats, doubt: Floats) -> Disc:
    """The disc on a ground of one brightness that differs least from the picture and from a guess.

    Gauss–Newton over place and radius; both brightnesses follow in closed form at every step (variable
    projection, Golub & Pereyra 1973), and so does how much each sample is believed (Geman–McClure). Where the picture
    says little, the guess stays.

    Args:
        brightness: (h, w), 0 … 1.
        weight: (h, w), 0 … 1: which samples count; ten must.
        guess: (3,) x, y, radius, samples.
        doubt: (3,) standard deviations of the guess, samples.
    """
    y, x = np.nonzero(weight > 0)
    picture = _Picture(x.astype(np.float64), y.astype(np.float64), brightness[y, x], weight[y, x])
    place, trust = guess, picture.weight
    for _ in range(STEPS):
        fit = _Fit.of(picture, place, trust)
        usual = float(np.sqrt(trust @ fit.residual**2 / trust.sum())) + LEAST_RESIDUAL
        trust = picture.weight / (1 + (fit.residual / (OUTLYING * usual)) ** 2)
        step = _step(fit, trust / (ALIKE * usual**2), guess - place, doubt)
        place = place + step
        if np.abs(step).max() < SMALL_STEP:
            break
    return Disc(place, -_Fit.of(picture, place, trust).height)


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """What counts of it: (k,) each."""

    x: Floats
    y: Floats
    brightness: Floats
    weight: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A disc of known place on a picture, both brightnesses chosen best."""

    slopes: Floats  # (3, k): by how much each sample changes with x, y, radius, the brightnesses following
    residual: Floats  # (k,)
    height: float  # the disc's brightness over the ground's

    @classmethod
    def of(cls, picture: _Picture, place: Floats, trust: Floats) -> "_Fit":
        across, down = picture.x - place[0], picture.y - place[1]
        away = np.sqrt(across * across + down * down) + 1e-6
        inside = 1 / (1 + np.exp(np.clip((away - place[2]) / SOFTNESS, -30, 30)))
        share = trust / trust.sum()
        shape = inside - share @ inside
        energy = float(share @ (shape * shape)) + 1e-9
        seen = picture.brightness - share @ picture.brightness
        height = float(share @ (shape * seen)) / energy
        rim = height * inside * (1 - inside) / SOFTNESS
        slopes = np.stack((rim * across / away, rim * down / away, rim))
        slopes -= (slopes @ share)[:, None]
        slopes -= (slopes @ (share * shape) / energy)[:, None] * shape
        return cls(slopes, seen - height * shape, height)


def _step(fit: _Fit, trust: Floats, back: Floats, doubt: Floats) -> Floats:
    """The next place less this one; `back` is the way to the guess."""
    information = (fit.slopes * trust) @ fit.slopes.T + np.diag(1 / doubt**2)
    pull = (fit.slopes * trust) @ fit.residual + back / doubt**2
    return np.asarray(np.clip(np.linalg.solve(information, pull), -LONGEST_STEP, LONGEST_STEP))
