"""Who holds a run: the process that does the job, written onto the run's labels, and whether it still lives."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import psutil

HEARTBEAT_SECONDS = 15.0  # between two signs of life
LOST_AFTER = 180.0  # seconds without one; only where the process is on another machine, and cannot be looked for
CLOCK_SLACK = 10.0  # seconds; starts are computed from the clock, which is set right now and then
Role = Literal["process", "worker"]  # whose labels: of the process that does the job, or of the worker that took it
SEEN = "understudy.process.seen"  # label: time of the last sign of life of the process, seconds since 1970
JOURNAL = "understudy.journal"  # label: path of the job's journal, on the machine that does the job
BEGUN = "understudy.begun"  # label: the job's outputs are its own, as they were not there when it began
RESTARTS = "understudy.restarts"  # label: how often the run was given to a new process

Labels = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, so that no other is taken for it: numbers of processes come again, and machines start anew."""

    host: str
    booted: float  # when the machine started, seconds since 1970
    pid: int
    started: float  # when the process started, seconds since 1970

    @classmethod
    def here(cls) -> "Holder":
        """This process."""
        return cls(socket.gethostname(), psutil.boot_time(), os.getpid(), psutil.Process().create_time())

    @classmethod
    def of(cls, labels: Labels, role: Role = "process") -> "Holder | None":
        """Who is written on a run; None where no process, or no worker of ours, has taken it yet."""
        try:
            host, booted, pid, started = (labels[f"understudy.{role}.{name}"] for name in cls.__slots__)
            return cls(str(host), float(str(booted)), int(str(pid)), float(str(started)))
        except (KeyError, ValueError):
            return None

    def labels(self, now: float | None = None, role: Role = "process") -> dict[str, str | int | float | bool]:
        """What is written onto the run, with a sign of life."""
        said = {f"understudy.{role}.{name}": getattr(self, name) for name in self.__slots__}
        return {**said, f"understudy.{role}.seen": time.time() if now is None else now}

    def is_same(self, other: "Holder | None") -> bool:
        """Whether both mean one process."""
        return other is not None and (self.host, self.pid) == (other.host, other.pid) and self._as_old_as(other.started)

    def is_near(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == socket.gethostname()

    def is_gone(self, seen: float, now: float) -> bool:
        """Whether the process has ended: looked for on this machine; elsewhere, whether it has been silent too long.

        Args:
            seen: its last sign of life; seconds since 1970, as `now`.
        """
        if not self.is_near():
            return now - seen > LOST_AFTER
        if abs(self.booted - psutil.boot_time()) > CLOCK_SLACK:
            return True
        try:
            process = psutil.Process(self.pid)
            return process.status() == psutil.STATUS_ZOMBIE or not self._as_old_as(process.create_time())
        except psutil.NoSuchProcess:
            return True

    def _as_old_as(self, started: float) -> bool:
        return abs(self.started - started) <= CLOCK_SLACK


def last_seen(labels: Labels, role: Role = "process") -> float:
    """When who holds a run gave its last sign of life; 0 where it gave none."""
    return float(str(labels.get(f"understudy.{role}.seen", 0)))


def restarts(labels: Labels) -> int:
    """How often a run was given to a new process."""
    return int(str(labels.get(RESTARTS, 0)))
