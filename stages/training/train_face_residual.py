"""Train the face residual on a performer that is trained already and stays as it is.

Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.3.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks import initialise
from models.ema import Ema
from models.everybody_dance_now.face_residual import FaceBox, face_discriminator, refine_face
from models.everybody_dance_now.generator import FACE_GENERATOR, GlobalGenerator
from models.everybody_dance_now.objective import (
    Faces,
    ObjectiveWeights,
    PictureLoss,
    discriminator_loss,
    generator_loss,
)
from models.performance import Performer
from models.training_state import TrainingState
from pipeline.compute import Compute
from stages.conditioning.stick_figure import StickFigureFormat
from stages.training.bricks import (
    SAVE_SECONDS,
    Pairs,
    Watch,
    box_around,
    descend,
    draw_pairs,
    learning_rate,
    set_rate,
)
from stages.training.clips import PreparedClip
from stages.training.framing import Framing
from stages.training.phases import Budget
from stages.training.rounds import Rounds, already_trained

NAME = "face"  # of its files
RATE, BETAS = 2e-4, (0.5, 0.999)
STRIDE = FACE_GENERATOR.stride


def face_side(wanted: int, framing: Framing) -> int:
    """The side of the face box in pictures of this framing: as wanted, or the most that fits and the network takes."""
    return min(wanted, min(framing.width, framing.height) // STRIDE * STRIDE)


def train_face_residual(
    clip: PreparedClip,
    performer: Performer,
    size: int,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    weights: ObjectiveWeights,
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> nn.Module:
    """Train what is added to faces, or read it where that was done before; return its average.

    Saved and resumed as `train_phase` does.

    Args:
        performer: stays as it is.
        size: side of the face box, pixels of the network's picture, see `face_side`.

    Raises:
        TrainingError: the loss is no number any more, or the saved state is of another training.
        StorageError: the disk is full.
        KeyboardInterrupt: passed on after saving.
    """
    players = _players(compute)
    if already_trained(players.residual, folder, NAME):
        return players.residual
    with Rounds(folder, NAME, players.state, budget, watch=watch, save_seconds=save_seconds) as rounds:
        for step in rounds:
            set_rate(learning_rate(RATE, rounds.done, "linear"), players.of_residual, players.of_judge)
            pairs = draw_pairs(clip, 1, players.sampler, shift=0.0, reduce=1, compute=compute)
            faces = Faces(boxes=_boxes(pairs, size, clip.figures), discriminator=players.judge)
            loss = _step(players, performer, pairs, faces, weights, compute, perceptual, step)
            players.average.update(players.residual)
            rounds.learnt(loss)
    rounds.finish(players.average.average)
    players.average.copy_to(players.residual)
    return players.residual


@dataclass(frozen=True, slots=True, eq=False)
class _Players:
    """Who learns, and what of them is saved."""

    residual: GlobalGenerator
    judge: nn.Module
    average: Ema[GlobalGenerator]
    of_residual: torch.optim.Optimizer
    of_judge: torch.optim.Optimizer
    sampler: np.random.Generator
    state: TrainingState


def _players(compute: Compute) -> _Players:
    chance = compute.generator(1)
    residual = initialise(GlobalGenerator(FACE_GENERATOR), chance).to(compute.device)
    judge = initialise(face_discriminator(), chance).to(compute.device)
    average = Ema(residual)
    of_residual = torch.optim.Adam(residual.parameters(), RATE, betas=BETAS)
    of_judge = torch.optim.Adam(judge.parameters(), RATE, betas=BETAS)
    sampler = np.random.default_rng(compute.seed + 1)
    state = TrainingState(
        modules={"residual": residual, "average": average, "judge": judge},
        optimisers={"residual": of_residual, "judge": of_judge},
        samplers={"pairs": sampler},
    )
    return _Players(residual, judge, average, of_residual, of_judge, sampler, state)


def _step(
    players: _Players,
    performer: Performer,
    pairs: Pairs,
    faces: Faces,
    weights: ObjectiveWeights,
    compute: Compute,
    perceptual: PictureLoss | None,
    step: int,
) -> float:
    """The residual's turn, then the judge's, if a face is in sight; returns the residual's loss."""
    judge, seen = players.judge, {"conditions": pairs.conditions, "real": pairs.pictures}
    with compute.autocast():
        fake = _refined(performer, players.residual, pairs, faces)
        terms = generator_loss(judge, **seen, fake=fake, weights=weights, perceptual=perceptual, faces=faces)
    loss = descend(terms.total(weights), players.of_residual, step=step)
    with compute.autocast():
        judged = discriminator_loss(judge, **seen, fake=fake, weights=weights, faces=faces)
    if judged.face.requires_grad:
        descend(judged.total(), players.of_judge, step=step)
    return loss


def _boxes(pairs: Pairs, size: int, style: StickFigureFormat) -> tuple[FaceBox, FaceBox]:
    height, width = pairs.pictures[0].shape[2:]
    first, second = (box_around(nose, size, height, width, style) for nose in pairs.noses)
    return first, second


def _refined(performer: Performer, residual: nn.Module, pairs: Pairs, faces: Faces) -> tuple[Tensor, Tensor]:
    """Both frames as the performer paints them, with the residual added to the face; only the residual learns."""
    with torch.no_grad():
        memory = performer.blank(pairs.conditions[0])
        first = performer.perform(pairs.conditions[0], pairs.backdrop, memory)
        memory = performer.remember(memory, pairs.conditions[0], first)
        second = performer.perform(pairs.conditions[1], pairs.backdrop, memory)
    return (
        refine_face(first.image.float(), pairs.conditions[0], faces.boxes[0], residual),
        refine_face(second.image.float(), pairs.conditions[1], faces.boxes[1], residual),
    )
