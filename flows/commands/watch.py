"""`understudy watch`: films dropped into a folder are made, one after the other, and put away with a report."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.arguments import ModelDir, WorkspaceDir
from flows.commands.starting import RUNS, bring_up
from pipeline.errors import StorageError

Inbox = Annotated[Path, typer.Argument(help="A folder that films are dropped into.", show_default=False)]
Outbox = Annotated[Path, typer.Option("-o", "--output", help="Folder for the films made.", show_default=False)]
Kind = Annotated[str, typer.Option(help="render, portrait or translate; auto: what the model is for.")]
Words = Annotated[
    list[str],
    typer.Option("--set", metavar="NAME=VALUE", help="A field of the job, such as crf=20. Repeatable."),
]
Settle = Annotated[float, typer.Option(help="Seconds for which a file must not change to be taken.", min=0.1)]
Again = Annotated[bool, typer.Option("--again", help="Make films again that were made before.")]
Once = Annotated[bool, typer.Option("--once", help="End when all that lies there is put away.")]


def watch(
    ctx: typer.Context,
    inbox: Inbox,
    model: ModelDir,
    output: Outbox,
    kind: Kind = "auto",
    words: Words = [],  # noqa: B006  # typer's way to say: none
    settle: Settle = 10.0,
    again: Again = False,
    once: Once = False,
    workspace: WorkspaceDir = RUNS,
) -> None:
    """Make every film that is dropped into INBOX; put it into done/ or failed/ there, with a report."""
    inbox, output = _folder(inbox), output.resolve()
    _refuse_loop(inbox, output)
    engine, place = bring_up(ctx, workspace)
    from flows.jobs.perform import perform
    from flows.progress import say
    from flows.watching.making import Making
    from flows.watching.outbox import Outbox
    from flows.watching.watcher import Watcher

    making = Making.chosen(model, kind, words)
    engine.run(lambda: None)  # a server that does not come up is said before a film is taken
    watcher = Watcher(
        inbox, Outbox(output), making, lambda job: engine.run(lambda: perform(job, place)), settle=settle, again=again
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as services are stopped: the same as Ctrl-C
    say(f"Watching {inbox}: {making.kind} with {making.model} into {output}")
    failed = False
    try:
        for report in watcher.drain() if once else watcher.watch():
            failed = failed or report.state == "failed"
            if report.output:
                typer.echo(report.output)
    except KeyboardInterrupt:
        say("Stopped; a film that was in work is back in the inbox.")
        return
    if failed or watcher.resting:
        raise typer.Exit(1)


def _folder(inbox: Path) -> Path:
    if not inbox.is_dir():
        raise StorageError(inbox, "there is no such folder", "a folder that films are dropped into", "Make it first.")
    return inbox.resolve()


def _refuse_loop(inbox: Path, output: Path) -> None:
    """What is made must not be taken again, nor lie among what was taken."""
    if output == inbox or output.is_relative_to(inbox / ".working"):
        raise StorageError(output, "films made there would be taken again", "a folder beside INBOX", "Give another -o.")
