"""Prefect keeps what it remembers in the workspace, whoever imported it first; a server may be wrong, or away."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flows.engine import Engine
from flows.store.workspace import Workspace
from pipeline.errors import OperatingError, StorageError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

WHERE = """
import sys
{before}
from pathlib import Path
from flows.engine import Engine
from flows.store.workspace import Workspace
Engine(Workspace(Path(sys.argv[1])))
from prefect.settings import get_current_settings
settings = get_current_settings()
print(settings.home, settings.results.local_storage_path)
"""


@pytest.mark.parametrize("before", ["", "import flows.tasks"], ids=["engine first", "prefect first"])
def test_the_server_and_the_results_lie_in_the_workspace(before: str, tmp_path: Path) -> None:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-W", "ignore", "-c", WHERE.format(before=before), str(tmp_path)]
    told = subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True)
    home = tmp_path.resolve() / ".prefect"
    assert told.stdout.split() == [str(home), str(home / "results")]


def test_a_server_that_is_not_there_is_found_out_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Engine(Workspace(tmp_path))  # which has Prefect read its settings: before this one is among them
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")  # the port of a service that nobody runs
    begun = time.monotonic()
    with pytest.raises(OperatingError, match=r"http://127\.0\.0\.1:9/api: no Prefect server answers there"):
        wrong.start()
    assert time.monotonic() - begun < 10


def test_a_workspace_on_a_full_disk_is_refused_before_a_server_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("flows.engine.shutil.disk_usage", lambda _: usage._replace(free=3 * 2**19))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(StorageError, match=r"\.prefect: the disk is full: 1\.5 MiB are free; expected at least 20 MiB"):
        Engine(Workspace(tmp_path)).start()


def test_a_run_outlives_a_server_that_says_nothing_for_a_while(engine: Engine) -> None:
    engine.run(lambda: None)
    from prefect import flow
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer().server_process
    assert server is not None

    @flow
    def told_late() -> str:
        return "done"

    @flow
    def patient() -> str:
        server.send_signal(signal.SIGSTOP)
        threading.Timer(2.0, server.send_signal, (signal.SIGCONT,)).start()
        return told_late()  # whose beginning and end the server has to be told

    begun = time.monotonic()
    assert engine.run(patient) == "done"
    assert time.monotonic() - begun > 2
