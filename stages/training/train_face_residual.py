"""Train the face residual on a performer that is trained already and stays as it is.

Source: Chan et al. 2019, "Everybody Dance Now", sec. 3.3.
"""

from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks import initialise
from models.checkpoint import load_weights, save_weights
from models.ema import Ema
from models.everybody_dance_now.face_residual import FaceBox, face_box, face_discriminator, refine_face
from models.everybody_dance_now.generator import FACE_GENERATOR, GlobalGenerator
from models.everybody_dance_now.objective import (
    Faces,
    ObjectiveWeights,
    PictureLoss,
    discriminator_loss,
    generator_loss,
)
from models.training_state import Progress, TrainingState
from pipeline.compute import Compute
from stages.conditioning.stick_figure import StickFigureFormat
from stages.training.bricks import Clock, Curve, Every, Pairs, StopSignal, draw_pairs, learning_rate, seconds_left
from stages.training.clips import PreparedClip
from stages.training.presets import Budget
from stages.training.train_everybody_dance_now import SAVE_SECONDS, Report, Watch

RATE, BETAS = 2e-4, (0.5, 0.999)


def train_face_residual(
    clip: PreparedClip,
    performer: nn.Module,
    size: int,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    weights: ObjectiveWeights,
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
) -> nn.Module:
    """Train what is added to faces, or read it where that was done before; return its average.

    Saved and resumed as `train_phase` does.

    Args:
        size: side of the face box, pixels of the network's picture.

    Raises:
        TrainingError: the loss is no number any more, or the saved state is of another training.
        KeyboardInterrupt: passed on after saving.
    """
    chance = compute.generator(1)
    residual = initialise(GlobalGenerator(FACE_GENERATOR), chance).to(compute.device)
    finished, path = folder / "face.safetensors", folder / "face.state.safetensors"
    if finished.exists():
        load_weights(residual, finished)
        return residual
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
    start = state.restore(path) if path.exists() else Progress(notes={"seconds": 0.0})
    step, clock, save_due = start.step, Clock(start.notes["seconds"]), Every(SAVE_SECONDS)
    with StopSignal() as stop, closing(Curve(folder / "face.csv", step)) as curve:
        while (done := budget.done(step, clock.seconds)) < 1:
            rate = learning_rate(RATE, done, "linear")
            for group in of_residual.param_groups + of_judge.param_groups:
                group["lr"] = rate
            pairs = draw_pairs(clip, 1, sampler, shift=0.0, reduce=1, compute=compute)
            faces = Faces(boxes=_boxes(pairs, size, clip.style), discriminator=judge)
            with compute.autocast():
                fake = _refined(performer, residual, pairs, faces)
                terms = generator_loss(
                    judge,
                    conditions=pairs.conditions,
                    real=pairs.pictures,
                    fake=fake,
                    weights=weights,
                    perceptual=perceptual,
                    faces=faces,
                )
            total = terms.total(weights)
            of_residual.zero_grad(set_to_none=True)
            total.backward()
            of_residual.step()
            with compute.autocast():
                judged = discriminator_loss(
                    judge, conditions=pairs.conditions, real=pairs.pictures, fake=fake, weights=weights, faces=faces
                )
            of_judge.zero_grad(set_to_none=True)
            if judged.face.requires_grad:
                judged.total().backward()
                of_judge.step()
            average.update(residual)
            step += 1
            curve.add(step, float(total.detach()))
            if watch is not None:
                watch(Report("face", step, done, seconds_left(done, clock.seconds), float(total.detach())))
            if stop.asked or save_due.due():
                state.save(path, Progress(step=step, notes={"seconds": clock.seconds}))
            if stop.asked:
                raise KeyboardInterrupt
    save_weights(average.average, finished)
    path.unlink(missing_ok=True)
    average.copy_to(residual)
    return residual


def box_around(nose: Tensor, size: int, height: int, width: int, style: StickFigureFormat) -> FaceBox:
    """The face box of noses (b, 3): x, y, confidence; a face is seen where its nose is drawn."""
    return face_box(nose[:, :2], size, height, width, seen=nose[:, 2] >= style.min_confidence)


def _boxes(pairs: Pairs, size: int, style: StickFigureFormat) -> tuple[FaceBox, FaceBox]:
    height, width = pairs.pictures[0].shape[2:]
    first, second = (box_around(nose, size, height, width, style) for nose in pairs.noses)
    return first, second


def _refined(performer: nn.Module, residual: nn.Module, pairs: Pairs, faces: Faces) -> tuple[Tensor, Tensor]:
    """Both frames as the performer paints them, with the residual added to the face; only the residual learns."""
    with torch.no_grad():
        nothing = torch.zeros_like(pairs.pictures[0])
        first = performer(pairs.conditions[0], nothing, pairs.backdrop).image.float()
        second = performer(pairs.conditions[1], first, pairs.backdrop).image.float()
    return (
        refine_face(first, pairs.conditions[0], faces.boxes[0], residual),
        refine_face(second, pairs.conditions[1], faces.boxes[1], residual),
    )
