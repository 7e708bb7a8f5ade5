"""One Prefect flow for each kind of job: what deployments, schedules and work pools run, on any machine."""

from typing import TYPE_CHECKING
from uuid import UUID

from prefect import Flow, flow
from prefect.runtime import flow_run

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
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.jobs.perform import Outcome


@flow(name="dance job")
def dance_job(
    job: DanceJob,
    workspace: str,
    between: str | None = None,
    sent: tuple[FileRef, ...] = (),
    to_workspace: bool = False,
) -> str:
    """Let one person perform the dance of another.

    Args:
        job: what is made of what; paths as the workers see them.
        workspace: where runs are kept.
        between: the hours in which it may run, such as 22:00-07:00 Europe/Berlin.
        sent: inputs that were sent to the workspace with the job; whoever submits it fills this in.
        to_workspace: keep what it makes in the workspace, for `batch` and `jobs fetch` to bring to the job's paths
            on their machine; else it goes to these paths on the worker's.
    """
    return _done(job, workspace, between, sent, to_workspace)


@flow(name="portrait job")
def portrait_job(
    job: PortraitJob,
    workspace: str,
    between: str | None = None,
    sent: tuple[FileRef, ...] = (),
    to_workspace: bool = False,
) -> str:
    """Let one head do what another did, or what sliders say; see `dance_job`."""
    return _done(job, workspace, between, sent, to_workspace)


@flow(name="translate job")
def translate_job(
    job: TranslateJob,
    workspace: str,
    between: str | None = None,
    sent: tuple[FileRef, ...] = (),
    to_workspace: bool = False,
) -> str:
    """Show a clip in a look that was learnt; see `dance_job`."""
    return _done(job, workspace, between, sent, to_workspace)


@flow(name="train job")
def train_job(
    job: TrainJob,
    workspace: str,
    between: str | None = None,
    sent: tuple[FileRef, ...] = (),
    to_workspace: bool = False,
) -> str:
    """Train a likeness or a look; see `dance_job`."""
    return _done(job, workspace, between, sent, to_workspace)


@flow(name="render job")
def render_job(
    job: RenderJob,
    workspace: str,
    between: str | None = None,
    sent: tuple[FileRef, ...] = (),
    to_workspace: bool = False,
) -> str:
    """Let a trained likeness perform a clip; see `dance_job`."""
    return _done(job, workspace, between, sent, to_workspace)


@flow(name="evaluate job")
def evaluate_job(
    job: EvaluateJob,
    workspace: str,
    between: str | None = None,
    sent: tuple[FileRef, ...] = (),
    to_workspace: bool = False,
) -> str:
    """Score a film against what should have come out; see `dance_job`."""
    return _done(job, workspace, between, sent, to_workspace)


@flow(name="track job")
def track_job(
    job: TrackJob,
    workspace: str,
    between: str | None = None,
    sent: tuple[FileRef, ...] = (),
    to_workspace: bool = False,
) -> str:
    """Find one person's joints, or face, in every frame; see `dance_job`."""
    return _done(job, workspace, between, sent, to_workspace)


@flow(name="batch job")
def batch_job(jobs_file: str, workspace: str, between: str | None = None, roots: tuple[str, ...] = ()) -> str:
    """Do the jobs of a file, those that are missing or failed; see `dance_job`.

    Args:
        roots: folders that the jobs may use; none: any.
    """
    from flows.jobs.batch import do_batch
    from flows.operating.keeping import kept

    place = Workspace.at(workspace)
    with kept(place.prefect / "held", between):
        return do_batch(jobs_file, place, roots, do=_in_a_slot)


def _done(job: Job, workspace: str, between: str | None, sent: tuple[FileRef, ...], to_workspace: bool) -> str:
    from flows.jobs.returning import as_asked, into_workspace, outputs_kept, paths_as_asked

    place = Workspace.at(workspace)
    if not to_workspace:
        return _kept(job, place, between, lambda own: _in_a_slot(own, place, sent))
    run = UUID(flow_run.id)
    moved = into_workspace(job, run, place)

    def make(own: Job) -> "Outcome":
        with outputs_kept(run, place):
            return _in_a_slot(own, place, sent)

    with paths_as_asked(job, moved):
        return as_asked(_kept(moved, place, between, make), job, moved)


def _kept(job: Job, workspace: Workspace, between: str | None, make: "Callable[[Job], Outcome]") -> str:
    """Do a job while its run is kept; what an earlier process of the run left at its outputs is its own."""
    from flows.jobs.perform import LOG
    from flows.jobs.records import job_folder
    from flows.operating.keeping import kept

    with kept(workspace.prefect / "held", between, job_folder(job, workspace) / LOG) as keeper:
        if keeper is not None and keeper.has_begun(lambda: _is_free(job, workspace)):
            job = job.model_copy(update={"overwrite": True})
        return make(job).summary


def _in_a_slot(job: BaseJob, workspace: Workspace, sent: tuple[FileRef, ...] = ()) -> "Outcome":
    """Do a job; where it computes on a graphics card, when one of the slots is free."""
    from flows.jobs.perform import perform
    from flows.operating.gpu_slots import gpu_slot

    with gpu_slot(job):
        return perform(job, workspace, sent)  # type: ignore[arg-type]  # every job is one of the union


def _is_free(job: Job, workspace: Workspace) -> bool:
    """Whether nothing lies at a job's outputs that is not its own."""
    from flows.jobs.records import Standing, standing

    if not any(path.exists() for path in job.outputs()):
        return True
    return standing(job, workspace) is not Standing.TAKEN


FLOWS: dict[str, Flow[..., str]] = {
    "dance": dance_job,
    "portrait": portrait_job,
    "translate": translate_job,
    "train": train_job,
    "render": render_job,
    "evaluate": evaluate_job,
    "track": track_job,
}
