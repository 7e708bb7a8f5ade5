"""Look at the held-out end of the clip while training: a contact sheet of fixed frames, PSNR and SSIM, curves.

TensorBoard shows it all; the newest contact sheet is also a plain picture beside the checkpoints.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from models.everybody_dance_now.face_residual import refine_face
from models.performance import Memory, Performer, drift
from pipeline.artifacts import as_storage_error
from pipeline.compute import Compute
from pipeline.image import to_images, to_tensor, write_png
from stages.evaluation.metrics import decibels, ssim
from stages.training.bricks import box_around
from stages.training.clips import PreparedClip

LOOKS = (0.1, 0.25, 0.5, 0.75)  # shares of the budget at which the held-out frames are painted
SHOWN = 6  # frames on a contact sheet
CURVE_STEPS = 10  # between points of the loss curve
SCORED = 240  # held-out frames that are scored at most: painting more would take longer than it tells


@dataclass(frozen=True, slots=True)
class Score:
    """How near held-out frames come to the truth, at the network's size."""

    frames: int
    psnr_db: float  # of the mean squared error over all of them
    ssim: float
    drift: float  # of 95 % of them at most; 0 where the generator blends nothing


class Validation:
    """Keeps the curves and, at fixed shares of the budget, paints the held-out frames with the averaged weights."""

    def __init__(
        self, clip: PreparedClip, reduce: int, compute: Compute, folder: Path, name: str, *, step: int, done: float
    ) -> None:
        """Go on with the curves `name` in `folder` behind `step`, when `done` (0 … 1) of the budget is used."""
        self._clip, self._reduce, self._compute, self._folder = clip, reduce, compute, folder
        self._board = SummaryWriter(str(folder / "tensorboard" / name), purge_step=step)
        self._shown = done

    def look(
        self, step: int, loss: float, done: float, performer: Performer, terms: Mapping[str, Tensor] | None = None
    ) -> None:
        """Note the loss, and its terms where they are given; paint the contact sheet when its time has come.

        Raises: StorageError.
        """
        if step % CURVE_STEPS == 0:
            with self._writing():
                self._board.add_scalar("loss", loss, step)
                for name, value in (terms or {}).items():
                    self._board.add_scalar(f"terms/{name}", float(value), step)
        due = [look for look in LOOKS if self._shown < look <= done]
        if due:
            self._shown = due[-1]
            self._paint_sheet(step, performer)

    def close(self) -> None:
        """Write what is still in memory.

        Raises: StorageError.
        """
        with self._writing():
            self._board.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """TensorBoard writes in a thread of its own, and raises at some later call what went wrong there."""
        try:
            yield
        except OSError as error:
            raise as_storage_error(self._folder, error) from error

    def _paint_sheet(self, step: int, performer: Performer) -> None:
        frames = self._clip.held_out
        chosen = frames[np.linspace(0, len(frames) - 1, min(SHOWN, len(frames))).round().astype(int)]
        rows = [
            np.concatenate([shown.condition, shown.painted, shown.true], axis=0)
            for shown in paint_frames(self._clip, performer, chosen, self._reduce, self._compute)
        ]
        if rows:
            sheet = np.concatenate(rows, axis=1)
            with self._writing():
                self._board.add_image("held out: condition, painted, true", sheet, step, dataformats="HWC")
            write_png(self._folder / "held_out.png", sheet)


@dataclass(frozen=True, slots=True, eq=False)
class FaceTouch:
    """A trained face residual and the side of its box, pixels."""

    residual: nn.Module
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A held-out frame beside the truth, (h, w, 3) uint8 each."""

    condition: NDArray[np.uint8]  # of a face the first of its pictures, the shaded one
    painted: NDArray[np.uint8]
    true: NDArray[np.uint8]
    drift: float  # see models.performance


def paint_frames(
    clip: PreparedClip,
    performer: Performer,
    frames: NDArray[np.int64],
    reduce: int,
    compute: Compute,
    face: FaceTouch | None = None,
) -> Iterator[Shown]:
    """Paint frames one after the other as rendering does, each seeing the one painted before if they are consecutive.

    Args:
        reduce: pictures are this many times smaller than the clip was prepared; 1 where there is a face residual.
    """
    memory: Memory | None = None
    last = -2
    for frame in frames.tolist():
        condition, backdrop, truth = (
            torch.nn.functional.avg_pool2d(to_tensor(array[index], compute.device), reduce)
            for array, index in ((clip.conditions, frame), (clip.plates, clip.plate_of[frame]), (clip.pictures, frame))
        )
        if memory is None or frame != last + 1:
            memory = performer.blank(condition)
        with torch.inference_mode(), compute.autocast():
            made = performer.perform(condition, backdrop, memory)
            painted = made.image.float()
            if face is not None:
                painted = _touched(clip, frame, painted, condition, face)
        memory, last = performer.remember(memory, condition, replace(made, image=painted)), frame
        yield Shown(to_images(condition[:, :3])[0], to_images(painted)[0], to_images(truth)[0], drift(made))


def _touched(clip: PreparedClip, frame: int, painted: Tensor, condition: Tensor, face: FaceTouch) -> Tensor:
    nose = torch.from_numpy(clip.noses[[frame]]).to(painted.device)
    box = box_around(nose, face.size, clip.framing.height, clip.framing.width, clip.figures)
    return refine_face(painted, condition, box, face.residual)


def score_held_out(
    clip: PreparedClip, performer: Performer, compute: Compute, face: FaceTouch | None = None
) -> Score | None:
    """Paint the first held-out frames in a row and compare; None where the person is not in them."""
    errors, likeness, drifts = [], [], []
    for shown in paint_frames(clip, performer, clip.held_out[:SCORED], 1, compute, face):
        errors.append(float(np.square(shown.painted.astype(np.float64) - shown.true).mean()) / 255**2)
        likeness.append(ssim(shown.painted, shown.true))
        drifts.append(shown.drift)
    if not errors:
        return None
    psnr, usual = decibels(float(np.mean(errors))), float(np.quantile(drifts, 0.95))
    return Score(len(errors), psnr, float(np.mean(likeness)), drift=usual)
