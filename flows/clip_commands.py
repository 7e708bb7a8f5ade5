"""`understudy track`, `plan`, `evaluate`: what a clip shows, what can be learnt from it, how good a film is."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.arguments import Clip, Device, Method, Output, Overwrite, Who, Workers, WorkspaceDir
from flows.starting import RUNS, bring_up, film
from pipeline.artifacts import atomic_file, refuse_existing

if TYPE_CHECKING:
    from stages.evaluation.compare import Comparison
    from stages.evaluation.compare_faces import FaceComparison


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
