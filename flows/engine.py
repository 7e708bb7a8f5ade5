"""Bring Prefect up: its own short-lived server in the workspace, started while everything else loads; quiet logs.

With PREFECT_API_URL set, the same flows report to that server instead. Nothing here imports Prefect before the
environment says how it should behave: it reads its settings once, at import.
"""

import logging
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from flows.workspace import Workspace

R = TypeVar("R")
STARTUP_SECONDS = 180  # the first start on a slow machine writes a database
_QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(STARTUP_SECONDS),
    "DO_NOT_TRACK": "1",
}


class Engine:
    """Prefect for one command: `start` at once, `run` a flow when the inputs are known."""

    def __init__(self, workspace: Workspace, *, debug: bool = False) -> None:
        _settle(workspace.prefect.resolve(), debug=debug)
        self._thread = threading.Thread(target=_start_server, name="prefect server", daemon=True)

    def start(self) -> "Engine":
        """Let the server come up in the background; it takes about ten seconds the first time."""
        self._thread.start()
        return self

    def run(self, flow: Callable[[], R]) -> R:
        """Wait for the server and call the flow."""
        if self._thread.is_alive():
            self._thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return flow()


def _settle(home: Path, *, debug: bool) -> None:
    home.mkdir(parents=True, exist_ok=True)
    settings = {**_QUIET, "PREFECT_HOME": str(home), "PREFECT_LOCAL_STORAGE_PATH": str(home / "results")}
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    if debug:
        os.environ["PREFECT_LOGGING_LEVEL"] = "INFO"
        logging.basicConfig(level=logging.INFO)


def _start_server() -> None:
    if os.environ.get("PREFECT_API_URL"):
        return
    from prefect.server.api.server import SubprocessASGIServer

    SubprocessASGIServer().start()
