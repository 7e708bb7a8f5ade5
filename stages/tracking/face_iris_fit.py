"""fit_discs: dark discs on lighter grounds, laid upon small pictures by least squares, to a part of a sample."""

from collections.abc import Sequence
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


def fit_discs(pictures: Sequence[tuple[Floats, Floats]], guesses: Floats, doubt: Floats) -> list[Disc]:
    """In each picture the disc on a ground of one brightness that differs least from it and from a guess.

    Gauss–Newton over place and radius; both brightnesses follow in closed form at every step (variable
    projection, Golub & Pereyra 1973), and so does how much each sample is believed (Geman–McClure). Where the picture
    says little, the guess stays. The pictures are looked at side by side and know nothing of each other.

    Args:
        pictures: e of them, one or more: brightness (h, w), 0 … 1, and weight (h, w), 0 … 1: which samples count; ten
            must.
        guesses: (e, 3) x, y, radius, samples.
        doubt: (3,) standard deviations of the guesses, samples.
    """
    picture = _Pictures.of(pictures)
    place, trust, moving = guesses, picture.weight, np.ones(len(guesses), np.bool_)
    for _ in range(STEPS):
        fit = _Fit.of(picture, place, trust)
        usual = np.sqrt(_sums(trust, fit.residual**2) / trust.sum(axis=1)) + LEAST_RESIDUAL
        believed = picture.weight / (1 + (fit.residual / (OUTLYING * usual[:, None])) ** 2)
        step = _step(fit, believed / (ALIKE * usual**2)[:, None], guesses - place, doubt)
        place, trust = np.where(moving[:, None], place + step, place), np.where(moving[:, None], believed, trust)
        moving = moving & (np.abs(step).max(axis=1) >= SMALL_STEP)
        if not moving.any():
            break
    return [Disc(*one) for one in zip(place, (-_Fit.of(picture, place, trust).height).tolist(), strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """What counts of e pictures: (e, k) each, filled up with samples of no weight."""

    x: Floats
    y: Floats
    brightness: Floats
    weight: Floats

    @classmethod
    def of(cls, pictures: Sequence[tuple[Floats, Floats]]) -> "_Pictures":
        counted = [np.nonzero(weight > 0) for _, weight in pictures]
        known = np.zeros((4, len(pictures), max(len(y) for y, _ in counted)))
        for eye, ((brightness, weight), (y, x)) in enumerate(zip(pictures, counted, strict=True)):
            known[:, eye, : len(y)] = x, y, brightness[y, x], weight[y, x]
        return cls(*known)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Discs of known places on e pictures, both brightnesses chosen best."""

    slopes: Floats  # (e, 3, k): by how much each sample changes with x, y, radius, the brightnesses following
    residual: Floats  # (e, k)
    height: Floats  # (e,): the disc's brightness over the ground's

    @classmethod
    def of(cls, picture: _Pictures, place: Floats, trust: Floats) -> "_Fit":
        across, down = picture.x - place[:, :1], picture.y - place[:, 1:2]
        away = np.sqrt(across * across + down * down) + 1e-6
        inside = 1 / (1 + np.exp(np.clip((away - place[:, 2:]) / SOFTNESS, -30, 30)))
        share = trust / trust.sum(axis=1, keepdims=True)
        shape = inside - _sums(share, inside)[:, None]
        shared = share * shape
        energy = _sums(shared, shape) + 1e-9
        seen = picture.brightness - _sums(share, picture.brightness)[:, None]
        height = _sums(shared, seen) / energy
        rim = height[:, None] * inside * (1 - inside) / SOFTNESS
        slopes = np.stack((rim * across / away, rim * down / away, rim), axis=1)
        slopes -= slopes @ share[..., None]
        slopes -= slopes @ (shared / energy[:, None])[..., None] * shape[:, None]
        return cls(slopes, seen - height[:, None] * shape, height)


def _sums(one: Floats, other: Floats) -> Floats:
    """Of the products of (e, k) and (e, k): (e,)."""
    return np.asarray(np.einsum("ek,ek->e", one, other))


def _step(fit: _Fit, trust: Floats, back: Floats, doubt: Floats) -> Floats:
    """The next places less these, (e, 3); `back` is the way to the guesses."""
    weighted = fit.slopes * trust[:, None]
    information = weighted @ fit.slopes.transpose(0, 2, 1) + np.diag(1 / doubt**2)
    pull = weighted @ fit.residual[..., None] + (back / doubt**2)[..., None]
    return np.asarray(np.clip(np.linalg.solve(information, pull)[..., 0], -LONGEST_STEP, LONGEST_STEP))
