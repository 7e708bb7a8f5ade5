"""What commands that train a likeness are told of consent, and films of signing: with the words that `--help` says."""

from pathlib import Path
from typing import Annotated

import typer

Consent = Annotated[
    str | None,
    typer.Option(
        "--consent",
        metavar="FILE|self",
        help="The filmed person's statement, or self. Its hash goes into the model and its films.",
        show_default=False,
    ),
]
WithoutConsent = Annotated[
    bool, typer.Option("--without-consent-record", help="Train without a statement; this is written down as well.")
]
SignCert = Annotated[
    Path | None,
    typer.Option("--sign-cert", help="PEM: sign with this certificate.", show_default="self-made, named as such"),
]
SignKey = Annotated[Path | None, typer.Option("--sign-key", help="PEM: its key.", show_default=False)]
Label = Annotated[str | None, typer.Option("--label", help="Write this into every picture, small.", show_default=False)]
