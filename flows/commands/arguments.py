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
WorkspaceDir = Annotated[
    Path, typer.Option("--workspace", help="Where runs are kept: a folder, or s3://… shared by machines.")
]
Approve = Annotated[
    bool, typer.Option("--approve", help="Show the beginning and the worst seconds first, and wait for a yes.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")]
Retargeting = Annotated[str, typer.Option("--retarget", help="auto, global or limbs.")]
Codec = Annotated[str, typer.Option(help="Of the film: libx264, libx265, libsvtav1 …")]
Crf = Annotated[int, typer.Option(help="Quality of the film, 0 best.", min=0, max=51)]
EncoderPreset = Annotated[str, typer.Option(help="Speed of encoding against size.")]
Workers = Annotated[int | None, typer.Option(help="Processes for tracking.", show_default="cores, at most 4", min=1)]
FanOut = Annotated[
    str | None,
    typer.Option(
        "--fan-out",
        help="Let a Dask cluster track, and prepare what is trained on: its scheduler's address, or local.",
        show_default=False,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and logs.")]
PortraitMethod = Annotated[str, typer.Option("--method", help="deep-video-portraits, or vid2vid.")]
Transfer = Annotated[str, typer.Option(help="What is borrowed: any of pose, expression, gaze, lids; or mouth, to dub.")]
FaceMode = Annotated[str, typer.Option("--mode", help="relative: motion from rest; absolute: the very pose and face.")]
FaceMotion = Annotated[float, typer.Option("--motion", help="Pose and expression so much larger.", min=0.0, max=10.0)]
Turn = Annotated[str | None, typer.Option(help="Degrees, such as +10.", show_default=False)]
Slide = Annotated[str | None, typer.Option(help="1.3: so much more of it; +0.3: moved by so much.", show_default=False)]
FaceGaze = Annotated[str | None, typer.Option("--gaze", help="RIGHT,UP in half eye widths.", show_default=False)]
Edits = Annotated[Path | None, typer.Option("--edits", help="Sliders over time, YAML.", show_default=False)]
OntoWhat = Annotated[
    str | None,
    typer.Option(
        "--onto", help="What the head is put into: target (its clip), still, or source.", show_default="target"
    ),
]
Mosaic = Annotated[
    Path | None,
    typer.Option("--mosaic", help="Film of source, mesh, conditioning and result side by side.", show_default=False),
]
FaceChosen = Annotated[
    str | None, typer.Option("--face", help="Of several: largest, left, right or INDEX.", show_default=False)
]
TargetFace = Annotated[str | None, typer.Option("--target-face", help="The same in TARGET.", show_default=False)]
