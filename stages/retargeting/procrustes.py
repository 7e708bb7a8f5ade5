"""fit_similarities: the rotation, size and place that lay one set of points onto others, many at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.retargeting.skeleton import Reals


@dataclass(frozen=True, slots=True, eq=False)
class Similarities:
    """n ways to lay one shape onto another: a point p goes to scale · rotation·p + translation."""

    rotation: NDArray[np.float64]  # (n, 3, 3): proper, determinant 1
    scale: NDArray[np.float64]  # (n,)
    translation: NDArray[np.float64]  # (n, 3)

    def undo(self, points: Reals) -> NDArray[np.float64]:
        """Bring points (n, k, 3) back into the frame of the first shape."""
        centred = points - self.translation[:, None]
        return np.asarray(centred @ self.rotation / self.scale[:, None, None])


def fit_similarities(source: Reals, targets: Reals, weights: Reals) -> Similarities:
    """Least squares from one shape (k, 3) to n others (n, k, 3), each point counted by its weight (k,).

    Source: Umeyama 1991, "Least-squares estimation of transformation parameters", weighted; methods 11.6.
    """
    share = (weights / weights.sum()).astype(np.float64)
    source, targets = source.astype(np.float64), targets.astype(np.float64)
    source_middle, target_middle = share @ source, np.einsum("k,nkc->nc", share, targets)
    from_middle, to_middle = source - source_middle, targets - target_middle[:, None]
    u, _, vt = np.linalg.svd(np.einsum("k,nki,kj->nij", share, to_middle, from_middle))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]  # a reflection would fit flat shapes as well
    rotation = u @ vt
    turned = np.einsum("nij,kj->nki", rotation, from_middle)
    scale = np.einsum("k,nkc,nkc->n", share, to_middle, turned) / (share @ (from_middle**2).sum(axis=1))
    translation = target_middle - scale[:, None] * np.einsum("nij,j->ni", rotation, source_middle)
    return Similarities(rotation, scale, translation)
