"""Prefect keeps what it remembers in the workspace, whoever imported it first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WHERE = """
import sys
{before}
from pathlib import Path
from flows.engine import Engine
from flows.workspace import Workspace
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
