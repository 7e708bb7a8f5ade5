"""Let a trained performer follow conditions, frame after frame, each seeing the one it painted before."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.checkpoint import read_tensors, write_tensors
from models.everybody_dance_now.face_residual import face_box, refine_face
from models.performance import Memory, Performance, Performer, drift
from pipeline.compute import Compute
from pipeline.errors import ModelError
from pipeline.image import crop, resize, to_images, to_tensor
from pipeline.values import Condition, Pose, Status
from stages.model_folder import LoadedModel
from stages.rendering.panning import Pan, moved_aside

# The picture (1, 3, h, w) float32 after the condition, both -1..1 → the picture as it is shown and remembered.
Retouch = Callable[[Tensor, Tensor], Tensor]

NOSE = 0


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """What the network made of one frame, at its own size."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB: the finished picture of the window
    foreground: NDArray[np.uint8] | None  # (h, w, 3) RGB: the performer alone, where there is a mask
    mask: NDArray[np.float32] | None  # (h, w): 0 plate … 1 performer
    person: bool  # False: nobody to paint, the window shows the empty plate
    index: int


class Painter:
    """A performer at work on one film, before one plate; `memory` is its whole state, for the next chunk."""

    def __init__(
        self,
        performer: Performer,
        plate: NDArray[np.uint8],
        compute: Compute,
        *,
        channels: int = 3,
        drift_limit: float | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Begin a film, or go on with one.

        Args:
            performer: in evaluation mode, on the device.
            plate: (h, w, 3) RGB at the network's size: the empty window.
            channels: of a condition.
            drift_limit: beyond it a frame is painted without memory; None: never.
            memory: the state behind the frame before; None at the film's start.

        Raises: ModelError where the memory is another network's.
        """
        self._performer, self._compute, self._drift_limit = performer, compute, drift_limit
        self._backdrop = _laid_out(to_tensor(plate, compute.device))
        self._unseen = self._backdrop.new_zeros(1, channels, *plate.shape[:2])
        self.keyframes: list[int] = []  # frames that were painted without memory because the film drifted
        self.memory = self._blank()
        if memory is not None:
            _refuse_another(memory, self.memory)
            self.memory = _in_place(memory, compute)

    def paint(self, condition: Condition, retouch: Retouch | None = None) -> Painted:
        """Paint the next frame; `retouch` finishes the picture before it is remembered."""
        shown = _laid_out(to_tensor(condition.image, self._compute.device))
        with torch.inference_mode(), self._compute.autocast():
            made, before = self._perform(shown, condition.index)
        image = made.image.float()
        made = replace(made, image=image if retouch is None else retouch(image, shown))
        self.memory = _in_place(self._performer.remember(before, shown, made), self._compute)
        return Painted(
            to_images(made.image)[0],
            None if made.foreground is None else to_images(made.foreground)[0],
            None if made.mask is None else torch.sigmoid(made.mask)[0, 0].float().cpu().numpy(),
            person=True,
            index=condition.index,
        )

    def move(self, columns: int, plate: NDArray[np.uint8]) -> None:
        """See the stage from a window so many columns to the right: before `plate`, after what was painted there."""
        self._backdrop = _laid_out(to_tensor(plate, self._compute.device))
        self.memory = _in_place(moved_aside(self.memory, columns, self._backdrop), self._compute)

    def begin_anew(self) -> None:
        """Forget what was shown and painted: the next frame is the first of a shot."""
        self.memory = self._blank()

    def clear(self, index: int) -> Painted:
        """Show the empty plate; the memory starts anew."""
        self.begin_anew()
        return Painted(to_images(self._backdrop)[0], None, None, person=False, index=index)

    def _perform(self, shown: Tensor, index: int) -> tuple[Performance, Memory]:
        """Paint after what is remembered, or without it where that has led the film astray (methods 15.6).

        Returns the frame and the memory it was painted after.
        """
        made: Performance = self._performer.perform(shown, self._backdrop, self.memory)
        if self._drift_limit is None or drift(made) <= self._drift_limit:
            return made, self.memory
        self.keyframes.append(index)
        blank = self._performer.blank(shown)
        return self._performer.perform(shown, self._backdrop, blank), blank

    def _blank(self) -> Memory:
        return _in_place(self._performer.blank(self._unseen), self._compute)


class Generation:
    """A stream of painted frames of a dancer; `memory` is its whole state, to be handed to the next chunk."""

    def __init__(
        self, model: LoadedModel, compute: Compute, memory: Memory | None = None, pan: Pan | None = None
    ) -> None:
        """Begin a film, or go on with one.

        Args:
            memory: the state behind the frame before; None at the film's start.
            pan: where that frame was painted; None: in the model's own window.
        """
        limit = model.facts.drift_limit
        self._model, self._compute, self._pan = model, compute, pan or Pan(0, model.facts.framing.window)
        plate = self._plate(self._pan)
        self._painter = Painter(model.performer, plate, compute, drift_limit=limit, memory=memory)

    @property
    def memory(self) -> Memory:
        """The state behind the frame painted last."""
        return self._painter.memory

    @property
    def keyframes(self) -> list[int]:
        """Frames that were painted without memory because the film drifted."""
        return self._painter.keyframes

    def paint(self, condition: Condition, pose: Pose, pan: Pan | None = None) -> Painted:
        """Paint the next frame; where the person is missing the stage is empty and the memory starts anew.

        Args:
            condition: drawn as seen through the pan's window.
            pan: see `pan_of`; None: the window stays where the last frame had it.
        """
        if pan is not None and pan != self._pan:
            self._painter.move(pan.columns - self._pan.columns, self._plate(pan))
            self._pan = pan
        if pose.status is Status.MISSING:
            return self._painter.clear(condition.index)
        return self._painter.paint(condition, lambda image, shown: self._refine(image, shown, pose))

    def _plate(self, pan: Pan) -> NDArray[np.uint8]:
        framing = self._model.facts.framing
        return resize(crop(self._model.background, pan.window), framing.width, framing.height)

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
    pictures = [f"pictures.{scale}" for scale in range(len(tensors) - 1)]
    if sorted(tensors) != sorted([*pictures, "conditions"]) or "empty" not in facts:
        raise ModelError(path, "no recurrent state", "a state that rendering saved", "Render the film again.")
    return Memory(tuple(tensors[name] for name in pictures), tensors["conditions"], facts["empty"] == "True")
