"""Let a trained performer follow conditions, frame after frame, each seeing the one it painted before."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.checkpoint import read_tensors, write_tensors
from models.everybody_dance_now.face_residual import face_box, refine_face
from models.performance import Memory, Performance, drift
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
    """A stream of painted frames; `memory` is its whole state, to be handed to the next chunk."""

    def __init__(self, model: LoadedModel, compute: Compute, memory: Memory | None = None) -> None:
        framing = model.facts.framing
        plate = resize(crop(model.background, framing.window), framing.width, framing.height)
        self._model, self._compute = model, compute
        self._backdrop = _laid_out(to_tensor(plate, compute.device))
        self.keyframes: list[int] = []  # frames that were painted without memory because the film drifted
        self.memory = self._blank()
        if memory is not None:
            _refuse_another(memory, self.memory)
            self.memory = _in_place(memory, compute)

    def paint(self, condition: Condition, pose: Pose) -> Painted:
        """Paint the next frame; where the person is missing the stage is empty and the memory starts anew."""
        if pose.status is Status.MISSING:
            self.memory = self._blank()
            return Painted(to_images(self._backdrop)[0], None, None, person=False, index=condition.index)
        shown = _laid_out(to_tensor(condition.image, self._compute.device))
        with torch.inference_mode(), self._compute.autocast():
            made, before = self._perform(shown, condition.index)
        made = replace(made, image=self._refine(made.image.float(), shown, pose))
        self.memory = _in_place(self._model.performer.remember(before, shown, made), self._compute)
        return Painted(
            to_images(made.image)[0],
            None if made.foreground is None else to_images(made.foreground)[0],
            None if made.mask is None else torch.sigmoid(made.mask)[0, 0].float().cpu().numpy(),
            person=True,
            index=condition.index,
        )

    def _perform(self, shown: Tensor, index: int) -> tuple[Performance, Memory]:
        """Paint after what is remembered, or without it where that has led the film astray (methods 15.6).

        Returns the frame and the memory it was painted after.
        """
        performer, limit = self._model.performer, self._model.facts.drift_limit
        made: Performance = performer.perform(shown, self._backdrop, self.memory)
        if limit is None or drift(made) <= limit:
            return made, self.memory
        self.keyframes.append(index)
        blank = performer.blank(shown)
        return performer.perform(shown, self._backdrop, blank), blank

    def _blank(self) -> Memory:
        return _in_place(self._model.performer.blank(self._backdrop), self._compute)

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


def _in_place(memory: Memory, compute: Compute) -> Memory:
    """The memory on the device, laid out as always."""
    pictures = tuple(_laid_out(picture.to(compute.device)) for picture in memory.pictures)
    return Memory(pictures, _laid_out(memory.conditions.to(compute.device)), memory.empty)


def _refuse_another(memory: Memory, expected: Memory) -> None:
    found, wanted = ([tuple(part.shape) for part in (*one.pictures, one.conditions)] for one in (memory, expected))
    if found != wanted:
        raise ModelError(
            "recurrent state",
            f"its pictures are {found}",
            f"{wanted} as the model paints",
            "Render the film again from its start.",
        )


def save_state(path: Path, memory: Memory) -> None:
    """Write the recurrent state, exactly.

    Raises: StorageError.
    """
    tensors = {f"pictures.{scale}": picture for scale, picture in enumerate(memory.pictures)}
    write_tensors(path, tensors | {"conditions": memory.conditions}, {"empty": str(memory.empty)})


def load_state(path: Path) -> Memory:
    """Read it back.

    Raises: ModelError: the file is missing, damaged or of another kind.
    """
    tensors, facts = read_tensors(path)
    if "pictures.0" not in tensors or "conditions" not in tensors or "empty" not in facts:
        raise ModelError(path, "no recurrent state", "a state that rendering saved", "Render the film again.")
    pictures = tuple(tensors[f"pictures.{scale}"] for scale in range(len(tensors) - 1))
    return Memory(pictures, tensors["conditions"], facts["empty"] == "True")
