"""How work is reused across runs: Prefect's caching, keyed by content, of results that must still be whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext

from flows.pacing import may_go_on
from flows.store.journal import failure, journal
from flows.store.locks import FileLocks, locks_of
from flows.store.remembering import PlainResults, records_of
from flows.store.results import arriving, files_in, leaving
from flows.store.sharing import at_hand, refuse_unreachable, share
from flows.store.workspace import Workspace, content_key, mark_used
from pipeline.errors import UnderstudyError

P = ParamSpec("P")
R = TypeVar("R")

RETRY_AFTER = (1.0, 5.0)  # seconds: a decoder that stumbled, a disk that was away for a moment


@dataclass
class ByContent(CachePolicy):
    """As Prefect's INPUTS, but a file counts by its hash and not by its path, and the stage's version counts too.

    INPUTS would hash a FileRef with its path: the same clip in another folder would be tracked again.
    """

    version: int = 1
    alone: bool = False  # worth a lease, where the workspace has no cheaper locks

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """The key of one call."""
        del flow_parameters, kwargs
        return f"{task_ctx.task.name}-{content_key(self.version, inputs)}"


def stage(name: str, *, version: int, alone: bool = False) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task of a function that is given files, configs and the workspace, and returns one of RESULTS.

    What it returns is remembered by content and shared with other machines; what fails unexpectedly is tried again.
    Call it through `whole`: alone it returns paths as they are said to other machines.

    Args:
        name: of the stage, for people and in keys.
        version: raise it when the same inputs would give another result.
        alone: so dear that machines without a common disk wait for one another by leases as well: trainings.
    """

    def made(work: Callable[P, R]) -> Task[P, R]:
        @wraps(work)
        def done(*args: P.args, **kwargs: P.kwargs) -> R:
            workspace = _workspace_in(args, kwargs)
            if (running := journal().running) is not None:
                running.reused = False
            refuse_unreachable(workspace)  # before hours go into what may be there already
            result = work(*args, **kwargs)
            share(files_in(result), workspace)
            return leaving(result, workspace.root)

        return task(
            name=name,
            persist_result=True,
            result_serializer=PlainResults(),
            cache_policy=ByContent(version=version, alone=alone),
            retries=len(RETRY_AFTER),
            retry_delay_seconds=list(RETRY_AFTER),
            retry_condition_fn=_unexpected,
        )(done)

    return made


def whole(task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a stage; where a file of the remembered result is gone or changed, fetch it, or else do the work again.

    Raises: what the stage raises; what `may_go_on` ends the job with, before the stage begins; StorageError.
    """
    may_go_on()
    workspace = _workspace_in(args, kwargs)
    with journal().stage(task.name) as running:
        running.reused = True  # unless the work begins
        result = arriving(_placed(task, workspace)(*args, **kwargs), workspace.root)
        if not at_hand(files_in(result), workspace):
            result = arriving(_placed(task, workspace, again=True)(*args, **kwargs), workspace.root)
        files = files_in(result)
        running.artifacts = tuple(workspace.artifact(ref.path) or str(ref.path) for ref in files)
        for ref in files:
            mark_used(ref.path)
    return result


def _placed(task: Task[P, R], workspace: Workspace, *, again: bool = False) -> Task[P, R]:
    """The task with its records and locks in this workspace."""
    policy, locks = task.cache_policy, locks_of(workspace)
    if isinstance(policy, ByContent) and (policy.alone or isinstance(locks, FileLocks)):
        policy = policy.configure(lock_manager=locks, isolation_level="SERIALIZABLE")
    placed: Task[P, R] = task.with_options(cache_policy=policy)
    if again:
        placed.refresh_cache = True
    # Not by `with_options`, which wants a block that is saved on the server. Nothing reads it from there.
    placed.result_storage = records_of(workspace)
    return placed


def _unexpected(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a failure is worth another try: what is wrong with the input stays wrong."""
    del task
    error = state.data
    if isinstance(error, UnderstudyError) or not isinstance(error, Exception):
        return False
    journal().note(f"failed, is tried again (attempt {run.run_count})", **failure(error))
    return True


def _workspace_in(args: tuple[object, ...], kwargs: Mapping[str, object]) -> Workspace:
    return next(value for value in (*args, *kwargs.values()) if isinstance(value, Workspace))
