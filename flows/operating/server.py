"""Prefect's server as operators use it: the one that is set, or the one that `understudy serve` keeps up."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from flows.store.workspace import Workspace
from pipeline.artifacts import atomic_file
from pipeline.errors import OperatingError

API_URL = "PREFECT_API_URL"
PASSWORD = "PREFECT_API_AUTH_STRING"
ADDRESS = "server.json"  # in the workspace's Prefect folder
LEASES = "prefect.server.concurrency.lease_storage.filesystem"  # GPU slots that are taken outlive a restart
DATABASE = "server.db"  # beside it; one-off commands keep theirs in Prefect's own file
ANSWER_SECONDS = 5.0  # to look whether a server is there
START_SECONDS = 180.0  # the first start on a slow machine writes a database
LOCAL = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that `serve` has started."""

    url: str  # of its API
    pid: int
    keeper: int  # the process of `serve` that keeps it up

    def stop(self) -> None:
        """End it, politely first."""
        try:
            process = psutil.Process(self.pid)
            process.terminate()
            process.wait(timeout=20)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            process.kill()


def connect(workspace: Workspace) -> str:
    """Let this process speak to the server: PREFECT_API_URL, or else the one that `serve` of the workspace keeps up.

    Nothing of Prefect may be imported before. Returns the address.

    Raises: OperatingError: none is known, it does not answer in a few seconds, or it wants another password.
    """
    url = os.environ.get(API_URL)
    if url:
        if not answers(url):
            raise _silent(url, f"See whether {API_URL} is right and that server runs.")
        _refuse_locked(url)
        return url
    known = recorded(workspace)
    if known is None:
        raise OperatingError(
            workspace.root,
            "no server is known for this workspace",
            "one that `understudy serve` keeps up",
            f"Start `understudy serve --workspace {workspace.root}`, or set {API_URL}.",
        )
    if not answers(known.url):
        raise _silent(known.url, f"Start `understudy serve --workspace {workspace.root}` again.")
    os.environ[API_URL] = known.url
    return known.url


def recorded(workspace: Workspace) -> Server | None:
    """The server that was started last for a workspace, whether it runs or not."""
    path = workspace.prefect / ADDRESS
    if not path.exists():
        return None
    try:
        return Server(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise OperatingError(
            path, "this is no address of a server", "what `understudy serve` writes", "Remove the file; serve again."
        ) from error


def is_up(server: Server) -> bool:
    """Whether the process of a server lives."""
    return _lives(server.pid)


def has_keeper(server: Server) -> bool:
    """Whether another `serve` keeps it up."""
    return server.keeper != os.getpid() and _lives(server.keeper)


def adopt(workspace: Workspace, server: Server) -> Server:
    """Keep up a server whose `serve` has died, and write that down."""
    adopted = replace(server, keeper=os.getpid())
    _write_down(workspace, adopted)
    return adopted


def answers(url: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether a Prefect server answers at an address, in time."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=seconds) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def _refuse_locked(url: str) -> None:
    """Whether a server is there is told to anybody; all else only to who has its password.

    Raises: OperatingError.
    """
    key, word = os.environ.get("PREFECT_API_KEY"), os.environ.get(PASSWORD)
    said = f"Bearer {key}" if key else f"Basic {b64encode((word or '').encode()).decode()}"
    asked = urllib.request.Request(f"{url.rstrip('/')}/admin/version", headers={"Authorization": said})
    try:
        urllib.request.urlopen(asked, timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError as refused:
        with refused:  # holds the connection
            if refused.code in (401, 403):
                found = "the server does not let us in with this password" if word else "the server wants a password"
                raise OperatingError(url, found, f"{PASSWORD}=NAME:PASSWORD", "Ask whoever keeps the server.") from None
    except OSError as gone:
        raise _silent(url, f"See whether {API_URL} is right and that server runs.") from gone


def start(workspace: Workspace, url: str | None = None, going: Callable[[], bool] = lambda: True) -> Server:
    """Start a server over the workspace's database, wait until it answers, write its address down.

    Args:
        url: where an earlier one was, so that workers find it again where that port is free; None: any free port.
        going: whether to wait on.

    Raises: OperatingError: it does not come up.
    """
    home = workspace.prefect.resolve()
    home.mkdir(parents=True, exist_ok=True)
    port = _port(url)
    url = f"http://{LOCAL}:{port}/api"
    log = home / "server.txt"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", LOCAL, "--port", str(port)],
            env={**os.environ, **_settings(home)},
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for `serve`, which ends jobs first and the server last
        )
    server = Server(url, process.pid, os.getpid())
    begun = time.monotonic()
    while not answers(url, 1.0):
        if process.poll() is not None or time.monotonic() - begun > START_SECONDS or not going():
            server.stop()
            raise _silent(url, f"See {log}.")
        time.sleep(0.3)
    _write_down(workspace, server)
    return server


def forget(workspace: Workspace) -> None:
    """Remove the address of a server that was stopped."""
    (workspace.prefect / ADDRESS).unlink(missing_ok=True)


def _settings(home: Path) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / DATABASE}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES,  # in `home`
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "60",
        "DO_NOT_TRACK": "1",
    }


def _port(url: str | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCAL, urlsplit(url or "").port or 0))
        except OSError:  # somebody else has it by now
            probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _write_down(workspace: Workspace, server: Server) -> None:
    with atomic_file(workspace.prefect / ADDRESS) as beside:
        beside.write_text(json.dumps(asdict(server)))


def _silent(url: str, remedy: str) -> OperatingError:
    return OperatingError(url, "no Prefect server answers there", f"an answer within {ANSWER_SECONDS:g} s", remedy)
