"""Keys are made of contents: what does not change a result does not change its name."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from flows.workspace import Workspace, canonical, content_key
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
