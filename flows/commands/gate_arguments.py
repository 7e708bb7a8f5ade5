"""Options by which a film is held back: what of it may be weak before it is parked instead of delivered."""

from typing import Annotated

import typer

MaxMissing = Annotated[
    float | None,
    typer.Option("--max-missing", help="Park the film where more % of frames show nobody.", min=0, max=100),
]
MaxPoseError = Annotated[
    float | None,
    typer.Option("--max-pose-error", help="Park it above this pose error, % of the body height.", min=0),
]
MaxWarpError = Annotated[
    float | None,
    typer.Option("--max-warp-error", help="Park the film where it flickers more, times the source.", min=0),
]
MaxClamped = Annotated[
    float | None,
    typer.Option("--max-clamped", help="Park it where more % of frames were held back in range.", min=0, max=100),
]
