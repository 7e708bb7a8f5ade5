"""`understudy licences`: everything in use, with what it forbids; unknown where nobody says."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows.commands.trust import licences
from pipeline.errors import ModelError


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(licences)
    return app


def model(folder: Path, **facts: object) -> Path:
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"version": 1, **facts}))
    return folder


def test_dependencies_programs_weights_and_models_are_listed(app: typer.Typer, tmp_path: Path) -> None:
    mine = model(tmp_path / "ann", kind="dance", licence="no rights beyond those to the clip", consent={"kind": "self"})
    theirs = model(tmp_path / "net", kind="network", licence="CC BY-NC-SA 4.0")
    result = CliRunner().invoke(app, ["--json", "--model", str(mine), "--model", str(theirs)])
    assert result.exit_code == 0
    listed = {thing["name"]: thing for thing in json.loads(result.stdout)}
    assert listed["torch"]["families"] == ["permissive"]
    assert "copyleft" in listed["FFmpeg, the program"]["families"]
    assert listed["VGG-19"]["families"] == ["permissive", "terms of a data set"]
    assert listed[str(mine)]["families"] == ["as its clips"]
    assert listed[str(mine)]["note"] == "a model of kind dance; consent: self"
    assert listed[str(theirs)]["families"] == ["share-alike", "non-commercial"]
    assert "commercial use" in listed[str(theirs)]["forbids"]
    assert listed[str(theirs)]["note"] == "a model of kind network; consent: no record"


def test_the_list_says_what_each_forbids_and_counts_the_permissive(app: typer.Typer, tmp_path: Path) -> None:
    theirs = model(tmp_path / "net", kind="network", licence="CC BY-NC-SA 4.0")
    shown = CliRunner().invoke(app, ["--model", str(theirs)]).stdout.splitlines()
    assert shown[0].startswith("Dependencies (")
    assert any(line.startswith("Published weights (") for line in shown)
    place = next(number for number, line in enumerate(shown) if str(theirs) in line)
    assert shown[place].endswith("CC BY-NC-SA 4.0")
    assert shown[place + 2 : place + 4] == [
        "      share-alike; forbids: passing on what is made from it under other terms",
        "      non-commercial; forbids: commercial use",
    ]
    assert shown[-1].endswith("are permissive: they forbid nothing but to drop their notice.")


def test_a_licence_from_a_strangers_model_cannot_command_the_terminal(app: typer.Typer, tmp_path: Path) -> None:
    theirs = model(tmp_path / "net", kind="dance", licence="MIT\x1b[2J")
    assert "\x1b" not in CliRunner().invoke(app, ["--model", str(theirs)]).stdout


def test_a_folder_that_is_no_model_is_refused(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--model", str(tmp_path)])
    assert isinstance(result.exception, ModelError)
    assert str(result.exception) == (
        f"{tmp_path}: no model.json that can be read; expected a model folder that Understudy wrote. Check the path."
    )
