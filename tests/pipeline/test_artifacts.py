"""Files that are whole or not there, and known by their content."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from pipeline.artifacts import FileRef, atomic_file, atomic_folder, refuse_existing
from pipeline.errors import OutputExists, StorageError


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_under_its_name_when_the_block_ends(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.txt") as beside:
        beside.write_text("whole")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert names_in(tmp_path) == ["a.txt"]


def test_the_temporary_name_keeps_the_suffix_and_is_hidden(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "film.mp4") as beside:
        assert (beside.suffix, beside.name[0], beside.parent) == (".mp4", ".", tmp_path)


def test_a_failed_block_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError, match="half"), atomic_file(tmp_path / "a.txt") as beside:
        beside.write_text("new")
        raise RuntimeError("half way")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "x/y/a.txt") as beside:
        beside.write_text("")
    assert (tmp_path / "x/y/a.txt").exists()


def test_a_taken_path_is_refused_before_the_block(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OutputExists, match=r"a\.txt: the file is there already; expected a new path\. Give another -o"):
        refuse_existing(tmp_path / "a.txt", overwrite=False)
    with pytest.raises(OutputExists), atomic_file(tmp_path / "a.txt", overwrite=False):
        pytest.fail("the block was entered")
    refuse_existing(tmp_path / "a.txt", overwrite=True)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "model") as beside:
        (beside / "weights").write_text("1")
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "model") as beside:
        (beside / "weights").write_text("2")
        raise RuntimeError
    assert (tmp_path / "model/weights").read_text() == "1"
    assert names_in(tmp_path) == ["model"]


def test_a_folder_is_replaced_as_one_without_remains_of_the_old(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with atomic_folder(tmp_path / "model") as beside:
            (beside / name).write_text(name)
    assert names_in(tmp_path / "model") == ["second"]
    assert names_in(tmp_path) == ["model"]


@pytest.mark.parametrize("make", [atomic_file, atomic_folder])
def test_a_full_disk_is_said_in_plain_words(tmp_path: Path, make: type[atomic_file]) -> None:
    with (
        pytest.raises(StorageError, match=r"out: the disk is full; expected room for the output\. Free some space"),
        make(tmp_path / "out"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("make", [atomic_file, atomic_folder])
def test_trouble_with_another_file_is_not_taken_for_trouble_with_ours(tmp_path: Path, make: type[atomic_file]) -> None:
    with pytest.raises(FileNotFoundError, match=r"other\.txt"), make(tmp_path / "out"):
        (tmp_path / "other.txt").read_text()


@pytest.mark.parametrize("make", [atomic_file, atomic_folder])
def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path, make: type[atomic_file]) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with (
        pytest.raises(StorageError, match=r"cannot write \(.*expected a folder we may write to"),
        make(tmp_path / "taken/out"),
    ):
        pytest.fail("the block was entered")


def test_a_file_is_known_by_the_hash_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"dance")
    ref = FileRef.of(tmp_path / "a")
    assert ref == FileRef(tmp_path / "a", hashlib.sha256(b"dance").hexdigest())
    assert ref.is_intact()
    (tmp_path / "a").write_bytes(b"dancE")
    assert not ref.is_intact()
    (tmp_path / "a").unlink()
    assert not ref.is_intact()


def test_a_folder_is_known_by_names_and_contents_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "m/sub").mkdir(parents=True)
    (tmp_path / "m/sub/b").write_text("1")
    before = FileRef.of(tmp_path / "m").sha256
    (tmp_path / "m/sub/b").rename(tmp_path / "m/sub/c")
    renamed = FileRef.of(tmp_path / "m").sha256
    (tmp_path / "m/sub/c").write_text("2")
    changed = FileRef.of(tmp_path / "m").sha256
    assert len({before, renamed, changed}) == 3
    (tmp_path / "m/sub/c").write_text("1")
    (tmp_path / "m/sub/c").rename(tmp_path / "m/sub/b")
    assert FileRef.of(tmp_path / "m").sha256 == before
