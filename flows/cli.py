"""The command line: parses, builds configs, calls a flow, says plainly what went wrong."""

import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import UnderstudyError

if TYPE_CHECKING:
    from flows.dance import RenderSettings, TrainSettings
    from flows.engine import Engine
    from flows.workspace import Workspace
    from pipeline.artifacts import FileRef
    from pipeline.compute import Compute
    from stages.tracking.pose import TrackerConfig

# Freed memory of large tensors is kept in large pages; PyTorch reads this when it is imported.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

app = typer.Typer(
    name="understudy",
    help="One person performs what another has recorded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train_app = typer.Typer(help="Train a likeness.", no_args_is_help=True)
app.add_typer(train_app, name="train")

Clip = Annotated[Path, typer.Argument(help="A video file.", show_default=False)]
Output = Annotated[Path, typer.Option("-o", "--output", help="Where the result goes.", show_default=False)]
Preset = Annotated[str, typer.Option(help="draft (minutes, any machine), standard or hd (hours, GPU).")]
Minutes = Annotated[float | None, typer.Option(help="Budget for training.", show_default="4 for draft")]
Steps = Annotated[int | None, typer.Option(help="Budget for training, in steps instead.", show_default=False)]
Size = Annotated[str | None, typer.Option(help="WxH of the network's picture.", show_default="by preset")]
Perceptual = Annotated[str, typer.Option(help="File of VGG-19 weights; auto: where torchvision keeps them; none.")]
Who = Annotated[str | None, typer.Option(help="largest, left, right or X,Y, where several people are seen.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option(help="Of everything drawn by chance.")]
WorkspaceDir = Annotated[Path, typer.Option("--workspace", help="Where runs are kept.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")]
Retargeting = Annotated[str, typer.Option("--retarget", help="auto, global or limbs.")]
Codec = Annotated[str, typer.Option(help="Of the film: libx264, libx265, libsvtav1 …")]
Crf = Annotated[int, typer.Option(help="Quality of the film, 0 best.")]
EncoderPreset = Annotated[str, typer.Option(help="Speed of encoding against size.")]
Model = Annotated[Path | None, typer.Option("--model", help="A trained model folder: skips training.")]
Workers = Annotated[int | None, typer.Option(help="Processes for tracking.", show_default="cores, at most 4")]
Debug = Annotated[bool, typer.Option("--debug", help="Tracebacks and logs.", is_flag=True)]

DRAFT_MINUTES = 4.0
DEMO_MINUTES = 2.5


@app.callback()
def settle(ctx: typer.Context, debug: Debug = False) -> None:
    """Remember what all commands share."""
    ctx.obj = debug
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, format="%(message)s")


@app.command()
def demo(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("runs/demo"),
    minutes: Minutes = None,
    steps: Steps = None,
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = Path("runs"),
    workers: Workers = None,
) -> None:
    """Render the sample: Blue performs Red's dance; score it against the known answer."""
    engine, place = _bring_up(ctx, workspace)
    from flows.demo import demo_flow

    budget = (minutes or DEMO_MINUTES) if steps is None else minutes
    training = _training("draft", budget, steps, None, "none", None, workers)
    rendering = _rendering("auto", "libx264", 18, "medium", None, workers)
    result = engine.run(lambda: demo_flow(output, training, rendering, _compute(device, seed), place))
    typer.echo("\n".join(result.comparison.lines()))
    typer.echo(f"\nLook at:\n  {result.side_by_side}\n  {result.film}\n  {result.scores}")


@app.command()
def dance(
    ctx: typer.Context,
    source: Clip,
    target: Annotated[Path | None, typer.Argument(help="The person to be filmed anew.", show_default=False)] = None,
    output: Output = Path("dance.mp4"),
    preset: Preset = "draft",
    minutes: Minutes = None,
    steps: Steps = None,
    size: Size = None,
    perceptual: Perceptual = "auto",
    model: Model = None,
    performer: Who = None,
    target_performer: Who = None,
    retarget: Retargeting = "auto",
    codec: Codec = "libx264",
    crf: Crf = 18,
    encoder_preset: EncoderPreset = "medium",
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = Path("runs"),
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Let the person of TARGET perform the dance of SOURCE."""
    if (target is None) == (model is None):
        raise typer.BadParameter("give either TARGET, to train on, or --model, trained before")
    engine, place = _bring_up(ctx, workspace)
    rendering = _rendering(retarget, codec, crf, encoder_preset, performer, workers)
    if model is not None:
        _render(engine, source, model, output, rendering, _compute(device, seed), place, overwrite)
        return
    assert target is not None
    training = _training(preset, minutes, steps, size, perceptual, target_performer, workers)
    from flows.dance import dance_flow

    clips = _film(source), _film(target)
    film = engine.run(lambda: dance_flow(*clips, output, training, rendering, _compute(device, seed), place, overwrite))
    typer.echo(film.film.path)


@app.command()
def render(
    ctx: typer.Context,
    source: Clip,
    model: Annotated[Path, typer.Option("--model", help="A trained model folder.", show_default=False)],
    output: Output,
    performer: Who = None,
    retarget: Retargeting = "auto",
    codec: Codec = "libx264",
    crf: Crf = 18,
    encoder_preset: EncoderPreset = "medium",
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = Path("runs"),
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Let a trained likeness perform SOURCE."""
    engine, place = _bring_up(ctx, workspace)
    rendering = _rendering(retarget, codec, crf, encoder_preset, performer, workers)
    _render(engine, source, model, output, rendering, _compute(device, seed), place, overwrite)


@train_app.command("dance")
def train_dance(
    ctx: typer.Context,
    target: Clip,
    output: Output,
    preset: Preset = "draft",
    minutes: Minutes = None,
    steps: Steps = None,
    size: Size = None,
    perceptual: Perceptual = "auto",
    performer: Who = None,
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = Path("runs"),
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Train the likeness of the person in TARGET; the result is a model folder."""
    engine, place = _bring_up(ctx, workspace)
    training = _training(preset, minutes, steps, size, perceptual, performer, workers)
    from flows.dance import train_dance_flow
    from pipeline.artifacts import refuse_existing
    from stages.model_folder import copy_model

    refuse_existing(output, overwrite=overwrite)
    clip = _film(target)
    model = engine.run(lambda: train_dance_flow(clip, training, _compute(device, seed), place))
    copy_model(model.path.parent, output, overwrite=overwrite)
    typer.echo(output)


@app.command()
def track(
    ctx: typer.Context,
    clip: Clip,
    output: Output,
    overlay: Annotated[Path | None, typer.Option(help="Film with the joints drawn in.", show_default=False)] = None,
    openpose: Annotated[Path | None, typer.Option(help="Read OpenPose's JSON from this folder instead.")] = None,
    performer: Who = None,
    workspace: WorkspaceDir = Path("runs"),
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Find one person's joints in every frame of CLIP."""
    engine, place = _bring_up(ctx, workspace)
    from flows.track import track_flow

    tracker = _rendering("auto", "libx264", 18, "medium", performer, workers).tracker
    film = _film(clip)
    line = engine.run(lambda: track_flow(film, output, overlay, openpose, tracker, place, overwrite))
    typer.echo(line)


@app.command()
def evaluate(
    ctx: typer.Context,
    film: Clip,
    against: Annotated[Path, typer.Option(help="What should have come out.", show_default=False)],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
    workspace: WorkspaceDir = Path("runs"),
    workers: Workers = None,
) -> None:
    """Score FILM against the truth."""
    engine, place = _bring_up(ctx, workspace)
    from flows.evaluate import evaluate_flow
    from pipeline.artifacts import atomic_file

    tracker = _rendering("auto", "libx264", 18, "medium", None, workers).tracker
    films = _film(film), _film(against)
    comparison = engine.run(lambda: evaluate_flow(*films, tracker, place))
    typer.echo("\n".join(comparison.lines()))
    if json_file is not None:
        with atomic_file(json_file) as beside:
            beside.write_text(json.dumps(asdict(comparison), indent=2) + "\n")


@app.command()
def doctor(device: Device = "auto") -> None:
    """Say what is installed, which device and precision are used, and why."""
    from flows.doctor import examine

    for heading, found in examine(device):
        typer.echo(f"{heading:<16} {found}")


def _bring_up(ctx: typer.Context, workspace: Path) -> "tuple[Engine, Workspace]":
    from flows.engine import Engine
    from flows.workspace import Workspace

    place = Workspace(workspace)
    return Engine(place, debug=bool(ctx.obj)).start(), place


def _render(
    engine: "Engine",
    source: Path,
    model: Path,
    output: Path,
    rendering: "RenderSettings",
    compute: "Compute",
    place: "Workspace",
    overwrite: bool,
) -> None:
    from flows.dance import render_flow
    from pipeline.artifacts import FileRef
    from stages.model_folder import read_facts

    clip = _film(source)
    read_facts(model)
    facts = FileRef.of(model / "model.json")
    film = engine.run(lambda: render_flow(clip, facts, output, rendering, compute, place, overwrite))
    typer.echo(film.film.path)


def _film(path: Path) -> "FileRef":
    """Look at a clip before anything is started: a wrong file is found out at once."""
    from pipeline.artifacts import FileRef
    from pipeline.video import probe

    probe(path)
    return FileRef.of(path)


def _compute(device: str, seed: int) -> "Compute":
    from pipeline.compute import keep_memory, resolve_compute

    keep_memory()
    return resolve_compute(device, seed)


def _training(
    preset: str,
    minutes: float | None,
    steps: int | None,
    size: str | None,
    perceptual: str,
    performer: str | None,
    workers: int | None,
) -> "TrainSettings":
    from flows.dance import TrainSettings
    from stages.training.presets import Budget, preset_named

    chosen = preset_named(preset)
    if minutes is None and steps is None:
        if preset != "draft":
            raise typer.BadParameter(f"say how long to train {preset}: --minutes or --steps")
        minutes = DRAFT_MINUTES
    needs_weights = any(phase.weights.perceptual for phase in chosen.phases)
    return TrainSettings(
        preset=chosen,
        budget=Budget(minutes=minutes, steps=steps),
        size=_parse_size(size),
        perceptual=_perceptual(perceptual) if needs_weights else None,
        tracker=_tracker(performer, workers),
    )


def _rendering(
    retarget: str, codec: str, crf: int, encoder_preset: str, performer: str | None, workers: int | None
) -> "RenderSettings":
    from flows.dance import RenderSettings
    from pipeline.video import Encoding
    from stages.retargeting.retarget import RetargetConfig

    return RenderSettings(
        retargeting=RetargetConfig(mode=retarget),  # type: ignore[arg-type]  # checked there
        encoding=Encoding(codec=codec, crf=crf, preset=encoder_preset),
        tracker=_tracker(performer, workers),
    )


def _tracker(performer: str | None, workers: int | None) -> "TrackerConfig":
    from stages.tracking.people import Performer
    from stages.tracking.pose import TrackerConfig

    return TrackerConfig(
        performer=None if performer is None else Performer.parse(performer),
        workers=workers or min(4, os.cpu_count() or 1),
    )


def _perceptual(choice: str) -> "FileRef | None":
    """The file of VGG-19's weights that --perceptual means; None for none.

    Raises: WeightsMissing where they were wanted and are not there.
    """
    from models.perceptual import load_perceptual, published_weights
    from pipeline.artifacts import FileRef

    if choice == "none":
        return None
    path = published_weights() if choice == "auto" else Path(choice)
    load_perceptual(path)
    return FileRef.of(path)


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise typer.BadParameter(f"--size is {text!r}, expected WIDTHxHEIGHT, such as 144x256")
    return int(width), int(height)


def main() -> None:
    """Run the command line: 0 done, 1 the job failed with one clear message, 2 wrong usage."""
    debug = "--debug" in sys.argv
    try:
        app()
    except UnderstudyError as error:
        if debug:
            raise
        typer.echo(f"understudy: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("understudy: stopped; finished work is saved. The same command goes on from there.", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
