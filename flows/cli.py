"""The command line: parses, looks at the inputs, starts the engine, calls a flow, says plainly what went wrong.

Heavy libraries are imported inside the commands, after the inputs were looked at and while Prefect's server comes up.
"""

import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.arguments import (
    Clip,
    Codec,
    Crf,
    Debug,
    Device,
    EncoderPreset,
    Method,
    Minutes,
    ModelDir,
    Output,
    Overwrite,
    Perceptual,
    Preset,
    Retargeting,
    Seed,
    Size,
    Steps,
    Teacher,
    Who,
    Without,
    Workers,
    WorkspaceDir,
)
from flows.portrait_commands import portrait, show_heads, train_portrait
from flows.starting import RUNS, bring_up, film
from flows.translate_commands import train_translate, translate
from pipeline.artifacts import FileRef, atomic_file, refuse_existing
from pipeline.errors import UnderstudyError

if TYPE_CHECKING:
    from stages.evaluation.compare import Comparison
    from stages.evaluation.compare_faces import FaceComparison

# Read by PyTorch and its threads when they are imported. Large pages for large tensors; and threads that soon stop to
# wait awake: where other programs want the cores, spinning ones made a training step up to twenty times slower. On two
# idle cores a step took 0.16 to 0.20 s so, 0.16 to 0.17 s with the default (benchmarks/results/draft.md).
for _name, _value in (("THP_MEM_ALLOC_ENABLE", "1"), ("GOMP_SPINCOUNT", "20000")):
    os.environ.setdefault(_name, _value)

app = typer.Typer(
    name="understudy",
    help="One person performs what another has recorded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train_app = typer.Typer(help="Train a likeness, or a look.", no_args_is_help=True)
app.add_typer(train_app, name="train")
app.command()(portrait)
app.command()(translate)
train_app.command("portrait")(train_portrait)
train_app.command("translate")(train_translate)


DEMO_MINUTES = 4.0
INTERRUPTED = 130  # what typer makes of Ctrl-C


@app.callback()
def settle(ctx: typer.Context, debug: Debug = False) -> None:
    """Remember what all commands share."""
    ctx.obj = debug
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, format="%(message)s")


@app.command()
def demo(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = RUNS / "demo",
    portrait: Annotated[bool, typer.Option("--portrait", help="Heads instead of dancers.")] = False,
    method: Annotated[str | None, typer.Option(help="As for dance, or portrait.", show_default="theirs")] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget for training.", min=0.01)] = DEMO_MINUTES,
    steps: Steps = None,
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = RUNS,
    workers: Workers = None,
) -> None:
    """Render the sample: Blue performs what Red did; score it against the known answer."""
    engine, place = bring_up(ctx, workspace)
    minutes = minutes if steps is None else None
    if portrait:
        show_heads(engine, place, output, method=method, minutes=minutes, steps=steps, device=device, seed=seed)
        return
    from flows.demo import demo_flow
    from flows.options import compute_for, render_settings, tracker_config, training_settings

    tracker = tracker_config(workers=workers)
    training = training_settings(
        method=method or "vid2vid",
        preset="draft",
        minutes=minutes,
        steps=steps,
        size=None,
        perceptual="none",
        tracker=tracker,
    )
    rendering = render_settings(retarget="auto", codec="libx264", crf=18, encoder_preset="medium", tracker=tracker)
    compute = compute_for(device, seed)
    result = engine.run(lambda: demo_flow(output, training, rendering, compute, place))
    typer.echo("\n".join(result.comparison.lines()))
    typer.echo(f"\nLook at:\n  {result.side_by_side}\n  {result.film}\n  {result.scores}")


@app.command()
def dance(
    ctx: typer.Context,
    source: Clip,
    target: Clip,
    output: Output,
    method: Method = "vid2vid",
    preset: Preset = "draft",
    without: Without = [],  # noqa: B006  # typer's way to say: none
    flow_teacher: Teacher = "dis",
    minutes: Minutes = None,
    steps: Steps = None,
    size: Size = None,
    perceptual: Perceptual = "auto",
    performer: Who = None,
    target_performer: Who = None,
    retarget: Retargeting = "auto",
    codec: Codec = "libx264",
    crf: Crf = 18,
    encoder_preset: EncoderPreset = "medium",
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = RUNS,
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Let the person of TARGET perform the dance of SOURCE."""
    refuse_existing(output, overwrite=overwrite)
    clips = film(source), film(target)
    engine, place = bring_up(ctx, workspace)
    from flows.dance import dance_flow
    from flows.options import compute_for, render_settings, tracker_config, training_settings

    training = training_settings(
        method=method,
        preset=preset,
        without=without,
        flow_teacher=flow_teacher,
        minutes=minutes,
        steps=steps,
        size=size,
        perceptual=perceptual,
        tracker=tracker_config(target_performer, workers),
    )
    rendering = render_settings(
        retarget=retarget,
        codec=codec,
        crf=crf,
        encoder_preset=encoder_preset,
        tracker=tracker_config(performer, workers),
    )
    compute = compute_for(device, seed)
    made = engine.run(lambda: dance_flow(*clips, output, training, rendering, compute, place, overwrite))
    typer.echo(made.film.path)


@app.command()
def render(
    ctx: typer.Context,
    source: Clip,
    model: ModelDir,
    output: Output,
    performer: Who = None,
    retarget: Retargeting = "auto",
    codec: Codec = "libx264",
    crf: Crf = 18,
    encoder_preset: EncoderPreset = "medium",
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = RUNS,
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Let a trained likeness perform SOURCE."""
    refuse_existing(output, overwrite=overwrite)
    clip = film(source)
    engine, place = bring_up(ctx, workspace)
    from flows.dance import render_flow
    from flows.options import compute_for, render_settings, tracker_config
    from stages.model_folder import read_facts

    read_facts(model)
    facts, compute = FileRef.of(model / "model.json"), compute_for(device, seed)
    rendering = render_settings(
        retarget=retarget,
        codec=codec,
        crf=crf,
        encoder_preset=encoder_preset,
        tracker=tracker_config(performer, workers),
    )
    made = engine.run(lambda: render_flow(clip, facts, output, rendering, compute, place, overwrite))
    typer.echo(made.film.path)


@train_app.command("dance")
def train_dance(
    ctx: typer.Context,
    target: Clip,
    output: Output,
    method: Method = "vid2vid",
    preset: Annotated[str | None, typer.Option(help="As for dance.", show_default="what fits this machine")] = None,
    without: Without = [],  # noqa: B006  # typer's way to say: none
    flow_teacher: Teacher = "dis",
    minutes: Minutes = None,
    steps: Steps = None,
    size: Size = None,
    perceptual: Perceptual = "auto",
    performer: Who = None,
    processes: Annotated[int, typer.Option(help="That train together, one for each GPU.", min=1)] = 1,
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = RUNS,
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Train the likeness of the person in TARGET; the result is a model folder."""
    refuse_existing(output, overwrite=overwrite)
    clip = film(target)
    engine, place = bring_up(ctx, workspace)
    from flows.dance import train_dance_flow
    from flows.options import compute_for, tracker_config, training_settings
    from flows.plan import choose_plan_flow
    from stages.model_folder import copy_model
    from stages.training.presets import preset_named

    tracker, compute = tracker_config(performer, workers), compute_for(device, seed)
    preset_named(preset or "draft", method)  # an unknown word is found out before the clip is tracked

    def learn() -> FileRef:
        chosen = preset or choose_plan_flow(clip, tracker, compute, place, method=method, minutes=minutes)
        training = training_settings(
            method=method,
            preset=chosen,
            without=without,
            flow_teacher=flow_teacher,
            minutes=minutes,
            steps=steps,
            size=size,
            perceptual=perceptual,
            processes=processes,
            tracker=tracker,
        )
        return train_dance_flow(clip, training, compute, place)

    model = engine.run(learn)
    copy_model(model.path.parent, output, overwrite=overwrite)
    typer.echo(output)


@app.command()
def track(
    ctx: typer.Context,
    clip: Clip,
    output: Output,
    overlay: Annotated[Path | None, typer.Option(help="Film with the joints drawn in.", show_default=False)] = None,
    openpose: Annotated[Path | None, typer.Option(help="Read OpenPose's JSON from this folder instead.")] = None,
    face: Annotated[bool, typer.Option("--face", help="Of a face: its 478 points instead of joints.")] = False,
    performer: Annotated[str | None, typer.Option(help="As for dance; of faces, as portrait's --face.")] = None,
    workspace: WorkspaceDir = RUNS,
    workers: Workers = None,
    overwrite: Overwrite = False,
) -> None:
    """Find one person's joints, or face, in every frame of CLIP."""
    if face and openpose is not None:
        raise typer.BadParameter("OpenPose's files hold joints: give --face or --openpose, not both")
    for path in filter(None, (output, overlay)):
        refuse_existing(path, overwrite=overwrite)
    seen = film(clip)
    engine, place = bring_up(ctx, workspace)
    from flows.options import tracker_config
    from flows.portrait_options import face_tracker
    from flows.track import track_face_flow, track_flow

    if face:
        follow = face_tracker(performer)
        typer.echo(engine.run(lambda: track_face_flow(seen, output, overlay, follow, place, overwrite)))
        return
    tracker = tracker_config(performer, workers)
    typer.echo(engine.run(lambda: track_flow(seen, output, overlay, openpose, tracker, place, overwrite)))


@app.command()
def plan(
    ctx: typer.Context,
    target: Clip,
    vram: Annotated[float | None, typer.Option(help="GiB of another GPU to plan for.", min=0.1)] = None,
    method: Method = "vid2vid",
    minutes: Annotated[float | None, typer.Option(help="Budget.", show_default="a night at most", min=0.01)] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write findings and plan here too.")] = None,
    performer: Who = None,
    device: Device = "auto",
    workspace: WorkspaceDir = RUNS,
    workers: Workers = None,
) -> None:
    """Say whether TARGET will do, and how to train on it: size, memory, time, disk, and the command."""
    clip = film(target)
    engine, place = bring_up(ctx, workspace)
    from flows.options import compute_for, tracker_config
    from flows.plan import plan_flow, show, write_record
    from stages.training.presets import preset_named

    preset_named("draft", method)  # an unknown method is found out before the clip is tracked
    tracker, compute = tracker_config(performer, workers), compute_for(device, 0)
    found = engine.run(lambda: plan_flow(clip, tracker, compute, place, vram=vram, method=method, minutes=minutes))
    if json_file is not None:
        write_record(found, json_file)
    show(found)


@app.command()
def evaluate(
    ctx: typer.Context,
    made: Annotated[Path, typer.Argument(metavar="FILM", help="What was made.", show_default=False)],
    against: Annotated[Path, typer.Option(help="What should have come out.", show_default=False)],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
    face: Annotated[bool, typer.Option("--face", help="Of portraits: head, landmarks, gaze, lids.")] = False,
    workspace: WorkspaceDir = RUNS,
    workers: Workers = None,
) -> None:
    """Score FILM against the truth."""
    films = film(made), film(against)
    engine, place = bring_up(ctx, workspace)
    from flows.evaluate import evaluate_faces_flow, evaluate_flow
    from flows.options import tracker_config
    from flows.portrait_options import face_tracker

    def score() -> "Comparison | FaceComparison":
        if face:
            return evaluate_faces_flow(*films, face_tracker(), place)
        return evaluate_flow(*films, tracker_config(workers=workers), place)

    comparison = engine.run(score)
    typer.echo("\n".join(comparison.lines()))
    if json_file is not None:
        with atomic_file(json_file) as beside:
            beside.write_text(json.dumps(asdict(comparison), indent=2) + "\n")


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
        app()
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
