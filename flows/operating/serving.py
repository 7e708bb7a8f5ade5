"""serve: a server, where none is set, a worker and the caretaker, in one program that runs until it is stopped."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from flows.engine import Engine
from flows.operating import server as servers
from flows.operating.server import API_URL, Server
from flows.store.workspace import Workspace
from pipeline.errors import UnderstudyError

ROUND_SECONDS = 5.0  # between two rounds of the caretaker
Say = Callable[[str], None]


@dataclass(slots=True)
class Round:
    """The caretaker's thread: keeps the server up and looks after the runs, until told to stop."""

    workspace: Workspace
    own: Server | None  # the server that is to be kept up; None: somebody else's
    restarts: int
    say: Say
    over: threading.Event = field(default_factory=threading.Event)

    def go(self) -> None:
        """Go round until `over`; what goes wrong in one round is said, and tried again in the next."""
        while not self.over.wait(ROUND_SECONDS):
            try:
                self._server()
                self.once()
            except UnderstudyError as error:
                self.say(str(error))

    def once(self) -> None:
        """Look after the runs; a server that does not answer is for the next round."""
        from prefect.client.orchestration import get_client

        from flows.operating.caretaker import look_after
        from flows.operating.keeping import AWAY

        try:
            with get_client(sync_client=True) as client:
                for deed in look_after(client, restarts_at_most=self.restarts):
                    self.say(f"{deed.name} ({str(deed.run)[:8]}): {deed.said}")
        except AWAY:
            return

    def _server(self) -> None:
        if self.own is None or servers.is_up(self.own):
            return
        self.say("Prefect's server is gone; it is started again, with the same database")
        self.own = servers.start(self.workspace, self.own.url, going=lambda: not self.over.is_set())


def serve(workspace: Workspace, pool: str, jobs: int, restarts: int, say: Say) -> None:
    """Do jobs until stopped: Ctrl-C once hands running ones back at the end of their chunk, twice ends them at once.

    Args:
        jobs: at once.
        restarts: how often a job whose process died is given to a new one.

    Raises: OperatingError: the server of PREFECT_API_URL does not answer, or an own one does not come up.
    """
    own = _server_for(workspace)
    Engine(workspace)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # `python` of runs
    from flows.operating.deploying import deploy
    from flows.operating.working import Ending, work

    deploy(pool)
    say(f"Prefect's page: {os.environ[API_URL].removesuffix('/api')}")
    ending, round_ = Ending(), Round(workspace, own, restarts, say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ending.ask)
    round_.once()  # before the worker: of several late runs of a schedule it is to see the newest alone
    caretaker = threading.Thread(target=round_.go, name="caretaker", daemon=True)
    caretaker.start()
    try:
        work(pool, jobs, ending, say)
    finally:
        round_.over.set()
        caretaker.join()
        if round_.own is not None:
            round_.own.stop()
            servers.forget(workspace)


def _server_for(workspace: Workspace) -> Server | None:
    """Connect to the server that is set, or runs for this workspace already; else start one and return it."""
    if os.environ.get(API_URL):
        servers.connect(workspace)
        return None
    workspace.prefect.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.prefect / "server.lock"):  # two that are started at once share one server
        known = servers.recorded(workspace)
        if known is not None and servers.answers(known.url):
            os.environ[API_URL] = known.url
            return None if servers.has_keeper(known) else servers.adopt(workspace, known)
        own = servers.start(workspace, None if known is None else known.url)
    os.environ[API_URL] = own.url
    return own
