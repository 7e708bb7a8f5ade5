"""hold_lengths: arms and legs are in every frame as long as a limb of one length can show.

A network that looks at single frames slides elbows, wrists and knees along the limb, by a twentieth of its length. But
a limb has one length and shows no more than that; how much less follows from how far it points out of the picture.
Where all angles are as likely, most of what is seen is nearly as long as it gets, as a cosine is flat there. So what
was read is weighed against that: Bayes' estimate, with the length for each kind of limb that fits the clip best.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from stages.tracking.gaps import shown_runs
from stages.tracking.swaps import Paths

_Limb = tuple[int, int, tuple[int, ...]]  # the joint that stays, the one that moves, what moves with it
# Left and right. A knee ends two limbs and is moved along both; ankles stay, as feet stand on the floor.
LIMBS: tuple[tuple[_Limb, _Limb], ...] = (
    ((11, 13, ()), (12, 14, ())),
    ((13, 15, (17, 19, 21)), (14, 16, (18, 20, 22))),
    ((27, 25, ()), (28, 26, ())),
    ((23, 25, ()), (24, 26, ())),
)
TRUNK_AND_LIMBS = (11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)

SEEN = 0.5  # confidence from which joints tell how long a limb is
ENOUGH = 24  # sights of a limb, or it stays as it was read
USUAL = 0.8  # quantile of what a limb shows, more than 0
STRETCHES = np.arange(0.8, 1.3, 0.005)  # lengths that are tried, over that
STEADY = 0.5  # seconds: nobody comes nearer or goes away faster

_ANGLES = np.linspace(0, np.pi / 2, 1000)  # out of the picture
_SHARES = np.linspace(0, 2, 801)  # of its length, that a limb is read to show

Floats = NDArray[np.float64]


def hold_lengths(
    paths: Paths,
    confidence: Floats,
    status: NDArray[np.uint8],
    shot: NDArray[np.int32],
    seconds: Floats,
    error: float,
) -> Paths:
    """Move elbows, wrists, hands and knees along their limbs to where limbs of one length end; a new array.

    What is a metre in the picture is told by all joints together, so that somebody may come nearer; without world
    coordinates nothing moves.

    Args:
        paths: (n, 33, 5): x, y in pixels, x, y, z in metres; only the former change.
        confidence: (n, 33), 0 … 1.
        status: (n,) values of `Status`.
        shot: (n,) numbers of shots.
        seconds: (n,) times of the frames, rising.
        error: shares of a limb's length: standard deviation of what is read of it; 0 returns the paths as they are.
    """
    held = paths.copy()
    if error <= 0:
        return held
    density, expected = _tables(error)
    metre = _pixels_per_metre(paths, status, shot, seconds)
    for sides in LIMBS:
        shown = [_shown(held, limb, metre) for limb in sides]
        sure = [(metre > 0) & (confidence[:, limb[:2]] >= SEEN).all(axis=1) for limb in sides]
        known = np.concatenate([lengths[rows] for lengths, rows in zip(shown, sure, strict=True)])
        if known.size < ENOUGH or np.quantile(known, USUAL) <= 0:
            continue
        length = _length(known, density)
        for limb, lengths in zip(sides, shown, strict=True):
            _stretch(held, limb, lengths, length * np.interp(lengths / length, _SHARES, expected))
    return held


def _shown(paths: Paths, limb: _Limb, metre: Floats) -> Floats:
    """(n,): metres that a limb shows; 0 where nobody knows what a metre is."""
    pixels = np.linalg.norm(paths[:, limb[1], :2] - paths[:, limb[0], :2], axis=1)
    return np.asarray(np.divide(pixels, metre, out=np.zeros_like(pixels), where=metre > 0))


def _stretch(paths: Paths, limb: _Limb, shown: Floats, wanted: Floats) -> None:
    """Move a limb's end, and what moves with it, so that it shows what is wanted of it."""
    start, end, along = limb
    longer = np.divide(wanted, shown, out=np.ones_like(shown), where=shown > 0) - 1
    move = longer[:, None] * (paths[:, end, :2] - paths[:, start, :2])
    paths[:, [end, *along], :2] += move[:, None]


def _pixels_per_metre(paths: Paths, status: NDArray[np.uint8], shot: NDArray[np.int32], seconds: Floats) -> Floats:
    """(n,): by least squares over the joints, steadied within each run of frames that show the person; else 0."""
    pixels, metres = (paths[:, TRUNK_AND_LIMBS, axes] for axes in (slice(0, 2), slice(2, 4)))
    pixels, metres = (part - part.mean(axis=1, keepdims=True) for part in (pixels, metres))
    size = np.square(metres).sum(axis=(1, 2))
    scale = np.divide((pixels * metres).sum(axis=(1, 2)), size, out=np.zeros_like(size), where=size > 0)
    steadied: Floats = np.zeros_like(scale)
    for rows in shown_runs(status, shot):
        pace = float(np.median(np.diff(seconds[rows]))) if rows.stop - rows.start > 1 else STEADY
        steadied[rows] = np.maximum(gaussian_filter1d(scale[rows], STEADY / pace, mode="nearest"), 0)
    return steadied


def _length(shown: Floats, density: Floats) -> float:
    """The length that fits best to what a limb shows in many frames: the most likely one."""
    usual = float(np.quantile(shown, USUAL))
    fits = [np.log(np.interp(shown / (usual * stretch), _SHARES, density) / stretch).sum() for stretch in STRETCHES]
    return usual * float(STRETCHES[int(np.argmax(fits))])


@lru_cache(maxsize=8)
def _tables(error: float) -> tuple[Floats, Floats]:
    """For each of `_SHARES`: how likely it is read, up to a factor; and what a limb shows on average where it is."""
    likelihood = np.exp(-0.5 * np.square((_SHARES[:, None] - np.cos(_ANGLES)) / error)) + 1e-9
    total = likelihood.sum(axis=1)
    return total / _ANGLES.size, likelihood @ np.cos(_ANGLES) / total
