"""Bring Prefect up: its own short-lived server in the workspace, started while everything else loads; quiet logs.

With PREFECT_API_URL set, the same flows report to that server instead. Prefect reads its settings once, at import:
nothing here imports it before the environment says how it should behave, and where it is loaded already, it reads them
again.
"""

import logging
import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from flows.operating.server import API_URL, connect
from flows.store.workspace import Workspace
from pipeline.errors import StorageError, UnderstudyError

R = TypeVar("R")
STARTUP_SECONDS = 180  # the first start on a slow machine writes a database
MIB = 2**20
ROOM = 20 * MIB  # for the server's database, which begins with five
_QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A server that is gone is asked again after 2, 4, 8, 16, 32 and 64 s: a run outlives a minute without it.
    "PREFECT_CLIENT_MAX_RETRIES": "6",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(STARTUP_SECONDS),
    "DO_NOT_TRACK": "1",
}


class Engine:
    """Prefect for one command: `start` at once, `run` a flow when the inputs are known."""

    def __init__(self, workspace: Workspace, *, debug: bool = False) -> None:
        self._workspace = workspace
        _settle(workspace.prefect.resolve(), debug=debug)

    def start(self) -> "Engine":
        """Let the server come up in the background; it takes about ten seconds the first time.

        Raises:
            OperatingError: PREFECT_API_URL is set, and no server answers there.
            StorageError: the workspace's disk has no room for the server's database.
        """
        if os.environ.get(API_URL):
            connect(self._workspace)
        else:
            _refuse_full_disk(self._workspace.prefect)
        _server.start()
        return self

    def run(self, flow: Callable[[], R]) -> R:
        """Wait for the server and call the flow.

        Raises: UnderstudyError where the server does not come up; and what the flow raises.
        """
        _server.wait()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return flow()


class _Server:
    """Prefect's own short-lived server: one a process, however many engines there are."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def start(self) -> None:
        if self._thread is None and not os.environ.get(API_URL):
            # All that flows need of Prefect, before the thread loads its server: modules that import each other and are
            # asked for by two threads at once come out half made.
            import flows.store.caching  # noqa: F401

            self._thread = threading.Thread(target=self._bring_up, name="prefect server", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        self.start()
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None:
            raise UnderstudyError(
                "Prefect's server",
                f"it does not start ({self._failure})",
                f"an answer within {STARTUP_SECONDS} s",
                "Give the command again; or run `prefect server start` and set PREFECT_API_URL.",
            ) from self._failure

    def _bring_up(self) -> None:
        if hasattr(signal, "pthread_sigmask"):
            # Ctrl-C goes to every process of the terminal. What this thread starts inherits its mask, so the server
            # lives on to note how the flow ended; it is stopped when this program ends.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            from prefect.server.api.server import SubprocessASGIServer

            SubprocessASGIServer().start()
        except Exception as failure:  # told where somebody waits for the server
            self._failure = failure


_server = _Server()


def _refuse_full_disk(home: Path) -> None:
    """A server that cannot write its database says nothing, and is waited for."""
    free = shutil.disk_usage(home).free
    if free < ROOM:
        raise StorageError(
            home,
            f"the disk is full: {free / MIB:.1f} MiB are free",
            f"at least {ROOM // MIB} MiB, and room for what is made",
            "Free some space, or give another --workspace.",
        )


def _settle(home: Path, *, debug: bool) -> None:
    home.mkdir(parents=True, exist_ok=True)
    settings = {**_QUIET, "PREFECT_HOME": str(home), "PREFECT_LOCAL_STORAGE_PATH": str(home / "results")}
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    if debug:
        os.environ["PREFECT_LOGGING_LEVEL"] = "INFO"
        logging.basicConfig(level=logging.INFO)
    if "prefect" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
