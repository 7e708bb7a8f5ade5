"""From a prepared clip of a head to a portrait model's folder: all phases of a preset, and the held-out score."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.deep_video_portraits.objective import PictureLoss
from models.performance import Performer
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from pipeline.values import FacePerformance
from stages.model_parts import HeldOut, network_facts
from stages.portrait_model import PortraitModel, write_portrait
from stages.retargeting.face_model import FaceModel
from stages.training.bricks import SAVE_SECONDS, Watch
from stages.training.clips import PreparedClip, open_clip
from stages.training.flow_teacher import TaughtFlow, open_flow
from stages.training.networks import name_of
from stages.training.phases import Budget, SequencePhase
from stages.training.portrait_phases import PortraitPhase, PortraitPreset
from stages.training.train_dance import drift_limit
from stages.training.train_deep_video_portraits import train_portrait_phase
from stages.training.train_vid2vid import train_sequences
from stages.training.validation import score_held_out


def train_portrait(
    prepared: Path,
    clip: FileRef,
    model: FaceModel,
    preset: PortraitPreset,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    performance: FacePerformance,
    flow: Path | None = None,
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> None:
    """Train into `folder`, or go on where that was left; the folder is a portrait model once this returns.

    Args:
        prepared: folder written by `prepare_portrait`.
        clip: the film it was made of, for the record.
        model: of the face in it, kept with the weights.
        performance: what that face does in the film, kept as well: rendering need not track the target again.
        flow: folder written by `teach_flow`; needed by vid2vid's phases.
        perceptual: VGG-19's loss; without it Deep Video Portraits goes without that term, and vid2vid takes the mean
            absolute error instead.
        save_seconds: between full states; a killed training loses at most this.

    Raises:
        TrainingError: see `train_portrait_phase`; or no frame that may be learnt from shows the face.
        StorageError: the disk is full.
        KeyboardInterrupt: after saving, on Ctrl-C.
    """
    data = open_clip(prepared)
    if not len(data.pairs):
        raise TrainingError(clip.path, "no two frames in a row show the face", "a continuous take", "Film again.")
    work = folder / "training"
    work.mkdir(parents=True, exist_ok=True)
    taught = None if flow is None else open_flow(flow)
    performer: Performer | None = None
    for number, phase in enumerate(preset.phases):
        performer = _train(
            data,
            taught,
            phase if perceptual is not None else _without_perceptual(phase),
            budget.share(phase.part),
            compute,
            work,
            name=f"phase{number}",
            continued_from=performer,
            perceptual=perceptual,
            watch=watch,
            save_seconds=save_seconds,
        )
    assert performer is not None
    write_portrait(
        folder,
        _facts(data, performer, clip, preset, compute),
        performer,
        model,
        performance,
        background=np.load(prepared / "background.npy"),
        still=np.load(prepared / "still.npy"),
    )
    for leftover in work.glob("phase*.safetensors"):
        leftover.unlink()  # the weights are the model's now


def _train(
    data: PreparedClip,
    taught: TaughtFlow | None,
    phase: PortraitPhase | SequencePhase,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    name: str,
    continued_from: Performer | None,
    perceptual: PictureLoss | None,
    watch: Watch | None,
    save_seconds: float,
) -> Performer:
    """Train one phase with the loop of its method."""
    if isinstance(phase, PortraitPhase):
        return train_portrait_phase(
            data,
            phase,
            budget,
            compute,
            folder,
            name=name,
            perceptual=perceptual,
            watch=watch,
            save_seconds=save_seconds,
        )
    if taught is None:
        raise ValueError("train_portrait was given a phase of vid2vid and no flow: give `flow`, see teach_flow.")
    return train_sequences(
        data,
        taught,
        phase,
        budget,
        compute,
        folder,
        name=name,
        continued_from=continued_from,
        perceptual=perceptual,
        watch=watch,
        save_seconds=save_seconds,
    )


def _without_perceptual(phase: PortraitPhase | SequencePhase) -> PortraitPhase | SequencePhase:
    """The phase as it can be trained without VGG-19."""
    if phase.weights.perceptual == 0:
        return phase
    if isinstance(phase, SequencePhase):
        return replace(phase, weights=phase.weights.without_perceptual())
    return replace(phase, weights=phase.weights.without(("perceptual",)))


def _facts(
    data: PreparedClip, performer: Performer, clip: FileRef, preset: PortraitPreset, compute: Compute
) -> PortraitModel:
    """What model.json is to say; paints the held-out frames to score them."""
    score = score_held_out(data, performer, compute)
    network = preset.phases[-1].network
    return PortraitModel(
        preset=preset.name,
        method=preset.method,
        network=name_of(network),
        network_config=network_facts(network),
        framing=data.framing,
        style=data.face_images,
        clip_name=clip.path.name,
        clip_sha256=clip.sha256,
        held_out=None if score is None else HeldOut(frames=score.frames, psnr_db=score.psnr_db, ssim=score.ssim),
        drift_limit=drift_limit(score),
    )
