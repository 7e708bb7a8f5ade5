"""`understudy prune`: what a workspace holds that was of no use for long is removed."""

import os
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.arguments import WorkspaceDir
from flows.commands.starting import RUNS
from flows.engine import Engine
from flows.store.workspace import Workspace
from pipeline.errors import StorageError

if TYPE_CHECKING:
    from flows.pruning.prune import Pruning

UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST_DIGITS = 5  # of a number: beyond it lies no date


def parse_age(text: str) -> timedelta:
    """Read 12h, 30d or 2w.

    Raises: typer.BadParameter.
    """
    found = re.fullmatch(rf"([1-9]\d{{0,{LONGEST_DIGITS - 1}}})([hdw])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no span of time such as 12h, 30d or 2w")
    return int(found[1]) * UNITS[found[2]]


def prune(
    ctx: typer.Context,
    older: Annotated[
        timedelta,
        typer.Option(parser=parse_age, metavar="TIME", help="Of no use for so long: 12h, 30d, 2w.", show_default=False),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    workspace: WorkspaceDir = RUNS,
) -> None:
    """Remove what can be made again and was of no use for long; models, and what jobs still need, are kept."""
    place = _known(workspace)
    Engine(place, debug=bool(ctx.obj))  # not started: that settles where Prefect keeps its things is enough
    since = _oldest_open_run(place)
    from flows.pruning.prune import prune

    done = prune(place, older, now=time.time(), since=since, dry_run=dry_run)
    typer.echo("\n".join(lines(done, dry_run=dry_run)))


def lines(done: "Pruning", *, dry_run: bool) -> list[str]:
    """What was removed as a table: kind, files, MB; the sums; and what is kept for whom."""
    rows = [(kind, str(files), f"{size / 1e6:.1f}") for kind, files, size in done.rows()]
    files, size = sum(row[1] for row in done.rows()), sum(row[2] for row in done.rows())
    table = [("kind", "files", "MB"), *rows, ("total", str(files), f"{size / 1e6:.1f}")]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    told = [f"{kind:<{widths[0]}}  {files:>{widths[1]}}  {size:>{widths[2]}}" for kind, files, size in table]
    told.append(f"{'Would be removed' if dry_run else 'Removed'}, with {done.records} of Prefect's records of it.")
    told += [f"Kept what {name} used: the job has not ended." for name in done.waiting]
    return told


def _known(workspace: Path) -> Workspace:
    """The workspace, if there is one: a mistyped name should not be taken for an empty one.

    Raises: StorageError.
    """
    place = Workspace.at(workspace)
    if place.remote is not None:
        from flows.store.storage import Remote

        Remote(place.remote).check()
    elif not place.root.is_dir():
        raise StorageError(place.root, "there is no such folder", "a workspace", "Give the right --workspace.")
    return place


def _oldest_open_run(place: Workspace) -> float | None:
    """When the oldest job began that the server knows as not ended; None without such a job, or without a server.

    Raises: OperatingError: there should be a server, and it does not answer: what waits there cannot be known.
    """
    from flows.operating.server import API_URL, connect, is_up, recorded

    server = recorded(place)
    if not os.environ.get(API_URL) and (server is None or not is_up(server)):
        return None
    connect(place)
    from flows.pruning.open_runs import oldest_begun

    return oldest_begun()
