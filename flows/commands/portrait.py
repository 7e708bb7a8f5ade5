"""`understudy portrait` and `understudy train portrait`: parse, look at the inputs, start the engine, call the flow."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.arguments import (
    Approve,
    Clip,
    Codec,
    Crf,
    Device,
    Edits,
    EncoderPreset,
    FaceChosen,
    FaceGaze,
    FaceMode,
    FaceMotion,
    FanOut,
    Minutes,
    Mosaic,
    OntoWhat,
    Output,
    Overwrite,
    Perceptual,
    PortraitMethod,
    Preset,
    Seed,
    Size,
    Slide,
    Steps,
    TargetFace,
    Teacher,
    Transfer,
    Turn,
    WorkspaceDir,
)
from flows.commands.consent_arguments import Consent, Label, SignCert, SignKey, WithoutConsent
from flows.commands.gate_arguments import MaxClamped, MaxMissing, MaxWarpError
from flows.commands.starting import RUNS, bring_up, moving
from flows.engine import Engine
from flows.proof.consent import chosen_consent
from flows.store.workspace import Workspace
from pipeline.artifacts import refuse_existing
from stages.provenance.consent import Consent as Statement

FILM_A_TARGET = "Film the person for a minute or so: a likeness is learnt from motion, one picture shows none."
HAS_A_RECORD = "a trained model has its own record of consent: leave --consent and --without-consent-record out"
FILM_A_HEAD = "Give a film: its motion is what is borrowed, edited or learnt."


def portrait(
    ctx: typer.Context,
    clips: Annotated[
        list[Path], typer.Argument(metavar="[SOURCE] [TARGET]", help="Whose motion; whose head.", show_default=False)
    ],
    output: Output,
    transfer: Transfer = "pose,expression,gaze,lids",
    mode: FaceMode = "relative",
    motion: FaceMotion = 1.0,
    yaw: Turn = None,
    pitch: Turn = None,
    roll: Turn = None,
    smile: Slide = None,
    jaw: Slide = None,
    brows: Slide = None,
    lids: Slide = None,
    gaze: FaceGaze = None,
    edits: Edits = None,
    onto: OntoWhat = None,
    mosaic: Mosaic = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="A trained model; TARGET may be left out.", show_default=False)
    ] = None,
    method: PortraitMethod = "deep-video-portraits",
    preset: Preset = "draft",
    flow_teacher: Teacher = "dis",
    minutes: Minutes = None,
    steps: Steps = None,
    size: Size = None,
    perceptual: Perceptual = "auto",
    face: FaceChosen = None,
    target_face: TargetFace = None,
    codec: Codec = "libx264",
    crf: Crf = 18,
    encoder_preset: EncoderPreset = "medium",
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = RUNS,
    fan_out: FanOut = None,
    approve: Approve = False,
    overwrite: Overwrite = False,
    consent: Consent = None,
    without_consent_record: WithoutConsent = False,
    sign_cert: SignCert = None,
    sign_key: SignKey = None,
    label: Label = None,
    max_missing_pct: MaxMissing = None,
    max_warp_error_ratio: MaxWarpError = None,
    max_clamped_pct: MaxClamped = None,
) -> None:
    """Let the head in TARGET do what the one in SOURCE does; with one clip, move its head by sliders."""
    for path in filter(None, (output, mosaic)):
        refuse_existing(path, overwrite=overwrite)
    said = _consent(clips[-1], model, consent, without_record=without_consent_record)
    films = [moving(path, FILM_A_TARGET if path == clips[-1] and model is None else FILM_A_HEAD) for path in clips]
    engine, place = bring_up(ctx, workspace)
    from flows.cluster import fanned_out
    from flows.commands import portrait_options as words
    from flows.commands.options import compute_for
    from flows.delivering import delivery_for
    from flows.portrait import portrait_flow
    from flows.proof.gates import Gates

    words.refuse_training(model, minutes=minutes, steps=steps, size=size)
    sliders = words.chosen_edits(
        edits, yaw=yaw, pitch=pitch, roll=roll, smile=smile, jaw=jaw, brows=brows, lids=lids, gaze=gaze
    )
    source, target, where = words.roles(films, model, onto, sliders)
    training = words.portrait_training(
        method=method,
        preset=preset,
        flow_teacher=flow_teacher,
        minutes=minutes,
        steps=steps,
        size=size,
        perceptual=perceptual,
        tracker=words.face_tracker(target_face or (face if source is None else None)),  # one clip has one face to name
    )
    rendering = words.portrait_rendering(
        transfer=transfer,
        mode=mode,
        motion=motion,
        edits=sliders,
        onto=where,
        codec=codec,
        crf=crf,
        encoder_preset=encoder_preset,
        tracker=words.face_tracker(face),
    )
    gates = Gates(
        max_missing_pct=max_missing_pct, max_warp_error_ratio=max_warp_error_ratio, max_clamped_pct=max_clamped_pct
    )
    delivery = delivery_for(
        output, clips[0], sign_cert=sign_cert, sign_key=sign_key, label=label, gates=gates, approve=approve
    )
    given = (source, target, words.model_facts(model), output, training, rendering, compute_for(device, seed), place)
    with fanned_out(fan_out):
        made = engine.run(
            lambda: portrait_flow(*given, overwrite=overwrite, mosaic=mosaic, consent=said, delivery=delivery)
        )
    typer.echo(made.film.path)


def _consent(target: Path, model: Path | None, consent: str | None, *, without_record: bool) -> Statement | None:
    """What was said for a training; a trained model is not asked again.

    Raises: ConsentError; typer.BadParameter where a trained model is given a record.
    """
    if model is None:
        return chosen_consent(consent, without_record=without_record, target=target)
    if consent is not None or without_record:
        raise typer.BadParameter(HAS_A_RECORD)
    return None


def train_portrait(
    ctx: typer.Context,
    target: Clip,
    output: Output,
    method: PortraitMethod = "deep-video-portraits",
    preset: Preset = "draft",
    flow_teacher: Teacher = "dis",
    minutes: Minutes = None,
    steps: Steps = None,
    size: Size = None,
    perceptual: Perceptual = "auto",
    face: FaceChosen = None,
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = RUNS,
    fan_out: FanOut = None,
    overwrite: Overwrite = False,
    consent: Consent = None,
    without_consent_record: WithoutConsent = False,
) -> None:
    """Train the likeness of the head in TARGET; the result is a model folder."""
    refuse_existing(output, overwrite=overwrite)
    said = chosen_consent(consent, without_record=without_consent_record, target=target)
    clip = moving(target, FILM_A_TARGET)
    engine, place = bring_up(ctx, workspace)
    from flows.cluster import fanned_out
    from flows.commands.options import compute_for
    from flows.commands.portrait_options import face_tracker, portrait_training
    from flows.portrait import train_portrait_flow
    from stages.portrait_model import copy_portrait

    training = portrait_training(
        method=method,
        preset=preset,
        flow_teacher=flow_teacher,
        minutes=minutes,
        steps=steps,
        size=size,
        perceptual=perceptual,
        tracker=face_tracker(face),
    )
    compute = compute_for(device, seed)
    with fanned_out(fan_out):
        model = engine.run(lambda: train_portrait_flow(clip, training, compute, place, said))
    copy_portrait(model.path.parent, output, overwrite=overwrite)
    typer.echo(output)


def show_heads(
    engine: Engine,
    place: Workspace,
    folder: Path,
    *,
    method: str | None,
    minutes: float | None,
    steps: int | None,
    device: str,
    seed: int,
) -> None:
    """The portrait's part of `understudy demo`: Blue's head does what Red's did; score it against the known answer."""
    from flows.commands.options import compute_for
    from flows.commands.portrait_options import face_tracker, portrait_training
    from flows.demo import portrait_demo_flow
    from flows.portrait import PortraitRendering

    training = portrait_training(
        method=method or "deep-video-portraits",
        preset="draft",
        flow_teacher="dis",
        minutes=minutes,
        steps=steps,
        size=None,
        perceptual="none",
        tracker=face_tracker(),
    )
    rendering, compute = PortraitRendering(tracker=face_tracker()), compute_for(device, seed)
    result = engine.run(lambda: portrait_demo_flow(folder, training, rendering, compute, place))
    typer.echo("\n".join(result.comparison.lines()))
    typer.echo(f"\nLook at:\n  {result.side_by_side}\n  {result.film}\n  {result.page}\n  {result.scores}")
