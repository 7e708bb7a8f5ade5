"""Inputs travel with their job: a machine where they do not lie finds them in the workspace that both share."""

from pathlib import Path

import pytest

from flows.engine import Engine
from flows.jobs.perform import perform
from flows.jobs.specs import Job, TrackJob, TrainJob, TranslateJob
from flows.jobs.travelling import at_its_inputs, send_inputs
from flows.store.workspace import CACHE_VARIABLE, Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import StorageError
from stages.tracking.track_file import load_track

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(params=["file", "memory"])
def machines(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Workspace, Workspace]:
    """One workspace as two machines see it, each with a cache of its own."""
    seen = []
    for name in ("here", "there"):
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / name))
        seen.append(Workspace.at(f"{request.param}://{tmp_path / 'shared'}"))
    return seen[0], seen[1]


def moved_away(path: Path) -> Path:
    return path.rename(path.with_name(f"away-{path.name}"))


def test_a_job_is_done_where_its_film_never_lay(
    engine: Engine, clips: tuple[Path, Path], machines: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    here, there = machines
    clip = tmp_path / "red.mp4"
    clip.write_bytes(clips[0].read_bytes())
    job = TrackJob(clip=clip, output=tmp_path / "joints.npz", threads=1)
    sent = send_inputs(job, here)
    moved_away(clip)
    outcome = engine.run(lambda: perform(job, there, sent))
    assert outcome.summary.startswith("red.mp4: 20 frames")  # by its own name, though it lies elsewhere
    assert len(load_track(job.output)) == 20
    assert engine.run(lambda: perform(job, there, sent)).reused


def test_a_model_travels_as_a_folder_and_several_clips_of_one_field_each(
    machines: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    here, there = machines
    model, clips = tmp_path / "look", [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    model.mkdir()
    (model / "model.json").write_text("{}")
    for clip in clips:
        clip.write_bytes(clip.name.encode())
    look = TranslateJob(clip=clips[0], model=model, output=tmp_path / "film.mp4")
    training = TrainJob(what="translate", a=tuple(clips), b=(clips[1],), output=tmp_path / "m")
    sent = [send_inputs(look, here), send_inputs(training, here)]
    for path in (model, *clips):
        moved_away(path)
    found = at_its_inputs(look, sent[0], there)
    assert isinstance(found, TranslateJob)
    assert found.model.name == "look" and (found.model / "model.json").read_text() == "{}"
    assert found.output == look.output
    other = at_its_inputs(training, sent[1], there)
    assert isinstance(other, TrainJob) and other.a is not None and other.b is not None
    assert [path.read_bytes() for path in (*other.a, *other.b)] == [b"a.mp4", b"b.mp4", b"b.mp4"]


def tracking(tmp_path: Path) -> TrackJob:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"film")
    return TrackJob(clip=clip, output=tmp_path / "joints.npz")


def test_what_lies_at_its_own_path_is_taken_from_there(machines: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    job = tracking(tmp_path)
    assert at_its_inputs(job, send_inputs(job, machines[0]), machines[1]) == job


def test_another_film_under_the_same_path_is_not_taken_for_the_one_that_was_sent(
    machines: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    job = tracking(tmp_path)
    sent = send_inputs(job, machines[0])
    job.clip.write_bytes(b"another film")
    found: Job = at_its_inputs(job, sent, machines[1])
    assert isinstance(found, TrackJob) and found.clip.read_bytes() == b"film"


def test_what_was_lost_in_the_workspace_as_well_is_said(machines: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    job = tracking(tmp_path)
    job.clip.unlink()
    with pytest.raises(StorageError, match=r"clip\.mp4: it is not on this machine, and was not sent to the workspace"):
        at_its_inputs(job, [FileRef(job.clip, "00")], machines[1])


def test_a_key_to_sign_with_stays_where_it_is(machines: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    for name in ("clip.mp4", "cert.pem", "key.pem"):
        (tmp_path / name).write_bytes(b"?")
    (tmp_path / "look").mkdir()
    job = TranslateJob(
        clip=tmp_path / "clip.mp4",
        model=tmp_path / "look",
        output=tmp_path / "film.mp4",
        sign_cert=tmp_path / "cert.pem",
        sign_key=tmp_path / "key.pem",
    )
    assert [ref.path.name for ref in send_inputs(job, machines[0])] == ["clip.mp4", "look"]


def test_nothing_is_sent_to_a_workspace_that_is_a_folder(tmp_path: Path) -> None:
    assert send_inputs(tracking(tmp_path), Workspace(tmp_path / "runs")) == ()


def test_a_submitted_run_says_what_was_sent_with_it(engine: Engine, clips: tuple[Path, Path], tmp_path: Path) -> None:
    from pydantic import TypeAdapter

    from flows.jobs.deployed import track_job

    told = track_job.validate_parameters(
        {
            "job": TrackJob(clip=clips[0], output=tmp_path / "j.npz").model_dump(mode="json"),
            "workspace": "memory://shared",
            "sent": [{"path": str(clips[0]), "sha256": "00"}],
        }
    )
    assert TypeAdapter(tuple[FileRef, ...]).validate_python(told["sent"]) == (FileRef(clips[0], "00"),)
