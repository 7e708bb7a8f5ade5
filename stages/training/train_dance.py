"""From a prepared clip to a model folder: all phases of a preset, the face residual, the held-out score."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.everybody_dance_now.objective import PictureLoss
from models.performance import Performer
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.errors import TrainingError
from stages.model_folder import DanceModel, write_model
from stages.model_parts import HeldOut, network_facts
from stages.retargeting.body import BodyStatistics
from stages.training.bricks import SAVE_SECONDS, Watch
from stages.training.clips import PreparedClip, open_clip
from stages.training.flow_teacher import TaughtFlow, open_flow
from stages.training.networks import name_of
from stages.training.phases import Budget, DancePreset, Phase, SequencePhase
from stages.training.presets import FACE_WEIGHTS
from stages.training.processes import ALONE, Processes
from stages.training.train_everybody_dance_now import train_phase
from stages.training.train_face_residual import face_side, train_face_residual
from stages.training.train_vid2vid import train_sequences
from stages.training.validation import FaceTouch, Score, score_held_out

TOGETHER = "vid2vid"  # the method whose training several processes share
DRIFT = 3.0  # times what 95 % of the held-out frames stay below: beyond that the memory leads a film astray


def train_dance(
    prepared: Path,
    clip: FileRef,
    body: BodyStatistics,
    preset: DancePreset,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    flow: Path | None = None,
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
    processes: Processes = ALONE,
) -> None:
    """Train into `folder`, or go on where that was left; the folder is a model once this returns.

    Args:
        prepared: folder written by `prepare_clip`.
        clip: the film it was made of, for the record.
        flow: folder written by `teach_flow`; needed by vid2vid's phases.
        perceptual: VGG-19's loss; without it the perceptual terms are replaced by the mean absolute error.
        save_seconds: between full states; a killed training loses at most this.
        processes: who trains together, by vid2vid only; the book-keeper alone writes.

    Raises:
        TrainingError: see `train_phase`; or the clip has no two consecutive frames with the person in them, or several
            processes are to train by a method whose loop is for one.
        StorageError: the disk is full.
        KeyboardInterrupt: after saving, on Ctrl-C.
    """
    data = open_clip(prepared)
    _refuse_unfit(clip, data, preset, processes)
    work = folder / "training"
    work.mkdir(parents=True, exist_ok=True)
    taught = None if flow is None else open_flow(flow)
    performer: Performer | None = None
    for number, phase in enumerate(preset.phases):
        performer = _train(
            data,
            taught,
            _affordable(phase, perceptual),
            budget.share(phase.part),
            compute,
            work,
            name=f"phase{number}",
            continued_from=performer,
            perceptual=perceptual,
            watch=watch,
            save_seconds=save_seconds,
            processes=processes,
        )
    assert performer is not None
    face: FaceTouch | None = None
    if preset.face_part:
        size = face_side(preset.face_size, data.framing)
        residual = train_face_residual(
            data,
            performer,
            size,
            budget.share(preset.face_part),
            compute,
            work,
            weights=FACE_WEIGHTS if perceptual else FACE_WEIGHTS.without_perceptual(),
            perceptual=perceptual,
            watch=watch,
            save_seconds=save_seconds,
        )
        face = FaceTouch(residual, size)
    if processes.keeps_the_books:
        facts = _facts(data, performer, face, clip, body, preset, compute)
        background = np.load(prepared / "background.npy")
        write_model(folder, facts, performer, None if face is None else face.residual, background)
        for leftover in (*work.glob("phase*.safetensors"), *work.glob("face*.safetensors")):
            leftover.unlink()  # the weights are the model's now


def _refuse_unfit(clip: FileRef, data: PreparedClip, preset: DancePreset, processes: Processes) -> None:
    """Raise TrainingError where there is nothing to learn from, or nobody to share the learning."""
    if not len(data.pairs):
        raise TrainingError(clip.path, "no two frames in a row show the person", "a continuous take", "Film again.")
    if processes.count > 1 and preset.method != TOGETHER:
        raise TrainingError(
            f"--processes {processes.count}",
            f"{preset.method} is trained by one process",
            f"--method {TOGETHER}",
            "Leave --processes out, or train with that method.",
        )


def _train(
    data: PreparedClip,
    taught: TaughtFlow | None,
    phase: Phase,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    name: str,
    continued_from: Performer | None,
    perceptual: PictureLoss | None,
    watch: Watch | None,
    save_seconds: float,
    processes: Processes,
) -> Performer:
    """Train one phase with the loop of its method."""
    if isinstance(phase, SequencePhase):
        if taught is None:
            raise ValueError("train_dance was given a phase of vid2vid and no flow: give `flow`, see teach_flow.")
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
            processes=processes,
        )
    return train_phase(
        data,
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


def _facts(
    data: PreparedClip,
    performer: Performer,
    face: FaceTouch | None,
    clip: FileRef,
    body: BodyStatistics,
    preset: DancePreset,
    compute: Compute,
) -> DanceModel:
    """What model.json is to say; paints the held-out frames to score them."""
    score = score_held_out(data, performer, compute, face)
    network = preset.phases[-1].network
    return DanceModel(
        preset=preset.name,
        network=name_of(network),
        network_config=network_facts(network),
        framing=data.framing,
        style=data.figures,
        body=body,
        face_size=0 if face is None else face.size,
        clip_name=clip.path.name,
        clip_sha256=clip.sha256,
        held_out=None if score is None else HeldOut(frames=score.frames, psnr_db=score.psnr_db, ssim=score.ssim),
        drift_limit=drift_limit(score),
    )


def drift_limit(score: Score | None) -> float | None:
    """Beyond which a frame is painted without memory; None for generators that blend nothing."""
    return DRIFT * score.drift if score is not None and score.drift > 0 else None


def _affordable(phase: Phase, perceptual: PictureLoss | None) -> Phase:
    """The phase as it can be trained here: without VGG-19 its share goes to the mean absolute error."""
    if perceptual is not None or phase.weights.perceptual == 0:
        return phase
    if isinstance(phase, SequencePhase):
        return replace(phase, weights=phase.weights.without_perceptual())
    return replace(phase, weights=phase.weights.without_perceptual())
