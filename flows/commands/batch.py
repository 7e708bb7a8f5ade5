"""`understudy batch`: a file of jobs in one go, or the plan of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.arguments import WorkspaceDir
from flows.commands.starting import RUNS, bring_up
from flows.engine import Engine
from flows.store.workspace import Workspace

if TYPE_CHECKING:
    from flows.jobs.batch import Row
    from flows.jobs.plan import Planned


def print_schema(wanted: bool) -> None:
    """Print the schema of jobs files, and end."""
    if wanted:
        from flows.jobs.schema import schema_text

        typer.echo(schema_text(), nl=False)
        raise typer.Exit


def batch(
    ctx: typer.Context,
    jobs_file: Annotated[Path, typer.Argument(metavar="JOBS", help="A YAML file of jobs.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, with estimates; do nothing.")] = False,
    root: Annotated[
        list[Path],
        typer.Option("--root", help="Read and write only below this folder. Repeatable.", show_default=False),
    ] = [],  # noqa: B006  # typer's way to say: none
    only: Annotated[
        list[str],
        typer.Option("--only", help="Jobs of this name, or such as *-as-blue. Repeatable.", show_default=False),
    ] = [],  # noqa: B006
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Only what failed the last time.")] = False,
    pool: Annotated[
        str | None, typer.Option("--pool", help="Hand the jobs to the workers of a Prefect pool.", show_default=False)
    ] = None,
    workspace: WorkspaceDir = RUNS,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON schema of such files.", is_eager=True, callback=print_schema),
    ] = False,
) -> None:
    """Do the jobs of a file: what is missing or failed, each once, whatever becomes of the others."""
    del schema  # its callback has ended the program
    from flows.jobs.job_file import read_jobs
    from flows.jobs.last_batch import failed_last_time

    steps, place = read_jobs(jobs_file, root), Workspace.at(workspace)
    again = failed_last_time(jobs_file, place) if retry_failed else ()
    if retry_failed and not again:
        typer.echo("Nothing failed the last time.")
        return
    engine = Engine(place, debug=bool(ctx.obj)) if dry_run else _engine(ctx, workspace, pool)
    from flows.jobs.plan import make_plan, refuse_too_much
    from flows.jobs.tables import NOTE, console, plan_table, result_table

    plan = make_plan(steps, place, only=(*only, *again), words_here=pool is None)
    if dry_run:
        console().print(plan_table(plan))
        console().print(NOTE)
        raise typer.Exit(int(any(one.fault is not None for one in plan)))
    if pool is None:
        refuse_too_much(plan, place)
    rows = engine.run(lambda: _run(jobs_file, plan, place, pool))
    console().print(result_table(rows))
    raise typer.Exit(int(any(row.is_failure for row in rows)))


def _engine(ctx: typer.Context, workspace: Path, pool: str | None) -> Engine:
    """Prefect for jobs in this process; or, for those of a pool, a way to the server."""
    if pool is not None:
        from flows.operating.server import connect

        connect(Workspace.at(workspace))
    return bring_up(ctx, workspace)[0]


def _run(jobs_file: Path, plan: "Sequence[Planned]", place: Workspace, pool: str | None) -> "tuple[Row, ...]":
    """Do the jobs here or elsewhere; every row is kept, and told, as soon as it is there."""
    from flows.jobs.batch import run_batch
    from flows.jobs.hand_out import hand_out
    from flows.jobs.last_batch import keep_rows
    from flows.jobs.prefect_workers import PrefectWorkers
    from flows.progress import say

    rows: list[Row] = []

    def watch(row: "Row") -> None:
        rows.append(row)
        keep_rows(jobs_file, place, rows)
        say(f"{row.name}: {row.end.value}{f' ({row.said})' if row.is_failure else ''}")

    if pool is None:
        return run_batch(plan, place, watch=watch)
    workers = PrefectWorkers(pool, place)
    workers.check({planned.step.job.kind for planned in plan if planned.is_to_do})
    return hand_out(plan, workers, watch=watch)
