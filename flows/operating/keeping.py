"""kept: while a deployment's run does its job, its process is known, gives signs of life, hears what is asked."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from filelock import FileLock
from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import FlowRunContext
from prefect.exceptions import Pause, PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.operating.holder import BEGUN, HEARTBEAT_SECONDS, JOURNAL, SEEN, Holder
from flows.operating.hours import Hours
from flows.operating.run_states import answer, enter, is_over_here, utc_now
from flows.pacing import may_go_on, paced
from flows.store.journal import journal

AWAY = (HTTPError, PrefectException)  # what asking a server raises that is not there, or has other things to do


@dataclass(slots=True)
class Keeper:
    """One run, as the process that does it sees it."""

    run: UUID
    holder: Holder
    hours: Hours | None
    client: SyncPrefectClient

    def take(self, log: Path | None) -> None:
        """Write this process onto the run. A process that held it before reads that, and ends at its next chunk."""
        where = {} if log is None else {JOURNAL: str(log)}
        self.client.update_flow_run_labels(self.run, {**self.holder.labels(), **where})

    def has_begun(self, is_free: Callable[[], bool]) -> bool:
        """Whether an earlier process of the run has begun the job; else it begins now, where its outputs are free.

        Once begun, what lies there is the job's own: a process may die between delivering a film and saying so.
        """
        if self.client.read_flow_run(self.run).labels.get(BEGUN):
            return True
        if is_free():
            self.client.update_flow_run_labels(self.run, {BEGUN: True})
        return False

    def ask(self) -> BaseException | None:
        """What ends the job here, for `paced`. A server that does not answer does not stop it."""
        try:
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                return self._ask()
        except AWAY as away:
            journal().note(f"Prefect's server does not answer: {away}")
            return None

    def _ask(self) -> BaseException | None:
        run = self.client.read_flow_run(self.run)
        if run.state is None:
            return None
        if not self.holder.is_same(Holder.of(run.labels)):
            journal().note("another process has taken this job")
            return Pause(state=run.state)
        if is_over_here(run.state):
            journal().note(f"the job became {run.state.name}")
            return Pause(state=run.state)
        ending = answer(run.state, self.hours, utc_now())
        if ending is None:
            return None
        journal().note(f"{ending.name}: {ending.message}")
        return Pause(state=enter(self.client, self.run, ending))


@contextmanager
def kept(locks: Path, between: str | None, log: Path | None = None) -> Iterator[Keeper | None]:
    """Keep the run of a deployment that is under way; a flow that somebody calls directly is left alone: None.

    Two processes never do one run at once where they see one folder of locks: the later waits until the earlier ended,
    as it does at its next chunk.

    Args:
        locks: folder with a lock for each run, freed by the system when its process ends in whatever way.
        between: the hours in which the job may run, as `Hours.parse` takes them; None: always.
        log: the job's journal, for those who ask how far it is.

    Raises: OperatingError: `between` are no hours. Pause: the job is not to go on.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if run is None or run.deployment_id is None:
        yield None
        return
    locks.mkdir(parents=True, exist_ok=True)
    hours = None if between is None else Hours.parse(between)
    with ExitStack() as stack:
        client = stack.enter_context(get_client(sync_client=True))
        keeper = Keeper(run.id, Holder.here(), hours, client)
        keeper.take(log)
        stack.enter_context(alive(run.id))
        stack.enter_context(FileLock(locks / f"{run.id}.lock", poll_interval=0.5))
        stack.enter_context(paced(keeper.ask))
        may_go_on()
        yield keeper


@contextmanager
def alive(run: UUID, every: float = HEARTBEAT_SECONDS) -> Iterator[None]:
    """Give signs of life of a run from a thread of its own: a chunk, or a training step, may take minutes."""
    over = threading.Event()
    beating = threading.Thread(target=_beat, args=(run, every, over.wait), name="signs of life", daemon=True)
    beating.start()
    try:
        yield
    finally:
        over.set()
        beating.join(timeout=2)


def _beat(run: UUID, every: float, wait: Callable[[float], bool]) -> None:
    with get_client(sync_client=True) as client:
        while not wait(every):
            try:
                client.update_flow_run_labels(run, {SEEN: utc_now().timestamp()})
            except AWAY:  # it counts as lost only after many of these
                continue
