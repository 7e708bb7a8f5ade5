"""From the words of the translation commands to the configs that flows take; what is wrong is found out at once."""

from collections.abc import Sequence
from pathlib import Path

import typer

from flows.commands.options import perceptual_weights
from flows.commands.starting import film
from flows.translate import TranslateRendering, TranslateTraining
from pipeline.artifacts import FileRef
from pipeline.errors import UnknownChoice
from pipeline.video import Encoding
from stages.model_parts import FACTS
from stages.rendering.steady import STRENGTH
from stages.training.phases import Budget
from stages.training.picture_sources import listed
from stages.training.translate_phases import PairedPreset, TranslatePreset
from stages.training.translate_presets import translate_preset
from stages.translate_model import WEIGHTS, read_translate_facts

DRAFT_MINUTES = 6.0


def domain(places: Sequence[Path]) -> tuple[FileRef, ...]:
    """Look at the clips, pictures and folders of one look; each is known by its content.

    Raises: TrainingError, VideoError: a place is not there, or a file is neither clip nor picture.
    """
    return tuple(_looked_at(place) for place in places)


def _looked_at(place: Path) -> FileRef:
    found = listed([place]).sources
    if not place.is_dir() and found[0].is_clip:
        return film(place)
    return FileRef.of(place.resolve())


def translate_training(
    *,
    paired: bool,
    preset: str,
    without: Sequence[str],
    minutes: float | None,
    steps: int | None,
    perceptual: str,
    strict: bool,
) -> TranslateTraining:
    """How to train, with the budget of the draft where none is given.

    Raises:
        UnknownChoice: no such preset, or term to train without.
        WeightsMissing: the perceptual loss was wanted and its weights are not there.
    """
    chosen = translate_preset(preset, paired=paired).without(tuple(without))
    if minutes is None and steps is None:
        if preset != "draft":
            raise typer.BadParameter(f"say how long to train {preset}: --minutes or --steps")
        minutes = DRAFT_MINUTES
    return TranslateTraining(
        preset=chosen,
        budget=Budget(minutes=minutes, steps=steps),
        perceptual=perceptual_weights(perceptual) if _wants_perceptual(chosen) else None,
        strict=strict,
    )


def _wants_perceptual(preset: TranslatePreset) -> bool:
    return isinstance(preset, PairedPreset) and preset.weights.perceptual > 0


def translate_rendering(
    *,
    direction: str,
    steady: bool,
    tile: int | None,
    codec: str,
    crf: int,
    encoder_preset: str,
    fan_out: str | None = None,
) -> TranslateRendering:
    """How to translate.

    Raises: UnknownChoice.
    """
    if fan_out is not None and steady:
        raise typer.BadParameter(
            "--fan-out only with --no-steady: a steady film's frames each need the one before, so chunks have to wait"
        )
    if direction not in WEIGHTS:
        raise UnknownChoice.among("--direction", direction, WEIGHTS)
    return TranslateRendering(
        direction=direction,
        steady=STRENGTH if steady else None,
        tile=tile,
        fan_out=fan_out,
        encoding=Encoding(codec=codec, crf=crf, preset=encoder_preset),
    )


def translator_facts(model: Path, direction: str) -> FileRef:
    """A translator's model.json, looked into.

    Raises:
        ModelError: no translator there.
        UnknownChoice: it was not trained in this direction.
    """
    facts = read_translate_facts(model)
    if direction not in facts.directions:
        raise UnknownChoice.among(f"{model}, --direction", direction, facts.directions)
    return FileRef.of(model.resolve() / FACTS)
