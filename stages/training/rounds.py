"""The frame of every training loop: rounds that are counted and timed, written down, told, saved, and can be ended."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from torch import nn

from models.checkpoint import load_weights, save_weights
from models.training_state import Progress, TrainingState
from stages.training.bricks import SAVE_SECONDS, Clock, Curve, Every, Report, StopSignal, Watch, seconds_left
from stages.training.phases import Budget
from stages.training.processes import ALONE, Processes


def already_trained(network: nn.Module, folder: Path, name: str) -> bool:
    """Whether the training `name` was finished before; its weights are in `network` then.

    Raises: ModelError: they are not of such a network.
    """
    finished = folder / f"{name}.safetensors"
    if not finished.exists():
        return False
    load_weights(network, finished)
    return True


class Rounds:
    """Counts the rounds of one training until its budget is used; a context, and what its loop goes over.

        with Rounds(folder, "coarse", state, budget) as rounds:
            for step in rounds:  # 1, 2 … or behind what was saved
                …
                rounds.learnt(loss)
        rounds.finish(network)

    The state is saved every `save_seconds`, and on Ctrl-C before KeyboardInterrupt is raised between two rounds; begun
    again with the same settings, the rounds go on behind the state. Of several processes only the book-keeper writes.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        state: TrainingState,
        budget: Budget,
        *,
        watch: Watch | None = None,
        save_seconds: float = SAVE_SECONDS,
        processes: Processes = ALONE,
        device: str = "cpu",
    ) -> None:
        """Go on where `state` was saved in `folder`, or begin.

        Args:
            watch: is told of every round.
            device: on which the processes agree.

        Raises: TrainingError: the saved state is of another training.
        """
        self._folder, self._name, self._state, self._budget = folder, name, state, budget
        self._watch, self._processes, self._device = watch, processes, device
        self._path = folder / f"{name}.state.safetensors"
        start = state.restore(self._path) if self._path.exists() else Progress(notes={"seconds": 0.0})
        self.step, self._clock, self._save_due = start.step, Clock(start.notes["seconds"]), Every(save_seconds)
        self.done = budget.done(self.step, self._clock.seconds)  # share of the budget, 0 … 1
        self._stop, self._stopped, self._loss = StopSignal(), False, 0.0

    def __enter__(self) -> Self:
        self._stop.__enter__()
        self._curve = Curve(self._folder / f"{self._name}.csv", self.step) if self._keeps_the_books else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._curve is not None:
            self._curve.close()
        self._stop.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[int]:
        """The number of each round.

        Raises:
            StorageError: the disk is full.
            KeyboardInterrupt: Ctrl-C; the state is saved.
        """
        while self.done < 1:
            self.step += 1
            yield self.step
            self._close()

    def learnt(self, loss: float) -> None:
        """Close the round's account: what it lost, how much of the budget is used, whether somebody wants an end.

        Raises: StorageError: the disk is full.
        """
        self._loss = loss
        self.done, self._stopped = self._processes.agree(
            self._budget.done(self.step, self._clock.seconds), self._stop.asked, self._device
        )
        if self._curve is not None:
            self._curve.add(self.step, loss)

    def finish(self, network: nn.Module) -> None:
        """Keep the weights for good; the state is not needed any more.

        Raises: StorageError: the disk is full.
        """
        if self._keeps_the_books:
            save_weights(network, self._folder / f"{self._name}.safetensors")
            self._path.unlink(missing_ok=True)

    @property
    def _keeps_the_books(self) -> bool:
        return self._processes.keeps_the_books

    def _close(self) -> None:
        seconds = self._clock.seconds
        if self._watch is not None and self._keeps_the_books:
            self._watch(Report(self._name, self.step, self.done, seconds_left(self.done, seconds), self._loss))
        if self._processes.count == 1:  # several have agreed before
            self._stopped = (
                self._stop.asked
            )  # looked at once: a signal that comes while saving waits for the next round
        if self._keeps_the_books and (self._stopped or self._save_due.due()):
            self._state.save(self._path, Progress(step=self.step, notes={"seconds": self._clock.seconds}))
        if self._stopped and self.done < 1:
            raise KeyboardInterrupt
