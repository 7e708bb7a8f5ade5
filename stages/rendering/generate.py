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
        self._backdrop = to_tensor(plate, compute.device).contiguous(memory_format=torch.channels_last)
        self.previous = torch.zeros_like(self._backdrop) if previous is None else previous.to(compute.device)
        if self.previous.shape != self._backdrop.shape:
            raise ModelError(
                "recurrent state",
                f"its picture is {tuple(self.previous.shape)}",
                f"{tuple(self._backdrop.shape)} as the model paints",
                "Render the film again from its start.",
            )

    def paint(self, condition: Condition, pose: Pose) -> Painted:
        """Paint the next frame; where the person is missing the stage is empty and the memory starts anew."""
        if pose.status is Status.MISSING:
            self.previous = torch.zeros_like(self._backdrop)
            return Painted(to_images(self._backdrop)[0], None, None, person=False, index=condition.index)
        shown = to_tensor(condition.image, self._compute.device).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), self._compute.autocast():
            made: Performance = self._model.performer(shown, self.previous, self._backdrop)
        image = made.image.float()
        refined = self._refine(image, shown, pose)
        self.previous = refined.clamp(-1, 1)
        has_mask = made.mask is not None and made.foreground is not None
        return Painted(
            to_images(refined)[0],
            to_images(made.foreground)[0] if has_mask and made.foreground is not None else None,
            torch.sigmoid(made.mask)[0, 0].float().cpu().numpy() if has_mask and made.mask is not None else None,
            person=True,
            index=condition.index,
        )

    def _refine(self, image: Tensor, condition: Tensor, pose: Pose) -> Tensor:
        """Add the face residual, if the model has one and the nose is in sight."""
        face, framing = self._model.face, self._model.facts.framing
        if face is None or pose.confidence[NOSE] < self._model.facts.style.min_confidence:
            return image
        window = framing.window
        scale = np.array([framing.width / window.width, framing.height / window.height])
        nose = (pose.points[NOSE] - (window.left, window.top) + 0.5) * scale - 0.5
        place = torch.from_numpy(nose.astype(np.float32))[None].to(image.device)
        box = face_box(place, self._model.facts.face_size, framing.height, framing.width)
        with torch.inference_mode(), self._compute.autocast():
            return refine_face(image, condition, box, face).float()


def save_state(path: Path, previous: Tensor) -> None:
    """Write the recurrent state, exactly.

    Raises: StorageError.
    """
    write_tensors(path, {"previous": previous}, {})


def load_state(path: Path) -> Tensor:
    """Read it back.

    Raises: ModelError: the file is missing or damaged.
    """
    tensors, _ = read_tensors(path)
    return tensors["previous"]
