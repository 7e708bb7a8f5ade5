"""learn_basis: the few ways in which a face moves in its clip, by principal components."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr

from pipeline.face_landmarks import LEFT_EYE, RIGHT_EYE
from stages.retargeting.skeleton import Reals

ENERGY = 0.99  # of the squared motion that the basis keeps; the rest is mostly the tracker's noise
MOST = 48  # components
_EYES = np.array(RIGHT_EYE + LEFT_EYE)


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionBasis:
    """An expression is the mean and a sum of coefficients times components."""

    mean: NDArray[np.float32]  # (468, 3): cm, head frame
    components: NDArray[np.float32]  # (k, 468, 3): orthonormal, by falling energy; k from 1 to 48

    def project(self, expressions: Reals) -> NDArray[np.float32]:
        """The coefficients nearest to expressions: (n, 468, 3) cm → (n, k) cm; exact for what the basis spans."""
        deltas = (expressions.astype(np.float64) - self.mean).reshape(len(expressions), -1)
        return (deltas @ self._flat.T).astype(np.float32)

    def expression_of(self, coefficients: Reals) -> NDArray[np.float32]:
        """The expressions that coefficients stand for: (n, k) cm → (n, 468, 3) cm."""
        deltas = (coefficients.astype(np.float64) @ self._flat).reshape(len(coefficients), *self.mean.shape)
        return (deltas + self.mean).astype(np.float32)

    @property
    def _flat(self) -> NDArray[np.float64]:
        return self.components.reshape(len(self.components), -1).astype(np.float64)


def learn_basis(expressions: Reals) -> ExpressionBasis:
    """Principal components of expressions (n, 468, 3) in centimetres, n 2 or more: as many as keep 99 %, at most 48.

    Every vertex counts alike: the mesh is finest at the lips and the lids, which are also what is looked at, and
    weights by area would trade them for the cheeks. The eyes have to keep 99 % of their own motion too: blinks are
    so small a part of all of it that they would go first.
    Source: methods 12.3.
    """
    flat = expressions.reshape(len(expressions), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    deltas = flat - mean
    most = min(MOST, len(flat) - 1)
    energies, vectors = _principal(deltas, most)
    components = vectors.reshape(most, *expressions.shape[1:])
    everywhere = (energies[:, None] * (components**2).sum(axis=2)).cumsum(axis=0)  # (most, 468): kept of each vertex
    in_all = (deltas**2).sum(axis=0).reshape(expressions.shape[1:]).sum(axis=1)
    enough = [everywhere[:, part].sum(axis=1) >= ENERGY * in_all[part].sum() for part in (slice(None), _EYES)]
    lacking = int((~(enough[0] & enough[1])).sum())
    count = min(lacking + 1, most)
    return ExpressionBasis(
        mean.reshape(expressions.shape[1:]).astype(np.float32), components[:count].astype(np.float32)
    )


def _principal(deltas: NDArray[np.float64], most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energies (most,) and directions (most, d) of deltas (n, d), by falling energy; `most` is less than n.

    Of frames and coordinates the fewer are multiplied with each other: Sirovich 1987, "Turbulence and the Dynamics of
    Coherent Structures" (method of snapshots).
    """
    frames, coordinates = deltas.shape
    scatter = deltas @ deltas.T if frames < coordinates else deltas.T @ deltas
    energies, vectors = eigh(scatter, subset_by_index=[len(scatter) - most, len(scatter) - 1])
    if frames < coordinates:
        vectors = qr(deltas.T @ vectors[:, ::-1], mode="economic")[0][:, ::-1]  # upright even where energy is nought
    return energies[::-1], vectors[:, ::-1].T
