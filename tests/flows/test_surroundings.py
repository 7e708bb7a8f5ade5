"""The command line tells numerical libraries how to use the processor before they are imported."""

import os
import subprocess
import sys

import pytest

from flows.surroundings import SURROUNDINGS

BUSY = """
import os
import flows.cli
import numpy
square = numpy.ones((600, 600))
square @ square
print(len(os.listdir("/proc/self/task")))
"""


def with_surroundings(program: str, **changed: str) -> str:
    """What a fresh Python prints that starts without any of the settings, but for those given."""
    bare = {name: value for name, value in os.environ.items() if name not in SURROUNDINGS}
    done = subprocess.run([sys.executable, "-c", program], env=bare | changed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux" or os.cpu_count() == 1, reason="threads are counted in /proc")
def test_numpy_keeps_no_thread_awake() -> None:
    assert with_surroundings(BUSY) == "1"
    assert int(with_surroundings(BUSY, OPENBLAS_NUM_THREADS="2")) > 1


def test_what_the_user_has_set_stays() -> None:
    shown = "import os, flows.cli; print(os.environ['GOMP_SPINCOUNT'], os.environ['OPENBLAS_NUM_THREADS'])"
    assert with_surroundings(shown, GOMP_SPINCOUNT="7") == "7 1"
