"""find_irises: where the irises are, measured in the picture: a dark disc behind the opening of the lids.

The landmark network lets irises follow the lids: of a glance up or down it sees two thirds. Its points are good enough
to begin with. From there a disc of one brightness on a white of another is laid upon what the lids leave open, by least
squares: the rim at its two sides, which lids seldom cover, tells how high it lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face_landmarks import INNER_CANTHI, IRIS_CENTRES, LEFT_EYE, LEFT_IRIS, OUTER_CANTHI, RIGHT_EYE, RIGHT_IRIS
from pipeline.sampling import Map, Picture, brightness
from stages.tracking.face_iris_fit import fit_discs

SCALE = 22.0  # samples of half an eye's width
SIZE = (56, 40)  # samples that are looked at, across and down
INSIDE = np.array((0.96, 0.88))  # of the lids' outline, across and down: what lies between them for certain
RADIUS = 0.405  # half eye widths: of irises, in which people differ little
DOUBT = np.array((0.18, 0.23, 0.035))  # half eye widths: by how much the network errs across and down; of the radius

LEAST_OPENING = 0.1  # of the eye's width, in the middle of the lids
LEAST_WIDTH = 2.0  # pixels of the frame that half an eye shows across
LEAST_CONTRAST = 0.03  # of the white over the iris, of what is between black and white

_ENDS = np.array(((OUTER_CANTHI[0], INNER_CANTHI[0]), (INNER_CANTHI[1], OUTER_CANTHI[1])))
_RINGS, _DISCS = (
    np.array((RIGHT_EYE, LEFT_EYE)),
    np.array(((IRIS_CENTRES[0], *RIGHT_IRIS), (IRIS_CENTRES[1], *LEFT_IRIS))),
)

Floats = NDArray[np.float64]


class IrisSight(IntEnum):
    """How an iris' place came to be."""

    MEASURED = 0  # in the picture
    SHUT = 1  # the lids are too close: the network's guess
    UNCLEAR = 2  # no dark disc stands out where one may be: the network's guess


@dataclass(frozen=True, slots=True, eq=False)
class Irises:
    """Of the right and the left eye."""

    points: NDArray[np.float32]  # (478, 3): the face's points, those of the irises moved
    sights: NDArray[np.uint8]  # (2,): values of `IrisSight`


@dataclass(frozen=True, slots=True, eq=False)
class _Eye:
    """What the picture shows of an open eye."""

    number: int  # 0 right, 1 left
    to_frame: Map  # from its samples to pixels of the frame
    brightness: Floats  # (h, w)
    between: Floats  # (h, w), 0 … 1: how much of each sample lies between the lids for certain
    guess: Floats  # (2,): the iris as the network has it, samples


def find_irises(picture: Picture, points: NDArray[np.float32]) -> Irises:
    """Move the irises of a face (478, 3), pixels, to where the picture shows them; depths and sizes stay."""
    moved, sights, eyes = points.copy(), np.zeros(2, np.uint8), []
    for number in range(len(_ENDS)):
        eye = _look(picture, points, number)
        if isinstance(eye, IrisSight):
            sights[number] = eye
        else:
            eyes.append(eye)
    for eye, place in zip(eyes, _fitted(eyes), strict=True):
        if place is None:
            sights[eye.number] = IrisSight.UNCLEAR
        else:
            disc = _DISCS[eye.number]
            moved[disc, :2] += (place - points[disc[0], :2].astype(np.float64)).astype(np.float32)
    return Irises(moved, sights)


def _look(picture: Picture, points: NDArray[np.float32], number: int) -> _Eye | IrisSight:
    """What is seen of an eye, or why an iris is not to be looked for there."""
    to_frame = _eye_map(points[_ENDS[number]].astype(np.float64))
    if np.hypot(*to_frame[:, 0]) * SCALE < LEAST_WIDTH:
        return IrisSight.UNCLEAR
    to_samples = np.linalg.inv(to_frame[:, :2])
    places = points[np.append(_RINGS[number], _DISCS[number, 0]), :2].astype(np.float64)
    *lids, guess = (places - to_frame[:, 2]) @ to_samples.T
    ring = np.array(lids)
    between = _between(ring)
    if _opening(ring) < LEAST_OPENING or not between.any():
        return IrisSight.SHUT
    return _Eye(number, to_frame, brightness(picture, to_frame, SIZE), between, guess)


def _fitted(eyes: Sequence[_Eye]) -> list[Floats | None]:
    """Where the irises of some eyes are, (2,) pixels; None where none stands out."""
    if not eyes:
        return []
    guesses = np.array([np.append(eye.guess, RADIUS * SCALE) for eye in eyes])
    discs = fit_discs([(eye.brightness, eye.between) for eye in eyes], guesses, DOUBT * SCALE)
    return [
        None if disc.contrast < LEAST_CONTRAST else eye.to_frame[:, :2] @ disc.place[:2] + eye.to_frame[:, 2]
        for eye, disc in zip(eyes, discs, strict=True)
    ]


def _eye_map(ends: Floats) -> Map:
    """From samples of an upright eye to the frame, by its corners (2, 3), pixels.

    Across, a turned eye is stretched to its true width, so that its iris is as round as one that faces the camera.
    """
    half = (ends[1] - ends[0]) / 2
    across = half[:2] / SCALE
    down = np.array((-half[1], half[0])) / max(float(np.hypot(*half[:2])), 1e-6) * (np.linalg.norm(half) / SCALE)
    axes = np.stack((across, down), axis=1)
    return np.column_stack((axes, ends[:, :2].mean(axis=0) - axes @ ((np.array(SIZE) - 1) / 2)))


def _opening(ring: Floats) -> float:
    """The lids' distance in the middle of the eye, over its width."""
    lower, upper = ring[3:6, 1].mean(), ring[11:14, 1].mean()
    return float(lower - upper) / (2 * SCALE)


def _between(ring: Floats) -> Floats:
    """(h, w), 0 … 1: how much of each sample lies between the lids for certain."""
    middle = ring.mean(axis=0)
    outline = middle + INSIDE * (ring - middle)
    mask = np.zeros((2 * SIZE[1], 2 * SIZE[0]), np.uint8)
    cv2.fillPoly(mask, [np.round((2 * outline + 0.5) * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    return np.asarray(cv2.resize(mask, SIZE, interpolation=cv2.INTER_AREA) / 255.0)
