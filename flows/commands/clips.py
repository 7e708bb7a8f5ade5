"""`understudy track`, `plan`, `evaluate`: what a clip shows, what can be learnt from it, how good a film is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.arguments import Clip, Device, FanOut, Method, Output, Overwrite, Who, Workers, WorkspaceDir
from flows.commands.starting import RUNS, bring_up, film
from pipeline.artifacts import refuse_existing

if TYPE_CHECKING:
    from flows.evaluate import Evaluation


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
    fan_out: FanOut = None,
    overwrite: Overwrite = False,
) -> None:
    """Find one person's joints, or face, in every frame of CLIP."""
    if face and openpose is not None:
        raise typer.BadParameter("OpenPose's files hold joints: give --face or --openpose, not both")
    for path in filter(None, (output, overlay)):
        refuse_existing(path, overwrite=overwrite)
    seen = film(clip)
    engine, place = bring_up(ctx, workspace)
    from flows.cluster import fanned_out
    from flows.commands.options import tracker_config
    from flows.commands.portrait_options import face_tracker
    from flows.track import track_face_flow, track_flow

    with fanned_out(fan_out):
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
    from flows.commands.options import compute_for, tracker_config
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
    against: Annotated[Path | None, typer.Option(help="What should have come out.", show_default=False)] = None,
    source: Annotated[
        Path | None, typer.Option(help="Without a truth: whose performance it shows.", show_default=False)
    ] = None,
    track: Annotated[
        Path | None, typer.Option(help="With --source: the track the film was made from.", show_default=False)
    ] = None,
    face: Annotated[bool, typer.Option("--face", help="Of portraits: head, landmarks, gaze, lids.")] = False,
    held_out: Annotated[bool, typer.Option("--held-out", help="Only the last 15 %, which training never saw.")] = False,
    between: Annotated[
        str | None, typer.Option(metavar="START-STOP", help="Only these seconds.", show_default=False)
    ] = None,
    weights: Annotated[
        str, typer.Option(help="For LPIPS, FID, video distance: a folder, auto (torchvision's place), or none.")
    ] = "auto",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write those of every frame here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw them over time into this folder.")] = None,
    device: Device = "auto",
    workspace: WorkspaceDir = RUNS,
    workers: Workers = None,
) -> None:
    """Score FILM against the truth, or by its source where there is none."""
    if (against is None) == (source is None):
        raise typer.BadParameter("give --against TRUTH, or --source SOURCE where there is no truth")
    if track is not None and (against is not None or face):
        raise typer.BadParameter("--track goes with --source, and with a body")
    if held_out and between is not None:
        raise typer.BadParameter("give --held-out or --between, not both")
    other = against if source is None else source
    assert other is not None  # one of them was given
    films = film(made), film(other)
    from stages.evaluation.span import Span

    span = Span(held_out=True) if held_out else Span.parse(between or "0-")
    engine, place = bring_up(ctx, workspace)
    from flows.commands.options import compute_for, tracker_config
    from flows.commands.portrait_options import face_tracker
    from flows.evaluate import EvaluationSettings, score_alone_flow, score_flow
    from flows.proof.evaluation_files import metric_weights, write_evaluation
    from pipeline.artifacts import FileRef

    tracker = face_tracker() if face else tracker_config(workers=workers)
    settings = EvaluationSettings(span=span, weights=metric_weights(weights), device=compute_for(device, 0).device)

    def score() -> "Evaluation":
        if against is not None:
            return score_flow(*films, tracker, settings, place)
        told = None if track is None else FileRef.of(track)
        return score_alone_flow(*films, told, tracker, settings, place)

    found = engine.run(score)
    typer.echo("\n".join(found.comparison.lines()))
    title = f"{made.name}, scored {'against' if against else 'by'} {other.name}"
    write_evaluation(found, title, json_file=json_file, csv_file=csv_file, plots=plots)
