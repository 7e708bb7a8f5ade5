"""Real jobs on the first frames of the samples: films are made, work is shared, a second run does nothing twice."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from flows.commands.batch import batch
from flows.commands.translate import translate
from flows.engine import Engine
from flows.jobs.specs import TrackJob
from flows.store.workspace import Workspace
from pipeline.errors import JobError, OutputExists, TrackError
from pipeline.video import probe

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

JOBS = """
defaults: {{encoder_preset: ultrafast}}
jobs:
  - {{kind: evaluate, film: day.mp4, against: films/person.mp4, output: scores.json}}
  - {{kind: translate, clip: "d*.mp4", model: models/look, output: "films/{{clip}}.mp4"}}
  - {{kind: train, what: translate, a: day.mp4, b: dusk.mp4, output: models/look, steps: 2, threads: 1}}
  - {{kind: track, clip: "{room}", output: joints.npz}}
  - {{kind: translate, clip: day.mp4, model: models/look, codec: vp10, output: films/wrong.mp4}}
  - {{kind: render, source: day.mp4, model: empty, output: films/person.mp4}}
"""

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(streets: tuple[Path, Path], empty_room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batch")
    for name, clip in zip(("day.mp4", "dusk.mp4"), streets, strict=True):
        (folder / name).symlink_to(clip)
    (folder / "empty").mkdir()
    (folder / "jobs.yaml").write_text(JOBS.format(room=empty_room))
    return folder


@pytest.fixture(scope="module")
def run(engine: Engine, folder: Path) -> Run:
    """`understudy batch` on the jobs, with words added."""
    app = typer.Typer()
    app.command()(batch)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, [str(folder / "jobs.yaml"), "--workspace", str(folder / "runs"), *words])

    return run


@pytest.fixture(scope="module")
def first(run: Run) -> Result:
    return run()


def states(result: Result) -> dict[str, str]:
    """What stands in the second column of the table."""
    rows = [line.split("  ") for line in result.stdout.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    ends = ("done", "done before", "failed", "not run", "left out")
    return {row[0]: row[1] for row in cells if len(row) > 1 and row[1] in ends}


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(run: Run, folder: Path) -> None:
    result = run("--dry-run")
    assert result.exit_code == 1  # a codec that there is not
    assert not (folder / "models").exists()
    said = " ".join(result.stdout.split())
    assert "to do, after look" in said
    assert "there is no 'vp10'; expected one of" in said
    assert "7 of 7 to do" in said


def test_what_can_be_made_is_made_and_one_failure_stops_nothing_else(first: Result, folder: Path) -> None:
    assert first.exit_code == 1
    assert states(first) == {
        "look": "done",
        "day": "done",
        "dusk": "done",
        "joints": "failed",
        "wrong": "failed",
        "person": "failed",
        "scores": "not run",
    }
    assert [probe(folder / "films" / name).frames for name in ("day.mp4", "dusk.mp4")] == [20, 20]
    said = " ".join(first.stdout.split())
    assert "no person was found" in said and "no model.json" in said and "person failed" in said


def test_run_again_it_does_what_failed_and_leaves_what_is_done(first: Result, run: Run, folder: Path) -> None:
    films = [folder / "films" / name for name in ("day.mp4", "dusk.mp4")]
    before = [film.stat().st_mtime_ns for film in films]
    films[1].unlink()
    again = states(run())
    assert (again["look"], again["day"], again["dusk"]) == ("done before", "done before", "done")
    assert (again["joints"], again["scores"]) == ("failed", "not run")
    assert films[0].stat().st_mtime_ns == before[0]


def test_a_part_is_done_by_name_or_because_it_failed(first: Result, run: Run) -> None:
    assert states(run("--only", "da*", "--only", "joints")) == {
        "look": "done before",
        "day": "done before",
        "dusk": "done before",
        "joints": "failed",
        "wrong": "left out",
        "person": "left out",
        "scores": "left out",
    }
    assert states(run("--retry-failed"))["wrong"] == "left out"  # it was not part of the last run
    missing = run("--only", "dawn")
    assert isinstance(missing.exception, JobError) and "--only dawn: no job is called so" in str(missing.exception)


def test_a_schedule_hears_which_jobs_failed(first: Result, engine: Engine, folder: Path) -> None:
    from flows.jobs.batch import do_batch

    with pytest.raises(JobError, match=r"jobs\.yaml: 4 of 7 jobs failed \(joints: ") as failed:
        engine.run(lambda: do_batch(folder / "jobs.yaml", Workspace(folder / "runs"), [folder.parent.parent]))
    assert "no person was found" in str(failed.value)
    assert "scores: person failed" in str(failed.value)


def test_a_job_and_its_command_share_their_work(first: Result, folder: Path, tmp_path: Path) -> None:
    segments = folder / "runs/segments"
    before = sorted(segments.iterdir())
    app = typer.Typer()
    app.command()(translate)
    words = [str(folder / "day.mp4"), "--model", str(folder / "models/look"), "--encoder-preset", "ultrafast"]
    made = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "film.mp4"), "--workspace", str(folder / "runs")])
    assert made.exit_code == 0, made.exception
    assert sorted(segments.iterdir()) == before


def test_every_job_has_a_journal_that_names_job_and_stage(first: Result, folder: Path) -> None:
    (log,) = (folder / "runs/jobs").glob("day-*/log.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["job"] for line in lines} == {"day"}
    assert any(line["stage"] == "translate" or line["stage"] == "translate chunk" for line in lines)


def test_a_job_alone_is_done_once_and_never_over_anothers_file(
    engine: Engine, clips: tuple[Path, Path], empty_room: Path, tmp_path: Path
) -> None:
    from flows.jobs.perform import perform

    workspace, job = Workspace(tmp_path / "runs"), TrackJob(clip=clips[0], output=tmp_path / "joints.npz", threads=1)
    assert engine.run(lambda: perform(job, workspace)).summary.startswith("red.mp4: 20 frames")
    assert engine.run(lambda: perform(job, workspace)).reused
    with pytest.raises(OutputExists, match=r"joints\.npz: the file is there already"):
        engine.run(lambda: perform(job, Workspace(tmp_path / "other")))
    with pytest.raises(TrackError, match="no person"):
        engine.run(lambda: perform(TrackJob(clip=empty_room, output=tmp_path / "none.npz"), workspace))
    assert not (tmp_path / "none.npz").exists()
