"""From the words of the portrait commands to the configs that their flows take; what is wrong is found out at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import typer

from flows.commands.options import DRAFT_MINUTES, parse_size, perceptual_weights, raft_weights
from flows.portrait import PortraitRendering, PortraitTraining
from flows.portrait_tasks import Onto
from pipeline.artifacts import FileRef
from pipeline.errors import UnknownChoice
from pipeline.video import Encoding
from stages.model_parts import FACTS
from stages.portrait_model import read_portrait_facts
from stages.retargeting.edits_file import load_edits, parse_edits
from stages.retargeting.face_edits import FaceEdits
from stages.retargeting.reenact import ReenactConfig, parse_parts
from stages.tracking.face import FaceTrackerConfig, parse_face_choice
from stages.training.flow_teacher import FlowTeacherConfig
from stages.training.phases import Budget
from stages.training.portrait_presets import portrait_preset

FEWEST, MOST = 1, 2  # clips


def face_tracker(face: str | None = None) -> FaceTrackerConfig:
    """Whose face to follow.

    Raises: UnknownChoice.
    """
    return FaceTrackerConfig(face=None if face is None else parse_face_choice(face))


def portrait_training(
    *,
    method: str,
    preset: str,
    flow_teacher: str,
    minutes: float | None,
    steps: int | None,
    size: str | None,
    perceptual: str,
    tracker: FaceTrackerConfig,
) -> PortraitTraining:
    """How to train, with the budget of the draft where none is given.

    Raises:
        UnknownChoice: no such method, preset or flow teacher.
        WeightsMissing: the perceptual loss or RAFT was wanted and its weights are not there.
    """
    chosen = portrait_preset(preset, method)
    if minutes is None and steps is None:
        if preset != "draft":
            raise typer.BadParameter(f"say how long to train {preset}: --minutes or --steps")
        minutes = DRAFT_MINUTES
    wanted = any(phase.weights.perceptual for phase in chosen.phases)
    return PortraitTraining(
        preset=chosen,
        budget=Budget(minutes=minutes, steps=steps),
        size=None if size is None else parse_size(size),
        perceptual=perceptual_weights(perceptual) if wanted else None,
        teacher=FlowTeacherConfig(kind=flow_teacher),  # type: ignore[arg-type]  # the config checks it
        teacher_weights=raft_weights() if flow_teacher == "raft" else None,
        tracker=tracker,
    )


def portrait_rendering(
    *,
    transfer: str,
    mode: str,
    motion: float,
    edits: FaceEdits,
    onto: str,
    codec: str,
    crf: int,
    encoder_preset: str,
    tracker: FaceTrackerConfig,
) -> PortraitRendering:
    """How to move and to render.

    Raises: UnknownChoice.
    """
    if onto not in get_args(Onto):
        raise UnknownChoice.among("--onto", onto, get_args(Onto))
    if mode == "absolute" and motion != 1:
        raise typer.BadParameter("--motion enlarges relative motion; in absolute mode there is nothing to enlarge")
    parts = parse_parts(transfer)
    return PortraitRendering(
        reenactment=ReenactConfig(mode=mode, parts=parts, motion=motion, edits=edits),  # type: ignore[arg-type]
        onto=onto,  # type: ignore[arg-type]  # just looked up
        encoding=Encoding(codec=codec, crf=crf, preset=encoder_preset),
        tracker=tracker,
    )


def chosen_edits(file: Path | None, **words: str | None) -> FaceEdits:
    """The sliders, from a file or from words.

    Raises: EditError.
    """
    if file is None:
        return parse_edits(**words)
    if any(word is not None for word in words.values()):
        raise typer.BadParameter("give sliders by --edits FILE or one by one, not both")
    return load_edits(file)


def refuse_training(model: Path | None, **words: object) -> None:
    """With a trained model, words on how to train would be without effect.

    Raises: typer.BadParameter.
    """
    given = [f"--{name}" for name, word in words.items() if word is not None]
    if model is not None and given:
        raise typer.BadParameter(f"the model is trained already: give --model or {', '.join(given)}, not both")


def roles(
    clips: Sequence[FileRef], model: Path | None, onto: str | None, edits: FaceEdits
) -> tuple[FileRef | None, FileRef | None, str]:
    """Who is who: source and target, each None where there is none, and what the head is put into.

    Two clips are SOURCE and TARGET. One alone is the target, and sliders drive it; with a model it is the source,
    unless it is the very clip of that model and there are sliders.

    Raises:
        ModelError: `model` is no portrait model.
        typer.BadParameter: too few clips for what is asked.
    """
    if not FEWEST <= len(clips) <= MOST:
        raise typer.BadParameter(f"one or two clips are wanted, {len(clips)} were given")
    known = None if model is None else read_portrait_facts(model).clip_sha256
    edited = edits != FaceEdits()
    source: FileRef | None = clips[0]
    target = clips[1] if len(clips) == MOST else None
    if target is None and (model is None or (known == clips[0].sha256 and edited)):
        source, target = None, clips[0]
        if not edited:
            raise typer.BadParameter("with one clip give sliders, such as --yaw +10, or SOURCE and TARGET")
    elif target is None and known == clips[0].sha256:
        target = clips[0]
    onto = onto or ("still" if target is None else "target")
    if onto == "target" and target is None:
        raise typer.BadParameter(
            "--onto target needs the clip that the model was trained on: SOURCE TARGET --model DIR"
        )
    if onto == "source" and source is None:
        raise typer.BadParameter("--onto source needs a source: SOURCE TARGET")
    return source, target, onto


def model_facts(model: Path | None) -> FileRef | None:
    """A model folder's model.json, looked into.

    Raises: ModelError.
    """
    if model is None:
        return None
    read_portrait_facts(model)
    return FileRef.of(model.resolve() / FACTS)
