"""Pieces of work that need nothing of one another, made side by side by the workers of a Dask cluster.

What workers make is remembered in the workspace as ever, and found there by all. `fanned_out` says for a whole command
which cluster lends a hand; stages that consist of such pieces ask `cluster_at_hand`. Like the pace of a job it is no
part of what they are given: who does the work has no part in keys, and changes nothing of the result.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from prefect.context import hydrated_context, serialize_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.pacing import may_go_on
from flows.progress import bar
from flows.store.results import arriving, files_in, leaving
from flows.store.sharing import at_hand, find_input, store_input
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import BackendUnavailable, OperatingError, StorageError

if TYPE_CHECKING:
    from distributed import Future
    from prefect_dask.task_runners import DaskTaskRunner

P = TypeVar("P")
R = TypeVar("R")
Work = Callable[[P, Workspace], R]  # a function of a module; it makes a piece by `whole`, in a worker's process

LOCAL = "local"  # instead of an address: a cluster of this machine's processor, for as long as the pieces take
CONNECT_SECONDS = 15.0  # to reach a scheduler
WORKER_SECONDS = 120.0  # until the first worker is there
LOOK_SECONDS = 1.0  # between two questions whether the job may go on
HERE = ("127.0.0.1", "localhost", "::1")

_current: ContextVar[str | None] = ContextVar("cluster", default=None)


@contextmanager
def fanned_out(cluster: str | None) -> Iterator[None]:
    """Let stages that consist of pieces have them made by a cluster while the block runs; None: all is made here.

    Args:
        cluster: address of Dask's scheduler, such as tcp://10.0.0.5:8786; or LOCAL.
    """
    token = _current.set(cluster)
    try:
        yield
    finally:
        _current.reset(token)


def cluster_at_hand() -> str | None:
    """The cluster that makes pieces; None: there is none."""
    return _current.get()


def make_there(
    work: "Work[P, R]",
    pieces: Sequence[P],
    inputs: Sequence[FileRef],
    workspace: Workspace,
    cluster: str,
    *,
    title: str,
    unit: str = "pieces",
    relief: str = "",
) -> list[R]:
    """Let a cluster make pieces, and wait until all are there; what they came to, in order, its files at hand here.

    Args:
        work: makes a piece; it finds its inputs by `found`. What it returns is one of RESULTS, or None.
        inputs: what the pieces are made of, sent along where the workspace is at a URL.
        relief: what people may do, besides more memory, about pieces that workers die of.

    Raises:
        BackendUnavailable: prefect-dask is not installed.
        OperatingError: no cluster answers there, it has no workers, they cannot reach Prefect, or died of a piece.
        StorageError: workers do not find an input, or share no workspace with this machine.
        UnderstudyError: whatever the work would say here; and what `may_go_on` ends the job with.
    """
    for ref in inputs:
        store_input(ref, workspace)
    with _runner(cluster, len(pieces)) as runner, bar(title, len(pieces), unit, first=None) as advance:
        given = workspace.address, _context(cluster)
        futures = [
            runner.client.submit(_there, work, piece, *given, pure=False)  # type: ignore[no-untyped-call]
            for piece in pieces
        ]
        made: list[R] = []
        for done, future in enumerate(futures, 1):
            made.append(arriving(_waited_for(future, cluster, relief), workspace.root))
            advance(done)
    _refuse_elsewhere([ref for result in made for ref in files_in(result)], workspace, cluster)
    return made


@lru_cache(maxsize=16)
def found(ref: FileRef, workspace: Workspace) -> FileRef:
    """An input where it lies on this machine, looked for and read through once by a worker, not for every piece.

    Raises: StorageError: it is nowhere.
    """
    return find_input(ref, workspace)


def _there(work: "Work[P, R]", piece: P, address: str, context: dict[str, Any]) -> R:
    """Make one piece in a worker's process; what it came to, as it may go to other machines.

    Args:
        address: of the workspace, which every machine works on in a folder of its own where it is a URL.
        context: the flow run that the piece belongs to, as Prefect writes it.
    """
    with hydrated_context(context):
        workspace = Workspace.at(address)
        return leaving(work(piece, workspace), workspace.root)


def _context(cluster: str) -> dict[str, Any]:
    """The flow run for workers. Not the task that waits for them: theirs would wait for its end to be remembered."""
    with temporary_settings({PREFECT_API_URL: _server(cluster)}):
        return {**serialize_context(), "task_run_context": {}}


def _waited_for(future: "Future[R]", cluster: str, relief: str) -> R:
    """What a piece came to; asks meanwhile whether the job may go on, and raises what went wrong."""
    from distributed.scheduler import KilledWorker

    while not future.done():  # type: ignore[no-untyped-call]
        may_go_on()
        with suppress(TimeoutError):
            future.exception(timeout=LOOK_SECONDS)  # type: ignore[no-untyped-call]
    try:
        made: R = future.result()
    except KilledWorker as error:
        raise OperatingError(
            f"--fan-out {cluster}",
            f"workers died of a piece of work, one after the other ({error})",
            "workers with memory for it",
            f"See their log; give them more memory{relief}.",
        ) from error
    return made


def _refuse_elsewhere(refs: list[FileRef], workspace: Workspace, cluster: str) -> None:
    if not at_hand(refs, workspace):
        raise StorageError(
            f"--fan-out {cluster}",
            f"what the workers made is not in {workspace.address}",
            "one workspace that this machine and the workers share",
            "Give --workspace a folder that all of them see, or a URL such as s3://films/runs.",
        )


@contextmanager
def _runner(cluster: str, pieces: int) -> Iterator["DaskTaskRunner"]:
    """Prefect's way into a cluster that has a worker."""
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise BackendUnavailable(
            f"--fan-out {cluster}",
            "prefect-dask is not installed",
            "Dask on this machine and on the workers",
            'Install it: pip install "understudy[dask]".',
        ) from error
    _hush()
    _server(cluster)  # refused before minutes are spent on reaching workers that could not report
    with ExitStack() as stack:
        given = {"cluster_kwargs": _local(pieces)} if cluster == LOCAL else {"address": cluster}
        runner = DaskTaskRunner(**given, client_kwargs={"timeout": CONNECT_SECONDS})
        with _silence_explained(cluster):
            stack.enter_context(runner)
            runner.client.wait_for_workers(1, timeout=WORKER_SECONDS)
        yield runner


def _hush() -> None:
    """Keep from whoever waits for a film what Dask says of connections made and closed; not with --debug.

    Once Dask is imported, which sets its loggers to speak. What goes wrong is raised besides.
    """
    if _is_quiet():
        for name in ("distributed", "distributed.client", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _is_quiet() -> bool:
    return not logging.getLogger().isEnabledFor(logging.INFO)


def _local(pieces: int) -> dict[str, object]:
    """A cluster of processes that share the processor, and listen to nobody else."""
    cores = os.cpu_count() or 1
    workers = min(pieces, max(2, cores // 2))
    threads = str(max(1, cores // workers))
    environment = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    if _is_quiet():
        environment["DASK_LOGGING__DISTRIBUTED"] = "critical"
    return {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "memory_limit": None,
        "dashboard_address": "127.0.0.1:0",  # None would mean its usual port, on all addresses
        "env": environment,
    }


def _server(cluster: str) -> str:
    """Prefect's server as workers reach it: the one that is set, or this command's own where they are on this machine.

    Raises: OperatingError.
    """
    url = PREFECT_API_URL.value()
    if url:
        return str(url)
    if cluster != LOCAL and urlsplit(cluster).hostname not in HERE:
        raise OperatingError(
            f"--fan-out {cluster}",
            "workers on other machines cannot reach this command's own Prefect server",
            "one that all reach",
            "Set PREFECT_API_URL, here and for the workers.",
        )
    from prefect.server.api.server import SubprocessASGIServer

    return SubprocessASGIServer().api_url


@contextmanager
def _silence_explained(cluster: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # a timeout is the former, what is no address the latter
        raise OperatingError(
            f"--fan-out {cluster}",
            f"no cluster with a worker is there ({error})",
            "the address of Dask's scheduler, such as tcp://10.0.0.5:8786, or local",
            "See whether `dask scheduler` and `dask worker` run; docs/operating.md shows how.",
        ) from error
