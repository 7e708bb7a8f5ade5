"""What benchmarks/hostile_commands.py accepts as the end of a command on a damaged film, and what it does not."""

from pathlib import Path

import pytest

import benchmarks.hostile_commands as hostile
from benchmarks.command_child import Status
from benchmarks.films import make_film
from benchmarks.hostile_commands import Case, Ended, cases, fault, save, shortened, table, unlike
from benchmarks.whole_files import made_film

CLEAR = "Tracking: 0.3 s\nunderstudy: film.mp4: it breaks off; expected a whole film. Copy it again.\n"
CASE = Case("GIF", "dance", 0)


def ended(status: int) -> Status:
    return Status(status, 1.0)


def test_a_film_or_one_clear_line_is_an_end() -> None:
    assert fault("track", ended(0), "film.npz\n", "Tracking: 0.3 s\n") == ""
    assert fault("track", ended(1), "", CLEAR) == ""


@pytest.mark.parametrize(
    ("status", "said", "told", "wrong"),
    [
        (None, "", "Timeout!\n  File a.py", "died or hung: Timeout! |   File a.py"),
        (Status(1, 1.0), "", "Traceback (most recent call last):\nValueError: 3", "a traceback: ValueError: 3"),
        (Status(2, 1.0), "", "No such command", "status 2: No such command"),
        (Status(1, 1.0), "", "", "no clear message: ''"),
        (Status(1, 1.0), "a table", "", "no clear message: ''"),
        (Status(1, 1.0), "", "understudy: oh dear\n", "no clear message: 'understudy: oh dear\\n'"),
        (Status(1, 1.0), "", CLEAR + CLEAR, f"no clear message: {CLEAR + CLEAR!r}"),
        (Status(0, 1.0), "", "understudy: film.mp4: oh", "done, and yet understudy: film.mp4: oh"),
    ],
)
def test_anything_else_is_not(status: Status | None, said: str, told: str, wrong: str) -> None:
    assert fault("track", status, said, told) == wrong


def test_what_verify_and_a_dry_run_find_stands_on_standard_output() -> None:
    assert fault("verify", ended(1), "Nothing vouches for it.\n", "") == ""
    assert fault("batch --dry-run", ended(1), "a table\n", "") == ""
    assert fault("batch --dry-run", ended(1), "", "") == "no clear message: ''"


def test_files_that_stay_behind_or_fail_to_come_are_found() -> None:
    assert unlike(frozenset(), frozenset()) == ""
    assert unlike(frozenset({"b", "a"}), frozenset()) == "left behind: a, b"
    assert unlike(frozenset(), frozenset({"out.mp4"})) == "not made: out.mp4"


def test_a_film_with_fewer_frames_than_its_source_is_found(tmp_path: Path) -> None:
    made_film(tmp_path / "out.mp4")  # 6 frames
    make_film("ts", ("-c:v", "mpeg2video", "-an"), tmp_path, seconds=0.5)  # 12
    assert shortened(tmp_path / "film.ts", tmp_path / "out.mp4") == "6 frames of 12"
    assert shortened(tmp_path / "out.mp4", tmp_path / "out.mp4") == ""
    assert shortened(tmp_path / "film.ts", tmp_path / "none.mp4") == ""


def test_dancers_and_heads_of_every_kind_are_damaged() -> None:
    chosen = cases(films=16, seed=3)
    assert len({case.kind for case in chosen}) == 8 and len(chosen) == 16
    assert [case.subject for case in chosen] == ["dance"] * 8 + ["head"] * 8


def test_the_table_counts_and_names_what_must_not_be() -> None:
    own = [Ended(command, CASE, 0, "", "", 1.0) for command in hostile.COMMANDS]
    lines = table([*own, Ended("track", CASE, 1, "", "left behind: out.npz", 2.5)])
    assert "| track | 2 | 1 | 0 | 1 | 2.5 s |" in lines
    assert lines[-2:] == [
        "10 commands, 1 of them ended otherwise than they should.",
        "- track, Case(kind='GIF', subject='dance', seed=0): left behind: out.npz",
    ]


def test_results_take_the_place_of_the_last_and_leave_what_else_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "hostile.md"
    monkeypatch.setattr(hostile, "RESULTS", results)
    results.write_text("# Damaged files\n\n712 files\n\n## Another\n\nstays\n")
    save(["once"])
    save(["again"])
    assert results.read_text() == (
        "# Damaged files\n\n712 files\n\n## Another\n\nstays\n\n## Damaged films given to the commands\n\nagain\n"
    )
