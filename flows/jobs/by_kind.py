"""What each kind of job calls: its command's flow.

Every function takes a job and the workspace, replaces the outputs (`perform` has seen to it that it may), and returns a
line on what came of it.
"""

from flows.commands.portrait import FILM_A_HEAD, FILM_A_TARGET
from flows.commands.starting import film, moving
from flows.jobs.configs import (
    consent_of,
    dance_rendering,
    dance_training,
    delivery_of,
    evaluation_settings,
    head_edits,
    head_rendering,
    head_training,
    likeness_training,
    look_rendering,
    look_training,
)
from flows.jobs.specs import DanceJob, EvaluateJob, PortraitJob, RenderJob, TrackJob, TrainJob, TranslateJob
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef


def dance(job: DanceJob, workspace: Workspace) -> str:
    """See `understudy dance`."""
    from flows.commands.options import compute_for
    from flows.dance import dance_flow

    made = dance_flow(
        film(job.source),
        film(job.target),
        job.output.absolute(),
        dance_training(job),
        dance_rendering(job),
        compute_for(job.device, job.seed),
        workspace,
        overwrite=True,
        consent=consent_of(job),
        delivery=delivery_of(job),
    )
    return str(made.film.path)


def render(job: RenderJob, workspace: Workspace) -> str:
    """See `understudy render`."""
    from flows.commands.options import compute_for
    from flows.dance import render_flow
    from stages.model_folder import read_facts
    from stages.model_parts import FACTS

    read_facts(job.model)
    made = render_flow(
        film(job.source),
        FileRef.of(job.model.resolve() / FACTS),
        job.output.absolute(),
        dance_rendering(job),
        compute_for(job.device, job.seed),
        workspace,
        overwrite=True,
        delivery=delivery_of(job),
    )
    return str(made.film.path)


def portrait(job: PortraitJob, workspace: Workspace) -> str:
    """See `understudy portrait`."""
    from flows.commands.options import compute_for
    from flows.commands.portrait_options import model_facts, refuse_training, roles
    from flows.portrait import portrait_flow

    refuse_training(job.model, minutes=job.minutes, steps=job.steps, size=job.size)
    heads = [] if job.source is None else [moving(job.source, FILM_A_HEAD)]
    if job.target is not None:
        heads.append(moving(job.target, FILM_A_TARGET if job.model is None else FILM_A_HEAD))
    source, target, onto = roles(heads, job.model, job.onto, head_edits(job))
    if job.source is None:  # the one clip was named as the target
        source, target = None, heads[0]
    made = portrait_flow(
        source,
        target,
        model_facts(job.model),
        job.output.absolute(),
        head_training(job),
        head_rendering(job, onto),
        compute_for(job.device, job.seed),
        workspace,
        overwrite=True,
        mosaic=job.mosaic,
        consent=consent_of(job),
        delivery=delivery_of(job),
    )
    return str(made.film.path)


def translate(job: TranslateJob, workspace: Workspace) -> str:
    """See `understudy translate`."""
    from flows.commands.options import compute_for
    from flows.commands.translate_options import translator_facts
    from flows.translate import translate_flow

    made = translate_flow(
        film(job.clip),
        translator_facts(job.model, job.direction),
        job.output.absolute(),
        look_rendering(job),
        compute_for(job.device, job.seed),
        workspace,
        overwrite=True,
        delivery=delivery_of(job),
    )
    return str(made.path)


def evaluate(job: EvaluateJob, workspace: Workspace) -> str:
    """See `understudy evaluate`."""
    from flows.commands.options import tracker_config
    from flows.commands.portrait_options import face_tracker
    from flows.evaluate import score_alone_flow, score_flow
    from flows.proof.evaluation_files import write_evaluation

    made, settings = film(job.film), evaluation_settings(job)
    tracker = face_tracker() if job.face else tracker_config(workers=job.workers)
    if job.against is not None:
        found, other = score_flow(made, film(job.against), tracker, settings, workspace), f"against {job.against.name}"
    else:
        assert job.source is not None  # the job has seen to it
        told = None if job.track is None else FileRef.of(job.track)
        found = score_alone_flow(made, film(job.source), told, tracker, settings, workspace)
        other = f"by {job.source.name}"
    title = f"{job.film.name}, scored {other}"
    write_evaluation(found, title, json_file=job.output, csv_file=job.csv, plots=job.plots)
    return "; ".join(found.comparison.lines())


def track(job: TrackJob, workspace: Workspace) -> str:
    """See `understudy track`."""
    from flows.commands.options import tracker_config
    from flows.commands.portrait_options import face_tracker
    from flows.track import track_face_flow, track_flow

    clip = film(job.clip)
    if job.face:
        return track_face_flow(clip, job.output, job.overlay, face_tracker(job.performer), workspace, overwrite=True)
    tracker = tracker_config(job.performer, job.workers)
    return track_flow(clip, job.output, job.overlay, job.openpose, tracker, workspace, overwrite=True)


def train(job: TrainJob, workspace: Workspace) -> str:
    """See `understudy train dance`, `train portrait`, `train translate`."""
    {"dance": _train_dance, "portrait": _train_portrait, "translate": _train_translate}[job.what](job, workspace)
    return str(job.output)


def _train_dance(job: TrainJob, workspace: Workspace) -> None:
    from flows.commands.options import compute_for, tracker_config
    from flows.dance import train_dance_flow
    from flows.plan import choose_plan_flow
    from stages.model_folder import copy_model
    from stages.training.presets import preset_named

    clip, method, consent = _target(job), job.method or "vid2vid", consent_of(job)
    tracker, compute = tracker_config(job.performer, job.workers), compute_for(job.device, job.seed)
    preset_named(job.preset or "draft", method)  # an unknown word is found out before the clip is tracked
    preset = job.preset or choose_plan_flow(clip, tracker, compute, workspace, method=method, minutes=job.minutes)
    model = train_dance_flow(clip, likeness_training(job, preset), compute, workspace, consent)
    copy_model(model.path.parent, job.output, overwrite=True)


def _train_portrait(job: TrainJob, workspace: Workspace) -> None:
    from flows.commands.options import compute_for
    from flows.portrait import train_portrait_flow
    from stages.portrait_model import copy_portrait

    clip, compute = _target(job, FILM_A_TARGET), compute_for(job.device, job.seed)
    model = train_portrait_flow(clip, head_training(job), compute, workspace, consent_of(job))
    copy_portrait(model.path.parent, job.output, overwrite=True)


def _train_translate(job: TrainJob, workspace: Workspace) -> None:
    from flows.commands.options import compute_for
    from flows.commands.translate_options import domain
    from flows.translate import train_translate_flow
    from stages.translate_model import copy_translator

    compute = compute_for(job.device, job.seed)
    model = train_translate_flow(domain(job.a), domain(job.b), look_training(job), compute, workspace)
    copy_translator(model.path.parent, job.output, overwrite=True)


def _target(job: TrainJob, remedy: str | None = None) -> FileRef:
    """The clip of who is learnt; the job has seen to it that there is one. With a remedy a picture is refused."""
    assert job.target is not None
    return film(job.target) if remedy is None else moving(job.target, remedy)
