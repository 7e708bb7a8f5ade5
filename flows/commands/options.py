"""From words on the command line to the configs that flows take; what is wrong is found out before anything starts."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from flows.dance import RenderSettings, TrainSettings
from models.optical_flow import load_raft, published_raft
from models.perceptual import load_perceptual, published_weights
from pipeline.artifacts import FileRef
from pipeline.compute import Compute, keep_memory, resolve_compute
from pipeline.video import Encoding
from stages.retargeting.retarget import RetargetConfig
from stages.tracking.people import Performer
from stages.tracking.pose import TrackerConfig
from stages.training.ablation import without as parts_without
from stages.training.flow_teacher import FlowTeacherConfig
from stages.training.phases import Budget
from stages.training.plan import Plan
from stages.training.presets import preset_named

DRAFT_MINUTES = 4.0
MOST_WORKERS = 4


def compute_for(device: str, seed: int) -> Compute:
    """Resolve the device, and let memory be kept from step to step."""
    keep_memory()
    return resolve_compute(device, seed)


def training_settings(
    *,
    method: str,
    preset: str | Plan,
    without: Sequence[str] = (),
    flow_teacher: str = "dis",
    processes: int = 1,
    minutes: float | None,
    steps: int | None,
    size: str | None,
    perceptual: str,
    tracker: TrackerConfig,
) -> TrainSettings:
    """How to train, with the budget of the draft or of the plan where none is given.

    Raises:
        UnknownChoice: no such method, preset, part to train without, or flow teacher.
        WeightsMissing: the perceptual loss or RAFT was wanted and its weights are not there.
    """
    known = preset.preset if isinstance(preset, Plan) else preset_named(preset, method)
    chosen = parts_without(known, tuple(without))
    if minutes is None and steps is None:
        if isinstance(preset, Plan):
            minutes = preset.budget
        elif preset == "draft":
            minutes = DRAFT_MINUTES
        else:
            raise typer.BadParameter(f"say how long to train {preset}: --minutes or --steps")
    wanted = any(phase.weights.perceptual for phase in chosen.phases)
    return TrainSettings(
        preset=chosen,
        budget=Budget(minutes=minutes, steps=steps),
        size=_size(size, preset),
        perceptual=perceptual_weights(perceptual) if wanted else None,
        teacher=FlowTeacherConfig(kind=flow_teacher),  # type: ignore[arg-type]  # the config checks it
        teacher_weights=raft_weights() if flow_teacher == "raft" else None,
        processes=processes,
        tracker=tracker,
    )


def render_settings(
    *, retarget: str, codec: str, crf: int, encoder_preset: str, tracker: TrackerConfig
) -> RenderSettings:
    """How to render.

    Raises: UnknownChoice.
    """
    return RenderSettings(
        retargeting=RetargetConfig(mode=retarget),  # type: ignore[arg-type]  # the config checks it
        encoding=Encoding(codec=codec, crf=crf, preset=encoder_preset),
        tracker=tracker,
    )


def tracker_config(performer: str | None = None, workers: int | None = None) -> TrackerConfig:
    """Whom to follow, in how many processes.

    Raises: UnknownChoice.
    """
    return TrackerConfig(
        performer=None if performer is None else Performer.parse(performer),
        workers=workers or min(MOST_WORKERS, os.cpu_count() or 1),
    )


def perceptual_weights(choice: str) -> FileRef | None:
    """The file of VGG-19's weights that --perceptual means; None for none.

    Raises: WeightsMissing, ModelError.
    """
    if choice == "none":
        return None
    path = published_weights() if choice == "auto" else Path(choice)
    load_perceptual(path)
    return FileRef.of(path)


def raft_weights() -> FileRef:
    """The file of RAFT's weights.

    Raises: WeightsMissing, ModelError.
    """
    path = published_raft()
    load_raft(path)
    return FileRef.of(path)


def _size(text: str | None, preset: str | Plan) -> tuple[int, int] | None:
    if text is None:
        return preset.size if isinstance(preset, Plan) else None
    return parse_size(text)


def parse_size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT, which the command line has checked, as two numbers."""
    width, height = text.split("x")
    return int(width), int(height)
