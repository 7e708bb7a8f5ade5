"""`understudy demo`, `dance`, `render`, `train dance`: parse, look at the inputs, start the engine, call the flow."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.arguments import (
    Approve,
    Clip,
    Codec,
    Crf,
    Device,
    EncoderPreset,
    FanOut,
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
from flows.commands.consent_arguments import Consent, Label, SignCert, SignKey, WithoutConsent
from flows.commands.gate_arguments import MaxClamped, MaxMissing, MaxPoseError, MaxWarpError
from flows.commands.portrait import show_heads
from flows.commands.starting import RUNS, bring_up, film
from flows.proof.consent import chosen_consent
from pipeline.artifacts import FileRef, refuse_existing

DEMO_MINUTES = 4.0


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
    from flows.commands.options import compute_for, render_settings, tracker_config, training_settings
    from flows.demo import demo_flow

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
    typer.echo(f"\nLook at:\n  {result.side_by_side}\n  {result.film}\n  {result.page}\n  {result.scores}")


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
    fan_out: FanOut = None,
    approve: Approve = False,
    overwrite: Overwrite = False,
    consent: Consent = None,
    without_consent_record: WithoutConsent = False,
    sign_cert: SignCert = None,
    sign_key: SignKey = None,
    label: Label = None,
    max_missing_pct: MaxMissing = None,
    max_pose_error_pct: MaxPoseError = None,
    max_warp_error_ratio: MaxWarpError = None,
    max_clamped_pct: MaxClamped = None,
) -> None:
    """Let the person of TARGET perform the dance of SOURCE."""
    refuse_existing(output, overwrite=overwrite)
    said = chosen_consent(consent, without_record=without_consent_record, target=target)
    clips = film(source), film(target)
    engine, place = bring_up(ctx, workspace)
    from flows.cluster import fanned_out
    from flows.commands.options import compute_for, render_settings, tracker_config, training_settings
    from flows.dance import dance_flow
    from flows.delivering import delivery_for
    from flows.proof.gates import Gates

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
    gates = Gates(
        max_missing_pct=max_missing_pct,
        max_pose_error_pct=max_pose_error_pct,
        max_warp_error_ratio=max_warp_error_ratio,
        max_clamped_pct=max_clamped_pct,
    )
    delivery = delivery_for(
        output, source, sign_cert=sign_cert, sign_key=sign_key, label=label, gates=gates, approve=approve
    )
    with fanned_out(fan_out):
        made = engine.run(
            lambda: dance_flow(
                *clips, output, training, rendering, compute, place, overwrite, consent=said, delivery=delivery
            )
        )
    typer.echo(made.film.path)


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
    fan_out: FanOut = None,
    approve: Approve = False,
    overwrite: Overwrite = False,
    sign_cert: SignCert = None,
    sign_key: SignKey = None,
    label: Label = None,
    max_missing_pct: MaxMissing = None,
    max_pose_error_pct: MaxPoseError = None,
    max_warp_error_ratio: MaxWarpError = None,
    max_clamped_pct: MaxClamped = None,
) -> None:
    """Let a trained likeness perform SOURCE."""
    refuse_existing(output, overwrite=overwrite)
    clip = film(source)
    engine, place = bring_up(ctx, workspace)
    from flows.cluster import fanned_out
    from flows.commands.options import compute_for, render_settings, tracker_config
    from flows.dance import render_flow
    from flows.delivering import delivery_for
    from flows.proof.gates import Gates
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
    gates = Gates(
        max_missing_pct=max_missing_pct,
        max_pose_error_pct=max_pose_error_pct,
        max_warp_error_ratio=max_warp_error_ratio,
        max_clamped_pct=max_clamped_pct,
    )
    delivery = delivery_for(
        output, source, sign_cert=sign_cert, sign_key=sign_key, label=label, gates=gates, approve=approve
    )
    with fanned_out(fan_out):
        made = engine.run(
            lambda: render_flow(clip, facts, output, rendering, compute, place, overwrite, delivery=delivery)
        )
    typer.echo(made.film.path)


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
    fan_out: FanOut = None,
    overwrite: Overwrite = False,
    consent: Consent = None,
    without_consent_record: WithoutConsent = False,
) -> None:
    """Train the likeness of the person in TARGET; the result is a model folder."""
    refuse_existing(output, overwrite=overwrite)
    said = chosen_consent(consent, without_record=without_consent_record, target=target)
    clip = film(target)
    engine, place = bring_up(ctx, workspace)
    from flows.cluster import fanned_out
    from flows.commands.options import compute_for, tracker_config, training_settings
    from flows.dance import train_dance_flow
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
        return train_dance_flow(clip, training, compute, place, said)

    with fanned_out(fan_out):
        model = engine.run(learn)
    copy_model(model.path.parent, output, overwrite=overwrite)
    typer.echo(output)
