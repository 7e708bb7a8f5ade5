"""A training step of Everybody Dance Now as its loop takes it, on pictures of nothing: to be counted, or timed.

Fake tensors have no values, so the loop itself cannot be run on them: it reads its loss and draws its pairs. This is
the same order of the same calls without these; a test holds its memory against that of the real loop.
"""

from functools import partial

import torch
from torch import Tensor, nn

from models.everybody_dance_now.objective import discriminator_loss, generator_loss, two_frames
from models.matting import matting_loss
from models.patch_discriminator import MultiscaleDiscriminator
from models.performance import Performance
from stages.training.bricks import MAX_GRADIENT
from stages.training.networks import NETWORKS, name_of
from stages.training.phases import PairPhase
from stages.training.rehearsal_bricks import Setup, descend_unseen, follow

Both = tuple[Tensor, Tensor]  # two consecutive frames


class PairRehearsal:
    """Players and pictures of a phase; calling it takes one step."""

    repeats = 1.0  # a step of the loop is one of these

    def __init__(self, phase: PairPhase, setup: Setup) -> None:
        self.phase, self.setup = phase, setup
        build = partial(NETWORKS[name_of(phase.network)][1], phase.network)
        with torch.device(setup.device):
            self.network: nn.Module = build()
            self.average = build().requires_grad_(False)
            self.judge = MultiscaleDiscriminator(phase.discriminator) if phase.weights.judged else nn.Identity()
        self.of_network = setup.optimiser(phase, phase.optimiser, self.network)
        self.of_judge = setup.optimiser(phase, "adam", self.judge) if phase.weights.judged else None
        blind = setup.perceptual is None and phase.weights.perceptual > 0
        self.weights = phase.weights.without_perceptual() if blind else phase.weights

    def __call__(self) -> None:
        """Take a step on fresh pictures, as the loop draws fresh ones."""
        conditions, pictures, persons = self._pair(3), self._pair(3), self._pair(1)
        fake = self._generator_step(conditions, pictures, persons, self._pair(3)[0])
        if self.of_judge is not None:
            with self.setup.autocast():
                verdict = discriminator_loss(
                    self.judge, conditions=conditions, real=pictures, fake=fake, weights=self.weights
                )
            descend_unseen(verdict.total(), self.of_judge)
        follow(self.average, self.network, self.phase.ema)

    def _generator_step(self, conditions: Both, pictures: Both, persons: Both, backdrop: Tensor) -> Both:
        made: list[Performance] = []

        def paint(condition: Tensor, previous: Tensor) -> Tensor:
            made.append(self.network(condition, previous, backdrop))
            return made[-1].image.float()

        with self.setup.autocast():
            fake = two_frames(paint, *conditions)
            terms = generator_loss(
                self.judge,
                conditions=conditions,
                real=pictures,
                fake=fake,
                weights=self.weights,
                perceptual=self.setup.perceptual,
            )
        total, matting = terms.total(self.weights), self.phase.matting
        if matting is not None:
            parts = [matting_loss(*one, matting).total(matting) for one in zip(made, pictures, persons, strict=True)]
            total = total + torch.stack(parts).mean()
        descend_unseen(total, self.of_network, most=MAX_GRADIENT)
        return fake

    def _pair(self, channels: int) -> Both:
        shape = self.phase.batch, channels, *self.setup.size(self.phase.reduce)
        return torch.zeros(shape, device=self.setup.device), torch.zeros(shape, device=self.setup.device)
