"""How work is reused across runs: Prefect's caching, keyed by content, of results that must still be whole."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext

from flows.workspace import content_key
from pipeline.artifacts import FileRef

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class ByContent(CachePolicy):
    """As Prefect's INPUTS, but a file counts by its hash and not by its path, and the stage's version counts too.

    INPUTS would hash a FileRef with its path: the same clip in another folder would be tracked again.
    """

    version: int = 1

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """The key of one call."""
        del flow_parameters, kwargs
        return f"{task_ctx.task.name}-{content_key(self.version, inputs)}"


def whole(task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a cached task; where a file of the remembered result is gone or changed, do the work again."""
    result = task(*args, **kwargs)
    if all(ref.is_intact() for ref in files_in(result)):
        return result
    again: Callable[P, R] = task.with_options(refresh_cache=True)
    return again(*args, **kwargs)


def files_in(result: object) -> list[FileRef]:
    """Every FileRef in a result: itself, or in its fields."""
    if isinstance(result, FileRef):
        return [result]
    if is_dataclass(result) and not isinstance(result, type):
        return [ref for part in fields(result) for ref in files_in(getattr(result, part.name))]
    return []
