"""A training step of vid2vid as its loop takes it, on takes of nothing: to be counted, or timed.

As in `rehearse_pairs`, the same order of the same calls without a look at values. Judges of faces and hands are left
out: which squares they see depends on values, and at an eighth of the picture they add little.
"""

import torch
from torch import Tensor

from models.performance import Memory
from models.vid2vid.discriminators import Judges
from models.vid2vid.objective import discriminator_terms, generator_terms
from models.vid2vid.performer import SequentialPerformer
from models.vid2vid.pyramid import PyramidGenerator
from stages.training.bricks import MAX_GRADIENT
from stages.training.phases import SequencePhase
from stages.training.rehearsal_bricks import Setup, descend_unseen, follow
from stages.training.rollout import Rollout, matting_of, roll_out
from stages.training.scenes import scene_of
from stages.training.takes import Take, TaughtGap

REGIONAL = ("face_gan", "face_feature_matching", "hand_gan", "hand_feature_matching")
STRETCHES = 2  # of a take that are painted: the second has a history that motion is judged on
END = 1.0  # of a phase, when takes are longest and all judges are asked


class SequenceRehearsal:
    """Players and a take of a phase; calling it paints the first stretches of a take."""

    def __init__(self, phase: SequencePhase, setup: Setup) -> None:
        self.phase, self.setup = phase, setup
        longest = phase.longest_now(END)
        self.frames = min(longest, STRETCHES * phase.chunk)
        self.repeats = longest / self.frames  # a step of the loop is a whole take
        with torch.device(setup.device):
            self.network = SequentialPerformer(PyramidGenerator(phase.network))
            self.average = SequentialPerformer(PyramidGenerator(phase.network)).requires_grad_(False)
            self.judge = Judges(phase.judges)
        self.of_network = setup.optimiser(phase, phase.optimiser, self.network)
        self.of_judge = setup.optimiser(phase, "adam", self.judge)
        weights = phase.weights.without(REGIONAL)
        blind = setup.perceptual is None and weights.perceptual > 0
        self.weights = weights.without_perceptual() if blind else weights

    def __call__(self) -> None:
        """Paint stretch after stretch; after each the generator learns, then the judges."""
        take = self._take()
        memory, painted = self.network.blank(take.conditions[:, 0]), list[Tensor]()
        for first in range(0, self.frames, self.phase.chunk):
            rollout, memory = self._stretch(take, first, memory, painted)
            painted.extend(rollout.image.detach().unbind(1))
        follow(self.average, self.network, self.phase.ema)

    def _stretch(self, take: Take, first: int, memory: Memory, painted: list[Tensor]) -> tuple[Rollout, Memory]:
        phase, setup = self.phase, self.setup
        rollout, memory = roll_out(
            self.network,
            take,
            first,
            min(first + phase.chunk, self.frames),
            memory,
            setup.here,
            backprop=phase.backprop_now(END),
            checkpointing=phase.checkpointing,
        )
        scene = scene_of(take, rollout, painted, phase.judges, phase.seen_from)
        with setup.autocast():
            terms = generator_terms(self.judge, scene, self.weights, perceptual=setup.perceptual)
        total = terms.total(self.weights) + matting_of(rollout, take, phase.matting)
        descend_unseen(total, self.of_network, most=MAX_GRADIENT)
        with setup.autocast():
            verdict = discriminator_terms(self.judge, scene, self.weights)
        descend_unseen(verdict.total(), self.of_judge)
        return rollout, memory

    def _take(self) -> Take:
        """A take of nothing, as long as it is painted."""

        def nothing(*channels: int) -> Tensor:
            shape = self.phase.batch, *channels, *self.setup.size(self.phase.reduce)
            return torch.zeros(shape, device=self.setup.device)

        frames = self.frames
        gaps = [gap for gap in self.phase.gaps if gap < frames]
        return Take(
            conditions=nothing(frames, 3),
            pictures=nothing(frames, 3),
            persons=nothing(frames, 1),
            backdrop=nothing(3),
            joints=torch.zeros(self.phase.batch, frames, 33, 3, device=self.setup.device),
            taught={gap: TaughtGap(nothing(frames, 2), nothing(frames, 1)) for gap in gaps},
            stride=1,
        )
