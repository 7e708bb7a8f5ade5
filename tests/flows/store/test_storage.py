"""A folder that machines share: what goes up comes down whole or not at all, and only once."""

import json
import os
from pathlib import Path

import fsspec
import pytest

from flows.engine import Engine
from flows.store import storage
from flows.store.sharing import find_input, store_input
from flows.store.storage import MANIFEST, Remote
from flows.store.workspace import CACHE_VARIABLE, Workspace
from pipeline.artifacts import FileRef
from pipeline.errors import StorageError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(params=["s3", "file", "memory"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Remote:
    """Every kind of place has to keep the same promises."""
    if request.param == "s3":
        return Remote(f"{request.getfixturevalue('s3')}/{tmp_path.name}")
    return Remote(f"{request.param}://{tmp_path / 'shared'}")


def model_folder(place: Path) -> Path:
    """A tree such as a model: files in folders."""
    (place / "training").mkdir(parents=True)
    (place / "model.json").write_text("{}")
    (place / "training" / "curves.csv").write_text("step,loss\n")
    return place


def machine(monkeypatch: pytest.MonkeyPatch, cache: Path, url: str) -> Workspace:
    """The workspace as a machine with a cache of its own sees it."""
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    return Workspace.at(url)


def test_a_place_that_can_be_used_is_left_as_it_was(remote: Remote) -> None:
    remote.check()
    files, root = fsspec.core.url_to_fs(remote.url)
    assert not files.exists(root) or not files.ls(root)


def test_a_file_comes_down_as_it_went_up(remote: Remote, tmp_path: Path) -> None:
    track = tmp_path / "track.npz"
    track.write_bytes(b"joints")
    remote.send(track, "tracks/ab.npz")
    assert remote.fetch("tracks/ab.npz", tmp_path / "elsewhere" / "ab.npz")
    assert (tmp_path / "elsewhere" / "ab.npz").read_bytes() == b"joints"


def test_a_folder_comes_down_with_all_that_is_in_it(remote: Remote, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / ".weights.part").write_text("being written")
    remote.send(folder, "models/ab")
    assert remote.fetch("models/ab", tmp_path / "copy")
    (folder / ".weights.part").unlink()
    assert FileRef.of(tmp_path / "copy").sha256 == FileRef.of(folder).sha256


def test_what_is_not_there_is_not_brought(remote: Remote, tmp_path: Path) -> None:
    assert not remote.fetch("tracks/none.npz", tmp_path / "none.npz")
    assert not (tmp_path / "none.npz").exists()


def test_half_an_upload_is_not_there(remote: Remote, tmp_path: Path) -> None:
    remote.send(model_folder(tmp_path / "model"), "models/ab")
    files, root = fsspec.core.url_to_fs(remote.url)
    files.rm_file(f"{root}/models/ab{MANIFEST}")  # which is written last
    assert not remote.fetch("models/ab", tmp_path / "copy")


@pytest.mark.parametrize("damage", [b"[]", b"{}tru"])
def test_a_damaged_part_or_manifest_brings_nothing(remote: Remote, tmp_path: Path, damage: bytes) -> None:
    remote.send(model_folder(tmp_path / "model"), "models/ab")
    remote.write("models/ab/model.json" if damage == b"[]" else f"models/ab{MANIFEST}", damage)
    assert not remote.fetch("models/ab", tmp_path / "copy")
    assert not list(tmp_path.glob("*copy*"))


@pytest.mark.parametrize("path", ["../escaped", "/escaped", "a\\..\\escaped"])
def test_a_manifest_leads_nowhere_else(tmp_path: Path, path: str) -> None:
    remote = Remote(f"memory://{tmp_path}")
    remote.write("models/escaped", b"?")
    sha256 = "8a8de823d5ed3e12746a62ef169bcf372be0ca44f0a1236abc35df05d96928e1"
    manifest = [{"path": path, "sha256": sha256, "bytes": 1}]
    remote.write(f"models/ab{MANIFEST}", json.dumps(manifest).encode())
    assert not remote.fetch("models/ab", tmp_path / "copy")
    assert not list(tmp_path.rglob("escaped"))


def test_what_lies_there_already_is_not_sent_again(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder(tmp_path / "model")
    remote.send(folder, "models/ab")
    sent: list[str] = []
    monkeypatch.setattr(storage._opened(remote.url)[0], "put_file", lambda here, there: sent.append(there))
    remote.send(folder, "models/ab")
    assert sent == []
    remote.send(folder, "models/cd")
    assert len(sent) == 2  # every file of another name


def test_an_input_is_found_by_a_machine_that_does_not_have_it(
    tmp_path: Path, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"film")
    ref = FileRef.of(clip)
    store_input(ref, machine(monkeypatch, tmp_path / "a", s3))
    clip.unlink()
    found = find_input(ref, machine(monkeypatch, tmp_path / "b", s3))
    assert found.path.read_bytes() == b"film"
    assert (found.sha256, found.path.suffix) == (ref.sha256, ".mp4")


def test_an_input_that_is_nowhere_is_said(tmp_path: Path) -> None:
    ref = FileRef(tmp_path / "clip.mp4", "00")
    with pytest.raises(StorageError, match=r"clip\.mp4: it is not on this machine, and was not sent.*Submit the job"):
        find_input(ref, Workspace(tmp_path / "runs"))


def test_an_input_that_changed_is_not_taken_for_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"another film")
    with pytest.raises(StorageError, match="it has changed since the job was made"):
        find_input(FileRef(tmp_path / "clip.mp4", "00"), Workspace(tmp_path / "runs"))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("s3://no-such-bucket/runs", "cannot be used (FileNotFoundError"),
        ("nosuch://place/runs", "Protocol not known: nosuch"),
        ("file:///proc/runs", "cannot be used"),
    ],
)
def test_a_place_that_cannot_be_used_is_found_out_with_one_message(s3: str, url: str, found: str) -> None:
    with pytest.raises(StorageError) as failure:
        Remote(url).check()
    assert failure.value.where == url
    assert found in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_bucket_that_goes_away_is_an_error_and_not_an_upload(s3: str, tmp_path: Path) -> None:
    files = fsspec.filesystem("s3")
    files.mkdir("short-lived")
    remote = Remote("s3://short-lived/runs")
    remote.check()
    files.rmdir("short-lived")
    with pytest.raises(StorageError, match=r"cannot be used \(FileNotFoundError"):
        remote.send(model_folder(tmp_path / "model"), "models/ab")


def test_no_work_is_begun_while_the_shared_folder_does_not_answer(
    engine: Engine, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import tasks
    from flows.store.caching import whole
    from stages.tracking.pose import TrackerConfig

    def silent(path: str) -> bytes:
        raise OSError("no network")

    workspace = machine(monkeypatch, tmp_path, "s3://films/unreachable")
    monkeypatch.setattr(storage, "TRIES_AFTER", ())
    monkeypatch.setattr(storage._opened("s3://films/unreachable")[0], "cat_file", silent)
    monkeypatch.setattr(tasks, "track_pose", None)  # which it would fail of
    with pytest.raises(StorageError, match=r"s3://films/unreachable: cannot be used \(OSError: no network\)"):
        engine.run(lambda: whole(tasks.track_clip, FileRef(tmp_path / "clip.mp4", "00"), TrackerConfig(), workspace))


def test_a_protocol_without_its_library_says_what_to_install() -> None:
    with pytest.raises(StorageError, match=r"gs://films/runs: cannot be opened .*Install gcsfs\."):
        Remote("gs://films/runs").check()


def test_a_track_made_on_one_machine_is_found_on_another(
    s3: str, engine: Engine, clips: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import tasks
    from flows.store.caching import whole
    from stages.tracking.pose import TrackerConfig, track_pose

    tracked: list[Path] = []
    track = track_pose

    def counted(clip: Path, *args: object, **kwargs: object) -> object:
        tracked.append(clip)
        return track(clip, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(tasks, "track_pose", counted)
    clip = FileRef.of(clips[0])
    found = []
    for name in ("a", "b", "b"):
        workspace = machine(monkeypatch, tmp_path / name, f"{s3}/tracks-of-two")
        found.append(engine.run(lambda place=workspace: whole(tasks.track_clip, clip, TrackerConfig(), place)))  # type: ignore[misc]
    assert len(tracked) == 1
    assert len({ref.sha256 for ref in found}) == 1
    assert [ref.path.is_relative_to(tmp_path / name) for ref, name in zip(found, "abb", strict=True)] == [True] * 3
    assert os.path.commonpath([found[0].path, found[1].path]) == str(tmp_path)
