"""GPU slots: a limit of Prefect's on how many jobs use graphics cards at once, over all machines."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency

from flows.pacing import may_go_on
from flows.store.journal import journal

GPU = "understudy-gpu"  # name of the limit
PATIENCE = 30.0  # seconds of waiting before asking whether the job is still wanted


def set_gpu_slots(slots: int) -> None:
    """Let so many jobs use graphics cards at once; without this there is no limit."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(GPU, limit=slots)


@contextmanager
def gpu_slot(job: object) -> Iterator[None]:
    """Hold a slot while the block runs, where the job computes on a graphics card; a process that dies loses it.

    Raises: what `may_go_on` raises, where the job is stopped while it waits.
    """
    if not on_gpu(job):
        yield
        return
    with ExitStack() as stack:
        while not _taken(stack):
            journal().note("waiting for a GPU slot")
            may_go_on()
        yield


def on_gpu(job: object) -> bool:
    """Whether a job of this device computes on a graphics card here."""
    device = getattr(job, "device", "cpu")
    if device != "auto":
        return bool(device == "cuda")
    import torch

    return torch.cuda.is_available()


def _taken(stack: ExitStack) -> bool:
    try:
        stack.enter_context(concurrency(GPU, occupy=1, timeout_seconds=PATIENCE))
    except TimeoutError:
        return False
    return True
