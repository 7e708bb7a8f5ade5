"""Two who want the same work at once: one does it, the other waits and takes what came of it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.engine import Engine
from flows.store.journal import keep_journal
from flows.store.storage import Remote
from flows.store.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

ROOT = Path(__file__).parents[3]

HOLD = """
import sys
import time
from pathlib import Path
from flows.store.locks import FileLocks
locks = FileLocks(Path(sys.argv[1]))
assert locks.acquire_lock("train-ab", "other")
print("held", flush=True)
time.sleep(60)
"""

TRAIN = """
import sys
from dataclasses import replace
from pathlib import Path
from flows.engine import Engine
from flows.store.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]))
engine = Engine(workspace).start()
from flows.store.journal import keep_journal
from flows.translate import TranslateTraining, train_translate_flow
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from stages.training.phases import Budget
from stages.training.picture_store import StoreConfig
from stages.training.translate_phases import Drawing
from stages.training.translate_presets import translate_preset
preset = translate_preset("draft", paired=False)
preset = replace(preset, store=StoreConfig(side=72), drawing=Drawing(height=64, width=64))
settings = TranslateTraining(preset=preset, budget=Budget(steps=2))
looks = [(FileRef.of(Path(clip)),) for clip in sys.argv[3:]]
with keep_journal(Path(sys.argv[2]), "job"):
    print(engine.run(lambda: train_translate_flow(*looks, settings, Compute(), workspace)).path)
"""


def child(program: str, *arguments: object, **surroundings: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    where = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **surroundings}
    return subprocess.Popen(command, env=where, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock of `train-ab` in `tmp_path`."""
    other = child(HOLD, tmp_path)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    yield other
    other.kill()
    other.wait()
    other.stdout.close()


def test_a_lock_has_one_holder_at_a_time(engine: Engine, tmp_path: Path) -> None:
    from flows.store.locks import FileLocks

    here, there = FileLocks(tmp_path), FileLocks(tmp_path)  # as two processes have them
    assert here.acquire_lock("track-ab", "me")
    assert here.is_lock_holder("track-ab", "me")
    assert not here.is_lock_holder("track-ab", "you")
    assert here.acquire_lock("track-ab", "me", acquire_timeout=0)
    assert not here.acquire_lock("track-ab", "you", acquire_timeout=0)
    assert not there.acquire_lock("track-ab", "you", acquire_timeout=0)
    assert there.is_locked("track-ab")
    assert not there.is_locked("track-cd")
    here.release_lock("track-ab", "me")
    assert not there.is_locked("track-ab")
    assert there.acquire_lock("track-ab", "you", acquire_timeout=0)


def test_nobody_frees_what_another_holds(engine: Engine, tmp_path: Path) -> None:
    from flows.store.locks import FileLocks

    locks = FileLocks(tmp_path)
    locks.acquire_lock("track-ab", "me")
    with pytest.raises(ValueError, match="you does not hold the lock of track-ab"):
        locks.release_lock("track-ab", "you")


def test_who_waits_says_so_once_and_goes_on_when_the_lock_is_free(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.store.locks import FileLocks

    here, there, log = FileLocks(tmp_path), FileLocks(tmp_path), tmp_path / "log.jsonl"
    here.acquire_lock("train portrait-ab", "me")
    threading.Timer(1.2, here.release_lock, ("train portrait-ab", "me")).start()
    with keep_journal(log, "job"):
        assert there.acquire_lock("train portrait-ab", "you")
    said = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    waiting = "Another worker does the same (train portrait): waiting for its result"
    assert capsys.readouterr().err.count(waiting) == 1
    assert said.count("waits for another worker that does the same") == 1
    assert said[-2:] == ["waited for another worker", "done"]


def test_who_waits_can_be_paused(engine: Engine, tmp_path: Path) -> None:
    from flows.pacing import paced
    from flows.store.locks import FileLocks

    class Paused(BaseException):
        """What pausing raises."""

    here, there = FileLocks(tmp_path), FileLocks(tmp_path)
    here.acquire_lock("train-ab", "me")
    with paced(Paused), pytest.raises(Paused):
        there.acquire_lock("train-ab", "you")
    assert not there.is_lock_holder("train-ab", "you")


def test_a_process_that_is_killed_leaves_no_lock(
    engine: Engine, elsewhere: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    from flows.store.locks import FileLocks

    locks = FileLocks(tmp_path)
    assert not locks.acquire_lock("train-ab", "me", acquire_timeout=0)
    elsewhere.send_signal(signal.SIGKILL)
    assert locks.acquire_lock("train-ab", "me", acquire_timeout=10)


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """A shared folder without locks of its own, where things happen fast."""
    from flows.store import locks

    monkeypatch.setattr(locks, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(locks, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(locks.Leases, "ask_seconds", 0.1)
    return Remote(f"memory://{tmp_path}")


def test_a_lease_has_one_holder_as_long_as_that_lives(engine: Engine, bucket: Remote) -> None:
    from flows.store.locks import Leases

    here, there = Leases(bucket), Leases(bucket)  # as two machines have them
    assert here.acquire_lock("train-ab", "me")
    assert not there.acquire_lock("train-ab", "you", acquire_timeout=2)  # twice as long as a lease that is not renewed
    assert here.is_locked("train-ab")
    assert not there.is_locked("train-cd")
    here.release_lock("train-ab", "me")
    assert there.acquire_lock("train-ab", "you", acquire_timeout=0)
    there.release_lock("train-ab", "you")
    assert bucket.listing() == []


def test_a_lease_whose_holder_died_is_taken_over(engine: Engine, bucket: Remote) -> None:
    from flows.store.locks import Leases

    dead = Leases(bucket)
    dead.acquire_lock("train-ab", "me")
    (lease,) = bucket.listing()
    dead.release_lock("train-ab", "me")
    bucket.write(lease.name, b"mark 7")  # as a process leaves it that was killed
    assert Leases(bucket).acquire_lock("train-ab", "you", acquire_timeout=10)


def test_of_several_who_want_a_lease_at_once_one_gets_it(engine: Engine, bucket: Remote) -> None:
    from flows.store.locks import Leases

    got: list[bool] = []
    workers = [Leases(bucket) for _ in range(4)]
    threads = [threading.Thread(target=lambda one=one: got.append(one.take("train-ab") is not None)) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False, False, False, True]


def test_locks_are_the_systems_where_machines_share_a_disk_and_leases_where_they_share_a_bucket(
    engine: Engine, tmp_path: Path
) -> None:
    from flows.store.locks import FileLocks, Leases, locks_of

    shared = Workspace(tmp_path / "cache", f"file://{tmp_path}/shared")
    locks = locks_of(shared)
    assert isinstance(locks, FileLocks)
    locks.acquire_lock("train-ab", "me")
    assert list((tmp_path / "shared" / ".prefect" / "locks").iterdir())
    assert isinstance(locks_of(Workspace(tmp_path / "cache", "s3://films/runs")), Leases)
    locks.release_lock("train-ab", "me")


def test_two_processes_that_want_the_same_model_train_it_once(
    engine: Engine, streets: tuple[Path, Path], tmp_path: Path
) -> None:
    from prefect.client.orchestration import get_client

    server = engine.run(lambda: str(get_client(sync_client=True).api_url))
    logs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    workers = [child(TRAIN, tmp_path / "runs", log, *streets, PREFECT_API_URL=server) for log in logs]
    models = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert models[0] == models[1] != ""
    ends = [json.loads(line)["message"] for log in logs for line in log.read_text().splitlines()]
    for stage in ("prepare pictures", "train translate"):
        assert ends.count(f"{stage}: done") == ends.count(f"{stage}: reused") != 0
