"""From a job's words to the configs that flows take, made as its command makes them: so that both share their work.

`check` makes them all before a batch starts: a wrong word is found out in the evening, not when its job's turn comes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from flows.jobs.specs import (
    BaseJob,
    DanceJob,
    EvaluateJob,
    Job,
    PortraitJob,
    RenderJob,
    TrackJob,
    TrainJob,
    TranslateJob,
)
from flows.proof.consent import chosen_consent
from flows.proof.gates import Gates
from pipeline.errors import JobError

if TYPE_CHECKING:
    from flows.dance import RenderSettings, TrainSettings
    from flows.delivering import Delivery
    from flows.evaluate import EvaluationSettings
    from flows.portrait import PortraitRendering, PortraitTraining
    from flows.translate import TranslateRendering, TranslateTraining
    from stages.provenance.consent import Consent
    from stages.retargeting.face_edits import FaceEdits
    from stages.training.plan import Plan


def check(job: Job) -> None:
    """Make all configs of a job that can be made before its inputs are there.

    Raises: UnderstudyError: whatever its command would say of its words.
    """
    with words_explained(job):
        for part in _PARTS[job.kind]:
            part(job)


@contextmanager
def words_explained(job: BaseJob) -> Iterator[None]:
    """What the command line would call wrong usage is a fault of the job.

    Raises: JobError.
    """
    try:
        yield
    except typer.BadParameter as error:
        raise JobError(f"job {job.name}", error.message, "words that go together", "See docs/jobs.md.") from error


def dance_training(job: DanceJob) -> "TrainSettings":
    """How the target of a dance is trained."""
    from flows.commands.options import tracker_config, training_settings

    return training_settings(
        method=job.method,
        preset=job.preset,
        without=job.without,
        flow_teacher=job.flow_teacher,
        minutes=job.minutes,
        steps=job.steps,
        size=job.size,
        perceptual=str(job.perceptual),
        tracker=tracker_config(job.target_performer, job.workers),
    )


def dance_rendering(job: DanceJob | RenderJob) -> "RenderSettings":
    """How a dance is rendered."""
    from flows.commands.options import render_settings, tracker_config

    return render_settings(
        retarget=job.retarget,
        codec=job.codec,
        crf=job.crf,
        encoder_preset=job.encoder_preset,
        tracker=tracker_config(job.performer, job.workers),
    )


def likeness_training(job: TrainJob, preset: "str | Plan") -> "TrainSettings":
    """How a dancer's likeness is trained."""
    from flows.commands.options import tracker_config, training_settings

    return training_settings(
        method=job.method or "vid2vid",
        preset=preset,
        without=job.without,
        flow_teacher=job.flow_teacher,
        minutes=job.minutes,
        steps=job.steps,
        size=job.size,
        perceptual=str(job.perceptual),
        processes=job.processes,
        tracker=tracker_config(job.performer, job.workers),
    )


def head_training(job: PortraitJob | TrainJob) -> "PortraitTraining":
    """How a head's likeness is trained; one clip alone has one face to name."""
    from flows.commands.portrait_options import face_tracker, portrait_training

    face = job.face if isinstance(job, TrainJob) or job.source is None else None
    if isinstance(job, PortraitJob) and job.target_face is not None:
        face = job.target_face
    return portrait_training(
        method=job.method or "deep-video-portraits",
        preset=job.preset or "draft",
        flow_teacher=job.flow_teacher,
        minutes=job.minutes,
        steps=job.steps,
        size=job.size,
        perceptual=str(job.perceptual),
        tracker=face_tracker(face),
    )


def head_edits(job: PortraitJob) -> "FaceEdits":
    """The sliders of a portrait."""
    from flows.commands.portrait_options import chosen_edits

    return chosen_edits(job.edits, **job.sliders)


def head_rendering(job: PortraitJob, onto: str) -> "PortraitRendering":
    """How a portrait is moved and rendered."""
    from flows.commands.portrait_options import face_tracker, portrait_rendering

    return portrait_rendering(
        transfer=job.transfer,
        mode=job.mode,
        motion=job.motion,
        edits=head_edits(job),
        onto=onto,
        codec=job.codec,
        crf=job.crf,
        encoder_preset=job.encoder_preset,
        tracker=face_tracker(job.face),
    )


def look_training(job: TrainJob) -> "TranslateTraining":
    """How a look is learnt."""
    from flows.commands.translate_options import translate_training

    return translate_training(
        paired=job.paired,
        preset=job.preset or "draft",
        without=job.without,
        minutes=job.minutes,
        steps=job.steps,
        perceptual=str(job.perceptual),
        strict=job.strict,
    )


def look_rendering(job: TranslateJob) -> "TranslateRendering":
    """How a film is shown in a look."""
    from flows.commands.translate_options import translate_rendering

    return translate_rendering(
        direction=job.direction,
        steady=job.steady,
        tile=job.tile,
        fan_out=job.fan_out,
        codec=job.codec,
        crf=job.crf,
        encoder_preset=job.encoder_preset,
    )


def evaluation_settings(job: EvaluateJob) -> "EvaluationSettings":
    """What is measured of a film."""
    from flows.commands.options import compute_for
    from flows.evaluate import EvaluationSettings
    from flows.proof.evaluation_files import metric_weights
    from stages.evaluation.span import Span

    span = Span(held_out=True) if job.held_out else Span.parse(job.between or "0-")
    return EvaluationSettings(
        span=span, weights=metric_weights(str(job.weights)), device=compute_for(job.device, 0).device
    )


def consent_of(job: DanceJob | PortraitJob | TrainJob) -> "Consent | None":
    """What is said of the consent of the person who is trained on; None where nobody is."""
    if job.target is None or (isinstance(job, PortraitJob) and job.model is not None):
        return None
    return chosen_consent(job.consent, without_record=job.without_consent_record, target=job.target)


def delivery_of(job: DanceJob | PortraitJob | RenderJob | TranslateJob) -> "Delivery":
    """Who signs the film, and its label; the first of its inputs is the clip whose times it has."""
    from flows.delivering import delivery_for

    timed, gates = job.inputs()[0], gates_of(job)
    return delivery_for(job.output, timed, sign_cert=job.sign_cert, sign_key=job.sign_key, label=job.label, gates=gates)


def gates_of(job: DanceJob | PortraitJob | RenderJob | TranslateJob) -> Gates:
    """What the film may be at worst before it is parked."""
    if isinstance(job, TranslateJob):
        return Gates(max_warp_error_ratio=job.max_warp_error_ratio)
    return Gates(
        max_missing_pct=job.max_missing_pct,
        max_pose_error_pct=None if isinstance(job, PortraitJob) else job.max_pose_error_pct,
        max_warp_error_ratio=job.max_warp_error_ratio,
        max_clamped_pct=job.max_clamped_pct,
    )


def _delivery_words(job: DanceJob | PortraitJob | RenderJob | TranslateJob) -> None:
    if job.inputs()[0].exists():  # else another job makes it
        delivery_of(job)


def _portrait_words(job: PortraitJob) -> None:
    from flows.commands.portrait_options import refuse_training

    refuse_training(job.model, minutes=job.minutes, steps=job.steps, size=job.size)
    head_training(job)
    if job.edits is None or job.edits.exists():  # another job may write the file
        head_rendering(job, job.onto or "still")


def _training_words(job: TrainJob) -> None:
    from stages.training.presets import preset_named

    if job.what == "translate":
        look_training(job)
    elif job.what == "portrait":
        head_training(job)
    elif job.preset is not None:
        likeness_training(job, job.preset)
    else:
        preset_named("draft", job.method or "vid2vid")


def _followed(job: TrackJob) -> None:
    from flows.commands.options import tracker_config
    from flows.commands.portrait_options import face_tracker

    (face_tracker if job.face else tracker_config)(job.performer)


_PARTS: dict[str, tuple[Callable[[Any], object], ...]] = {
    "dance": (consent_of, _delivery_words, dance_training, dance_rendering),
    "portrait": (consent_of, _delivery_words, _portrait_words),
    "translate": (_delivery_words, look_rendering),
    "train": (consent_of, _training_words),
    "render": (_delivery_words, dance_rendering),
    "evaluate": (evaluation_settings,),
    "track": (_followed,),
}
