"""Keep the curves of a training, and now and then a sheet of pictures: what goes in, what comes out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from pipeline.artifacts import as_storage_error
from pipeline.compute import Compute
from pipeline.image import to_images, to_tensor, write_png
from stages.training.picture_store import PictureStore
from stages.training.validation import CURVE_STEPS, LOOKS

SHOWN = 4  # pictures of a domain

U8 = NDArray[np.uint8]


class ContactSheet:
    """TensorBoard shows loss, terms and sheets; the newest sheet is also a plain picture beside the checkpoints."""

    def __init__(self, folder: Path, name: str, *, step: int, done: float) -> None:
        """Go on with the curves `name` in `folder` behind `step`, when `done` (0 … 1) of the budget is used."""
        self._folder = folder
        self._board = SummaryWriter(str(folder / "tensorboard" / name), purge_step=step)
        self._shown = done

    def look(self, step: int, loss: float, done: float, terms: Mapping[str, Tensor], paint: Callable[[], U8]) -> None:
        """Note the loss and its terms; ask for the sheet when its time has come.

        Raises: StorageError.
        """
        if step % CURVE_STEPS == 0:
            with self._writing():
                self._board.add_scalar("loss", loss, step)
                for name, value in terms.items():
                    self._board.add_scalar(f"terms/{name}", float(value), step)
        due = [look for look in LOOKS if self._shown < look <= done]
        if due:
            self._shown = due[-1]
            sheet = paint()
            with self._writing():
                self._board.add_image("in, out", sheet, step, dataformats="HWC")
            write_png(self._folder / "sheet.png", sheet)

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


def samples_of(store: PictureStore, height: int, width: int) -> U8:
    """Some pictures spread over a store, their middles: (n, height, width, 3)."""
    chosen = np.linspace(0, len(store) - 1, min(SHOWN, len(store))).round().astype(int)
    top, left = (store.report.height - height) // 2, (store.report.width - width) // 2
    return np.asarray(store.pictures[chosen, top : top + height, left : left + width])


def painted(translator: nn.Module, pictures: U8, compute: Compute) -> U8:
    """What a translator makes of pictures (n, h, w, 3), one by one."""
    made = []
    for picture in pictures:
        with torch.inference_mode(), compute.autocast():
            made.append(to_images(translator(to_tensor(picture, compute.device)))[0])
    return np.stack(made)


def laid_out(rows: Sequence[U8]) -> U8:
    """One picture of rows of pictures (n, h, w, 3), each row as long as the shortest."""
    length = min(len(row) for row in rows)
    return np.concatenate([np.concatenate(list(row[:length]), axis=1) for row in rows], axis=0)
