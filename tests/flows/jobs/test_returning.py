"""Outputs on their way back: what a worker has made lies, whole, where the job names it on the operator's machine."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from flows.engine import Engine
from flows.jobs.records import Standing, standing
from flows.jobs.returning import bring_outputs, into_workspace, keep_outputs, outputs_kept, paths_as_asked
from flows.jobs.specs import Job, PortraitJob, TrackJob, TrainJob, TranslateJob
from flows.jobs.travelling import send_inputs
from flows.store.workspace import CACHE_VARIABLE, Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import FilmParked, OutputExists, StorageError
from stages.tracking.track_file import load_track

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(params=["file", "memory"])
def machines(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Workspace, Workspace]:
    """One workspace as the operator and a worker see it, each with a cache of its own."""
    seen = []
    for name in ("operator", "worker"):
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / name))
        seen.append(Workspace.at(f"{request.param}://{tmp_path / 'shared'}"))
    return seen[0], seen[1]


@pytest.fixture
def job(tmp_path: Path) -> TranslateJob:
    """A film to be made in the operator's folder."""
    (tmp_path / "look").mkdir()
    (tmp_path / "look" / "model.json").write_text("{}")
    (tmp_path / "day.mp4").write_bytes(b"day")
    return TranslateJob(clip=tmp_path / "day.mp4", model=tmp_path / "look", output=tmp_path / "films" / "dusk.mp4")


def made(job: Job, run: UUID, worker: Workspace, *, parked: bool = False) -> Path:
    """What a worker leaves of a job: the film, its sidecar and its report; or the film that did not pass its gates."""
    film = into_workspace(job, run, worker).output
    place = film.parent / "parked" if parked else film.parent
    place.mkdir(parents=True)
    (place / film.name).write_bytes(b"film")
    (place / "dusk.provenance.json").write_text("{}")
    inputs = "../" * (4 if parked else 3) + "inputs"
    sha256 = FileRef.of(job.inputs()[0]).sha256
    (place / "dusk.report.html").write_text(f'<video src="{inputs}/{sha256}/day.mp4"><video src="dusk.mp4">')
    keep_outputs(run, worker)
    return film


def test_a_film_comes_with_what_lies_beside_it_and_its_job_counts_as_done(
    job: TranslateJob, machines: tuple[Workspace, Workspace]
) -> None:
    operator, worker = machines
    run, sent = uuid4(), send_inputs(job, operator)
    made(job, run, worker)
    assert not job.output.exists()
    assert bring_outputs(job, run, sent, operator)
    assert sorted(path.name for path in job.output.parent.iterdir()) == [
        "dusk.mp4",
        "dusk.provenance.json",
        "dusk.report.html",
    ]
    assert job.output.read_bytes() == b"film"
    assert standing(job, operator) is Standing.DONE


def test_a_report_plays_the_films_of_the_machine_it_is_brought_to(
    job: TranslateJob, machines: tuple[Workspace, Workspace]
) -> None:
    operator, worker = machines
    run, sent = uuid4(), send_inputs(job, operator)
    made(job, run, worker)
    bring_outputs(job, run, sent, operator)
    said = (job.output.parent / "dusk.report.html").read_text()
    assert said == '<video src="../day.mp4"><video src="dusk.mp4">'


def test_of_a_film_that_did_not_pass_its_gates_comes_what_was_parked_and_the_job_is_not_done(
    job: TranslateJob, machines: tuple[Workspace, Workspace]
) -> None:
    operator, worker = machines
    run, sent = uuid4(), send_inputs(job, operator)
    film = into_workspace(job, run, worker).output
    with pytest.raises(FilmParked), outputs_kept(run, worker):
        made(job, run, worker, parked=True)
        raise FilmParked(film, "it flickers", "a steady film", "Look at it.")
    assert bring_outputs(job, run, sent, operator)
    assert (job.output.parent / "parked" / "dusk.mp4").read_bytes() == b"film"
    assert "../../day.mp4" in (job.output.parent / "parked" / "dusk.report.html").read_text()
    assert not job.output.exists()
    assert standing(job, operator) is Standing.MISSING


def test_what_somebody_has_put_there_meanwhile_is_not_touched_without_overwrite(
    job: TranslateJob, machines: tuple[Workspace, Workspace]
) -> None:
    operator, worker = machines
    run, sent = uuid4(), send_inputs(job, operator)
    made(job, run, worker)
    job.output.parent.mkdir()
    job.output.write_bytes(b"somebody else's")
    with pytest.raises(OutputExists, match=r"dusk\.mp4: the file is there already"):
        bring_outputs(job, run, sent, operator)
    assert [path.name for path in job.output.parent.iterdir()] == ["dusk.mp4"]
    assert job.output.read_bytes() == b"somebody else's"
    assert bring_outputs(job.model_copy(update={"overwrite": True}), run, sent, operator)
    assert job.output.read_bytes() == b"film"


def test_a_clip_that_changed_after_it_was_sent_makes_the_film_outdated(
    job: TranslateJob, machines: tuple[Workspace, Workspace]
) -> None:
    operator, worker = machines
    run, sent = uuid4(), send_inputs(job, operator)
    made(job, run, worker)
    job.clip.write_bytes(b"another day")
    bring_outputs(job, run, sent, operator)
    assert standing(job, operator) is Standing.OUTDATED


def test_a_model_comes_as_a_whole_folder_in_place_of_the_job_s_earlier_one(
    machines: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    operator, worker = machines
    (tmp_path / "blue.mp4").write_bytes(b"blue")
    job = TrainJob(what="dance", target=tmp_path / "blue.mp4", consent="self", output=tmp_path / "models" / "blue")
    sent = send_inputs(job, operator)
    for word in ("first", "second"):
        run = uuid4()
        folder = into_workspace(job, run, worker).output
        (folder / "training").mkdir(parents=True)
        (folder / "model.json").write_text(word)
        (folder / "training" / f"{word}.csv").write_text("")
        keep_outputs(run, worker)
        bring_outputs(job, run, sent, operator)
    assert (job.output / "model.json").read_text() == "second"
    assert [path.name for path in (job.output / "training").iterdir()] == ["second.csv"]


def test_outputs_of_one_name_in_two_folders_keep_apart(machines: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    operator, worker = machines
    job = PortraitJob(
        source=tmp_path / "a.mp4", model=tmp_path / "m", output=tmp_path / "x" / "a.mp4", mosaic=tmp_path / "y/a.mp4"
    )
    run = uuid4()
    moved = into_workspace(job, run, worker)
    for path, content in zip(moved.outputs(), (b"film", b"mosaic"), strict=True):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    keep_outputs(run, worker)
    bring_outputs(job, run, (), operator)
    assert [path.read_bytes() for path in job.outputs()] == [b"film", b"mosaic"]


def test_a_parked_film_comes_also_where_another_output_was_never_begun(
    machines: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    operator, worker = machines
    job = PortraitJob(
        source=tmp_path / "a.mp4", model=tmp_path / "m", output=tmp_path / "x" / "a.mp4", mosaic=tmp_path / "y/a.mp4"
    )
    run = uuid4()
    parked = into_workspace(job, run, worker).output.parent / "parked"
    parked.mkdir(parents=True)
    (parked / "a.mp4").write_bytes(b"film")
    keep_outputs(run, worker)
    assert bring_outputs(job, run, (), operator)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("[xy]/**/*.mp4")] == ["x/parked/a.mp4"]


def test_of_a_run_that_made_nothing_nothing_is_brought(
    job: TranslateJob, machines: tuple[Workspace, Workspace]
) -> None:
    operator, worker = machines
    run = uuid4()
    keep_outputs(run, worker)
    assert not bring_outputs(job, run, (), operator)
    assert list(operator.root.glob(".outputs-*")) == []


def test_an_error_names_the_path_that_the_job_gave_and_not_the_worker_s(job: TranslateJob, tmp_path: Path) -> None:
    moved = into_workspace(job, uuid4(), Workspace(tmp_path / "cache"))
    remedy = f"It lies at {moved.output.parent / 'parked' / 'dusk.mp4'}."
    with pytest.raises(StorageError) as told, paths_as_asked(job, moved):
        raise StorageError(moved.output, "the disk is full", "room", remedy)
    films = job.output.parent
    assert str(told.value) == (
        f"{films / 'dusk.mp4'}: the disk is full; expected room. It lies at {films / 'parked' / 'dusk.mp4'}."
    )


def test_a_run_of_a_deployment_keeps_its_track_in_the_workspace_until_it_is_brought(
    engine: Engine, clips: tuple[Path, Path], machines: tuple[Workspace, Workspace], tmp_path: Path
) -> None:
    from flows.jobs.deployed import track_job

    operator, _ = machines
    job = TrackJob(clip=clips[0], output=tmp_path / "tracks" / "red.npz", workers=1)
    sent = send_inputs(job, operator)
    state = engine.run(
        lambda: track_job(job=job, workspace=operator.address, sent=sent, to_workspace=True, return_state=True)
    )
    assert state.is_completed() and not job.output.exists()
    run = state.state_details.flow_run_id
    assert run is not None
    assert bring_outputs(job, run, sent, operator)
    assert len(load_track(job.output)) == 20
