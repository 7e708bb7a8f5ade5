"""A job that is done is known as done; what is there already is replaced only where the job has made it itself."""

import os
from pathlib import Path

import pytest

from flows.jobs.records import Standing, fingerprint, job_folder, recorded, standing
from flows.jobs.specs import TrackJob
from flows.store.workspace import Workspace
from pipeline.errors import OutputExists


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "runs")


@pytest.fixture
def job(tmp_path: Path) -> TrackJob:
    clip = tmp_path / "clip.mp4"
    clip.write_text("frames")
    return TrackJob(clip=clip, output=tmp_path / "track.npz")


def make(job: TrackJob, workspace: Workspace, content: str = "joints") -> None:
    with recorded(job, workspace):
        for path in job.outputs():
            path.write_text(content)


def test_before_anything_it_is_to_do_and_afterwards_done(job: TrackJob, workspace: Workspace) -> None:
    assert standing(job, workspace) is Standing.MISSING
    make(job, workspace)
    assert standing(job, workspace) is Standing.DONE


def test_threads_and_names_leave_it_done(job: TrackJob, workspace: Workspace) -> None:
    make(job, workspace)
    same = job.model_copy(update={"threads": 1, "workers": 2, "overwrite": True})
    assert standing(same, workspace) is Standing.DONE


def test_another_word_or_another_input_is_another_job(job: TrackJob, workspace: Workspace) -> None:
    make(job, workspace)
    assert standing(job.model_copy(update={"performer": "left"}), workspace) is Standing.OUTDATED
    job.clip.write_text("other frames")
    assert standing(job, workspace) is Standing.OUTDATED


def test_an_input_that_was_moved_is_the_same(job: TrackJob, tmp_path: Path) -> None:
    moved = tmp_path / "renamed.mp4"
    before = fingerprint(job)
    job.clip.rename(moved)
    assert fingerprint(job) is None
    assert fingerprint(job.model_copy(update={"clip": moved})) == before


def test_a_lost_output_is_made_again_and_one_of_two_as_well(
    job: TrackJob, workspace: Workspace, tmp_path: Path
) -> None:
    both = job.model_copy(update={"overlay": tmp_path / "seen.mp4"})
    make(both, workspace)
    (tmp_path / "seen.mp4").unlink()
    assert standing(both, workspace) is Standing.OUTDATED
    job.output.unlink()
    assert standing(both, workspace) is Standing.MISSING


def test_what_another_program_made_is_not_touched_without_overwrite(job: TrackJob, workspace: Workspace) -> None:
    job.output.write_text("mine")
    assert standing(job, workspace) is Standing.TAKEN
    with pytest.raises(OutputExists, match=r"track\.npz: the file is there already"):
        make(job, workspace)
    assert job.output.read_text() == "mine"
    make(job.model_copy(update={"overwrite": True}), workspace)
    assert standing(job, workspace) is Standing.DONE


def test_an_output_that_was_changed_by_hand_is_no_longer_the_jobs(job: TrackJob, workspace: Workspace) -> None:
    make(job, workspace)
    job.output.write_text("corrected by hand")
    assert standing(job, workspace) is Standing.TAKEN


def test_a_killed_run_knows_its_output_again(job: TrackJob, workspace: Workspace) -> None:
    child = os.fork()
    if child == 0:
        with recorded(job, workspace):
            job.output.write_text("delivered, but not told")
            os._exit(9)
    os.waitpid(child, 0)
    assert standing(job, workspace) is Standing.INTERRUPTED
    make(job, workspace)
    assert standing(job, workspace) is Standing.DONE


def test_a_failure_leaves_no_claim_on_what_others_put_there(job: TrackJob, workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="no person"), recorded(job, workspace):
        raise ValueError("no person")
    job.output.write_text("mine")
    assert standing(job, workspace) is Standing.TAKEN


def test_jobs_of_one_name_have_folders_of_their_own(job: TrackJob, workspace: Workspace, tmp_path: Path) -> None:
    other = job.model_copy(update={"output": tmp_path / "b" / "track.npz"})
    assert job_folder(job, workspace) != job_folder(other, workspace)
    assert job_folder(job, workspace).name.startswith("track-")


def test_a_record_that_is_torn_counts_as_none(job: TrackJob, workspace: Workspace) -> None:
    make(job, workspace)
    (job_folder(job, workspace) / "record.json").write_text('{"made_of": "ab')
    assert standing(job, workspace) is Standing.TAKEN
