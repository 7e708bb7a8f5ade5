"""The command line: parses, looks at the inputs, starts the engine, calls a flow, says plainly what went wrong.

Heavy libraries are imported inside the commands, after the inputs were looked at and while Prefect's server comes up.
"""

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

import flows.surroundings  # noqa: F401 — before anything that computes
from flows.commands.arguments import Debug, Device, Output, Overwrite
from flows.commands.batch import batch
from flows.commands.clips import evaluate, plan, track
from flows.commands.dance import dance, demo, render, train_dance
from flows.commands.operate import (
    add_schedule,
    cancel_job,
    deploy,
    fetch_job,
    list_jobs,
    list_schedules,
    notify,
    pause_job,
    pause_schedule,
    remove_schedule,
    resume_job,
    resume_schedule,
    retry_job,
    serve,
    show_job,
)
from flows.commands.portrait import portrait, train_portrait
from flows.commands.prune import prune
from flows.commands.report import report
from flows.commands.translate import train_translate, translate
from flows.commands.trust import licences, verify
from flows.commands.watch import watch
from pipeline.artifacts import refuse_existing
from pipeline.errors import UnderstudyError

# PyTorch speaks of its own kernels for GPUs when it is imported; PYTHONWARNINGS reaches the processes of jobs.
_TALK = "Warning only once for all operators"
warnings.filterwarnings("ignore", message=_TALK, category=UserWarning)
os.environ.setdefault("PYTHONWARNINGS", f"ignore:{_TALK}:UserWarning")

app = typer.Typer(
    name="understudy",
    help="One person performs what another has recorded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train_app = typer.Typer(help="Train a likeness, or a look.", no_args_is_help=True)
jobs_app = typer.Typer(help="What runs, what waits, what came of it.", no_args_is_help=True)
schedule_app = typer.Typer(help="Jobs at set times.", no_args_is_help=True)
app.command()(demo)
app.command()(dance)
app.command()(portrait)
app.command()(translate)
app.command()(render)
app.add_typer(train_app, name="train")
train_app.command("dance")(train_dance)
train_app.command("portrait")(train_portrait)
train_app.command("translate")(train_translate)
app.command()(track)
app.command()(plan)
app.command()(evaluate)
app.command()(report)
app.command()(verify)
app.command()(licences)
app.command()(batch)
app.command()(watch)
app.command()(serve)
app.command()(deploy)
app.command()(notify)
app.command()(prune)
app.add_typer(jobs_app, name="jobs")
jobs_app.command("list")(list_jobs)
jobs_app.command("show")(show_job)
jobs_app.command("pause")(pause_job)
jobs_app.command("resume")(resume_job)
jobs_app.command("cancel")(cancel_job)
jobs_app.command("retry")(retry_job)
jobs_app.command("fetch")(fetch_job)
app.add_typer(schedule_app, name="schedule")
schedule_app.command("add")(add_schedule)
schedule_app.command("list")(list_schedules)
schedule_app.command("remove")(remove_schedule)
schedule_app.command("pause")(pause_schedule)
schedule_app.command("resume")(resume_schedule)

INTERRUPTED = 130  # what typer makes of Ctrl-C


@app.callback()
def settle(ctx: typer.Context, debug: Debug = False) -> None:
    """Remember what all commands share."""
    ctx.obj = debug
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, format="%(message)s")


@app.command("import")
def import_weights(
    weights: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT", help="Published .pth.", show_default=False)],
    output: Output,
    norm: Annotated[str, typer.Option(help="What batch norms become: affine (as trained) or batch.")] = "affine",
    overwrite: Overwrite = False,
) -> None:
    """Turn published weights (of vid2vid G0 G1 … together) into a folder."""
    refuse_existing(output, overwrite=overwrite)
    from flows.import_weights import import_weights

    typer.echo("\n".join(import_weights(weights, output, norm, overwrite=overwrite)))


@app.command()
def doctor(device: Device = "auto") -> None:
    """Say what is installed, which device and precision are used, and why."""
    from flows.doctor import examine

    for heading, found in examine(device):
        typer.echo(f"{heading:<16} {found}")


def main() -> None:
    """Run the command line: 0 done, 1 the job failed with one clear message, 2 wrong usage."""
    try:
        app(prog_name="understudy")
    except UnderstudyError as error:
        if "--debug" in sys.argv:
            raise
        typer.echo(f"understudy: {error}", err=True)
        sys.exit(1)
    except SystemExit as ended:
        if ended.code != INTERRUPTED:
            raise
        typer.echo("understudy: stopped; finished work is saved. The same command goes on from there.", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
