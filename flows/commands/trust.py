"""`understudy verify`, `licences`: whether a file is what it says, and what everything in use may be used for."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

NOT_VOUCHED_FOR = 1  # exit status


def verify(
    file: Annotated[Path, typer.Argument(help="A film, a picture or a sound; ours or anybody's.", show_default=False)],
    trust: Annotated[
        Path | None,
        typer.Option(help="PEM: root certificates that you trust.", envvar="UNDERSTUDY_TRUST", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what FILE is, what it was made of, who signed it, and whether it was changed since.

    Exit status: 0 where a signature holds and nothing was changed, 1 where nothing vouches for the file.
    """
    from flows.delivering import config_folder
    from stages.provenance.identity import own_certificate, trusted_roots
    from stages.provenance.verify import verify as look
    from stages.provenance.wording import lines

    roots = b"" if trust is None else trusted_roots(trust)
    found = look(file, trust=roots, own=own_certificate(config_folder()))
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else "\n".join(lines(found)))
    if not found.vouched_for:
        raise typer.Exit(NOT_VOUCHED_FOR)


def licences(
    model: Annotated[
        list[Path], typer.Option("--model", help="A model folder, too. Repeatable.", show_default=False)
    ] = [],  # noqa: B006  # typer's way to say: none
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List every dependency, weight and model with its licence and what it forbids."""
    from flows.proof import licences as gathered

    things = gathered.listed(model)
    typer.echo(gathered.as_json(things) if as_json else "\n".join(gathered.lines(things)))
