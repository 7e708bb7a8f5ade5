"""Turn: whose turn it is in a step of training, where all moments of a clip are shown once before any is again.

Drawn by chance alone some moments are shown three times as often as others in the minutes that a draft has, and drafts
of the same clip differ by it (`docs/results.md`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Turn:
    """A step's place in the shuffled series of moments.

    A function of seed and step alone, so that a training which is taken up again goes on with the same moments.
    """

    seed: tuple[int, ...]  # of the training, and of whom it is done together with
    step: int  # from 1

    def among(self, count: int, batch: int) -> NDArray[np.int64]:
        """Which of `count` moments the step shows, (batch,): all once in shuffled order, then in another.

        So it is as long as the count stays. Where it changes from step to step, as with takes of several strides, it
        is little more even than chance.
        """
        places = np.arange((self.step - 1) * batch, self.step * batch)
        epochs = np.unique(places // count)
        orders = {epoch: np.random.default_rng((*self.seed, epoch)).permutation(count) for epoch in epochs}
        return np.array([orders[place // count][place % count] for place in places], np.int64)
