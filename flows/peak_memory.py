"""How much memory this process has held at most, since it was last asked to begin anew."""

import sys
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"  # proc(5): reset the peak resident set size


def peak_mib() -> float:
    """The most memory held at once, in MiB: since `begin_anew` on Linux, elsewhere since the process began.

    0.0 where the system does not say.
    """
    try:
        lines = _STATUS.read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return _peak_of_process()


def begin_anew() -> None:
    """Forget the peak so far, where the system allows that."""
    if _RESET.exists():
        try:
            _RESET.write_text(_FORGET_PEAK)
        except OSError:  # a container may forbid it: the peak is then that of the whole process, as elsewhere
            return


def _peak_of_process() -> float:
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024
