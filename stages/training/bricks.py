"""What training loops are laid of: frame pairs, schedules, a clock that survives restarts, a curve on disk."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.everybody_dance_now.face_residual import FaceBox, face_box
from pipeline.artifacts import as_storage_error, atomic_file
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from pipeline.image import crop, to_tensor
from pipeline.values import Box
from stages.conditioning.stick_figure import StickFigureFormat
from stages.training.clips import PreparedClip
from stages.training.processes import ALONE, Processes

WARM_UP = 0.03  # share of the budget over which a cosine schedule rises
MAX_GRADIENT = 1.0  # norm of all gradients together: a rare bad step does not throw the network off
SAVE_SECONDS = 30.0  # between full states; a killed training loses at most this


@dataclass(frozen=True, slots=True)
class Report:
    """What a watcher is told after a step."""

    phase: str
    step: int
    done: float  # share of the budget, 0 … 1
    seconds_left: float
    loss: float


Watch = Callable[[Report], None]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Consecutive frames, b pairs: index 0 the earlier, 1 the later; all on the training device."""

    conditions: tuple[Tensor, Tensor]  # (b, 3, h, w), -1..1
    pictures: tuple[Tensor, Tensor]  # (b, 3, h, w), -1..1
    persons: tuple[Tensor, Tensor]  # (b, 1, h, w), 0..1
    backdrop: Tensor  # (b, 3, h, w), -1..1
    noses: tuple[Tensor, Tensor]  # (b, 3): x, y in pixels of these pictures, confidence


def draw_pairs(
    clip: PreparedClip, count: int, chance: np.random.Generator, *, shift: float, reduce: int, compute: Compute
) -> Pairs:
    """Draw pairs of consecutive frames, each moved by up to `shift` of its size, the same way throughout the pair.

    Args:
        clip: has pairs.
        shift: share of the picture's size.
        reduce: pictures are made this many times smaller; divides their sides.
    """
    later = chance.choice(clip.pairs, count)
    views = [moved_view(clip.framing.width, clip.framing.height, shift, chance) for _ in later]

    def take(array: NDArray[np.uint8], frames: Iterable[int]) -> NDArray[np.uint8]:
        return np.stack([crop(array[frame], view) for frame, view in zip(frames, views, strict=True)])

    def picture(array: NDArray[np.uint8], frames: Iterable[int]) -> Tensor:
        tensor = reduced(to_tensor(take(array, frames), compute.device), reduce)
        return tensor.contiguous(memory_format=torch.channels_last)

    def person(frames: Iterable[int]) -> Tensor:
        return reduced(torch.from_numpy(take(clip.masks, frames)).to(compute.device)[:, None].float() / 255, reduce)

    def nose(frames: NDArray[np.int64]) -> Tensor:
        place = clip.noses[frames].copy()
        place[:, :2] = (place[:, :2] - [(view.left, view.top) for view in views] + 0.5) / reduce - 0.5
        return torch.from_numpy(place).to(compute.device)

    both = (later - 1, later)
    return Pairs(
        conditions=(picture(clip.conditions, both[0]), picture(clip.conditions, both[1])),
        pictures=(picture(clip.pictures, both[0]), picture(clip.pictures, both[1])),
        persons=(person(both[0]), person(both[1])),
        backdrop=picture(clip.plates, clip.plate_of[later]),
        noses=(nose(both[0]), nose(both[1])),
    )


def moved_view(width: int, height: int, shift: float, chance: np.random.Generator) -> Box:
    """The picture's own box, moved at random; what is then seen beyond the border repeats it."""
    rows, columns = round(height * shift), round(width * shift)
    top, left = (int(chance.integers(-reach, reach + 1)) for reach in (rows, columns))
    return Box(left, top, left + width, top + height)


def reduced(pictures: Tensor, factor: int) -> Tensor:
    """Pictures (b, c, h, w) `factor` times smaller, by area."""
    return torch.nn.functional.avg_pool2d(pictures, factor) if factor > 1 else pictures


def box_around(nose: Tensor, size: int, height: int, width: int, style: StickFigureFormat) -> FaceBox:
    """The face box of noses (b, 3): x, y, confidence; a face is seen where its nose is drawn."""
    return face_box(nose[:, :2], size, height, width, seen=nose[:, 2] >= style.min_confidence)


def descend(
    loss: Tensor,
    optimiser: torch.optim.Optimizer,
    *,
    step: int,
    most: float = math.inf,
    processes: Processes = ALONE,
) -> float:
    """Take one step down; returns the loss.

    Args:
        most: norm of all gradients together; longer ones are shortened to it.
        processes: who trains together: all take the step of their mean gradient.

    Raises:
        TrainingError: loss or gradients are no numbers. Nothing has moved then, so weights stay finite for ever.
    """
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    processes.average_gradients(weights)
    value, norm = float(loss.detach()), float(torch.nn.utils.clip_grad_norm_(weights, most))
    if not (math.isfinite(value) and math.isfinite(norm)):
        raise TrainingError(
            f"training step {step}",
            f"the loss is {value}, its gradient {norm}",
            "finite numbers",
            "The state saved last is sound: the same command goes on from it. If this comes again, use --device cpu.",
        )
    optimiser.step()
    return value


def set_rate(rate: float, *optimisers: torch.optim.Optimizer) -> None:
    """Give optimisers a learning rate."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate


def learning_rate(base: float, done: float, schedule: Literal["cosine", "linear"]) -> float:
    """The rate when `done` (0 … 1) of the budget is used.

    "cosine" rises over the first 3 %, then falls to 0 along half a cosine; "linear" is the papers': constant for the
    first half, then falling to 0 in a straight line.
    """
    if schedule == "linear":
        return base * min(1.0, 2 * (1 - done))
    return base * min(1.0, (done + 1e-3) / WARM_UP) * (1 + math.cos(math.pi * done)) / 2


def seconds_left(done: float, seconds: float) -> float:
    """How long the rest takes if it goes on as before, when `done` (0 … 1) took `seconds`."""
    return seconds * (1 - done) / max(done, 1e-6)


@dataclass(slots=True)
class Clock:
    """Seconds spent training, over all the times the program was started."""

    before: float = 0.0  # from earlier runs
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds until now."""
        return self.before + time.monotonic() - self.started


@dataclass(slots=True)
class Every:
    """True once every so many seconds, for what costs time and need not be exact."""

    seconds: float
    last: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether the time has come; asking resets the clock when it has."""
        if time.monotonic() - self.last < self.seconds:
            return False
        self.last = time.monotonic()
        return True


class Curve:
    """The loss of every step in a text file, `step,loss`; after a crash it goes on where the saved state stood."""

    def __init__(self, path: Path, step: int) -> None:
        """Keep what an older file says of the first `step` steps and append from there."""
        if path.exists():
            # In one step: killed here, the older file is still whole for the next start.
            kept = [line for line in path.read_text().splitlines() if _step_of(line) <= step]
            with atomic_file(path) as beside:
                beside.write_text("".join(f"{line}\n" for line in kept))
        self._path, self._file = path, path.open("a", buffering=1)

    def add(self, step: int, loss: float) -> None:
        """Append a line.

        Raises: StorageError.
        """
        try:
            self._file.write(f"{step},{loss!r}\n")
        except OSError as error:
            raise as_storage_error(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _step_of(line: str) -> float:
    """The step that a line of a curve is about; infinite where a crash cut the line short."""
    number, _, loss = line.partition(",")
    return int(number) if number.isdigit() and loss else math.inf


class StopSignal:
    """Ctrl-C (or a polite kill) asks for an end after the step that is under way, so that what is saved is whole.

    A second Ctrl-C ends at once. Outside the main thread signals cannot be caught, and nothing changes.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
