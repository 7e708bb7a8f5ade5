"""Let a trained performer follow conditions, frame after frame, each seeing the one it painted before."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.checkpoint import read_tensors, write_tensors
from models.everybody_dance_now.face_residual import face_box, refine_face
from models.everybody_dance_now.performance import Performance
from pipeline.compute import Compute
from pipeline.errors import ModelError
from pipeline.image import crop, resize, to_images, to_tensor
from pipeline.values import Condition, Pose, Status
from stages.model_folder import LoadedModel

NOSE = 0


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """What the network made of one frame, at its own size."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB: the finished picture of the window
    foreground: NDArray[np.uint8] | None  # (h, w, 3) RGB: the performer alone, where there is a mask
    mask: NDArray[np.float32] | None  # (h, w): 0 plate … 1 performer
    person: bool  # False: nobody to paint, the window shows the empty plate
    index: int


class Generation:
    """A stream of painted frames; `previous` is its whole state, to be handed to the next chunk."""

    def __init__(self, model: LoadedModel, compute: Compute, previous: Tensor | None = None) -> None:
        framing = model.facts.framing
        plate = resize(crop(model.background, framing.window), framing.width, framing.height)
        self._model, self._compute = model, compute
        self._backdrop = _laid_out(to_tensor(plate, compute.device))
        if previous is not None and previous.shape != self._backdrop.shape:
            raise ModelError(
                "recurrent state",
                f"its picture is {tuple(previous.shape)}",
                f"{tuple(self._backdrop.shape)} as the model paints",
                "Render the film again from its start.",
            )
        self.previous = torch.zeros_like(self._backdrop)
        if previous is not None:
            self.previous = _laid_out(previous.to(compute.device))

    def paint(self, condition: Condition, pose: Pose) -> Painted:
        """Paint the next frame; where the person is missing the stage is empty and the memory starts anew."""
        if pose.status is Status.MISSING:
            self.previous = torch.zeros_like(self._backdrop)
            return Painted(to_images(self._backdrop)[0], None, None, person=False, index=condition.index)
        shown = _laid_out(to_tensor(condition.image, self._compute.device))
        with torch.inference_mode(), self._compute.autocast():
            made: Performance = self._model.performer(shown, self.previous, self._backdrop)
        image = made.image.float()
        refined = self._refine(image, shown, pose)
        self.previous = _laid_out(refined.clamp(-1, 1))
        return Painted(
            to_images(refined)[0],
            None if made.foreground is None else to_images(made.foreground)[0],
            None if made.mask is None else torch.sigmoid(made.mask)[0, 0].float().cpu().numpy(),
            person=True,
            index=condition.index,
        )

    def _refine(self, image: Tensor, condition: Tensor, pose: Pose) -> Tensor:
        """Add the face residual, if the model has one and the nose is in sight."""
        face, framing = self._model.face, self._model.facts.framing
        if face is None or pose.confidence[NOSE] < self._model.facts.style.min_confidence:
            return image
        place = torch.from_numpy(framing.in_picture(pose.points[[NOSE]])).to(image.device)
        box = face_box(place, self._model.facts.face_size, framing.height, framing.width)
        with torch.inference_mode(), self._compute.autocast():
            return refine_face(image, condition, box, face).float()


def _laid_out(pictures: Tensor) -> Tensor:
    """Channels last, always: another layout would choose other kernels, and a resumed film would differ in rounding."""
    return pictures.contiguous(memory_format=torch.channels_last)


def save_state(path: Path, previous: Tensor) -> None:
    """Write the recurrent state, exactly.

    Raises: StorageError.
    """
    write_tensors(path, {"previous": previous}, {})


def load_state(path: Path) -> Tensor:
    """Read it back.

    Raises: ModelError: the file is missing, damaged or of another kind.
    """
    tensors, _ = read_tensors(path)
    if "previous" not in tensors:
        raise ModelError(path, "no recurrent state", "a state that rendering saved", "Render the film again.")
    return tensors["previous"]
