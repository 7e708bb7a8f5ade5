"""YAML that people write: lines are known, one key stands once, and a small file never stands for a huge value."""

from pathlib import Path

import pytest

from pipeline.errors import EditError, JobError, LimitExceeded, UnderstudyError
from pipeline.yaml_lines import MarkedYaml, read_marked_yaml

LAUGHS = "\n".join(
    [
        "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)),
    ]
)


def read(folder: Path, text: str, fault: type[UnderstudyError] = JobError) -> MarkedYaml:
    path = folder / "a.yaml"
    path.write_text(text)
    return read_marked_yaml(path, fault, "a YAML file of jobs")


def test_everything_has_its_line_and_a_number_its_letters(tmp_path: Path) -> None:
    marked = read(tmp_path, "# first\nyaw: 10\nsmile:\n  - {gain: +0.3}\n")
    assert marked.line(("yaw",)) == 2
    assert marked.line(("smile", 0, "gain")) == 4
    assert marked.line(("smile", 0, "unknown", "deeper")) == 4
    assert marked.written(("smile", 0, "gain")) == "+0.3"
    assert marked.data["smile"][0]["gain"] == 0.3


@pytest.mark.parametrize("fault", [EditError, JobError])
def test_a_fault_is_of_the_callers_kind(tmp_path: Path, fault: type[UnderstudyError]) -> None:
    with pytest.raises(fault, match=r"a\.yaml, line 3: 'yaw' for the second time; expected every key once"):
        read(tmp_path, "yaw: 1\npitch: 2\nyaw: 3\n", fault)


def test_a_missing_file_says_what_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"none\.yaml: it cannot be read \(No such file.*expected a YAML file of jobs"):
        read_marked_yaml(tmp_path / "none.yaml", JobError, "a YAML file of jobs")


def test_aliases_of_aliases_are_counted_as_often_as_they_stand(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match=r"a\.yaml: values is \d+; expected at most 1000000"):
        read(tmp_path, LAUGHS)


def test_brackets_in_brackets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match=r"depth is 101; expected at most 64"):
        read(tmp_path, "[" * 100 + "1" + "]" * 100)


def test_what_holds_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="something in it holds itself"):
        read(tmp_path, "a: &a [*a]")


def test_nothing_but_plain_values_is_built(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"a\.yaml, line 1: no YAML"):
        read(tmp_path, "a: !!python/object/apply:os.system ['true']")
