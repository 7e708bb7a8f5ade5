"""Housekeeping: what was of no use for long goes, whatever is still needed stays, and what people put there always."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
import typer
from typer.testing import CliRunner

from flows.commands.prune import lines, parse_age
from flows.commands.prune import prune as command
from flows.engine import Engine
from flows.pruning.artifacts import shared_artifacts
from flows.pruning.prune import Pruning, prune
from flows.store.storage import Remote
from flows.store.workspace import Workspace
from pipeline.artifacts import FileRef

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

NOW = time.time()
DAY = 86_400.0
MONTH = timedelta(days=30)
KEY, OTHER, THIRD = "0123456789abcdef0123", "fedcba9876543210fedc", "00112233445566778899"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "runs").mkdir()
    return Workspace(tmp_path / "runs")


def lay(workspace: Workspace, place: str, *, days: float, size: int = 1000) -> Path:
    """A file that was made, and last of use, so many days ago."""
    path = workspace.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - days * DAY,) * 2)
    return path


def record(workspace: Workspace, name: str, *places: str, days: float) -> Path:
    """What Prefect remembers of a stage: here only the words by which it names its files."""
    path = lay(workspace, f".prefect/results/{name}", days=days)
    result = json.dumps({"type": "FileRef", "value": [{"path": f"workspace:/{place}"} for place in places]})
    path.write_text(json.dumps({"metadata": {"serializer": {"type": "understudy"}}, "result": result}))
    os.utime(path, (NOW - days * DAY,) * 2)
    return path


def journal(workspace: Workspace, job: str, *lines: dict[str, object]) -> None:
    path = workspace.root / "jobs" / job / "log.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{json.dumps({'job': job, 'stage': None, 'frame': None, **line})}\n" for line in lines))


def sweep(workspace: Workspace, *, dry_run: bool = False, since: float | None = None) -> Pruning:
    return prune(workspace, MONTH, now=NOW, since=since, dry_run=dry_run)


# What goes


def test_what_was_of_no_use_for_the_time_given_goes_and_the_rest_stays(workspace: Workspace):
    old, young = (lay(workspace, f"tracks/{key}.npz", days=days) for key, days in ((KEY, 31), (OTHER, 29)))
    assert [one.place for one in sweep(workspace).local] == [f"tracks/{KEY}.npz"]
    assert not old.exists() and young.exists()


def test_a_file_made_long_ago_but_read_by_a_run_of_yesterday_stays(workspace: Workspace):
    track = lay(workspace, f"tracks/{KEY}.npz", days=90)
    os.utime(track, (NOW - DAY, NOW - 90 * DAY))
    assert sweep(workspace).local == ()


def test_a_folder_is_as_young_as_the_youngest_file_in_it_and_goes_as_a_whole(workspace: Workspace):
    for name, days in (("clip.json", 29), ("000.png", 90)):
        lay(workspace, f"clips/{KEY}/{name}", days=days)
        lay(workspace, f"clips/{OTHER}/{name}", days=days + 2)
    assert [(one.place, one.files, one.bytes) for one in sweep(workspace).local] == [(f"clips/{OTHER}", 2, 2000)]
    assert (workspace.root / "clips" / KEY / "000.png").exists()
    assert not (workspace.root / "clips" / OTHER).exists()


def test_a_dry_run_says_the_same_and_removes_nothing(workspace: Workspace):
    track = lay(workspace, f"tracks/{KEY}.npz", days=31)
    half = lay(workspace, f"tracks/.{OTHER}-0123456789ab.part.npz", days=2)
    kept = record(workspace, "track-1", f"tracks/{KEY}.npz", days=31)
    said = sweep(workspace, dry_run=True)
    assert track.exists() and half.exists() and kept.exists()
    assert said == sweep(workspace)


def test_records_that_name_what_went_go_with_it(workspace: Workspace):
    lay(workspace, f"segments/{KEY}.mp4", days=31)
    lay(workspace, f"segments/{OTHER}.mp4", days=1)
    gone = record(workspace, "render-1", f"segments/{KEY}.mp4", days=31)
    stays = record(workspace, "render-2", f"segments/{OTHER}.mp4", days=31)
    assert sweep(workspace).records == 1
    assert not gone.exists() and stays.exists()


@pytest.mark.parametrize(
    "place",
    [
        f"tracks/.{KEY}-0123456789ab.part.npz",
        f"clips/.{KEY}-0123456789ab.part/clip.json",
        f"clips/.{KEY}-0123456789ab.old/clip.json",
        f"models/{KEY}/.weights-0123456789ab.part.safetensors",
    ],
)
def test_what_was_left_half_written_goes_after_a_day(workspace: Workspace, place: str):
    half = lay(workspace, place, days=0.9)
    assert sweep(workspace).local == ()
    lay(workspace, place, days=1.1)
    assert [one.kind for one in sweep(workspace).local] == ["half-written"]
    assert not half.exists()


# What stays


@pytest.mark.parametrize(
    "place",
    [
        f"models/{KEY}/model.json",
        f"models/{KEY}/training/state.safetensors",
        f"jobs/{KEY}/record.json",
        "demo/blue_dances_as_red.mp4",  # what a person put into the workspace
        f"{KEY}.npz",
        f"tracks/{KEY}-my-own.npz",
        ".prefect/prefect.db",
        ".hidden/0123456789abcdef0123",
    ],
)
def test_models_records_of_jobs_and_what_people_put_there_stay(workspace: Workspace, place: str):
    path = lay(workspace, place, days=1000)
    sweep(workspace)
    assert path.exists()


def test_what_a_model_speaks_of_stays(workspace: Workspace):
    sha256 = "ab" * 32
    clip = lay(workspace, f"inputs/{sha256}.mp4", days=90)
    other = lay(workspace, f"inputs/{'cd' * 32}.mp4", days=90)
    facts = lay(workspace, f"models/{KEY}/model.json", days=90)
    facts.write_text(json.dumps({"clip_sha256": sha256}))
    sweep(workspace)
    assert clip.exists() and not other.exists()


@pytest.mark.parametrize("last", ["begun", "stopped", None])
def test_what_a_job_used_that_has_not_ended_stays_and_the_job_is_named(workspace: Workspace, last: str | None):
    track = lay(workspace, f"tracks/{KEY}.npz", days=90)
    ends = [{"message": last}] if last else []
    used = {"stage": "track", "message": "track: done", "artifacts": [f"tracks/{KEY}.npz"]}
    journal(workspace, "ann-1", {"message": "begun"}, used, *ends)
    assert sweep(workspace).waiting == ("ann-1",)
    assert track.exists()


@pytest.mark.parametrize("last", ["done", "failed"])
def test_a_job_that_has_ended_keeps_nothing(workspace: Workspace, last: str):
    track = lay(workspace, f"tracks/{KEY}.npz", days=90)
    used = {"stage": "track", "message": "track: done", "artifacts": [f"tracks/{KEY}.npz"]}
    journal(workspace, "ann-1", {"message": "begun"}, used, {"message": last})
    assert sweep(workspace).waiting == ()
    assert not track.exists()


def test_the_journal_of_a_job_that_ended_long_ago_goes_and_what_tells_that_it_is_done_stays(workspace: Workspace):
    for job, last, days in (("old", "done", 31), ("young", "done", 29), ("open", "stopped", 31)):
        journal(workspace, job, {"message": "begun"}, {"message": last})
        os.utime(
            workspace.root / "jobs" / job / "log.jsonl", (NOW, NOW - days * DAY)
        )  # read today, by this very command
        lay(workspace, f"jobs/{job}/record.json", days=days)
    assert [(one.kind, one.place) for one in sweep(workspace).local] == [("journals", "jobs/old/log.jsonl")]
    assert sorted(path.parent.name for path in workspace.root.glob("jobs/*/log.jsonl")) == ["open", "young"]
    assert len(list(workspace.root.glob("jobs/*/record.json"))) == 3


def test_a_torn_last_line_of_a_journal_counts_as_not_ended(workspace: Workspace):
    track = lay(workspace, f"tracks/{KEY}.npz", days=90)
    used = {"stage": "track", "message": "track: done", "artifacts": [f"tracks/{KEY}.npz"]}
    journal(workspace, "ann-1", {"message": "begun"}, used)
    with (workspace.root / "jobs/ann-1/log.jsonl").open("a") as log:
        log.write('{"time": "2026-11-20T22:0')
    sweep(workspace)
    assert track.exists()


def test_what_was_of_use_since_the_oldest_job_began_that_a_server_waits_for_stays(workspace: Workspace):
    before, after = (lay(workspace, f"tracks/{key}.npz", days=days) for key, days in ((KEY, 51), (OTHER, 49)))
    sweep(workspace, since=NOW - 50 * DAY)
    assert not before.exists() and after.exists()


def test_a_stage_that_is_reused_makes_its_artifact_young_again(engine: Engine, workspace: Workspace):
    from flows.store.caching import stage, whole

    @stage("write down", version=1)
    def write_down(word: str, place: Workspace) -> FileRef:
        path = lay(place, f"tracks/{KEY}.npz", days=0)
        path.write_text(word)
        return FileRef.of(path)

    made = engine.run(lambda: whole(write_down, "hello", workspace))
    records = list((workspace.prefect / "results").iterdir())
    for path in (made.path, *records):
        os.utime(path, (NOW - 90 * DAY,) * 2)
    engine.run(lambda: whole(write_down, "hello", workspace))
    assert sweep(workspace).local == ()
    os.utime(made.path, (NOW - 90 * DAY,) * 2)
    done = sweep(workspace)
    assert [one.place for one in done.local] == [f"tracks/{KEY}.npz"]
    assert done.records == len(records) == 1
    assert engine.run(lambda: whole(write_down, "hello", workspace)) == made  # it is made again


# In a folder that machines share


@pytest.fixture(params=["s3", "file", "memory"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    if request.param == "s3":
        return Workspace(tmp_path / "here", f"{request.getfixturevalue('s3')}/{tmp_path.name}")
    return Workspace(tmp_path / "here", f"{request.param}://{tmp_path / 'there'}")


def test_the_shared_folder_is_swept_too_but_for_models_and_what_is_of_use_here(shared: Workspace):
    assert shared.remote is not None
    remote = Remote(shared.remote)
    for place in (f"tracks/{KEY}.npz", f"clips/{OTHER}/clip.json", f"segments/{THIRD}.mp4", f"models/{KEY}/model.json"):
        lay(shared, place, days=0)
    for place in (f"tracks/{KEY}.npz", f"clips/{OTHER}", f"segments/{THIRD}.mp4", f"models/{KEY}"):
        remote.send(shared.root / place, place)
    named = json.dumps({"result": f"workspace:/tracks/{KEY}.npz"}).encode()
    remote.write(".prefect/results/track-1", named)
    remote.write(".prefect/results/track-2", b'{"result": "workspace:/tracks/another.npz"}')
    assert [one.place for one in shared_artifacts(remote)] == [
        f"clips/{OTHER}",
        f"segments/{THIRD}.mp4",
        f"tracks/{KEY}.npz",
    ]
    later = time.time() + 31 * DAY
    os.utime(shared.root / f"segments/{THIRD}.mp4", (later - DAY,) * 2)  # of use here yesterday
    said = prune(shared, MONTH, now=later, dry_run=True)
    assert len(shared_artifacts(remote)) == 3
    done = prune(shared, MONTH, now=later)
    assert done == said
    assert [one.place for one in done.shared] == [f"clips/{OTHER}", f"tracks/{KEY}.npz"]
    assert done.records == 1
    assert [one.place for one in shared_artifacts(remote)] == [f"segments/{THIRD}.mp4"]
    assert remote.read(".prefect/results/track-1") is None
    assert remote.read(".prefect/results/track-2") is not None
    assert remote.fetch(f"models/{KEY}", shared.root / "again") and not remote.fetch(
        f"clips/{OTHER}", shared.root / "no"
    )


# The command


@pytest.mark.parametrize(
    ("text", "age"), [("12h", timedelta(hours=12)), ("30d", timedelta(days=30)), ("2w", timedelta(days=14))]
)
def test_an_age_is_a_number_and_a_unit(text: str, age: timedelta):
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["30", "d", "-3d", "0d", "1.5d", "30 d", "30D", "5m", "1y", "030d", "1000000d", "٣d"])
def test_anything_else_is_no_age(text: str):
    with pytest.raises(typer.BadParameter, match="is no span of time such as 12h, 30d or 2w"):
        parse_age(text)


def run(*words: str) -> tuple[int, str, BaseException | None]:
    app = typer.Typer()

    @app.callback()
    def settle(ctx: typer.Context) -> None:
        ctx.obj = False

    app.command()(command)
    with patch.dict(os.environ):  # where Prefect keeps its things is settled for this command alone
        ended = CliRunner().invoke(app, ["prune", *words])
    return ended.exit_code, ended.stdout, ended.exception


def test_the_command_prints_a_table_of_kinds_files_and_megabytes(engine: Engine, workspace: Workspace):
    lay(workspace, f"tracks/{KEY}.npz", days=31, size=250_000)
    lay(workspace, f"clips/{OTHER}/clip.json", days=31, size=1_000_000)
    lay(workspace, f"clips/{OTHER}/000.png", days=31, size=2_000_000)
    status, shown, _ = run("--older", "30d", "--workspace", str(workspace.root), "--dry-run")
    assert status == 0
    assert shown.splitlines() == [
        "kind    files   MB",
        "clips       2  3.0",
        "tracks      1  0.2",
        "total       3  3.2",
        "Would be removed, with 0 of Prefect's records of it.",
    ]
    assert run("--older", "30d", "--workspace", str(workspace.root))[1].splitlines()[-1].startswith("Removed")
    assert not (workspace.root / "clips" / OTHER).exists()


def test_a_job_that_keeps_something_is_named_in_the_end():
    assert lines(Pruning((), (), 0, ("ann-1",)), dry_run=False) == [
        "kind   files   MB",
        "total      0  0.0",
        "Removed, with 0 of Prefect's records of it.",
        "Kept what ann-1 used: the job has not ended.",
    ]


def test_a_workspace_that_is_not_there_is_no_empty_one(tmp_path: Path):
    error = run("--older", "30d", "--workspace", str(tmp_path / "nowhere"))[2]
    assert str(error).startswith(f"{tmp_path / 'nowhere'}: there is no such folder; expected a workspace.")


def test_a_wrong_age_is_wrong_usage(workspace: Workspace):
    assert run("--older", "soon", "--workspace", str(workspace.root))[0] == 2
