"""A worker: takes runs from a pool, a process for each; when it ends, running jobs are handed back at a chunk's end.

Prefect's own loop gives up when the server is away for minutes, and the jobs with it; this one waits for it to return.
"""

import asyncio
import logging
import os
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_WORKER_HEARTBEAT_SECONDS, PREFECT_WORKER_QUERY_SECONDS
from prefect.workers.process import ProcessWorker

from flows.operating.deploying import JOB_PROCESS
from flows.operating.holder import Holder
from flows.operating.job_runs import runs_of
from flows.operating.keeping import AWAY
from flows.operating.run_states import Request, asking, enter


@dataclass(slots=True)
class Ending:
    """Asked once, the jobs are handed back and waited for; asked twice, they are ended at once."""

    asked: threading.Event = field(default_factory=threading.Event)
    at_once: threading.Event = field(default_factory=threading.Event)

    def ask(self, *_: object) -> None:
        """As a handler of signals."""
        (self.at_once if self.asked.is_set() else self.asked).set()


class _NotPrefects(logging.Filter):
    """Keeps from people what Prefect 3.8 says of its own watchers when a worker ends after its server was restarted."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "FlowRunCancellingObserver" not in record.getMessage()


def work(pool: str, limit: int, ending: Ending, say: Callable[[str], None]) -> None:
    """Take runs from a pool until asked to end, at most so many at once; a server that is away is waited for."""
    logging.getLogger("asyncio").addFilter(_NotPrefects())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        while not ending.asked.is_set():
            try:
                asyncio.run(_work(pool, limit, ending, say))
            except (*AWAY, ExceptionGroup) as away:
                say(f"Prefect's server does not answer ({_first(away)}); the worker tries again")
                ending.asked.wait(5)


async def _work(pool: str, limit: int, ending: Ending, say: Callable[[str], None]) -> None:
    query, beat = PREFECT_WORKER_QUERY_SECONDS.value(), PREFECT_WORKER_HEARTBEAT_SECONDS.value()
    loop = asyncio.get_running_loop()
    name = f"{socket.gethostname()}-{os.getpid()}"
    async with ProcessWorker(work_pool_name=pool, name=name, limit=limit, create_pool_if_not_found=False) as worker:
        say(f"Worker {name} takes up to {limit} jobs at once from {pool!r}")
        synced, here = loop.time(), Holder.here()
        while not ending.asked.is_set():
            try:
                if loop.time() - synced > beat:
                    await worker.sync_with_backend()
                    synced = loop.time()
                for run in await _taken(worker):
                    await worker.client.update_flow_run_labels(run.id, here.labels(role="worker"))
            except AWAY as away:
                say(f"Prefect's server does not answer ({_first(away)}); running jobs go on")
            await _until(ending.asked, query)
        await _hand_back(worker, ending, say)


async def _taken(worker: ProcessWorker) -> list[FlowRun]:
    """Take what waits. A run that was rescheduled before its last process is cleared away is for the next time.

    Prefect 3.8 lets the RuntimeError of anyio through that says so, and would end, with its jobs.
    """
    try:
        return await worker.get_and_submit_flow_runs()
    except RuntimeError as error:
        if "already holding" not in str(error):
            raise
        return []


async def _hand_back(worker: ProcessWorker, ending: Ending, say: Callable[[str], None]) -> None:
    """Ask this worker's jobs to end at their next chunk, and wait for them."""
    limiter = worker.limiter
    if not limiter.borrowed_tokens:
        return
    say("Ending after the chunks under way; again to end at once")
    while limiter.borrowed_tokens and not ending.at_once.is_set():
        await asyncio.to_thread(_ask_own, say)
        await _until(ending.at_once, 2.0)
    for job in _own() if limiter.borrowed_tokens else ():
        for process in (*job.children(recursive=True), job):
            with suppress(psutil.NoSuchProcess):
                process.kill()  # the caretaker gives the run to another process


def _ask_own(say: Callable[[str], None]) -> None:
    """Ask the jobs of this process's children; those that only start are asked the next time."""
    own = {process.pid for process in _own()}
    try:
        with get_client(sync_client=True) as client:
            for run in runs_of(client, StateType.RUNNING):
                holder = Holder.of(run.labels)
                mine = holder is not None and holder.is_near() and holder.pid in own
                if mine and run.state is not None and run.state.name == "Running":
                    enter(client, run.id, asking(Request.HAND_BACK))
    except AWAY as away:
        say(f"Prefect's server does not answer ({_first(away)}); jobs go on until it does")


def _own() -> Iterator[psutil.Process]:
    """The processes of this worker's jobs; the server, where it is a child as well, is none."""
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if JOB_PROCESS in process.cmdline():
                yield process


def _first(error: BaseException) -> str:
    """The first line of what an error says; of several, of the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error).split("\n")[0] or type(error).__name__


async def _until(event: threading.Event, seconds: float) -> None:
    """Wait so long, or until the event: in small steps, as it is set by a handler of signals."""
    waited = 0.0
    while waited < seconds and not event.is_set():
        await asyncio.sleep(min(0.2, seconds - waited))
        waited += 0.2
