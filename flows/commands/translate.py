"""`understudy translate`, `understudy train translate`: parse, look at the inputs, start the engine, call the flow."""

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
    ModelDir,
    Output,
    Overwrite,
    Perceptual,
    Preset,
    Seed,
    Steps,
    WorkspaceDir,
)
from flows.commands.consent_arguments import Label, SignCert, SignKey
from flows.commands.gate_arguments import MaxWarpError
from flows.commands.starting import RUNS, bring_up, film
from pipeline.artifacts import refuse_existing

ONE_EACH = "with --paired give one A and one B: two clips, or two folders in which partners have the same name"
SMALLEST_TILE = 64


def translate(
    ctx: typer.Context,
    clip: Clip,
    model: ModelDir,
    output: Output,
    direction: Annotated[str, typer.Option(help="a-to-b, or b-to-a where the model was trained without pairs.")] = (
        "a-to-b"
    ),
    steady: Annotated[
        bool, typer.Option("--steady/--no-steady", help="Blend each frame with the last one, moved as the clip moves.")
    ] = True,
    tile: Annotated[
        int | None,
        typer.Option(
            help="Pixels of a tile's side, to need less memory.", show_default="whole frames", min=SMALLEST_TILE
        ),
    ] = None,
    fan_out: Annotated[
        str | None,
        typer.Option(
            help="Let a Dask cluster make the chunks: its scheduler's address, or local. Only with --no-steady.",
            show_default=False,
        ),
    ] = None,
    codec: Codec = "libx264",
    crf: Crf = 18,
    encoder_preset: EncoderPreset = "medium",
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = RUNS,
    approve: Approve = False,
    overwrite: Overwrite = False,
    sign_cert: SignCert = None,
    sign_key: SignKey = None,
    label: Label = None,
    max_warp_error_ratio: MaxWarpError = None,
) -> None:
    """Show CLIP in the look that a model has learnt."""
    refuse_existing(output, overwrite=overwrite)
    source = film(clip)
    engine, place = bring_up(ctx, workspace)
    from flows.commands.options import compute_for
    from flows.commands.translate_options import translate_rendering, translator_facts
    from flows.delivering import delivery_for
    from flows.proof.gates import Gates
    from flows.translate import translate_flow

    rendering = translate_rendering(
        direction=direction,
        steady=steady,
        tile=tile,
        fan_out=fan_out,
        codec=codec,
        crf=crf,
        encoder_preset=encoder_preset,
    )
    facts, compute = translator_facts(model, direction), compute_for(device, seed)
    gates = Gates(max_warp_error_ratio=max_warp_error_ratio)
    delivery = delivery_for(
        output, clip, sign_cert=sign_cert, sign_key=sign_key, label=label, gates=gates, approve=approve
    )
    made = engine.run(lambda: translate_flow(source, facts, output, rendering, compute, place, overwrite, delivery))
    typer.echo(made.path)


def train_translate(
    ctx: typer.Context,
    a: Annotated[Path, typer.Argument(metavar="A", help="A clip, a picture or a folder of them.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="The same of the look to learn.", show_default=False)],
    output: Output,
    also_a: Annotated[list[Path], typer.Option("--also-a", help="More of A. Repeatable.", show_default=False)] = [],  # noqa: B006  # typer's way to say: none
    also_b: Annotated[list[Path], typer.Option("--also-b", help="More of B. Repeatable.", show_default=False)] = [],  # noqa: B006
    paired: Annotated[bool, typer.Option("--paired", help="A and B show the same, picture by picture.")] = False,
    preset: Preset = "draft",
    without: Annotated[
        list[str], typer.Option("--without", help="Train without a loss term: flow, identity … Repeatable.")
    ] = [],  # noqa: B006
    strict: Annotated[bool, typer.Option("--strict", help="Refuse files that cannot be read: skip none.")] = False,
    minutes: Annotated[
        float | None, typer.Option(help="Budget for training.", show_default="draft: 6", min=0.01)
    ] = None,
    steps: Steps = None,
    perceptual: Perceptual = "auto",
    device: Device = "auto",
    seed: Seed = 0,
    workspace: WorkspaceDir = RUNS,
    overwrite: Overwrite = False,
) -> None:
    """Learn to turn the look of A into that of B; the result is a model folder."""
    refuse_existing(output, overwrite=overwrite)
    if paired and (also_a or also_b):
        raise typer.BadParameter(ONE_EACH)
    engine, place = bring_up(ctx, workspace)
    from flows.commands.options import compute_for
    from flows.commands.translate_options import domain, translate_training
    from flows.translate import train_translate_flow
    from stages.translate_model import copy_translator

    looks = domain([a, *also_a]), domain([b, *also_b])
    training = translate_training(
        paired=paired,
        preset=preset,
        without=without,
        minutes=minutes,
        steps=steps,
        perceptual=perceptual,
        strict=strict,
    )
    compute = compute_for(device, seed)
    model = engine.run(lambda: train_translate_flow(*looks, training, compute, place))
    copy_translator(model.path.parent, output, overwrite=overwrite)
    typer.echo(output)
