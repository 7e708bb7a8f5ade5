"""Keys are made of contents: what does not change a result does not change its name."""

import os
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from flows.store.workspace import Workspace, canonical, content_key, last_used, mark_used
from pipeline.artifacts import FileRef
from stages.tracking.pose import TrackerConfig


@dataclass(frozen=True)
class Settings:
    size: tuple[int, int] = (144, 256)
    rate: Fraction = Fraction(30000, 1001)


@dataclass(frozen=True)
class OtherSettings:
    size: tuple[int, int] = (144, 256)
    rate: Fraction = Fraction(30000, 1001)


def test_the_same_file_in_another_folder_has_the_same_key() -> None:
    assert content_key(1, FileRef(Path("a/clip.mp4"), "ab")) == content_key(1, FileRef(Path("b/other.mp4"), "ab"))


def test_a_changed_file_under_the_same_name_has_another_key() -> None:
    assert content_key(1, FileRef(Path("clip.mp4"), "ab")) != content_key(1, FileRef(Path("clip.mp4"), "cd"))


def test_the_workspace_has_no_part_in_a_key() -> None:
    assert content_key(1, Settings(), Workspace(Path("a"))) == content_key(1, Settings(), Workspace(Path("b")))


def test_every_setting_and_the_version_count() -> None:
    keys = {
        content_key(1, Settings()),
        content_key(2, Settings()),
        content_key(1, Settings(size=(288, 512))),
        content_key(1, Settings(rate=Fraction(30))),
        content_key(1, OtherSettings()),
    }
    assert len(keys) == 5


def test_the_number_of_workers_does_not_count() -> None:
    assert content_key(1, TrackerConfig(workers=1)) == content_key(1, TrackerConfig(workers=4))


def test_what_has_no_stable_form_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be part of a cache key"):
        canonical(object())


def test_artifacts_lie_under_the_workspace_by_kind_and_key() -> None:
    place = Workspace(Path("runs")).place("tracks", "0123456789abcdef0123456789", ".npz")
    assert place == Path("runs/tracks/0123456789abcdef0123.npz")


def test_a_folder_is_a_workspace_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Workspace.at("runs") == Workspace(tmp_path / "runs")
    assert Workspace.at(Path("runs")).address == str(tmp_path / "runs")


@pytest.mark.parametrize("place", ["s3://films/runs", "s3://films/runs/", "S3://films/runs", Path("s3://films/runs")])
def test_a_url_is_worked_on_in_one_folder_of_the_cache(
    place: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_CACHE", str(tmp_path))
    workspace = Workspace.at(place)
    assert workspace.remote == workspace.address == "s3://films/runs"
    assert workspace.root.parent == tmp_path
    assert workspace.root.name.startswith("s3-films-runs-")
    assert Workspace.at(workspace.address) == workspace


def test_a_shared_disk_has_a_url_with_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_CACHE", str(tmp_path))
    assert Workspace.at(Path("file:///shared/runs")).remote == "file:///shared/runs"


def test_two_urls_do_not_share_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_CACHE", str(tmp_path))
    assert Workspace.at("s3://films/a-b").root != Workspace.at("s3://films/a/b").root


def test_an_artifact_is_named_by_kind_and_key() -> None:
    workspace = Workspace(Path("runs"))
    assert workspace.artifact(Path("runs/tracks/ab.npz")) == "tracks/ab.npz"
    assert workspace.artifact(Path("runs/models/ab/training/state.pt")) == "models/ab"
    assert workspace.artifact(Path("clips/red.mp4")) is None


def test_use_is_noted_without_a_sign_of_change(tmp_path: Path) -> None:
    path = tmp_path / "track.npz"
    path.write_bytes(b"")
    os.utime(path, (1000, 2000))
    assert last_used(path) == 2000
    mark_used(path)
    assert path.stat().st_mtime == 2000
    assert last_used(path) == pytest.approx(time.time(), abs=60)
