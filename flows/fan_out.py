"""Chunks that need nothing of one another, made side by side by the workers of a Dask cluster, and found by all.

What workers make is remembered in the workspace as ever. Whoever fans a film out then goes through it chunk by chunk as
without, and finds them made: a film begun alone goes on fanned out, and the other way round.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from prefect.context import hydrated_context, serialize_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.pacing import may_go_on
from flows.progress import bar
from flows.store.caching import whole
from flows.store.sharing import find_input, store_input
from flows.store.workspace import Workspace
from flows.translate_tasks import translate_chunk
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import BackendUnavailable, OperatingError
from pipeline.video import Encoding
from stages.model_parts import FACTS
from stages.rendering.render import Stretch
from stages.rendering.translate import Rendering
from stages.translate_model import Direction

if TYPE_CHECKING:
    from distributed import Future
    from prefect_dask.task_runners import DaskTaskRunner

LOCAL = "local"  # instead of an address: a cluster of this machine's processor, for as long as the film takes
CONNECT_SECONDS = 15.0  # to reach a scheduler
WORKER_SECONDS = 120.0  # until the first worker is there
LOOK_SECONDS = 1.0  # between two questions whether the job may go on
HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class LookOfFilm:
    """What all chunks of a film have in common."""

    model: FileRef  # folder of the translator
    direction: Direction
    clip: FileRef
    rendering: Rendering
    encoding: Encoding
    compute: Compute
    facts: str  # sha256 of the model's model.json, by which chunks are known

    def at(self, workspace: Workspace) -> tuple[FileRef, FileRef]:
        """Its model.json and its clip where they lie on this machine.

        Raises: StorageError: one is nowhere.
        """
        folder, clip = (_found(ref, workspace) for ref in (self.model, self.clip))
        return FileRef(folder.path / FACTS, self.facts), clip


def translate_there(film: LookOfFilm, stretch: Stretch, address: str, context: dict[str, Any]) -> None:
    """Make one chunk, in a worker's process, so that all who use the workspace find it.

    Not a task itself: a task within a task holds its lock until the outer one ends, and could wait for itself.

    Args:
        address: of the workspace, which every machine works on in a folder of its own where it is a URL.
        context: the flow run that the chunk belongs to, as Prefect writes it.
    """
    with hydrated_context(context):
        workspace = Workspace.at(address)
        model, clip = film.at(workspace)
        how = film.rendering, film.encoding, film.compute
        whole(translate_chunk, model, film.direction, clip, stretch, None, *how, workspace)


def fan_out(film: LookOfFilm, stretches: Sequence[Stretch], workspace: Workspace, cluster: str) -> None:
    """Let a cluster make the chunks of a film, and wait until all are there.

    Args:
        cluster: address of Dask's scheduler, such as tcp://10.0.0.5:8786; or LOCAL.

    Raises:
        BackendUnavailable: prefect-dask is not installed.
        OperatingError: no cluster answers there, it has no workers, they cannot reach Prefect, or died of a chunk.
        StorageError: workers do not find the clip or the model.
        UnderstudyError: whatever the chunk would say here; and what `may_go_on` ends the job with.
    """
    for ref in (film.model, film.clip):
        store_input(ref, workspace)
    title = f"Translating {film.clip.path.name} on {cluster}"
    with _runner(cluster, len(stretches)) as runner, bar(title, len(stretches), "chunks", first=None) as advance:
        given = workspace.address, serialize_context()
        submit = runner.client.submit
        futures = [
            submit(translate_there, film, stretch, *given, pure=False)  # type: ignore[no-untyped-call]
            for stretch in stretches
        ]
        for done, future in enumerate(futures, 1):
            _wait(future, cluster)
            advance(done)


def _wait(future: "Future[None]", cluster: str) -> None:
    """Wait for a chunk, and ask meanwhile whether the job may go on; raises what went wrong."""
    from distributed.scheduler import KilledWorker

    while not future.done():  # type: ignore[no-untyped-call]
        may_go_on()
        with suppress(TimeoutError):
            future.exception(timeout=LOOK_SECONDS)  # type: ignore[no-untyped-call]
    try:
        future.result()
    except KilledWorker as error:
        raise OperatingError(
            f"--fan-out {cluster}",
            f"workers died of a chunk, one after the other ({error})",
            "workers with memory for it",
            "See their log; give them more memory, or a smaller --tile.",
        ) from error


@lru_cache(maxsize=8)
def _found(ref: FileRef, workspace: Workspace) -> FileRef:
    """An input, looked for and read through once by a worker, not for every chunk."""
    return find_input(ref, workspace)


@contextmanager
def _runner(cluster: str, chunks: int) -> Iterator["DaskTaskRunner"]:
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
    with ExitStack() as stack:
        stack.enter_context(temporary_settings({PREFECT_API_URL: _server(cluster)}))
        given = {"cluster_kwargs": _local(chunks)} if cluster == LOCAL else {"address": cluster}
        runner = DaskTaskRunner(**given, client_kwargs={"timeout": CONNECT_SECONDS})
        with _silence_explained(cluster):
            stack.enter_context(runner)
            runner.client.wait_for_workers(1, timeout=WORKER_SECONDS)
        yield runner


def _local(chunks: int) -> dict[str, object]:
    """A cluster of processes that share the processor, and listen to nobody else."""
    cores = os.cpu_count() or 1
    workers = min(chunks, max(2, cores // 2))
    threads = str(max(1, cores // workers))
    return {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "memory_limit": None,
        "dashboard_address": "127.0.0.1:0",  # None would mean its usual port, on all addresses
        "env": dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads),
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
