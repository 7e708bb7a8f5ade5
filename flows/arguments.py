"""What commands are given, with the words that `--help` says of each; shared by several commands."""

import re
from pathlib import Path
from typing import Annotated

import typer

Clip = Annotated[Path, typer.Argument(help="A video file.", show_default=False)]
Output = Annotated[Path, typer.Option("-o", "--output", help="Where the result goes.", show_default=False)]
ModelDir = Annotated[Path, typer.Option("--model", help="A trained model folder.", show_default=False)]
Preset = Annotated[str, typer.Option(help="draft (minutes, any machine), standard or hd (hours, GPU).")]
Method = Annotated[str, typer.Option(help="vid2vid, or everybody-dance-now.")]
Without = Annotated[
    list[str],
    typer.Option("--without", help="Train without a part: a loss term, video-discriminator, warping … Repeatable."),
]
Teacher = Annotated[str, typer.Option("--flow-teacher", help="Who shows vid2vid the motion: dis, or raft (weights).")]
Minutes = Annotated[float | None, typer.Option(help="Budget for training.", show_default="draft: 4", min=0.01)]
Steps = Annotated[int | None, typer.Option(help="The same in steps.", show_default=False, min=1)]


def check_size(text: str | None) -> str | None:
    """Refuse a --size that is not WIDTHxHEIGHT while options are parsed.

    Raises: typer.BadParameter.
    """
    if text is not None and not re.fullmatch(r"[1-9]\d*x[1-9]\d*", text):
        raise typer.BadParameter(f"{text!r} is not WIDTHxHEIGHT, such as 144x256")
    return text


Size = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="Of the network's picture.", show_default="by preset", callback=check_size),
]
Perceptual = Annotated[str, typer.Option(help="VGG-19 weights: a file, auto (torchvision's place), or none.")]
Who = Annotated[str | None, typer.Option(help="largest, left, right or X,Y, where several people are seen.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option(help="Of everything drawn by chance.")]
WorkspaceDir = Annotated[Path, typer.Option("--workspace", help="Where runs are kept.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")]
Retargeting = Annotated[str, typer.Option("--retarget", help="auto, global or limbs.")]
Codec = Annotated[str, typer.Option(help="Of the film: libx264, libx265, libsvtav1 …")]
Crf = Annotated[int, typer.Option(help="Quality of the film, 0 best.", min=0, max=51)]
EncoderPreset = Annotated[str, typer.Option(help="Speed of encoding against size.")]
Workers = Annotated[int | None, typer.Option(help="Processes for tracking.", show_default="cores, at most 4", min=1)]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and logs.")]
