"""`understudy serve`, `deploy`, `notify`, `jobs …`, `schedule …`: work that is done while nobody watches."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.arguments import WorkspaceDir
from flows.commands.starting import RUNS
from flows.engine import Engine
from flows.operating.server import connect
from flows.store.workspace import Workspace

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

    from flows.operating.job_runs import Standing
    from flows.operating.schedules import Planned

POOL = "understudy"
Pool = Annotated[str, typer.Option("--pool", help="Prefect work pool: who takes the jobs.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The beginning of a job's id, or its name.")]
Schedule = Annotated[str, typer.Argument(metavar="NAME", help="As `schedule list` calls it.")]


def serve(
    workspace: WorkspaceDir = RUNS,
    pool: Pool = POOL,
    jobs: Annotated[int, typer.Option("--jobs", help="At once.", min=1)] = 1,
    restarts: Annotated[int, typer.Option(help="How often a job is started again whose process died.", min=0)] = 5,
) -> None:
    """Do jobs until stopped: a Prefect server, unless PREFECT_API_URL names one, and a worker."""
    from flows.operating.serving import serve

    serve(Workspace.at(workspace), pool, jobs, restarts, _say)


def deploy(
    workspace: WorkspaceDir = RUNS,
    pool: Pool = POOL,
    work_queue: Annotated[str | None, typer.Option(help="Of the pool.", show_default="its default")] = None,
    gpu_slots: Annotated[
        int | None, typer.Option(help="How many jobs use graphics cards at once.", show_default="no limit", min=1)
    ] = None,
) -> None:
    """Register every kind of job with a Prefect server, for workers anywhere."""
    _meet(workspace)
    from flows.operating.deploying import deploy
    from flows.operating.gpu_slots import set_gpu_slots

    typer.echo("\n".join(deploy(pool, work_queue)))
    if gpu_slots is not None:
        set_gpu_slots(gpu_slots)


def notify(
    webhook: Annotated[str | None, typer.Option(help="Address that is called.", show_default=False)] = None,
    off: Annotated[bool, typer.Option("--off", help="Call nothing any more.")] = False,
    workspace: WorkspaceDir = RUNS,
) -> None:
    """Call a web address whenever a job fails or its process dies."""
    if (webhook is None) != off:
        raise typer.BadParameter("give --webhook URL, or --off")
    _meet(workspace)
    from flows.operating.notifying import forget, notify

    if webhook is None:
        forget()
    else:
        notify(webhook)


def list_jobs(
    workspace: WorkspaceDir = RUNS,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=200)] = 50,
) -> None:
    """Show the jobs: state, how far, how old."""
    with _client(workspace) as client:
        from flows.operating.job_runs import runs_of, standing

        rows = [_row(standing(run)) for run in runs_of(client, limit=limit)]
    _table(("id", "name", "kind", "state", "age", "progress"), rows)


def show_job(job: JobId, workspace: WorkspaceDir = RUNS) -> None:
    """Show one job: its state and why, and where its journal lies."""
    with _client(workspace) as client:
        from flows.operating.job_process import output_of
        from flows.operating.job_runs import find_run, standing

        found = standing(find_run(client, job))
    output = output_of(found.run.id)
    said = {
        "id": str(found.run.id),
        "name": found.name,
        "kind": found.kind,
        "state": found.state,
        "because": found.message,
        "age": _age(found.age),
        "progress": found.progress,
        "journal": str(found.log or ""),
        "output": str(output) if output.exists() else "",
    }
    typer.echo("\n".join(f"{word:<9} {text}" for word, text in said.items() if text))


def pause_job(job: JobId, workspace: WorkspaceDir = RUNS) -> None:
    """Stop a job at the end of its chunk, or with a checkpoint of its training."""
    with _found(workspace, job) as (client, run):
        from flows.operating.control import pause

        _say(f"{run.name}: {pause(client, run)}")


def resume_job(job: JobId, workspace: WorkspaceDir = RUNS) -> None:
    """Let a paused job go on where it stopped."""
    with _found(workspace, job) as (client, run):
        from flows.operating.control import resume

        _say(f"{run.name}: {resume(client, run)}")


def cancel_job(
    job: JobId,
    now: Annotated[bool, typer.Option("--now", help="Not only at the end of the chunk.")] = False,
    workspace: WorkspaceDir = RUNS,
) -> None:
    """End a job for good, at the end of its chunk."""
    with _found(workspace, job) as (client, run):
        from flows.operating.control import cancel

        _say(f"{run.name}: {cancel(client, run, now=now)}")


def retry_job(job: JobId, workspace: WorkspaceDir = RUNS) -> None:
    """Run a job again that failed, crashed or was cancelled; what it finished is not done again."""
    with _found(workspace, job) as (client, run):
        from flows.operating.control import retry

        _say(f"{run.name}: {retry(client, run)}")


def fetch_job(job: JobId, workspace: WorkspaceDir = RUNS) -> None:
    """Bring what a job has made, which `batch --pool` handed over, from the shared workspace to its paths here."""
    with _found(workspace, job) as (_, run):
        from flows.operating.bringing import fetch

        typer.echo("\n".join(map(str, fetch(run))))


def add_schedule(
    jobs_file: Annotated[Path, typer.Argument(metavar="JOBS", help="A jobs file, as `batch` takes.")],
    cron: Annotated[str, typer.Option(help="Minute, hour, day, month, day of the week.", show_default=False)],
    timezone: Annotated[str, typer.Option(help="Whose clock: Europe/Berlin …")] = "UTC",
    between: Annotated[
        str | None, typer.Option(help="Hours in which its jobs may run: 22:00-07:00.", show_default="any")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the schedule.", show_default="the file's")] = None,
    root: Annotated[list[Path], typer.Option("--root", help="Folders that the jobs may use.", show_default="any")] = [],  # noqa: B006  # typer's way to say: none
    pool: Pool = POOL,
    workspace: WorkspaceDir = RUNS,
) -> None:
    """Let a jobs file run by the clock; `understudy serve` does the work."""
    path = jobs_file.resolve()
    place = _meet(workspace)
    from flows.operating.schedules import add

    roots = [folder.resolve() for folder in root]
    made = add(name or path.stem, path, cron, timezone, between, pool=pool, workspace=place.address, roots=roots)
    _say(f"{made.name}: next at {_start(made)}")


def list_schedules(workspace: WorkspaceDir = RUNS) -> None:
    """Show the schedules and when they come next."""
    with _client(workspace) as client:
        from flows.operating.schedules import planned

        rows = [(each.name, each.cron, each.between or "any", _start(each), each.jobs_file) for each in planned(client)]
    _table(("name", "cron", "hours", "next", "jobs"), rows)


def remove_schedule(name: Schedule, workspace: WorkspaceDir = RUNS) -> None:
    """Forget a schedule; jobs that have begun go on."""
    with _client(workspace) as client:
        from flows.operating.schedules import remove

        remove(client, name)


def pause_schedule(name: Schedule, workspace: WorkspaceDir = RUNS) -> None:
    """Let a schedule rest."""
    with _client(workspace) as client:
        from flows.operating.schedules import set_active

        set_active(client, name, False)


def resume_schedule(name: Schedule, workspace: WorkspaceDir = RUNS) -> None:
    """Let a schedule start again."""
    with _client(workspace) as client:
        from flows.operating.schedules import set_active

        set_active(client, name, True)


def _meet(workspace: Path) -> Workspace:
    """Find the server before Prefect is imported, which reads its settings then."""
    place = Workspace.at(workspace)
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "2")  # a person waits for the answer
    connect(place)
    Engine(place)
    return place


@contextmanager
def _client(workspace: Path) -> Iterator["SyncPrefectClient"]:
    _meet(workspace)
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        yield client


@contextmanager
def _found(workspace: Path, job: str) -> Iterator[tuple["SyncPrefectClient", "FlowRun"]]:
    with _client(workspace) as client:
        from flows.operating.job_runs import find_run

        yield client, find_run(client, job)


def _row(job: "Standing") -> tuple[str, ...]:
    return job.short_id, job.name, job.kind, job.state, _age(job.age), job.progress


def _start(each: "Planned") -> str:
    return "paused" if each.next_start is None else f"{each.next_start:%a %Y-%m-%d %H:%M} {each.timezone}"


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    hours, days = minutes // 60, minutes // 1440
    return f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _say(text: str) -> None:
    """Print a line to people, at once: other programs may read what `serve` says."""
    typer.echo(text, err=True)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
