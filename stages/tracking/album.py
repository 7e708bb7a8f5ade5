"""Album: small pictures of the performer, one a frame, on disk while a clip is tracked, to be looked at again."""

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StorageError
from stages.tracking.region import CROP, Region

QUALITY = 92  # of JPEG: 12 to 16 kB a picture; 0.8 ms to keep one and to look at it again, together


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where in the album a frame's picture of the performer lies, and where in the frame it was cut."""

    offset: int  # bytes
    size: int
    region: Region


class Album:
    """Keeps what the joint network looked at, so that memory does not grow with the clip. Several threads may add."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the album; gone when it is closed
        self._lock = threading.Lock()
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def keep(self, crop: NDArray[np.uint8], region: Region) -> Snapshot:
        """Add what `region.cut` gave, (256, 256, 3).

        Raises:
            StorageError: there is no room left.
        """
        _, coded = cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
        return self.keep_coded(coded.tobytes(), region)

    def keep_coded(self, data: bytes, region: Region) -> Snapshot:
        """Add a picture as `coded` gave it, of this album or another.

        Raises:
            StorageError: there is no room left.
        """
        with self._lock:
            snapshot = Snapshot(self._end, len(data), region)
            try:
                self._file.seek(self._end)
                self._file.write(data)
            except OSError as error:
                raise _no_room(error) from error
            self._end += len(data)
        return snapshot

    def show(self, snapshots: Sequence[Snapshot]) -> NDArray[np.uint8]:
        """The pictures, (n, 256, 256, 3), as they were but for the coding."""
        pictures = np.empty((len(snapshots), CROP, CROP, 3), dtype=np.uint8)
        for picture, snapshot in zip(pictures, snapshots, strict=True):
            picture[:] = cv2.imdecode(np.frombuffer(self.coded(snapshot), dtype=np.uint8), cv2.IMREAD_COLOR)
        return pictures

    def coded(self, snapshot: Snapshot) -> bytes:
        """A picture as it lies here, a JPEG."""
        with self._lock:
            self._file.seek(snapshot.offset)
            return self._file.read(snapshot.size)


def _no_room(error: OSError) -> StorageError:
    return StorageError(
        tempfile.gettempdir(),
        f"the performer's pictures cannot be kept ({error.strerror or error})",
        "about 15 kB of room for every frame while a clip is tracked",
        "Free some space there, or name another folder in the environment variable TMPDIR.",
    )
