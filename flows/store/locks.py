"""Two workers never do the same piece of work at once: the second waits, says so, and takes the other's result."""

import asyncio
import hashlib
import itertools
import threading
import time
import uuid
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout
from prefect.locking.protocol import LockManager

from flows.pacing import may_go_on
from flows.progress import say
from flows.store.journal import journal
from flows.store.storage import Remote
from flows.store.workspace import Workspace
from pipeline.artifacts import as_storage_error
from pipeline.errors import StorageError

LEASE_SECONDS = (
    120.0  # after which the work of a worker that died is free; it writes its lease anew five times in these
)
SETTLE_SECONDS = 1.0  # until the last of those who wrote at once is known


class Locks(LockManager):
    """What all locks of ours share: one holder a key, the wait for another's work, the forms that Prefect awaits."""

    ask_seconds = 0.5  # between two looks whether the other is done

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, Callable[[], None]]] = {}  # by key: the holder, and how it is freed

    @abstractmethod
    def take(self, key: str) -> Callable[[], None] | None:
        """Take the lock of a key and return what frees it; None: another has it."""

    @abstractmethod
    def taken_elsewhere(self, key: str) -> bool:
        """Whether another process, or another manager of this one, has the lock."""

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Take the lock, where another has it as soon as that is done; False: not within so many seconds.

        Raises: what `may_go_on` ends a waiting job with; StorageError.
        """
        del hold_timeout  # a lock lives as long as the process that holds it
        if self.is_lock_holder(key, holder):
            return True
        return self._patiently(lambda: self._try(key, holder), key, acquire_timeout)

    def release_lock(self, key: str, holder: str) -> None:
        """Free the lock.

        Raises: ValueError: somebody else holds it.
        """
        if not self.is_lock_holder(key, holder):
            raise ValueError(f"{holder} does not hold the lock of {key}")
        _, free = self._held.pop(key)
        free()

    def is_locked(self, key: str) -> bool:
        """Whether anybody holds the lock."""
        return key in self._held or self.taken_elsewhere(key)

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Whether this one holds it."""
        return key in self._held and self._held[key][0] == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds it; False: not within so many seconds."""
        return self._patiently(lambda: not self.is_locked(key), key, timeout)

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """As `acquire_lock`."""
        return await asyncio.to_thread(self.acquire_lock, key, holder, acquire_timeout, hold_timeout)

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """As `wait_for_lock`."""
        return await asyncio.to_thread(self.wait_for_lock, key, timeout)

    def _try(self, key: str, holder: str) -> bool:
        if key in self._held:  # by another thread of this process
            return False
        free = self.take(key)
        if free is None:
            return False
        self._held[key] = (holder, free)
        return True

    def _patiently(self, succeeds: Callable[[], bool], key: str, seconds: float | None) -> bool:
        """Try until it succeeds or time is up; the first wait is said, and the job may be paused meanwhile."""
        if succeeds():
            return True
        begun = time.monotonic()
        what = key.rpartition("-")[0] or key
        say(f"Another worker does the same ({what}): waiting for its result")
        journal().note("waits for another worker that does the same", key=key)
        while seconds is None or time.monotonic() - begun < seconds:
            may_go_on()
            time.sleep(self.ask_seconds)
            if succeeds():
                journal().note("waited for another worker", seconds=round(time.monotonic() - begun, 1))
                return True
        return False


class FileLocks(Locks):
    """Locks of the operating system on files of one folder: the kernel frees them when a process ends, however it ends.

    Prefect's own FileSystemLockManager writes files that outlive a killed process: nobody would do its work again.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def take(self, key: str) -> Callable[[], None] | None:
        """Take the lock of a key and return what frees it; None: another has it.

        Raises: StorageError: the folder cannot be written.
        """
        path = self._path(key)
        lock = FileLock(path, timeout=0, thread_local=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            return None
        except OSError as error:
            raise as_storage_error(path, error) from error
        return lock.release

    def taken_elsewhere(self, key: str) -> bool:
        """Whether another process, or another manager of this one, has the lock."""
        if not self._path(key).exists():
            return False
        free = self.take(key)
        if free is not None:
            free()
        return free is None

    def _path(self, key: str) -> Path:
        return self._folder / f"{_short(key)}.lock"


class Leases(Locks):
    """Locks as small files in a shared folder without any: the holder writes its file anew as long as it lives.

    A file that nobody writes anew for LEASE_SECONDS is no lock any more; clocks of machines are not compared. Prefect's
    own leases are no help: a server that keeps them in memory, as it does unless told otherwise, has lost them when it
    starts again, and their slots stay taken for ever.
    """

    ask_seconds = 5.0  # each look is a request

    def __init__(self, remote: Remote) -> None:
        super().__init__()
        self._remote = remote
        self._seen: dict[str, tuple[bytes, float]] = {}  # by name: the file, and since when it has been the same

    def take(self, key: str) -> Callable[[], None] | None:
        """Take the lock of a key and return what frees it; None: another has it.

        Raises: StorageError: the folder does not answer.
        """
        name, mark = self._name(key), uuid.uuid4().hex
        if self.taken_elsewhere(key):
            return None
        if name in self._seen:  # of one that died
            self._remote.remove(name)
        if not self._remote.create(name, _beat(mark, 0)):
            return None
        time.sleep(SETTLE_SECONDS)  # where stores cannot refuse to write over a file, the last of several has it
        if self._remote.read(name) != _beat(mark, 0):
            return None
        ended = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(name, mark, ended), name="lease", daemon=True)
        renewal.start()

        def free() -> None:
            ended.set()
            renewal.join()
            self._remote.remove(name)

        return free

    def taken_elsewhere(self, key: str) -> bool:
        """Whether somebody has the lock, as far as seen: its file is there, and has changed of late.

        Raises: StorageError: the folder does not answer.
        """
        name, now = self._name(key), time.monotonic()
        content = self._remote.read(name)
        if content is None:
            self._seen.pop(name, None)
            return False
        if name not in self._seen or self._seen[name][0] != content:
            self._seen[name] = (content, now)
        return now - self._seen[name][1] < LEASE_SECONDS

    def _renew(self, name: str, mark: str, ended: threading.Event) -> None:
        beats = itertools.count(1)
        while not ended.wait(LEASE_SECONDS / 5):
            with suppress(StorageError):  # a network that is away for a moment: the next beat may come through
                self._remote.write(name, _beat(mark, next(beats)))

    def _name(self, key: str) -> str:
        return f".prefect/locks/{_short(key)}"


@cache  # one that was forgotten would let its locks go
def locks_of(workspace: Workspace) -> Locks:
    """Locks between all who work on a workspace: the system's where they share a disk, leases elsewhere."""
    if workspace.remote is None or workspace.remote.startswith("memory:"):
        return FileLocks(workspace.prefect / "locks")
    protocol, _, path = workspace.remote.partition("://")
    if protocol in ("file", "local"):
        return FileLocks(Path(path) / ".prefect" / "locks")
    return Leases(Remote(workspace.remote))


def _short(key: str) -> str:
    """A name of a limit or file for any key."""
    return f"understudy-{hashlib.sha256(key.encode()).hexdigest()[:20]}"


def _beat(mark: str, number: int) -> bytes:
    """What stands in a lease: whose it is, and how often it was written."""
    return f"{mark} {number}".encode()
